"""The forms of a row: how the fields of one become records."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from prefloop.data.readers.cells import Cells, Origin
from prefloop.data.readers.paths import first_of, is_nothing
from prefloop.data.readers.trees import tree
from prefloop.data.readers.verdicts import Vote, votes
from prefloop.data.records import PairRecord, Record, ResponsesRecord, Unread
from prefloop.errors import DataError
from prefloop.messages.borders import has_several_words
from prefloop.messages.errors import MessageError, Unusable
from prefloop.messages.message import Turns, as_dicts
from prefloop.messages.normalise import read_messages, read_prompt
from prefloop.messages.split import join_system, read_answer, reconcile, split_conversations

# A list of texts as JSON.
_LISTS = re.compile(r"""\s{0,9}\[\s{0,9}"[^\n]*"\s{0,9}\]\s{0,9}""")


def read_row(row: Cells, origin: Origin) -> list[Record | Unread | DataError]:
    """What one row says: records, what of it is left out, or one error."""
    missing = row.columned.missing(row.values)
    if missing is not None:
        return [DataError.at(row.path, row.number, missing, Nothing(tuple(row.values)), "a value, or null")]
    if kind := row.columned.media(row.values):
        return [Unread(kind, row.place)]
    try:
        return list(FORMS[row.columned.form](row, origin))
    except DataError as error:
        return [error]
    except MessageError as error:
        return [_named(row, error)]
    except Unusable as error:
        return [Unread(error.reason, row.place)]
    except RecursionError:
        return [DataError.at(row.path, row.number, "(row)", "values nested too deeply", "a flatter row")]


class Nothing:
    """Stands in messages for a field that a row does not have."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def __repr__(self) -> str:
        return f"nothing (the row has {', '.join(self._names)})"


def _named(row: Cells, error: MessageError) -> DataError:
    """The error of a value, under the name of its column; a prompt that would be a guess names columns unused."""
    first, second = ("chosen", "rejected") if row.has("chosen") else ("completion_a", "completion_b")
    field = {"prompt": "prompt", "first": first, "second": second, None: "prompt"}[error.part]
    expected = error.expected
    if not row.has("prompt") and error.part is None and (unused := _texts_unused(row)):
        expected += f"; is it the column {unused[0]} (--columns prompt={unused[0]})?"
    return DataError.at(row.path, row.number, row.columned.source(field) + error.where, error.got, expected)


def _texts_unused(row: Cells) -> list[str]:
    """Columns that nobody reads and that hold several words in this row, or a text of a script without spaces."""
    values = ((name, row.values.get(name)) for name in row.columned.unused)
    return [name for name, value in values if isinstance(value, str) and has_several_words(value)]


def pair(row: Cells, origin: Origin) -> Iterator[PairRecord]:
    """Two answers, named or as chosen and rejected, and what people say of them."""
    is_chosen = row.has("chosen")
    first, second = ("chosen", "rejected") if is_chosen else ("completion_a", "completion_b")
    _refuse_turns(row, first, second)
    prompt, a, b = _parts(row, row.get(first), row.get(second))
    own_id = row.own_id()
    for vote in votes(row):
        if is_chosen:
            vote = _chosen(row, vote)
        yield PairRecord(
            prompt=prompt,
            completion_a=a,
            completion_b=b,
            verdict=vote.verdict,
            source=origin.source,
            split=origin.split,
            place=row.place,
            model_a=row.name("model_a"),
            model_b=row.name("model_b"),
            annotator=vote.annotator,
            strength=vote.strength,
            id=own_id,
        )


def _refuse_turns(row: Cells, first: str, second: str) -> None:
    """Refuse turns that would be dropped or taken for text: `history` beside an instruction, JSON lists."""
    columns = row.columned.columns
    earlier = row.values.get("history") if columns.addition is not None and not columns.rounds else None
    if "history" in row.columned.unused and isinstance(earlier, list) and earlier:
        expected = "no earlier turns, which no field of this form reads: messages with all turns as the prompt"
        raise DataError.at(row.path, row.number, "history", earlier, expected)
    if columns.rounds or not row.has("prompt"):
        return
    values = [row.get("prompt"), row.get(first), row.get(second)]
    if all(isinstance(value, str) and _LISTS.fullmatch(value) for value in values):
        expected = "a text; it looks like a list of turns as JSON text, in prompt and answers alike (rounds=true)"
        raise row.error("prompt", expected, values[0])


def _chosen(row: Cells, vote: Vote) -> Vote:
    """A vote on chosen and rejected: chosen is better unless scores say that they are equal."""
    if vote.verdict == "b" and not row.has("label"):
        got = f"{row.get('score_a')} and {row.get('score_b')}"
        raise row.error("score_a", "a score of chosen that is not below that of rejected", got)
    return vote if vote.verdict is not None else Vote("a", vote.strength, vote.annotator)


def _parts(row: Cells, first: Any, second: Any) -> tuple[Turns, Turns, Turns]:
    """Prompt and two answers, whichever of the values holds the prompt."""
    columns, roles = row.columned.columns, row.columned.roles
    if columns.strip:
        first, second = _stripped(first), _stripped(second)
    prompt = _prompt_value(row)
    if is_nothing(first) or is_nothing(second) or (row.has("prompt") and is_nothing(prompt)):
        raise Unusable("empty")
    if columns.rounds:
        first, second = (_rounds(row, prompt, value, field) for value, field in ((first, "a"), (second, "b")))
        prompt = None
    if columns.turn:
        first, second = (_cut(row, value) for value in (first, second))
    if prompt is None and (columns.prompt is None or columns.rounds):
        _refuse_guess(row, first, second)
        asked, a, b = split_conversations(first, second, roles)
    else:
        asked, a, b = reconcile(prompt, first, second, roles)
    return _with_system(row, asked), a, b


def _refuse_guess(row: Cells, first: Any, second: Any) -> None:
    """Two plain texts and another text beside them: the prompt may be that one."""
    columns = row.columned.columns
    settled = "prompt" in columns.model_fields_set or not isinstance(first, str) or not isinstance(second, str)
    if settled or not (unused := _texts_unused(row)):
        return
    asked = split_conversations(first, second, row.columned.roles)[0]
    if asked.messages is None:
        expected = (
            f"a column with the prompt, where others hold texts: is it {unused[0]} (--columns prompt={unused[0]})?"
            " --columns prompt= says that there is none"
        )
        raise row.error("prompt", expected, asked.plain)


def _with_system(row: Cells, prompt: Turns) -> Turns:
    system = row.get("system")
    if is_nothing(system):
        return prompt
    if not isinstance(system, str):
        raise row.error("system", "a text, or null", system)
    return join_system(system, prompt)


def _prompt_value(row: Cells) -> Any:
    prompt = row.get("prompt")
    if row.columned.columns.strip:
        prompt = _stripped(prompt)
    addition = row.get("addition")
    if is_nothing(addition) or (isinstance(addition, str) and addition.isspace()):
        return prompt
    if not isinstance(prompt, str) or not isinstance(addition, str):
        raise row.error("addition", "a text beside a prompt that is a text", addition)
    return f"{prompt}\n{addition}"


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _rounds(row: Cells, prompt: Any, answers: Any, side: str) -> list[dict[str, Any]]:
    """A conversation of the user's turns and the assistant's."""
    asked = row.as_list("prompt", prompt)
    said = row.as_list(f"completion_{side}", answers)
    if not asked or not said:
        raise Unusable("empty")
    if len(asked) != len(said):
        raise row.error(f"completion_{side}", f"{len(asked)} turns, as many as the prompt", f"{len(said)} turns")
    if any(is_nothing(text) for text in (*asked, *said)):
        raise Unusable("empty")
    speakers = ("user", "assistant")
    return [
        {"role": role, "content": text}
        for texts in zip(asked, said, strict=True)
        for role, text in zip(speakers, texts, strict=True)
    ]


def _cut(row: Cells, value: Any) -> Any:
    """A conversation up to the answer of the round that counts."""
    last = row.as_number("turn", row.get("turn"))
    if last is None or last < 1:
        return value
    messages = read_messages(value, row.columned.roles)
    asked = [place for place, message in enumerate(messages) if message.role == "user"]
    return value if len(asked) <= last else as_dicts(messages[: asked[int(last)]])


def responses(row: Cells, origin: Origin) -> Iterator[Record | Unread]:
    """A prompt with several answers, and perhaps their scores or ranks and models."""
    values = _several(row, "completions")
    if values is None or not values:
        raise row.error("completions", "a list of texts, at least one", row.get("completions"))
    scores, models = _scores(row, len(values)), _same_length(row, "models", len(values))
    yield from _answered(row, origin, values, scores, models)


def single(row: Cells, origin: Origin) -> Iterator[Record | Unread]:
    """One answer and perhaps its score; rows of the same prompt are put together by `joined`."""
    scores = [row.as_number("score", row.get("score"))] if row.has("score") else None
    models = [row.get("models")] if row.has("models") else None
    yield from _answered(row, origin, [row.get("completion")], scores, models)


def _answered(
    row: Cells, origin: Origin, values: list[Any], scores: list[float | None] | None, models: list[Any] | None
) -> Iterator[Record | Unread]:
    prompt = _with_system(row, read_prompt(_prompt_value(row), row.columned.roles))
    kept: list[tuple[Turns, float | None, str | None]] = []
    for place, value in enumerate(values):
        reason, turns = _answer(row, prompt, value, place)
        score = None if scores is None else scores[place]
        model = None if models is None else row.as_name("models", models[place], f"[{place}]")
        if reason is None and scores is not None and score is None:
            reason = "no_score"
        if reason is None and models is not None and model is None:
            reason = "no_model"
        if reason is not None:
            yield Unread(reason, row.place)
        elif turns is not None:
            kept.append((turns, score, model))
    if kept:
        yield ResponsesRecord(
            prompt=prompt,
            completions=tuple(turns for turns, _, _ in kept),
            scores=None if scores is None else tuple(score for _, score, _ in kept),
            models=None if models is None else tuple(str(model) for _, _, model in kept),
            source=origin.source,
            split=origin.split,
            place=row.place,
            ids=row.own_ids(),
        )


def _answer(row: Cells, prompt: Turns, value: Any, place: int) -> tuple[str | None, Turns | None]:
    if is_nothing(value):
        return "empty", None
    try:
        return None, read_answer(prompt, value, row.columned.roles)
    except Unusable as error:
        return error.reason, None
    except MessageError as error:
        field = f"{row.columned.source('completions')}[{place}]{error.where}"
        raise DataError.at(row.path, row.number, field, error.got, error.expected) from None


def _several(row: Cells, field: str) -> list[Any] | None:
    """A list, or the values of several columns."""
    wide = row.columned.wide.get(field)
    if wide is not None:
        return [first_of(get(row.values)) for get in wide]
    return row.as_list(field, row.get(field))


def _same_length(row: Cells, field: str, length: int) -> list[Any] | None:
    if not row.has(field):
        return None
    values = _several(row, field)
    if values is None:
        return None
    if len(values) != length:
        raise row.error(field, f"{length}, one per completion", f"{len(values)} values")
    return None if all(is_nothing(value) for value in values) else values


def _scores(row: Cells, length: int) -> list[float | None] | None:
    """Scores, higher is better; None where nobody has given any."""
    for field, sign in (("scores", 1), ("ranks", -1)):
        values = _same_length(row, field, length)
        if values is not None:
            numbers = [row.as_number(field, value, f"[{place}]") for place, value in enumerate(values)]
            return [None if number is None else sign * number for number in numbers]
    return None


FORMS: dict[str, Callable[[Cells, Origin], Iterable[Record | Unread]]] = {
    "given pairs": pair,
    "explicit prompt": pair,
    "implicit prompt": pair,
    "responses": responses,
    "single answers": single,
    "tree": tree,
}

"""Reading a local file in RewardBench 1 or 2 format, with checks that name row and field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from prefloop.data.containers import KINDS, Numbered, read_rows
from prefloop.data.readers.names import system_column
from prefloop.data.row import Row
from prefloop.errors import DataError
from prefloop.evaluation.rewardbench.items import Item, Version
from prefloop.evaluation.rewardbench.ties import parse_id, shared_prompts
from prefloop.messages.errors import MessageError, Unusable
from prefloop.messages.message import Turns
from prefloop.messages.normalise import read_prompt
from prefloop.messages.split import read_answer, reconcile

T = TypeVar("T")

_CORE = ("prompt", "chosen", "rejected")
_COUNTS = ("num_correct", "num_incorrect", "total_completions")
_FIELDS = ("id", "subset", *_CORE, *_COUNTS)
_FORMS = (
    "RewardBench 1: prompt, chosen, rejected, subset; "
    "RewardBench 2: id, prompt, chosen, rejected, num_correct, subset"
)


def read_items(path: Path) -> tuple[Version, list[Item]]:
    """Read all rows of a RewardBench file.

    Args:
        path: a file or folder of rows, whatever its container.

    Returns:
        1 or 2, recognised by the column num_correct that only RewardBench 2 has; and the rows in order.

    Raises:
        DataError: at the first problem, naming file, row, field, what came and what was expected.
    """
    version: Version | None = None
    items: list[Item] = []
    seen: set[tuple[str, int]] = set()
    for number, values in _rows(path):
        if isinstance(values, DataError):
            raise values
        version = version or _detect(values, f"{path}, row {number}")
        row = Row(str(path), number, values)
        items.append(_pair(row) if version == 1 else _best_of(row, seen))
    if version is None:
        raise DataError(f"{path}: got no rows, expected at least one ({_FORMS})")
    tied = [item.id for item in items if version == 2 and item.is_tie]
    if tied and not shared_prompts(tied):
        expected = "at least one prompt both as ref:N and as tied:N in the subset Ties"
        raise DataError.at(path, None, "id", tied[0], expected)
    return version, items


def _pair(row: Row) -> Item:
    sides = [row.values.get(field) for field in _CORE[1:]]
    for field, value in zip(_CORE[1:], sides, strict=True):
        if not isinstance(value, str | list | Mapping) or (
            isinstance(value, list) and not _is_conversation(value)
        ):
            raise row.error(field, "a text (lists of texts need the column num_correct of RewardBench 2)")
    prompt = _prompt(row)
    if any(value == "" or (isinstance(value, str) and value.isspace()) for value in sides):
        completions = tuple(_answer(row, field, prompt, row.values[field]) for field in _CORE[1:])
    else:
        prompt, *answers = _understood(
            row, "chosen", lambda: reconcile(row.values["prompt"], sides[0], sides[1], {})
        )
        completions = tuple(answers)
    name = row.name("id") or str(row.number)
    return Item(name, _name(row, "subset"), row.with_system(prompt), completions, 1)


def _best_of(row: Row, seen: set[tuple[str, int]]) -> Item:
    prompt = _prompt(row)
    chosen, rejected = _completions(row, "chosen", prompt), _completions(row, "rejected", prompt)
    sizes = (len(chosen), len(rejected), len(chosen) + len(rejected))
    for field, size in zip(_COUNTS, sizes, strict=True):
        value = row.values.get(field)
        if (type(value) is not int or value != size) and not (value is None and field != "num_correct"):
            raise row.error(field, f"{size}, as many as there are texts in chosen and rejected")
    subset = _name(row, "subset")
    item = Item(_name(row, "id"), subset, row.with_system(prompt), (*chosen, *rejected), len(chosen))
    if item.is_tie:
        _check_tie(row, item, seen)
    return item


def _check_tie(row: Row, item: Item, seen: set[tuple[str, int]]) -> None:
    try:
        form = parse_id(item.id)
    except ValueError:
        raise row.error("id", "ref:N or tied:N with a number N, in the subset Ties") from None
    if form in seen:
        raise row.error("id", "an id that no other row of the subset Ties has")
    if form[0] == "tied" and item.n_chosen < 2:
        raise row.error("chosen", "at least two texts in a tied row of the subset Ties")
    seen.add(form)


def _name(row: Row, field: str) -> str:
    name = row.name(field)
    if name is None:
        raise row.error(field, "a name that is not empty")
    return name


def _prompt(row: Row) -> Turns:
    value = row.values.get("prompt")
    if value is None or (isinstance(value, str) and not value.strip()):
        raise row.error("prompt", "a text that is not empty" if value is not None else "a text, or messages")
    return _understood(row, "prompt", lambda: read_prompt(value, {}))


def _completions(row: Row, field: str, prompt: Turns) -> tuple[Turns, ...]:
    value = row.values.get(field)
    if not isinstance(value, list) or not value or _is_conversation(value):
        raise row.error(field, "a list of texts, at least one")
    return tuple(_answer(row, f"{field}[{k}]", prompt, item) for k, item in enumerate(value))


def _answer(row: Row, field: str, prompt: Turns, value: object) -> Turns:
    # Unlike a prompt, an answer may be empty: models do say nothing, and the benchmark scores it.
    if isinstance(value, str) and not value.strip():
        return Turns(value)
    if not isinstance(value, str | list | Mapping):
        raise row.error(field, "a text, or messages", value)
    return _understood(row, field, lambda: read_answer(prompt, value, {}))


def _understood(row: Row, field: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except MessageError as error:
        where = {"first": "chosen", "second": "rejected"}.get(error.where.split("[")[0])
        place = f"{where}{error.where[len(error.where.split('[')[0]) :]}" if where else f"{field}{error.where}"
        raise row.error(place, error.expected, error.got) from None
    except Unusable as error:
        raise row.error(field, f"what can be judged by its text (this is of no use: {error})") from None


def _is_conversation(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _detect(fields: Iterable[str], place: str) -> Version:
    names = list(fields)
    if not set(_CORE) <= set(names):
        raise DataError(f"{place}: got the fields {', '.join(names) or 'none'}; expected those of {_FORMS}")
    return 2 if "num_correct" in names else 1


def _rows(path: Path) -> Iterator[Numbered]:
    if not path.exists():
        raise DataError(f"{path} is no file: give a local copy of RewardBench ({KINDS})")
    return read_rows(path, lambda names: _pick(names, path))


def _pick(names: Sequence[str], path: Path) -> list[str]:
    _detect(names, str(path))
    system = system_column(tuple(names))
    return [name for name in names if name in _FIELDS or name == system]

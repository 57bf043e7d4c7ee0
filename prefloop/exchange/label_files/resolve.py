"""From what a label file says to labels: the pair is found again, and the sides are undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.data.compared import read_turns
from prefloop.data.spelling import normal_form
from prefloop.errors import DataError
from prefloop.exchange.label_files.cells import unguarded
from prefloop.exchange.label_files.said import Said, Side, Told
from prefloop.io.arrays import read_table
from prefloop.io.hashing import pair_id
from prefloop.io.layout import Layout
from prefloop.io.lookup import find_rows
from prefloop.labels.label import Label, Left
from prefloop.labels.verdicts import WORDS, Word, turned

_IDS = ("pair_id", "prompt_id", "completion_a", "completion_b")


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair of the prepared data.

    Attributes:
        prompt_id, a, b: ids of prompt and completions, a < b.
        round: of the batch that chose it first; None where it is in none.
        texts: of prompt, a and b, the plain forms.
    """

    prompt_id: str
    a: str
    b: str
    round: int | None
    texts: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Labels of a file by row, and the rows whose pair is not in the data."""

    labels: tuple[Told, ...]
    unknown: tuple[tuple[int, str], ...]
    problems: tuple[DataError, ...]


def resolve(said: Sequence[Said | Told], path: Path, layout: Layout, annotator: str | None) -> Resolved:
    """Find the pairs that a file speaks of, and say which completion each verdict is for.

    Args:
        said: the verdicts of the file.
        path: the file, for messages.
        layout: where the prepared tables, batch and issued pairs lie.
        annotator: whose the verdicts are that name nobody.

    Raises:
        StateError: a table is missing or damaged.
    """
    pairs = _pairs(said, layout)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    labels: list[Told] = []
    unknown: list[tuple[int, str]] = []
    problems: list[DataError] = []
    for one in said:
        name = one.label.pair_id if isinstance(one, Told) else one.pair_id
        if name not in pairs:
            unknown.append((one.row, name))
            continue
        try:
            labels.append(
                _checked(one, pairs[name], path)
                if isinstance(one, Told)
                else Told(one.row, _label(one, pairs[name], path, annotator, now))
            )
        except DataError as error:
            problems.append(error)
    return Resolved(tuple(labels), tuple(unknown), tuple(problems))


def _checked(told: Told, pair: Pair, path: Path) -> Told:
    if told.label.prompt_id != pair.prompt_id:
        raise DataError.at(
            path, told.row, "prompt_id", told.label.prompt_id, f"{pair.prompt_id}, the pair's prompt"
        )
    return told


def _label(said: Said, pair: Pair, path: Path, annotator: str | None, now: str) -> Label:
    name = said.annotator or annotator
    if name is None:
        raise DataError.at(
            path, said.row, "annotator", None, "who gave the verdict; or say it with --annotator NAME"
        )
    round_ = pair.round if pair.round is not None else said.round
    if round_ is None:
        raise DataError.at(path, said.row, "round", None, "the batch's round: no batch has this pair")
    left = _left(said, pair, path)
    return Label(
        pair_id=said.pair_id,
        prompt_id=pair.prompt_id,
        completion_a=pair.a,
        completion_b=pair.b,
        annotator=name,
        verdict=_verdict(said.verdict, left),
        strength=said.strength,
        shown_left=left,
        duration_ms=said.duration_ms,
        timestamp=said.timestamp or now,
        round=round_,
        source="human",
        rubric_version=said.guidelines,
        comment=said.comment,
    )


def _verdict(side: Side | Word, left: Left | None) -> Word:
    if side == "left" or side == "right":
        assert left is not None
        return left if side == "left" else WORDS[turned(WORDS.index(left))]
    return side


def _left(said: Said, pair: Pair, path: Path) -> Left | None:
    """Which completion stood left: by the texts that were seen, else by the ids, else by the recorded order.

    Raises:
        DataError: the texts are not those of the pair, the ids are not, or nothing says it and it matters.
    """
    recorded = said.left or _by_ids(said, pair, path)
    left = _by_texts(said, pair, path, recorded) or recorded
    if left is None and said.verdict in ("left", "right"):
        expected = "left_id and right_id, or the texts in left and right: they say which answer stood left"
        raise DataError.at(path, said.row, "left_id", None, expected)
    return left


def _by_ids(said: Said, pair: Pair, path: Path) -> Left | None:
    for name, id_ in (("left_id", said.left_id), ("right_id", said.right_id)):
        if id_ is not None and id_ not in (pair.a, pair.b):
            raise DataError.at(path, said.row, name, id_, f"{pair.a} or {pair.b}, the completions of the pair")
    if said.left_id is not None and said.left_id == said.right_id:
        raise DataError.at(path, said.row, "right_id", said.right_id, "another id than in left_id")
    left = said.left_id or (said.right_id and (pair.b if said.right_id == pair.a else pair.a))
    return None if left is None else "a" if left == pair.a else "b"


def _by_texts(said: Said, pair: Pair, path: Path, recorded: Left | None) -> Left | None:
    """Which completion the file has as the text that stood left; None where it has no text, or both are alike."""
    texts = dict(said.texts)
    prompt, a, b = pair.texts
    if "prompt" in texts and not _is(texts["prompt"], prompt):
        raise DataError.at(path, said.row, "prompt", texts["prompt"], f"the prompt of the pair: {prompt[:60]!r}")
    orders: tuple[tuple[Left, dict[str, str]], ...] = (
        ("a", {"left": a, "right": b}),
        ("b", {"left": b, "right": a}),
    )
    fitting: list[Left] = []
    for is_same in (_is_exactly, _is):
        fitting = [
            left
            for left, sides in orders
            if all(is_same(texts[side], text) for side, text in sides.items() if side in texts)
        ]
        if fitting:
            break
    if not fitting:
        name = next(side for side in ("left", "right") if side in texts)
        name = name if not any(_is(texts[name], text) for text in (a, b)) else "right"
        expected = (
            "one answer of the pair in left and the other in right; the text was changed, or is another pair's"
        )
        raise DataError.at(path, said.row, name, texts.get(name), expected)
    return fitting[0] if len(fitting) == 1 else recorded


def _is_exactly(text: str, known: str) -> bool:
    return text == known


def _is(text: str, known: str) -> bool:
    """Whether two texts differ in white space and invisible characters at most."""
    return text == known or any(normal_form(one) == normal_form(known) for one in (text, unguarded(text)))


def _pairs(said: Iterable[Said | Told], layout: Layout) -> dict[str, Pair]:
    """The pairs of the prepared data that a file speaks of: those that were issued, listed, or named by ids."""
    wanted: dict[str, tuple[str, str] | None] = {}
    for one in said:
        if isinstance(one, Told):
            wanted[one.label.pair_id] = (one.label.completion_a, one.label.completion_b)
        elif one.left_id and one.right_id and pair_id(one.left_id, one.right_id) == one.pair_id:
            wanted[one.pair_id] = (min(one.left_id, one.right_id), max(one.left_id, one.right_id))
        else:
            wanted.setdefault(one.pair_id, None)
    ids = pa.array(list(wanted), pa.string())
    found: dict[str, dict[str, Any]] = {}
    for path in (layout.issued, layout.batch):
        if path.is_file():
            table = read_table(path, [*_IDS, "round"])
            rows = table.filter(pc.is_in(table["pair_id"], value_set=ids)).to_pylist()
            found = {row["pair_id"]: row for row in reversed(rows)} | found
    listed = find_rows(layout.prepared / "pairs.parquet", "pair_id", ids, list(_IDS[1:])).to_pylist()
    found = {row["pair_id"]: {**row, "round": None} for row in listed} | found
    named = {name: sides for name, sides in wanted.items() if sides is not None and name not in found}
    return _with_texts(found | _named(named, layout), layout)


def _named(sides: Mapping[str, tuple[str, str]], layout: Layout) -> dict[str, dict[str, Any]]:
    """Pairs by the ids of their completions, where both are in the data and answer the same prompt."""
    ids = pa.array([id_ for both in sides.values() for id_ in both], pa.string())
    table = find_rows(layout.prepared / "completions.parquet", "completion_id", ids, ["prompt_id"]).to_pydict()
    prompts = dict(zip(table["completion_id"], table["prompt_id"], strict=True))
    return {
        name: {"pair_id": name, "prompt_id": prompts[a], "completion_a": a, "completion_b": b, "round": None}
        for name, (a, b) in sides.items()
        if prompts.get(a) is not None and prompts.get(a) == prompts.get(b)
    }


def _with_texts(found: Mapping[str, Mapping[str, Any]], layout: Layout) -> dict[str, Pair]:
    prompts = pa.array({row["prompt_id"] for row in found.values()}, pa.string())
    completions = pa.array({row[name] for row in found.values() for name in _IDS[2:]}, pa.string())
    there = find_rows(layout.prepared / "completions.parquet", "completion_id", completions, [])
    ids = set(there["completion_id"].to_pylist())
    # A pair of an earlier batch may have left the data since.
    kept = {name: row for name, row in found.items() if row["completion_a"] in ids and row["completion_b"] in ids}
    prompts = pa.array({row["prompt_id"] for row in kept.values()}, pa.string())
    asked, said = read_turns(layout.prepared, prompts, there["completion_id"].combine_chunks())
    return {
        name: Pair(
            row["prompt_id"],
            row["completion_a"],
            row["completion_b"],
            row["round"],
            (
                asked[row["prompt_id"]].plain,
                said[row["completion_a"]].plain,
                said[row["completion_b"]].plain,
            ),
        )
        for name, row in kept.items()
    }

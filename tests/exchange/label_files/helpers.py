"""Label files as people and annotation tools send them back."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa

from prefloop.campaign.issued import BATCH_SCHEMA
from prefloop.data.records import PairRecord, Record
from prefloop.exchange.label_files.formats import ENDINGS, Format
from prefloop.exchange.label_files.questions import Question, read_questions
from prefloop.exchange.label_files.write import export_questions
from prefloop.io.arrays import read_table, write_table
from prefloop.io.layout import Layout
from prefloop.messages.message import Message, Turns
from tests.worlds import make_params, make_world

PARAMS = make_params(page__strength=True, page__comment=True)
PAIRS = 12
# What formats may trip over: formulas, quotes, separators, line ends, marks of XML, another script.
AWKWARD = (
    '=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)", "'=1", " =2", "\t=3", 'a "b"; c, d', "a\r\nb\n\nc\rd",
    "_x000D_", "<script>&amp;</script>", "שלום 😀\u2028", "\x07 bell", "1e5", "# x\n- y", "[1]", '{"a": 1}',
    "null", "[[a]]", "sep=;",
)  # fmt: skip


def records() -> list[Record]:
    """Pairs without a verdict; awkward texts everywhere, and a conversation."""
    made: list[Record] = []
    for number in range(PAIRS * 2):
        text = AWKWARD[number % len(AWKWARD)]
        prompt = Turns(f"{text} {number}")
        if number == 3:
            prompt = Turns.prompt([Message("system", "be kind"), Message("user", "why?")])
        sides = (Turns(f"{text}{number} one"), Turns(f"{AWKWARD[-1 - number % 7]}{number} two"))
        made.append(PairRecord(prompt, *sides, None, "mine", model_a="secret-1", model_b="secret-2"))
    return made


def make_campaign(root: Path) -> Layout:
    """A prepared world, an empty log, and a batch of half its pairs."""
    layout = make_world(root, records(), PARAMS)
    layout.labels.parent.mkdir()
    layout.labels.touch()
    listed = read_table(layout.prepared / "pairs.parquet").slice(0, PAIRS).to_pylist()
    rows = [{"round": 2, "order": place, "annotators": 1, **row} for place, row in enumerate(listed)]
    write_table(layout.batch, pa.Table.from_pylist(rows, BATCH_SCHEMA))
    return layout


def copied(layout: Layout, root: Path) -> Layout:
    """A campaign of a test's own."""
    shutil.copytree(layout.data, root / "data")
    return Layout.folder(root / "data")


def questions(layout: Layout) -> list[Question]:
    return read_questions(layout.prepared, read_table(layout.batch), PARAMS.campaign.seed)


def export(layout: Layout, folder: Path, form: Format, **changes: Any) -> Path:
    path = folder / f"out{ENDINGS[form]}"
    export_questions(PARAMS, layout, path, form, **({"everything": False, "guidelines": "d1"} | changes))
    return path


Given = dict[str, str]
"""Verdicts by pair, in the words of people: left, right, tie, both_bad, skip, or none."""


def fill(path: Path, form: Format, given: Given, annotator: str = "ann", **cells: str) -> Path:
    """What comes back when somebody answers an exported file."""
    return _FILL[form](path, given, annotator, cells)


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: list[dict[str, Any]], bom: bool = True, **dialect: Any) -> Path:
    with open(path, "w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), **dialect)
        writer.writeheader()
        writer.writerows(rows)
    return path


def _filled(row: dict[str, Any], given: Given, annotator: str, cells: dict[str, str]) -> dict[str, Any]:
    if row["pair_id"].removeprefix("'") not in given:
        return row
    return row | {"verdict": given[row["pair_id"].removeprefix("'")], "annotator": annotator} | cells


def _csv(path: Path, given: Given, annotator: str, cells: dict[str, str]) -> Path:
    return write_rows(path, [_filled(row, given, annotator, cells) for row in rows_of(path)])


def _xlsx(path: Path, given: Given, annotator: str, cells: dict[str, str]) -> Path:
    book = openpyxl.load_workbook(path)
    names = [cell.value for cell in book.active[1]]
    for line in book.active.iter_rows(min_row=2):
        row = {name: cell.value for name, cell in zip(names, line, strict=True)}
        for name, value in _filled(row, given, annotator, cells).items():
            if value != row[name]:
                line[names.index(name)].value = value
    book.save(path)
    return path


def _jsonl(path: Path, given: Given, annotator: str, cells: dict[str, str]) -> Path:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [_filled(row, given, annotator, cells) for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def result(verdict: str, strength: str | None = None) -> list[dict[str, Any]]:
    """The result of an annotation of Label Studio."""
    side = {"from_name": "verdict", "to_name": "left", "type": "pairwise", "value": {"selected": verdict}}
    other = {"from_name": "instead", "to_name": "prompt", "type": "choices", "value": {"choices": [verdict]}}
    said = [side if verdict in ("left", "right") else other]
    if strength:
        value = {"choices": [strength]}
        said.append({"from_name": "strength", "to_name": "prompt", "type": "choices", "value": value})
    return said


def annotation(verdict: str, annotator: Any = "ann", **more: Any) -> dict[str, Any]:
    """An annotation as Label Studio exports it (labelstud.io/guide/task_format)."""
    return {
        "id": 1001, "completed_by": annotator, "result": result(verdict), "was_cancelled": False,
        "lead_time": 4.288,
        "created_at": "2021-03-09T22:16:08.728353Z", "updated_at": "2021-03-09T22:16:09.728353Z", **more,
    }  # fmt: skip


def _studio(path: Path, given: Given, annotator: str, cells: dict[str, str]) -> Path:
    tasks = json.loads(path.read_text())
    for number, task in enumerate(tasks, start=1):
        verdict = given.get(task["data"]["pair_id"])
        said = (
            []
            if verdict is None
            else [annotation(verdict, annotator, result=result(verdict, cells.get("strength")))]
        )
        task |= {"id": number, "annotations": said, "drafts": [], "predictions": [], "project": 1}
    path.write_text(json.dumps(tasks))
    return path


def _potato(path: Path, given: Given, annotator: str, cells: dict[str, str]) -> Path:
    lines = []
    letters = {"left": "A", "right": "B", "tie": "tie"}
    for item in map(json.loads, path.read_text().splitlines()):
        verdict = given.get(item["id"][:-2])
        if verdict is None:
            continue
        said: dict[str, Any] = {"verdict": {"selection": letters[verdict]}} if verdict in letters else {}
        said |= {} if verdict in letters else {"instead": {verdict: verdict}}
        said |= {"strength": {cells["strength"]: cells["strength"]}} if "strength" in cells else {}
        lines.append({"instance_id": item["id"], "user_id": annotator, "labels": said, "spans": {}, "links": {}})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


_FILL: dict[Format, Callable[[Path, Given, str, dict[str, str]], Path]] = {
    Format.csv: _csv,
    Format.xlsx: _xlsx,
    Format.jsonl: _jsonl,
    Format.labelstudio: _studio,
    Format.potato: _potato,
}

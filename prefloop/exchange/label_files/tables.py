"""Questions as tables that people fill in: CSV, XLSX, and JSONL for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from prefloop.errors import ConfigError
from prefloop.exchange.label_files.cells import LONGEST, escaped, guarded, units
from prefloop.exchange.label_files.questions import Question
from prefloop.io.atomic import atomic_path
from prefloop.messages.message import as_dicts

EMPTY = ("verdict", "strength", "annotator", "comment")
_WIDTHS = {"prompt": 50, "left": 60, "right": 60, "comment": 30}


def columns(questions: Sequence[Question]) -> list[str]:
    """Columns of a table of questions; that of the user's own ids is left out where there are none."""
    own = ["ids"] if any(question.ids for question in questions) else []
    return ["pair_id", *own, "prompt", "left", "right", *EMPTY, "round", "left_id", "right_id", "guidelines"]


def values(question: Question, guidelines: str | None) -> dict[str, Any]:
    """One question by column."""
    return {
        "pair_id": question.pair_id,
        "ids": ", ".join(question.ids),
        "prompt": question.prompt.plain,
        "left": question.left.plain,
        "right": question.right.plain,
        **dict.fromkeys(EMPTY, ""),
        "round": question.round,
        "left_id": question.left_id,
        "right_id": question.right_id,
        "guidelines": guidelines or "",
    }


def write_csv(path: Path, questions: Sequence[Question], guidelines: str | None, words: Sequence[str]) -> None:
    """Write UTF-8 with a byte-order mark, which spreadsheets need to read it as such, and lines that end in CR LF.

    What would run as a formula has an apostrophe before it, see `guarded`.
    """
    names = columns(questions)
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(names)
        for question in questions:
            row = values(question, guidelines)
            writer.writerow([guarded(row[name]) if isinstance(row[name], str) else row[name] for name in names])


def write_xlsx(path: Path, questions: Sequence[Question], guidelines: str | None, words: Sequence[str]) -> None:
    """Write one sheet in which every text is a text, and the verdicts can be picked from a list.

    Args:
        path: the file.
        questions: its rows.
        guidelines: digest of the instructions.
        words: the verdicts that are offered.

    Raises:
        ConfigError: a text that is longer than a cell may be.
    """
    names = columns(questions)
    book = Workbook()
    sheet = book.active
    sheet.title = "comparisons"
    sheet.append(names)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for number, question in enumerate(questions, start=2):
        row = values(question, guidelines)
        for column, name in enumerate(names, start=1):
            _fill(sheet.cell(number, column), row[name], f"pair {question.pair_id}, field '{name}'")
    for column, name in enumerate(names, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = _WIDTHS.get(name, 14)
    sheet.freeze_panes = "B2"
    for name, offered in (("verdict", words), ("strength", ("slightly", "clearly"))):
        letter = get_column_letter(names.index(name) + 1)
        choice = DataValidation(type="list", formula1=f'"{",".join(offered)}"', allow_blank=True)
        choice.add(f"{letter}2:{letter}{len(questions) + 1}")
        sheet.add_data_validation(choice)
    with atomic_path(path) as temporary:
        book.save(temporary)


def _fill(cell: Any, value: Any, place: str) -> None:
    if not isinstance(value, str):
        cell.value = value
        return
    if units(value) > LONGEST:
        raise ConfigError(
            f"{place}: got a text of {units(value)} characters, expected at most {LONGEST}, what a cell "
            "holds: export with --format jsonl, labelstudio or potato"
        )
    if value:
        cell.value = escaped(value)
        # Otherwise openpyxl takes what begins with = for a formula; the prefix keeps it a text when it is edited.
        cell.data_type, cell.quotePrefix = "s", True
        cell.alignment = Alignment(wrap_text=True, vertical="top")


def write_jsonl(path: Path, questions: Sequence[Question], guidelines: str | None, words: Sequence[str]) -> None:
    """Write one object a line: the fields of a table, and all messages of prompt and answers."""
    names = columns(questions)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        for question in questions:
            row = values(question, guidelines)
            line: dict[str, Any] = {name: row[name] if row[name] != "" else None for name in names}
            line |= {"ids": list(question.ids)} if "ids" in names else {}
            line["messages"] = {
                "prompt": as_dicts(question.prompt.as_prompt()),
                "left": as_dicts(question.left.as_completion()),
                "right": as_dicts(question.right.as_completion()),
            }
            file.write(json.dumps(line, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n")

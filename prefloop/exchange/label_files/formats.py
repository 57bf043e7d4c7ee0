"""Names of the formats of label files; imports nothing, so that the command line starts quickly."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """What comparisons are written as.

    csv, xlsx: a table with a row a comparison and empty columns for people.
    jsonl: the same fields an object a line, with all messages.
    labelstudio: tasks for Label Studio, and its labelling configuration beside them.
    potato: data for Potato, and its configuration beside it.
    """

    csv = "csv"
    xlsx = "xlsx"
    jsonl = "jsonl"
    labelstudio = "labelstudio"
    potato = "potato"


ENDINGS: dict[Format, str] = {
    Format.csv: ".csv",
    Format.xlsx: ".xlsx",
    Format.jsonl: ".jsonl",
    Format.labelstudio: ".json",
    Format.potato: ".jsonl",
}

"""Report of a checked file: for machines as JSON, for people as rows of tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefloop.data.records import PairRecord, Record, own_ids
from prefloop.errors import DataError
from prefloop.messages.message import as_dicts


@dataclass(frozen=True)
class CheckReport:
    """What stands in a file and what is wrong with it.

    Attributes:
        path: the file.
        form: name of its form, or None where no row could be read.
        preset: the known schema that is used, or None.
        columns: column -> meaning; None for one that is not used.
        counts: rows, records and so on, and what is left out by reason.
        n_problems: all problems found.
        problems: the first of them, in the order of the file.
        warnings: what deserves a look.
        records: the first records as they will be used.
    """

    path: str
    form: str | None
    preset: str | None
    columns: dict[str, str | None]
    counts: dict[str, Any]
    n_problems: int
    problems: tuple[DataError, ...]
    warnings: tuple[str, ...]
    records: tuple[dict[str, Any], ...]

    @property
    def ok(self) -> bool:
        """Whether `prepare` can read the file."""
        return not self.n_problems

    def unused(self) -> list[list[str]]:
        """Columns that are not used, and why, in one row."""
        names = [name for name, meaning in self.columns.items() if meaning is None]
        why = "not used: no field that prefloop knows (--columns FIELD=COLUMN)"
        return [[", ".join(names), why]] if names else []

    def to_table(self) -> list[list[str]]:
        """The counts as (name, value) rows for a person."""
        counts = self.counts
        verdicts = counts["verdicts"]
        judged = sum(verdicts.values()) - verdicts.get("none", 0) + counts["scored"]
        shares = [f"{name} {n} ({n / sum(verdicts.values()):.1%})" for name, n in sorted(verdicts.items())]
        left_out = [f"{n} {reason.replace('_', ' ')}" for reason, n in sorted(counts["left_out"].items())]
        rows = {
            "file": self.path,
            "form": (self.form or "unknown") + (f", known data set {self.preset}" if self.preset else ""),
            "rows": counts["rows"],
            "records": counts["records"],
            "own ids": f"{counts['ids']}, on {counts['with_id']} records" if counts["with_id"] else "none",
            "distinct prompts": counts["prompts"],
            "largest prompt": f"{counts['largest_prompt_share']:.1%} of the records",
            "near-duplicate prompts": counts["near_duplicates"],
            "prompts in several splits": counts["leaking_prompts"],
            "pairs": counts["pairs"],
            "hidden answers": (", ".join(shares) or "none") if judged else "no labels: a campaign can label these",
            "pairs with a conflict": counts["conflicts"],
            "pairs with a tie": counts["pairs_with_tie"],
            "repeats merged": f"{counts['repeats']} (and {counts['duplicate_rows']} rows that say the same again)",
            "scored answers": f"{counts['scored']} of {counts['answers']}",
            "identical answers": counts["identical"],
            "left out": ", ".join(left_out) or "nothing",
            "problems": self.n_problems,
        }
        return [[name, str(value)] for name, value in rows.items()]

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "form": self.form,
            "columns": self.columns,
            "counts": self.counts,
            "problems": [_problem(problem, self.path) for problem in self.problems],
            "warnings": list(self.warnings),
            "records": list(self.records),
        }


def shown(record: Record) -> dict[str, Any]:
    """One record as it will be used."""
    is_pair = isinstance(record, PairRecord)
    if isinstance(record, PairRecord):
        completions = [record.completion_a, record.completion_b]
        models = [record.model_a, record.model_b] if record.model_a or record.model_b else None
    else:
        completions, models = list(record.completions), None if record.models is None else list(record.models)
    return {
        "prompt": as_dicts(record.prompt.as_prompt()),
        "completions": [as_dicts(turns.as_completion()) for turns in completions],
        "verdict": record.verdict if isinstance(record, PairRecord) else None,
        "scores": None if is_pair or record.scores is None else list(record.scores),  # type: ignore[union-attr]
        "models": models,
        "annotator": record.annotator if isinstance(record, PairRecord) else None,
        "ids": list(own_ids(record)),
    }


def told(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A record of a report as (name, text) rows for a person."""
    ordinals = ("first", "second") if record["scores"] is None and len(record["completions"]) == 2 else ()
    rows = [("id", ", ".join(record["ids"]))] if record["ids"] else []
    rows.append(("prompt", spoken(record["prompt"])))
    for place, messages in enumerate(record["completions"]):
        name = ordinals[place] if ordinals else f"answer {place + 1}"
        if record["models"] is not None and record["models"][place]:
            name += f" ({record['models'][place]})"
        score = None if record["scores"] is None else record["scores"][place]
        rows.append((name if score is None else f"{name}, score {score:g}", spoken(messages)))
    if ordinals:
        verdict = {"a": "the first is better", "b": "the second is better", None: "nobody has judged"}
        rows.append(("verdict", verdict.get(record["verdict"], str(record["verdict"]))))
        rows.append(("who", record["annotator"] or "not said"))
    return rows


def spoken(messages: list[dict[str, Any]]) -> str:
    """Messages for people: the content alone where one message is all there is."""
    if len(messages) == 1 and "tool_calls" not in messages[0]:
        return str(messages[0]["content"])
    return "\n".join(_line(message) for message in messages)


def _line(message: Mapping[str, Any]) -> str:
    calls = [call["function"] for call in message.get("tool_calls", ())]
    said = [message["content"], *(f"[{call['name']}({call['arguments']})]" for call in calls)]
    return f"{message['role']}: " + " ".join(filter(None, said))


def _problem(error: DataError, path: str) -> dict[str, Any]:
    if error.place is None:
        return {"file": path, "row": None, "field": None, "got": str(error), "expected": None}
    return error.place

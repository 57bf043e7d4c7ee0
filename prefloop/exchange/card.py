"""Data card of an exported set: what is in it, who said it, how its pairs were chosen, and what to beware of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefloop import __version__
from prefloop.campaign.tally import amount, spent_by
from prefloop.desk.budget import Budget
from prefloop.exchange.choices import POLICY, Choices
from prefloop.exchange.details import Name, divided
from prefloop.io.atomic import write_text
from prefloop.labels.aggregate import standing_votes
from prefloop.labels.agreement import agreement, agreement_by_person
from prefloop.labels.verdicts import WORDS

MARK = "<!-- made by prefloop export -->"
UNKNOWN = "unknown"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_ROWS = 50
# Without a campaign's parameters: time as the log records it.
_AS_RECORDED = Budget(None, None, None, 0, 0, lease_ms=1 << 53)


@dataclass(frozen=True)
class Facts:
    """What a card is made of.

    Attributes:
        file: the exported file.
        counts: of `write_preferences`.
        labelled: ids of the pairs that the export looked at.
        exported: ids of those that became rows.
        is_cut: whether `labelled` are the first ones alone of the pairs that the log speaks of.
        lines: the log as far as it was exported, `prefloop.labels.lines.SCHEMA`.
        budget: of the campaign, by which work is counted; None without its parameters.
        issued: the campaign's record of chosen pairs, or None.
        name: gives each annotator's name in the card.
        licence: of the texts, an id of the hub's, or None.
    """

    file: Path
    counts: Mapping[str, int]
    labelled: Sequence[str]
    exported: Sequence[str]
    is_cut: bool
    lines: pa.Table
    budget: Budget | None
    issued: pa.Table | None
    name: Name
    licence: str | None


def card_path(file: Path) -> Path:
    """Where the card of a file belongs: README.md beside it as the hub wants, unless that is somebody's own."""
    readme = file.parent / "README.md"
    if not readme.exists() or MARK in readme.read_text(encoding="utf-8", errors="replace"):
        return readme
    return file.parent / f"{file.name.split('.')[0]}.README.md"


def write_card(path: Path, facts: Facts) -> None:
    """Write the card, as the hub reads it: YAML between two lines of dashes, then Markdown."""
    from huggingface_hub import DatasetCard, DatasetCardData

    rows = facts.counts["rows"]
    front = DatasetCardData(
        license=facts.licence or UNKNOWN,
        pretty_name=f"Preferences {facts.file.name.split('.')[0]}",
        tags=["preference", "prefloop"],
        size_categories=next((name for most, name in _SIZES if rows < most), "n>1M"),
        configs=[{"config_name": "default", "data_files": [{"split": "train", "path": facts.file.name}]}],
    )
    card = DatasetCard(f"---\n{front.to_yaml()}\n---\n\n{MARK}\n\n{_text(facts)}", ignore_metadata_errors=False)
    write_text(path, str(card).rstrip("\n") + "\n")


def _text(facts: Facts) -> str:
    about = facts.lines.filter(pc.is_in(facts.lines["pair_id"], value_set=pa.array(facts.labelled, pa.string())))
    votes, rulings = divided(standing_votes(about))
    choices = Choices.of(facts.issued, facts.labelled, facts.exported)
    parts = [
        f"# {_cell(facts.file.name)}: pairwise preferences",
        _counts(facts, votes, len(rulings)),
        _choice(choices),
        _agreement(votes, facts.name, choices.has(POLICY)),
        _work(facts, about if facts.is_cut else facts.lines),
        _guidelines(votes),
        _licence(facts.licence),
        f"Made by prefloop {__version__}. Columns: docs/export.md there.",
    ]
    return "\n\n".join(parts)


def _counts(facts: Facts, votes: pa.Table, rulings: int) -> str:
    counts = facts.counts
    said = Counter(votes["verdict"].to_pylist())
    rows = [
        ("rows (split `train`)", counts["rows"]),
        ("prompts", counts["prompts"]),
        ("labelled pairs", counts["labels"]),
        ("labelled pairs without a winner", counts["undecided"]),
        ("labelled pairs that are no longer in the data, left out", counts["absent"]),
        ("standing votes on them", len(votes)),
        *((f"votes: {word}", said[word]) for word in WORDS),
        ("pairs that an admin ruled on, which is no vote", rulings),
    ]
    return "## What is in it\n\n" + _table(("", "count"), rows)


def _choice(choices: Choices) -> str:
    table = _table(("round", "kind", "policy", "labelled pairs", "rows"), choices.rows())
    return f"## How the pairs were chosen\n\n{choices.text()}\n\n{table}"


def _agreement(votes: pa.Table, name: Name, has_policy: bool) -> str:
    whole = agreement(votes)
    text = "No pair has the votes of two people: agreement is not known."
    if whole.raw is not None:
        alpha = "undefined" if whole.alpha is None else f"{whole.alpha:.3f}{_interval(whole.alpha_interval)}"
        text = (
            f"{whole.pairs} pairs have the votes of two people or more. Two people say the same of a pair with "
            f"probability {whole.raw:.3f}{_interval(whole.raw_interval)}; Krippendorff's alpha {alpha}, with 95 % "
            "intervals."
        )
        hard = " On pairs that a policy chose because they are hard, people agree less than on the pool."
        text += hard if has_policy else ""
    people = agreement_by_person(votes)
    words = Counter(votes["annotator"].to_pylist())
    shares = {one.annotator: one.agreement for one in people}
    rows = [
        (name(who), count, "" if shares.get(who) is None else f"{shares[who]:.3f}")
        for who, count in words.most_common(_ROWS)
    ]
    more = "" if len(words) <= _ROWS else f"\n\n... and {len(words) - _ROWS} annotators more."
    table = _table(("annotator", "votes", "agreement with others"), rows)
    return f"## Annotators and agreement\n\n{text}\n\n{len(words)} annotators.\n\n{table}{more}"


def _work(facts: Facts, lines: pa.Table) -> str:
    budget = facts.budget or _AS_RECORDED
    by_source = spent_by(budget, lines, "source")
    spent = [*by_source.items(), *([("all", amount(budget.spent_by(lines)))] if len(by_source) > 1 else [])]
    rows = [(name, *(_number(row[unit]) for unit in ("labels", "hours", "money"))) for name, row in spent]
    note = (
        "As `prefloop status` counts it: labels asked for, gold items and repeats among them, less those "
        "taken back. Time and cost of corrections and of labels taken back are in it; rulings, and labels that "
        "stood in the data, are not. Cost is what the log says, hours are those of people"
        + (", a lease's at most for each label." if facts.budget else ", as the log says.")
        + (
            " Of the exported labels alone: others of the log, and gold items, are left out."
            if facts.is_cut
            else ""
        )
    )
    return f"## Work by source\n\n{note}\n\n" + _table(("source", "labels", "hours", "cost"), rows)


def _guidelines(votes: pa.Table) -> str:
    versions = pc.fill_null(votes["rubric_version"], "none recorded")
    rows = sorted(Counter(versions.to_pylist()).items())
    return "## Guidelines\n\nVersions are digests of the instructions that annotators had.\n\n" + _table(
        ("version", "votes"), rows
    )


def _licence(licence: str | None) -> str:
    if licence is None:
        return "## Licence\n\nUnknown: ask who made the texts. The labels are no more free than the texts are."
    return f"## Licence\n\n{licence}, as the exporter says."


def _interval(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f" [{interval[0]:.3f}, {interval[1]:.3f}]"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(map(_cell, row)) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + " --- |" * len(head), *lines[1:]])


def _cell(value: Any) -> str:
    """A name of others as text of a Markdown table."""
    return escape(str(value)).replace("|", "\\|").replace("\n", " ").replace("[", "\\[")

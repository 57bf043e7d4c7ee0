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
from prefloop.exchange.details import Name, sources_of
from prefloop.io.atomic import write_text
from prefloop.labels.aggregate import standing_votes
from prefloop.labels.agreement import agreement, agreement_by_person
from prefloop.labels.verdicts import WORDS

MARK = "<!-- made by prefloop export -->"
UNKNOWN = "unknown"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_ROWS = 50


@dataclass(frozen=True)
class Facts:
    """What a card is made of.

    Attributes:
        file: the exported file.
        counts: of `write_preferences`.
        lines: the log as far as it was exported, `prefloop.labels.lines.SCHEMA`.
        issued: the campaign's record of chosen pairs, or None.
        name: gives each annotator's name in the card.
        licence: of the texts, an id of the hub's, or None.
    """

    file: Path
    counts: Mapping[str, int]
    lines: pa.Table
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
    standing = standing_votes(facts.lines)
    parts = [
        f"# {_cell(facts.file.name)}: pairwise preferences",
        _counts(facts, standing),
        _choice(facts.issued),
        _agreement(standing, facts.name),
        _work(facts.lines),
        _guidelines(standing),
        _licence(facts.licence),
        f"Made by prefloop {__version__}. Columns: docs/export.md there.",
    ]
    return "\n\n".join(parts)


def _counts(facts: Facts, standing: pa.Table) -> str:
    counts = facts.counts
    said = Counter(standing["verdict"].to_pylist())
    rows = [
        ("rows (split `train`)", counts["rows"]),
        ("prompts", counts["prompts"]),
        ("labelled pairs", counts["labels"]),
        ("labelled pairs without a winner", counts["undecided"]),
        ("labelled pairs that are no longer in the data, left out", counts["absent"]),
        ("standing votes", len(standing)),
        *((f"votes: {word}", said[word]) for word in WORDS),
    ]
    return "## What is in it\n\n" + _table(("", "count"), rows)


def _choice(issued: pa.Table | None) -> str:
    title = "## How the pairs were chosen"
    if issued is None or not len(issued):
        return f"{title}\n\nIt is not recorded how the pairs were chosen. Do not take them for a random sample."
    names = ["round", "kind", "policy"]
    chosen = (
        issued.select(names).group_by(names, use_threads=False).aggregate([([], "count_all")]).sort_by("round")
    )
    rows = [(row["round"], row["kind"], row["policy"] or "", row["count_all"]) for row in chosen.to_pylist()]
    audit = sum(count for _, kind, _, count in rows if kind == "audit")
    text = (
        "A policy chose most of these pairs because of what a model did not know, or so as to spare prompts that "
        "had labels: they are **no random sample** of the pool. Verdicts, agreement and accuracy on them "
        "say nothing of the pool as a whole: pairs that are hard to tell apart may be far more frequent here."
    )
    unbiased = (
        f"The {audit} pairs of kind `audit` (column `audit`) were drawn at random: estimate on these alone."
        if audit
        else "No pair was drawn at random for an audit: nothing about the pool can be estimated without bias."
    )
    return f"{title}\n\n{text} {unbiased}\n\n" + _table(("round", "kind", "policy", "pairs"), rows)


def _agreement(standing: pa.Table, name: Name) -> str:
    whole = agreement(standing)
    text = "No pair has the votes of two people: agreement is not known."
    if whole.raw is not None:
        alpha = "undefined" if whole.alpha is None else f"{whole.alpha:.3f}{_interval(whole.alpha_interval)}"
        text = (
            f"{whole.pairs} pairs have the votes of two people or more. Two people say the same of a pair with "
            f"probability {whole.raw:.3f}{_interval(whole.raw_interval)}; Krippendorff's alpha {alpha}, with 95 % "
            "intervals. On pairs that a policy chose because they are hard, people agree less than on the pool."
        )
    people = agreement_by_person(standing)
    words = Counter(standing["annotator"].to_pylist())
    shares = {one.annotator: one.agreement for one in people}
    rows = [
        (name(who), count, "" if shares.get(who) is None else f"{shares[who]:.3f}")
        for who, count in words.most_common(_ROWS)
    ]
    more = "" if len(words) <= _ROWS else f"\n\n... and {len(words) - _ROWS} annotators more."
    table = _table(("annotator", "votes", "agreement with others"), rows)
    return f"## Annotators and agreement\n\n{text}\n\n{len(words)} annotators.\n\n{table}{more}"


def _work(lines: pa.Table) -> str:
    rows = [
        (row["source"], row["labels"], _number(row["hours"]), _number(row["cost"]))
        for row in sources_of(lines).to_pylist()
    ]
    note = "Hours and cost are those that the log records; corrections, gold items and repeats are counted too."
    return f"## Work by source\n\n{note}\n\n" + _table(("source", "labels", "hours", "cost"), rows)


def _guidelines(standing: pa.Table) -> str:
    versions = pc.fill_null(standing["rubric_version"], "none recorded")
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


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(map(_cell, row)) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + " --- |" * len(head), *lines[1:]])


def _cell(value: Any) -> str:
    """A name of others as text of a Markdown table."""
    return escape(str(value)).replace("|", "\\|").replace("\n", " ").replace("[", "\\[")

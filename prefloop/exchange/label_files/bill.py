"""Bill of a label file: what its new labels cost, by the prices of the page, and what that does to the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.campaign.tally import amount
from prefloop.desk.budget import BILLION, Budget, Spent
from prefloop.labels.label import Label
from prefloop.labels.lines import table_of


@dataclass(frozen=True)
class Passed:
    """A limit of the budget that is passed.

    Attributes:
        name: labels, money or hours.
        spent, limit: how much of it.
    """

    name: str
    spent: float
    limit: float


@dataclass(frozen=True)
class Bill:
    """What new labels cost.

    Attributes:
        spent: how much more the log has cost with them.
        untimed: labels of people without a duration, of whose work no time is known.
        passed: limits of the budget below what all the log has cost with them.
    """

    spent: Spent
    untimed: int
    passed: tuple[Passed, ...]

    def to_json(self) -> dict[str, Any]:
        """The amounts, ready for JSON."""
        passed = {one.name: {"spent": one.spent, "limit": one.limit} for one in self.passed}
        return {**amount(self.spent), "untimed": self.untimed, "passed": passed}


def priced(labels: Sequence[Label], lines: pa.Table, budget: Budget) -> list[Label]:
    """Labels with what they cost: those of people at the campaign's prices, by the time that they took.

    A line that says its cost keeps it, and a judge's is known from nothing else. Who was paid for a word on the
    pair before is paid for the time alone of a newer one, as on the page.

    Args:
        labels: new ones, a file's.
        lines: the log before them, `prefloop.labels.lines.SCHEMA`.
        budget: the campaign's prices.
    """
    paid = _paid(labels, lines)
    return [
        label.model_copy(update={"cost": _price(label, budget, (label.pair_id, label.annotator) in paid)})
        if _is_of_a_person(label) and label.cost is None
        else label
        for label in labels
    ]


def bill_of(labels: Sequence[Label], lines: pa.Table, budget: Budget) -> Bill:
    """What priced labels cost, and which limits the log passes with them; arguments as of `priced`."""
    whole = budget.spent_by(pa.concat_tables([lines, table_of(labels)]))
    untimed = sum(_is_of_a_person(label) and label.duration_ms is None for label in labels)
    limits = (
        ("labels", whole.labels, budget.labels, 1),
        ("money", whole.nano, budget.nano, BILLION),
        ("hours", whole.ms, budget.ms, 3_600_000),
    )
    passed = [
        Passed(name, amount(whole)[name], limit / unit)
        for name, used, limit, unit in limits
        if limit is not None and used > limit
    ]
    return Bill(whole - budget.spent_by(lines), untimed, tuple(passed))


def _is_of_a_person(label: Label) -> bool:
    return label.source == "human" and label.verdict is not None and label.purpose is None


def _price(label: Label, budget: Budget, is_paid: bool) -> float:
    return budget.of_answer(label.duration_ms or 0, is_paid).nano / BILLION


def _paid(labels: Sequence[Label], lines: pa.Table) -> set[tuple[str, str]]:
    """Pairs and annotators whose word in the log has a cost."""
    pairs = pa.array({label.pair_id for label in labels}, pa.string())
    is_paid = pc.and_(pc.is_valid(lines["verdict"]), pc.is_valid(lines["cost"]))
    is_vote = pc.and_(pc.is_null(lines["purpose"]), pc.is_in(lines["pair_id"], value_set=pairs))
    words = lines.filter(pc.and_(is_paid, is_vote))
    return set(zip(words["pair_id"].to_pylist(), words["annotator"].to_pylist(), strict=True))

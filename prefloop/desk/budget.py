"""Budget: what the lines of a log have cost, what open leases may cost yet, and what is left for another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.config import Params
from prefloop.errors import ConfigError
from prefloop.labels.label import WITHDRAWN
from prefloop.labels.votes import numbered

# Money is counted in whole billionths, so that sums do not depend on their order and no rounding passes a limit.
BILLION = 1_000_000_000
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Spent:
    """An amount.

    Attributes:
        labels: verdicts that stand; one that was taken back or corrected does not count.
        nano: money, billionths of the currency.
        ms: working time, milliseconds.
    """

    labels: int = 0
    nano: int = 0
    ms: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.labels + other.labels, self.nano + other.nano, self.ms + other.ms)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.labels - other.labels, self.nano - other.nano, self.ms - other.ms)

    @property
    def money(self) -> float:
        """The money in the currency."""
        return self.nano / BILLION

    @property
    def hours(self) -> float:
        """The time in hours."""
        return self.ms / _HOUR_MS


NOTHING = Spent()


@dataclass(frozen=True)
class Budget:
    """Limits and prices of a campaign.

    Attributes:
        most: limits; None is none.
        per_label, per_hour: prices, billionths.
        lease_ms: the longest time on one comparison that is paid and counted: that of a lease.
    """

    labels: int | None
    nano: int | None
    ms: int | None
    per_label: int
    per_hour: int
    lease_ms: int

    @classmethod
    def of(cls, params: Params) -> Budget:
        """That of a campaign.

        Raises:
            ConfigError: it does not cover a single comparison.
        """
        limits, cost = params.campaign.budget, params.campaign.cost
        budget = cls(
            limits.labels,
            None if limits.money is None else round(limits.money * BILLION),
            None if limits.hours is None else round(limits.hours * _HOUR_MS),
            round(cost.per_label * BILLION),
            round(cost.per_hour * BILLION),
            round(params.page.lease_minutes * 60_000),
        )
        if not budget.covers(budget.most()):
            raise ConfigError(
                "campaign.budget does not cover one comparison, which may take page.lease_minutes of work "
                f"({params.page.lease_minutes:g}): raise the budget, or shorten leases"
            )
        return budget

    def covers(self, spent: Spent) -> bool:
        """Whether so much may be spent in all."""
        return not self.passed(spent)

    def passed(self, spent: Spent) -> tuple[str, ...]:
        """Names of the limits that so much in all would pass."""
        limits = {
            "labels": (self.labels, spent.labels),
            "money": (self.nano, spent.nano),
            "hours": (self.ms, spent.ms),
        }
        return tuple(name for name, (limit, amount) in limits.items() if limit is not None and amount > limit)

    def of_answer(self, duration_ms: int, is_paid: bool = False) -> Spent:
        """What an answer costs. Beyond the time of a lease nobody is paid: a tab that stood open is no work.

        Args:
            duration_ms: time that it took.
            is_paid: whether its verdict was paid for before, and taken back.
        """
        worked = min(duration_ms, self.lease_ms)
        return Spent(1, (0 if is_paid else self.per_label) + self.per_hour * worked // _HOUR_MS, worked)

    def most(self, is_paid: bool = False) -> Spent:
        """The largest cost of an answer, which its lease reserves."""
        return self.of_answer(self.lease_ms, is_paid)

    def spent_by(self, lines: pa.Table) -> Spent:
        """What a log has cost: the labels that stand, the money and the time of all its lines.

        A person's later word on a pair takes the place of the earlier: it is no further label, and its time and
        what its line says it cost are spent besides. So it is with gold items and repeats.

        Args:
            lines: a table of `prefloop.labels.lines.SCHEMA`, whole as to each person's words on a pair.
        """
        return self.paid_for(lines) + Spent(labels=_count(counted_labels(lines)))

    def paid_for(self, lines: pa.Table) -> Spent:
        """Money and time of lines, which add up over any parts of a log; no labels.

        Labels that stood in the data were not paid for, and an adjudication is no annotator's work. Money is what
        the lines say; time is that of people, each at most a lease's.

        Args:
            lines: a table of `prefloop.labels.lines.SCHEMA`.
        """
        if not len(lines):
            return NOTHING
        ours = is_paid_work(lines)
        given = pc.and_(ours, pc.is_valid(lines["verdict"]))
        nano = pc.round(pc.multiply(pc.fill_null(lines["cost"], 0.0), BILLION)).cast(pa.int64())
        people = pc.and_(given, pc.is_in(lines["source"], value_set=pa.array(["human", "oracle"])))
        ms = pc.min_element_wise(pc.fill_null(lines["duration_ms"], 0), self.lease_ms)
        return Spent(
            0,
            pc.sum(pc.if_else(ours, nano, 0)).as_py(),
            pc.sum(pc.if_else(people, ms, 0)).as_py(),
        )


def is_paid_work(lines: pa.Table) -> pa.ChunkedArray:
    """Which lines are an annotator's work for the campaign: not what stood in the data, nor an adjudication."""
    ours = pc.invert(pc.starts_with(lines["source"], "data:"))
    return pc.and_(ours, pc.fill_null(pc.not_equal(lines["purpose"], "adjudication"), True))


def counted_labels(lines: pa.Table) -> pa.ChunkedArray:
    """Which lines are labels that count: paid work, and a person's last word on the pair.

    Args:
        lines: a log, or all words of some people or on some pairs.
    """
    back = pc.fill_null(pc.equal(lines["reason"], WITHDRAWN), False)
    words = np.flatnonzero(pc.or_(pc.is_valid(lines["verdict"]), back).to_numpy())
    spoken = lines.select(["pair_id", "annotator", "purpose"]).take(words)
    key, base = np.zeros(len(words), dtype=np.int64), 1
    for name in ("pair_id", "annotator", "purpose"):
        codes, distinct = numbered(pc.fill_null(spoken[name], ""))
        key, base = key * len(distinct) + codes, base * max(len(distinct), 1)
    assert base < 2**63, "more pairs and people than can be told apart"
    is_last = np.zeros(len(lines), dtype=bool)
    is_last[words[len(words) - 1 - np.unique(key[::-1], return_index=True)[1]]] = True
    given = pc.and_(is_paid_work(lines), pc.is_valid(lines["verdict"]))
    return pc.and_(given, pa.chunked_array([is_last]))


def _count(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)

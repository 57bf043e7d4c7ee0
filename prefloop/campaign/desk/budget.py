"""Budget: what the lines of a log have cost, what open leases may cost yet, and what is left for another."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.config import Params
from prefloop.errors import ConfigError
from prefloop.labels.label import WITHDRAWN

# Money is counted in whole billionths, so that sums do not depend on their order and no rounding passes a limit.
BILLION = 1_000_000_000
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Spent:
    """An amount.

    Attributes:
        labels: verdicts; one that was taken back does not count.
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
        limits = ((self.labels, spent.labels), (self.nano, spent.nano), (self.ms, spent.ms))
        return all(limit is None or amount <= limit for limit, amount in limits)

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
        """What lines of a log have cost: an amount that adds up over any parts of it.

        Labels that stood in the data were not paid for, and an adjudication is no annotator's work. Money is what
        the lines say; time is that of people, each at most a lease's.

        Args:
            lines: a table of `prefloop.labels.lines.SCHEMA`.
        """
        if not len(lines):
            return Spent()
        ours = pc.invert(pc.starts_with(lines["source"], "data:"))
        ours = pc.and_(ours, pc.fill_null(pc.not_equal(lines["purpose"], "adjudication"), True))
        given = pc.and_(ours, pc.is_valid(lines["verdict"]))
        back = pc.and_(pc.invert(pc.is_valid(lines["verdict"])), pc.equal(lines["reason"], WITHDRAWN))
        back = pc.and_(ours, pc.fill_null(back, False))
        nano = pc.round(pc.multiply(pc.fill_null(lines["cost"], 0.0), BILLION)).cast(pa.int64())
        people = pc.and_(given, pc.is_in(lines["source"], value_set=pa.array(["human", "oracle"])))
        ms = pc.min_element_wise(pc.fill_null(lines["duration_ms"], 0), self.lease_ms)
        return Spent(
            _count(given) - _count(back),
            pc.sum(pc.if_else(ours, nano, 0)).as_py(),
            pc.sum(pc.if_else(people, ms, 0)).as_py(),
        )


def _count(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)

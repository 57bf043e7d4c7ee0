"""Tallies of a campaign's log: how far it is, what it has cost, and how fast it goes."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.campaign.issued import standing
from prefloop.config import Params
from prefloop.desk.budget import Budget, Spent, counted_labels
from prefloop.labels.disputes import disputed
from prefloop.labels.verdicts import COMPARED

_HOUR = timedelta(hours=1)
# Columns that say what a line cost.
_COSTS = ("annotator", "source", "purpose", "verdict", "cost", "duration_ms")


def round_of(batch: pa.Table | None, issued: pa.Table, lines: pa.Table) -> int | None:
    """The open batch's round, else the last one; None before the first batch."""
    if batch is not None and len(batch):
        return int(pc.min(batch["round"]).as_py())
    rounds = [pc.max(table["round"]).as_py() for table in (issued, lines)]
    return max((int(number) for number in rounds if number is not None), default=None)


def waiting(batch: pa.Table | None, pairs: pa.Table) -> int:
    """Verdicts that the open batch still wants; a pair that was ruled on wants none.

    Args:
        batch: the batch, or None.
        pairs: `prefloop.labels.aggregate.aggregate` of the log.
    """
    if batch is None or not len(batch):
        return 0
    has, is_ruled = standing(batch["pair_id"], pairs)
    asked = batch["annotators"].to_numpy() if "annotators" in batch.column_names else np.ones(len(batch))
    return int(np.where(is_ruled, 0, np.maximum(asked - has, 0)).sum())


def waiting_for_others(batch: pa.Table | None, pairs: pa.Table) -> int:
    """Comparisons of the open batch that somebody has answered, and that want a further person.

    Args:
        batch, pairs: as for `waiting`.
    """
    if batch is None or "annotators" not in batch.column_names:
        return 0
    votes, is_ruled = standing(batch["pair_id"], pairs)
    return int(((votes > 0) & (votes < batch["annotators"].to_numpy()) & ~is_ruled).sum())


def pairs_of(pairs: pa.Table) -> dict[str, int]:
    """How many pairs are labelled, decided, undecided, disputed (`disputes.disputed`) and ruled on."""
    decided = int(pc.sum(pc.is_in(pairs["verdict"], value_set=pa.array(COMPARED[:2]))).as_py() or 0)
    return {
        "labelled": len(pairs),
        "decided": decided,
        "undecided": len(pairs) - decided,
        "disputed": int(disputed(pairs).sum()),
        "ruled": len(pairs) - pairs["ruling"].null_count,
    }


def amount(spent: Spent) -> dict[str, float]:
    """An amount in labels, money and hours."""
    return {"labels": spent.labels, "money": round(spent.money, 6), "hours": round(spent.hours, 4)}


def spent_by(budget: Budget, lines: pa.Table, column: str) -> dict[str, dict[str, float]]:
    """What lines have cost by annotator or by source, in order of the name."""
    chosen = lines.select(_COSTS).append_column("counts", counted_labels(lines)).combine_chunks()
    chosen = chosen.take(pc.sort_indices(chosen[column])).combine_chunks()
    names = chosen[column].combine_chunks().dictionary_encode()
    starts = np.searchsorted(names.indices.to_numpy(), np.arange(len(names.dictionary) + 1))
    parts = (chosen.slice(start, end - start) for start, end in pairwise(starts.tolist()))
    return {
        name: amount(budget.paid_for(part) + Spent(labels=pc.sum(part["counts"]).as_py() or 0))
        for name, part in zip(names.dictionary.to_pylist(), parts, strict=True)
    }


def budget_left(params: Params, spent: Spent) -> dict[str, dict[str, float | None]]:
    """The limits of labels, money and hours with what is left of each; None is no limit."""
    limits, used = params.campaign.budget, amount(spent)
    result = {}
    for name, limit in (("labels", limits.labels), ("money", limits.money), ("hours", limits.hours)):
        left = None if limit is None else round(max(limit - used[name], 0), 6)
        result[name] = {"limit": limit, "left": left}
    return result


def speed(lines: pa.Table, now: datetime) -> dict[str, float | None]:
    """Verdicts of people in the last 60 minutes and in an hour of their work, and seconds of the median one.

    A verdict without a duration counts for the last hour alone.
    """
    people = lines.filter(pc.and_(pc.is_valid(lines["verdict"]), pc.equal(lines["source"], "human")))
    durations = pc.drop_null(people["duration_ms"]).to_numpy() / 1000
    worked = float(durations.sum())
    return {
        "last_hour": _since(people["timestamp"], now - _HOUR),
        "per_hour": round(3600 * len(durations) / worked, 1) if worked else None,
        "median_seconds": round(float(np.median(durations)), 1) if len(durations) else None,
    }


def _since(timestamps: pa.ChunkedArray, start: datetime) -> int:
    """How many timestamps are not before a time; in any order, for verdicts that came as a file may be older."""
    # By their first letters most are of other days; a week is more than zones and weeks of the year differ by.
    week_before = (start - timedelta(days=7)).date().isoformat()
    recent = timestamps.filter(pc.greater_equal(timestamps, week_before)).to_pylist()
    return sum(datetime.fromisoformat(stamp) >= start for stamp in recent)


def guidelines_of(lines: pa.Table) -> dict[str, int]:
    """Verdicts by the version of the instructions that the annotator had; those without any are left out."""
    versions = pc.value_counts(pc.drop_null(lines.filter(pc.is_valid(lines["verdict"]))["rubric_version"]))
    return {row["values"]: row["counts"] for row in versions.to_pylist()}

"""Few numbers of a comparison as metrics of its parent run, all of them as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan

import pyarrow as pa

from prefloop.report.numbers import Difference, Saving


def best_metrics(by: Difference, of: Saving | None) -> dict[str, float]:
    """The best policy's difference and saving with their bounds; NaN where there is no such number."""
    told = of if of is not None and of.told else None
    numbers = {
        "best_difference": by.difference,
        "best_difference_low": by.low,
        "best_difference_high": by.high,
        "best_saved": None if told is None else told.saved,
        "best_saved_low": None if told is None else told.saved_low,
        "best_saved_high": None if told is None else told.saved_high,
    }
    return {name: nan if value is None else value for name, value in numbers.items()}


def policies_table(numbers: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> pa.Table:
    """One row per policy with all its numbers, null where it has none.

    Args:
        numbers: by policy.
        names: the policies in the order of the rows.
    """
    columns = list(dict.fromkeys(key for name in names for key in numbers[name]))
    values = {key: [_null(numbers[name].get(key)) for name in names] for key in columns}
    return pa.table(
        {"policy": pa.array(names, pa.string())} | {k: pa.array(v, pa.float64()) for k, v in values.items()}
    )


def _null(value: float | None) -> float | None:
    return None if value is None or value != value else value

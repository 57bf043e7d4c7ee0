"""Rules that every label keeps, for whole columns of a log at a time.

They say what `Label` says of one line, or are stricter: a block that does not keep them is looked at line by line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.labels.label import BLANKS, PURPOSES, ROUNDLESS, SOURCE
from prefloop.labels.verdicts import COMPARED, WORDS

# The usual forms of a time with zone, at which no year is left out; all others are looked at one by one.
_TIME = (
    r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
    r"(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$"
)


def keeps_rules(table: pa.Table) -> bool:
    """Whether every line plainly keeps every rule.

    Args:
        table: columns of `prefloop.labels.lines.SCHEMA`.
    """
    # What is null is an optional field that is not there.
    return all(pc.all(rule(table)).as_py() is not False for rule in _RULES)


def _is_one_of(name: str, words: Sequence[str]) -> Callable[[pa.Table], pa.ChunkedArray]:
    allowed = pa.array([*words, None], pa.string())
    return lambda table: pc.is_in(table[name], value_set=allowed)


def _lies_in(name: str, low: float, high: float) -> Callable[[pa.Table], pa.ChunkedArray]:
    return lambda table: pc.and_(pc.greater_equal(table[name], low), pc.less_equal(table[name], high))


def _starts_with_any(column: pa.ChunkedArray, beginnings: Sequence[str]) -> pa.ChunkedArray:
    return reduce(pc.or_, (pc.starts_with(column, beginning) for beginning in beginnings))


def _said(criteria: pa.ChunkedArray) -> pa.Array:
    """The verdicts on all criteria of all lines."""
    return pa.concat_arrays([pa.array([], pa.string()), *(chunk.items for chunk in criteria.chunks)])


def _are_dates(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which texts of the form YYYY-MM-DD are days; each is looked at once, however many lines have it."""
    return pc.is_in(column, value_set=pa.array(filter(_is_date, pc.unique(column).to_pylist()), pa.string()))


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


_RULES: tuple[Callable[[pa.Table], pa.ChunkedArray], ...] = (
    _is_one_of("verdict", WORDS),
    _is_one_of("shown_left", ("a", "b")),
    _is_one_of("purpose", PURPOSES),
    lambda table: pc.is_in(_said(table["criteria"]), value_set=pa.array(COMPARED)),
    lambda table: pc.less(table["completion_a"], table["completion_b"]),
    lambda table: pc.not_equal(pc.ascii_trim(table["annotator"], BLANKS), ""),
    lambda table: pc.match_substring_regex(table["timestamp"], _TIME),
    lambda table: _are_dates(pc.utf8_slice_codeunits(table["timestamp"], 0, 10)),
    lambda table: pc.match_substring_regex(table["source"], SOURCE),
    lambda table: pc.or_(pc.is_valid(table["verdict"]), pc.fill_null(pc.not_equal(table["reason"], ""), False)),
    lambda table: pc.or_(pc.is_valid(table["round"]), _starts_with_any(table["source"], ROUNDLESS)),
    _lies_in("round", 0, 1_000_000),
    lambda table: pc.and_(pc.is_finite(table["strength"]), pc.greater_equal(table["strength"], 0)),
    lambda table: pc.or_(pc.starts_with(table["source"], "data:"), pc.less_equal(table["strength"], 1)),
    *(_lies_in(name, 0, 2**63 - 1) for name in ("duration_ms", "calls", "tokens")),
    lambda table: pc.and_(pc.is_finite(table["cost"]), pc.greater_equal(table["cost"], 0)),
)

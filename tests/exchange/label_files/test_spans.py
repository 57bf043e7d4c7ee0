"""Row numbers in messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prefloop.exchange.label_files.spans import spans


@given(st.lists(st.integers(1, 60)).map(sorted))
def test_spans_say_the_first_rows_and_no_others(rows):
    told = [part for part in spans(rows).split(", ") if part]
    is_cut = told[-1:] == ["..."]
    ends = [list(map(int, part.split("-"))) for part in told[: len(told) - is_cut]]
    said = [row for span in ends for row in range(span[0], span[-1] + 1)]
    different = sorted(set(rows))
    assert said == different[: len(said)]
    assert is_cut == (len(said) < len(different))
    assert len(ends) == 8 if is_cut else len(ends) <= 8


def test_a_long_list_is_short():
    assert spans(range(1, 100_001)) == "1-100000"
    assert spans(range(1, 40, 2)) == "1, 3, 5, 7, 9, 11, 13, 15, ..."

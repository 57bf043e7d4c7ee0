"""What lines cost, however they are cut into parts, and what a lease reserves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.desk.budget import NOTHING, Budget, Spent
from prefloop.errors import ConfigError
from prefloop.labels.label import WITHDRAWN
from prefloop.labels.lines import table_of
from tests.labels.helpers import label
from tests.worlds import make_params

LINES = st.lists(
    st.builds(
        label,
        number=st.integers(0, 3),
        duration_ms=st.none() | st.integers(0, 200_000),
        cost=st.none() | st.integers(0, 10**6).map(lambda n: n / 1000),
        source=st.sampled_from(["human", "oracle", "judge:x", "data:f"]),
        purpose=st.sampled_from([None, "gold", "repeat", "adjudication"]),
    )
    | st.builds(label, number=st.integers(0, 1), verdict=st.none(), reason=st.just(WITHDRAWN)),
    max_size=12,
)


def budget(**changes):
    return Budget.of(make_params(page__lease_minutes=1.0, **changes))


@settings(max_examples=25, deadline=None)
@given(LINES, st.integers(0, 12))
def test_labels_are_what_stands_and_the_rest_is_that_of_all_lines(lines, cut):
    whole, parts = budget().spent_by(table_of(lines)), [lines[:cut], lines[cut:]]
    assert sum((budget().paid_for(table_of(part)) for part in parts), Spent(whole.labels)) == whole
    last = {(line.pair_id, line.annotator, line.purpose): line for line in lines}.values()
    paid, counted = (
        [line for line in some if not line.source.startswith("data:") and line.purpose != "adjudication"]
        for some in (lines, last)
    )
    assert whole.labels == len([line for line in counted if line.verdict])
    assert whole.nano == sum(round((line.cost or 0) * 1e9) for line in paid)
    people = [line for line in paid if line.source in ("human", "oracle") and line.verdict]
    assert whole.ms == sum(min(line.duration_ms or 0, 60_000) for line in people)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9), st.booleans(), st.floats(0, 100), st.floats(0, 100))
def test_no_answer_costs_more_than_its_lease_reserves(ms, is_paid, per_label, per_hour):
    prices = budget(campaign__cost__per_label=per_label, campaign__cost__per_hour=per_hour)
    cost, most = prices.of_answer(ms, is_paid), prices.most(is_paid)
    assert (cost.labels, cost.nano <= most.nano, cost.ms <= most.ms) == (1, True, True)
    line = label(duration_ms=ms, cost=cost.nano / 1e9)
    assert prices.spent_by(table_of([line])) == cost


def test_a_correction_spends_time_but_no_further_label():
    lines = [label(duration_ms=1000, cost=0.5), label(verdict="b", duration_ms=2000, cost=0.25)]
    assert budget().spent_by(table_of(lines)) == Spent(1, 750_000_000, 3000)


def test_tenths_fill_a_budget_without_a_rest():
    tenths = budget(campaign__budget__money=0.3, campaign__cost__per_label=0.1)
    assert tenths.covers(sum([tenths.of_answer(1)] * 3, NOTHING))
    assert not tenths.covers(sum([tenths.of_answer(1)] * 4, NOTHING))
    assert Spent(1, 250_000_000, 1_800_000).money == 0.25
    assert Spent(1, 0, 1_800_000).hours == 0.5


@pytest.mark.parametrize("limit", [{"campaign__budget__hours": 0.01}, {"campaign__budget__money": 0.01}])
def test_a_budget_below_one_comparison_is_refused(limit):
    with pytest.raises(ConfigError, match="does not cover one comparison"):
        budget(campaign__cost__per_label=0.02, **limit)

import json
import math

from hypothesis import assume, given
from hypothesis import strategies as st

from prefloop.tracking import dpo, simulated
from prefloop.tracking.view import (
    shared_view,
    shown_ranges,
    united,
    value_ranges,
)

SIMULATED, DPO = simulated.SIMULATED.board, dpo.DPO.board
METRIC = SIMULATED.charts[0]
values = st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-6)
many = st.lists(values, min_size=2, max_size=20)


def far_apart(points):
    low, high = min(points), max(points)
    return high - low > 1e-9 * max(abs(low), abs(high), 1)


@given(many)
def test_an_axis_holds_all_values_with_a_margin_of_about_a_twentieth(points):
    assume(far_apart(points))
    low, high = min(points), max(points)
    bottom, top = united({}, value_ranges([{METRIC: value} for value in points], SIMULATED))[METRIC]
    assert bottom < low <= high < top
    assert top - bottom <= 1.15 * (high - low)


@given(many, many)
def test_a_widened_axis_holds_old_and_new_and_stays_where_nothing_is_outside(first, second):
    assume(far_apart(first))
    old = united({}, value_ranges([{METRIC: value} for value in first], SIMULATED))
    new = united(old, value_ranges([{METRIC: value} for value in second], SIMULATED))
    bottom, top = new[METRIC]
    assert bottom <= min(*first, *second)
    assert top >= max(*first, *second)
    for before, after, outside in (
        (old[METRIC][0], bottom, min(second) < old[METRIC][0]),
        (old[METRIC][1], top, max(second) > old[METRIC][1]),
    ):
        assert (before != after) == outside


def test_one_value_and_no_value_leave_the_axis_to_the_ui():
    rounds = [{METRIC: -0.6}, {METRIC: math.nan}, {"other": 1.0}]
    assert value_ranges(rounds, SIMULATED) == {METRIC: (-0.6, -0.6)}
    assert united({}, value_ranges(rounds, SIMULATED)) == {}
    assert json.loads(shared_view("x", SIMULATED, {}))["compareRunCharts"][0]["range"] == {}


def test_a_stored_view_gives_its_axes_back_for_its_own_dataset_and_board_only():
    axes = {METRIC: (-0.7, -0.5)}
    view = shared_view("o'neil", SIMULATED, axes)
    assert shown_ranges(view, "o'neil", SIMULATED) == axes
    assert shown_ranges(view, "other", SIMULATED) == {}
    assert shown_ranges(view, "o'neil", DPO) == {}
    for broken in (None, "", "no json", "[]", '{"searchFilter": 1}'):
        assert shown_ranges(broken, "o'neil", SIMULATED) == {}

"""What is shown stays within its bounds, and is a dash where nothing can be told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from prefloop.dpo.report.comparison import seed_means
from prefloop.evaluation.metrics import NOT_NEGATIVE, SHARE
from prefloop.report.amounts import DASH, between, gap, reach, saved
from prefloop.report.choices import estimate
from prefloop.report.contest import NO_SAVING
from prefloop.report.curves_plot import mean_curves
from prefloop.report.figure import styles
from prefloop.report.numbers import Difference, Estimate, Saving
from prefloop.tracking.comparison import best_metrics, saving_metrics

shares = st.lists(st.floats(0, 1), min_size=2, max_size=5)


def saving(low=-7.0, high=0.875, open_low=True, open_high=True):
    ends = {"saved_low": low, "saved_high": high, "open_low": open_low, "open_high": open_high}
    return Saving(efficiency=1.1, saved=1 - 1 / 1.1, beyond=False, labels_to_target=100.0, never=False, **ends)


def test_an_interval_of_all_that_the_data_could_show_is_a_dash():
    of = saving()
    assert not of.told
    assert saved(of) == saved(NO_SAVING) == saved(None) == DASH
    assert reach(of) == "labels saved cannot be told"
    difference = Difference(value=-0.5, difference=0.01, low=-0.1, high=0.1)
    assert np.isnan(best_metrics(difference, of)["best_saved"])
    assert np.isnan(saving_metrics(of, difference, "", "area")["saved_low"])


def test_an_interval_with_one_known_end_is_shown():
    assert saved(saving(low=-0.2, open_low=False)) == "9% [-20%, > 88%]"
    assert saved(saving(high=0.3, open_high=False)) == "9% [< -700%, 30%]"


@given(st.floats(-1, 1), st.floats(0, 2))
def test_a_difference_of_shares_without_an_end_is_a_dash(middle, half):
    of = Difference(value=0.5, difference=middle, low=max(middle - half, -1.0), high=min(middle + half, 1.0))
    text = gap(of, 2, widest=1.0)
    assert (text == DASH) == (of.low == -1 and of.high == 1)


@given(shares)
def test_a_share_of_two_seeds_lies_between_0_and_1(values):
    """The best-hit rate and the share of ties: Student's interval of two seeds is 25 times their spread."""
    of = estimate(np.array(values), 0.95, SHARE)
    assert 0 <= of.low <= of.value <= of.high <= 1


@given(st.lists(st.floats(0, 1e3), min_size=2, max_size=4))
def test_a_gap_or_a_regret_is_never_negative(values):
    of = estimate(np.array(values), 0.95, NOT_NEGATIVE)
    assert 0 <= of.low <= of.value <= of.high


@given(st.integers(2, 4), st.integers(0, 10**6))
def test_differences_of_distinct_n_lie_between_minus_1_and_1(seeds, seed):
    values = np.random.default_rng(seed).random((2, seeds, 3))
    for of in seed_means(values, np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0.95):
        assert -1 <= of.difference.low <= of.difference.high <= 1


@settings(max_examples=10, deadline=None)
@given(st.floats(0, 1), st.floats(0, 0.5))
def test_a_bar_in_a_picture_ends_where_its_quantity_does(value, error):
    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    numbers = {"n_labels": [0, 10], "distinct_2": [0.5, value], "distinct_2_stderr": [0.1, error]}
    series = {"random": {name: np.array(of) for name, of in numbers.items()}}
    mean_curves(axes, series, "distinct_2", styles(["random"], "random"), (0.0, 1.0))
    bar = axes.lines[-1].get_ydata()
    assert min(bar) >= 0
    assert max(bar) <= 1
    assert min(bar) <= value <= max(bar)


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (None, ""),
        (Estimate(value=0.1, low=None, high=None), "10.0"),
        (Estimate(value=0.1, low=0.0, high=0.61), "10.0 [0.0, 61.0]"),
    ],
)
def test_an_interval_that_ends_at_a_bound_is_shown_by_its_ends(of, text):
    assert between(of, 1, 100.0) == text

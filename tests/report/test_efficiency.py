import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.report.efficiency import efficiency, factors_of, shifted_weights
from prefloop.report.savings import normalised_auc

LABELS = np.array([100, 150, 250, 400, 500])


def exact(own, base, half=0.0):
    """The test of two known curves with a fixed half width."""
    return lambda of_own, of_base: (of_own @ own - of_base @ base, np.full(len(of_own), half))


def steady(labels, start, factor):
    """A straight curve and the same at `factor` times the speed."""
    t = labels - start
    return factor * t, t.astype(float)


@given(st.lists(st.floats(-1, 1), min_size=5, max_size=5), st.lists(st.floats(-1, 1), min_size=5, max_size=5))
def test_at_factor_one_it_is_the_difference_of_the_normalised_aucs(own, base):
    of_own, of_base = shifted_weights(LABELS, 100.0, np.ones(1))
    found = of_own[0] @ own - of_base[0] @ base
    assert found == pytest.approx(
        normalised_auc(np.array(own), LABELS) - normalised_auc(np.array(base), LABELS), abs=1e-12
    )


@given(st.floats(0.125, 8), st.sampled_from([100.0, 60.0]), st.integers(0, 10**6))
def test_weights_are_the_exact_integral(factor, start, seed):
    """Against a fine sum over the labels at which both curves are known."""
    own, base = np.random.default_rng(seed).normal(size=(2, 5))
    t = LABELS - start
    low, high = t[0] * max(1, 1 / factor), t[-1] * min(1, 1 / factor)
    if high <= low:
        return
    at = np.linspace(low, high, 20_001)
    middle = (at[1:] + at[:-1]) / 2
    expected = (np.interp(middle, t, own) - np.interp(factor * middle, t, base)).mean()
    of_own, of_base = shifted_weights(LABELS, start, np.array([factor]))
    assert of_own[0] @ own - of_base[0] @ base == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("factor", [0.4, 0.6, 1.0, 1.5, 2.0, 4.0])
def test_a_known_factor_is_found(factor):
    own, base = steady(LABELS, 100.0, factor)
    of = efficiency(LABELS, 100.0, exact(own, base, 1e-6))
    assert of.value == pytest.approx(factor, rel=1e-3)
    assert of.low <= of.value * (1 + 1e-9)
    assert of.value <= of.high * (1 + 1e-9)
    assert not of.beyond


def test_more_than_the_data_can_show_is_said():
    own, base = steady(LABELS, 100.0, 20.0)
    of = efficiency(LABELS, 100.0, exact(own, base, 1e-6))
    assert (of.value, of.beyond, of.open_high, of.open_low) == (pytest.approx(8.0), True, True, False)
    slow = efficiency(LABELS, 100.0, exact(base, own, 1e-6))
    assert (slow.value, slow.beyond, slow.open_low) == (pytest.approx(1 / 8), True, True)


def test_labels_before_the_first_point_count_but_bound_what_can_be_shown():
    factors = factors_of(np.array([30, 60, 120]), 0.0)
    assert (factors.min(), factors.max()) == (pytest.approx(1 / 4), pytest.approx(4))
    assert 1.0 in factors
    own, base = steady(np.array([30, 60, 120]), 0.0, 2.0)
    assert efficiency(np.array([30, 60, 120]), 0.0, exact(own, base, 1e-6)).value == pytest.approx(2.0)


@given(
    st.lists(st.floats(-1, 1), min_size=5, max_size=5),
    st.lists(st.floats(-1, 1), min_size=5, max_size=5),
    st.floats(0.01, 1),
)
def test_the_interval_excludes_one_exactly_when_the_normalised_aucs_differ(own, base, half):
    own, base = np.array(own), np.array(base)
    gap = normalised_auc(own, LABELS) - normalised_auc(base, LABELS)
    if abs(abs(gap) - half) < 1e-9:
        return
    of = efficiency(LABELS, 100.0, exact(own, base, half))
    assert (of.low > 1 or of.high < 1) == (abs(gap) > half)
    assert of.low <= of.value <= of.high
    if abs(gap) > 1e-9:
        assert (of.value > 1) == (gap > 0)

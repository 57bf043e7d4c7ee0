import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.dpo.report.equal_kl import at_equal_kl, win_at
from prefloop.report.bootstrap import Replicated

number = st.floats(0, 20, allow_nan=False)


@given(st.lists(st.tuples(number, st.floats(0, 1)), min_size=1, max_size=8), st.floats(0, 1))
def test_the_win_rate_is_one_between_two_rounds_of_the_path(path, share):
    kl, win = np.array(path).T
    target = share * kl.max()
    found = win_at(kl, win, np.array(target))
    after = int((kl >= target).argmax())
    bounds = win[max(after - 1, 0) : after + 1]
    assert bounds.min() - 1e-12 <= found <= bounds.max() + 1e-12
    assert win_at(kl, win, kl[0]) == win[0]


def test_between_rounds_it_is_linear_in_the_root():
    kl, win = np.array([0.0, 4.0]), np.array([0.5, 0.9])
    assert win_at(kl, win, np.array(1.0)) == pytest.approx(0.7)


def test_an_estimate_below_zero_is_no_trouble():
    kl, win = np.array([0.0, -0.01, 1.0]), np.array([0.5, 0.5, 0.9])
    assert 0.5 <= win_at(kl, win, np.array(0.25)) <= 0.9


def test_the_place_is_the_references_end_or_the_policys_largest():
    win = np.array([[0.5, 0.6, 0.7], [0.5, 0.6, 0.7], [0.5, 0.55, 0.6]])
    kl = np.array([[0.0, 1.0, 2.0], [0.0, 2.0, 4.0], [0.0, 0.5, 1.0]])
    curves = [Replicated(of, np.stack([of] * 10)) for of in (win, kl)]
    faster, slower = (at_equal_kl(*curves, np.eye(3)[row], np.eye(3)[0], 0.95) for row in (1, 2))
    assert (faster.kl, slower.kl) == (2.0, 1.0)
    assert faster.win.difference == pytest.approx(-0.1)
    assert (slower.win.value, slower.win.difference) == (pytest.approx(0.6), pytest.approx(0.0))
    itself = at_equal_kl(*curves, np.eye(3)[0], np.eye(3)[0], 0.95).win
    assert (itself.value, itself.low, itself.high) == (pytest.approx(0.7), 0, 0)

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from prefloop.report.savings import envelope, labels_to_reach, normalised_auc

GRID = np.array([64, 128, 256, 320, 400])
curves = arrays(np.float64, (3, 5), elements=st.floats(-2, 0, width=32))
targets = arrays(np.float64, (3,), elements=st.floats(-2, 0, width=32))


def naive_labels(curve, labels, target):
    best = -np.inf
    for number, value in enumerate(curve):
        if max(best, value) >= target:
            if number == 0:
                return float(labels[0])
            share = (target - best) / (value - best)
            return float(labels[number - 1] + share * (labels[number] - labels[number - 1]))
        best = max(best, value)
    return np.inf


@given(curves, targets)
def test_labels_to_reach_equal_the_loop(curve, target):
    expected = [naive_labels(c, GRID, t) for c, t in zip(curve, target, strict=True)]
    np.testing.assert_allclose(labels_to_reach(curve, GRID, target), expected, rtol=1e-9)


@given(curves, targets, st.floats(0, 0.5))
def test_a_better_curve_never_needs_more_labels(curve, target, gain):
    assert (labels_to_reach(curve + gain, GRID, target) <= labels_to_reach(curve, GRID, target) + 1e-9).all()


@given(curves)
def test_the_envelope_is_the_least_monotone_curve_above(curve):
    best = envelope(curve)
    assert (np.diff(best, axis=-1) >= 0).all()
    assert (best >= curve).all()
    assert np.isin(best, curve).all()


@given(curves, st.floats(-1, 1))
def test_normalised_auc_lies_between_the_lowest_and_the_highest_value(curve, shift):
    auc = normalised_auc(curve, GRID)
    assert (auc <= curve.max(axis=-1) + 1e-9).all()
    assert (auc >= curve.min(axis=-1) - 1e-9).all()
    np.testing.assert_allclose(normalised_auc(curve + shift, GRID), auc + shift, atol=1e-9)


def test_normalised_auc_of_one_round_is_its_value():
    np.testing.assert_array_equal(normalised_auc(np.array([[-0.6]]), np.array([64])), [-0.6])

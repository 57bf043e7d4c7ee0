from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from prefloop import uncertainty as u

logits = arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(1, 5)), elements=st.floats(-40, 40))


@given(logits)
def test_bald_lies_between_zero_and_ln_2_and_is_the_difference_of_entropies(z):
    value = u.bald(z)
    assert (value >= 0).all()
    assert (value <= np.log(2) + 1e-12).all()
    np.testing.assert_allclose(value, u.predictive_entropy(z) - u.aleatoric(z), atol=1e-12)


@given(logits, st.randoms())
def test_nothing_depends_on_the_order_of_members_or_of_the_pair(z, random):
    order = list(range(len(z)))
    random.shuffle(order)
    for measure in (u.bald, u.predictive_entropy, u.aleatoric, u.variance):
        np.testing.assert_allclose(measure(z[order]), measure(z), atol=1e-12)
        np.testing.assert_allclose(measure(-z), measure(z), atol=1e-12)


@given(arrays(np.float64, st.integers(1, 5), elements=st.floats(-40, 40)), st.integers(2, 6))
def test_members_that_agree_have_no_epistemic_uncertainty(row, members):
    z = np.tile(row, (members, 1))
    np.testing.assert_allclose(u.bald(z), 0, atol=1e-12)
    np.testing.assert_allclose(u.variance(z), 0, atol=1e-12)


@given(
    st.sampled_from([0.0, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12]),
    st.one_of(st.floats(-40, 40), st.sampled_from([-800.0, 800.0])),
    st.integers(0, 1000),
)
def test_rounding_never_makes_bald_negative(spread, centre, seed):
    z = centre + spread * np.random.default_rng(seed).standard_normal((5, 200))
    value = u.bald(z)
    assert (value >= 0).all()
    assert (value <= spread**2 + 1e-15).all()


def test_members_in_full_disagreement_reach_ln_2():
    assert u.bald(np.array([[800.0], [-800.0]])) == pytest.approx(np.log(2))
    assert u.predictive_entropy(np.zeros((2, 1))) == pytest.approx(np.log(2))
    assert u.bald(np.zeros((2, 1))) == pytest.approx(0)

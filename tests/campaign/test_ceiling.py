"""The noise ceiling bounds what the right probabilities score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.campaign.ceiling import FEWEST, noise_ceiling


@settings(max_examples=15)
@given(hard=st.floats(0, 1), sure=st.floats(0.5, 0.99), people=st.integers(2, 5))
def test_the_right_probabilities_score_between_both_bounds(hard, sure, people):
    rng = np.random.default_rng(0)
    q = np.where(rng.random(20_000) < hard, 0.5, sure)
    a = rng.binomial(people, q)
    ceiling = noise_ceiling(np.stack([a, people - a, np.zeros_like(a)], axis=1))
    best = (q * np.log(q) + (1 - q) * np.log(1 - q)).mean()
    assert ceiling.score - 0.02 <= best <= ceiling.highest + 0.02
    assert ceiling.pairs == 20_000


@pytest.mark.parametrize(("votes", "agreement", "score"), [([2, 0, 0], 1.0, 0.0), ([0, 0, 2], 0.5, -np.log(2))])
def test_the_ends(votes, agreement, score):
    ceiling = noise_ceiling(np.tile(votes, (FEWEST, 1)))
    assert ceiling.agreement == agreement
    assert ceiling.score == pytest.approx(score)
    assert ceiling.highest == pytest.approx(score)


def test_a_pair_with_one_vote_says_nothing():
    votes = np.array([[2, 0, 0]] * (FEWEST - 1) + [[1, 0, 0]] * 50)
    assert noise_ceiling(votes) is None

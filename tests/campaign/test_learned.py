"""Means of the audit slice with their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from prefloop.campaign.curve import FEWEST_PROMPTS
from prefloop.campaign.learned import curve_points, learned, mean_of
from tests.campaign.campaigns import slice_of
from tests.worlds import make_params


@pytest.mark.parametrize("prompts", [1, FEWEST_PROMPTS - 1])
def test_with_few_prompts_pairs_are_the_draws(prompts):
    values = np.random.default_rng(0).normal(size=40)
    told = mean_of(values, np.arange(40) % prompts, 0.9)
    low, high = stats.t.interval(0.9, 39, values.mean(), stats.sem(values))
    assert (told.value, told.low, told.high) == pytest.approx((values.mean(), low, high))


def test_with_prompts_enough_they_are():
    by_prompt = np.random.default_rng(0).normal(size=FEWEST_PROMPTS)
    told = mean_of(np.repeat(by_prompt, 5), np.repeat(np.arange(FEWEST_PROMPTS), 5), 0.9)
    low, high = stats.t.interval(0.9, FEWEST_PROMPTS - 1, by_prompt.mean(), stats.sem(by_prompt))
    assert (told.low, told.high) == pytest.approx((low, high))


def test_one_predicted_pair_tells_nothing_and_two_do():
    config = make_params().campaign
    told = learned(config, slice_of([-0.5], [10]), np.zeros((0, 3), int), 20, 20)
    assert (told["audit"]["predicted"], told["audit"]["recent"], told["audit"]["score"]) == (1, 0, None)
    assert (told["curve"], told["score"], told["gain"]) == ({"points": [], "line": []}, None, None)
    assert curve_points(slice_of([-0.5], [10]), 0.9) == []
    told = learned(config, slice_of([-0.5, -0.7], [10, 10]), np.zeros((0, 3), int), 20, 20)
    assert told["audit"]["score"]["low"] < -0.6 < told["audit"]["score"]["high"]

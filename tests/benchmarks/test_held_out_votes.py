"""Intervals of held-out votes: what is alike counts once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.held_out_votes import HeldOut


def told(values: np.ndarray, prompt: np.ndarray, person: np.ndarray) -> dict[str, Any]:
    log = {"share": np.zeros(values.shape), "ours": values}
    right = {name: np.zeros(len(values)) for name in log}
    return HeldOut(log, right, {}, person, prompt).against("share")["ours"]


def test_copies_of_a_prompts_pairs_make_no_interval_narrower():
    rng = np.random.default_rng(0)
    values = rng.normal(0.1, 1, (3, 400))
    prompt, person = np.arange(400) // 10, rng.integers(0, 50, (3, 400))
    once = told(values, prompt, person)
    four = told(*(np.tile(array, 4) for array in (values, prompt, person)))
    assert once["standard_error"]["prompt"] == pytest.approx(four["standard_error"]["prompt"], abs=1e-5)
    assert once["standard_error"]["person"] == pytest.approx(four["standard_error"]["person"], abs=1e-5)
    assert four["standard_error"]["pair"] < 0.6 * once["standard_error"]["pair"]
    _, low, high = four["difference"]
    assert high - low >= 2 * 1.96 * max(four["standard_error"].values())


def test_few_people_say_nothing_of_how_much_people_differ():
    rng = np.random.default_rng(1)
    values, person = rng.normal(size=(2, 60)), rng.integers(0, 3, (2, 60))
    assert set(told(values, np.arange(60) // 3, person)["standard_error"]) == {"pair", "prompt"}


def test_an_error_over_pairs_is_that_of_their_means_over_seeds():
    values = np.random.default_rng(2).normal(size=(5, 80))
    pair = told(values, np.zeros(80, np.int64), np.zeros((5, 80), np.int64))["standard_error"]["pair"]
    assert pair == pytest.approx(values.mean(axis=0).std(ddof=1) / np.sqrt(80), abs=1e-5)

import numpy as np
import pytest
from scipy.stats import norm

from prefloop.report.multiplicity import joint_level
from prefloop.report.variance import Linear


def linear(of_seeds, by_prompt):
    nothing = np.zeros(len(of_seeds))
    return Linear(nothing, nothing, nothing, np.array(of_seeds, float), nothing, by_prompt)


def level(of, policies, resamples=20_000):
    return joint_level(of, np.array(policies, float), 0.95, resamples, np.random.default_rng(0))


def test_independent_contrasts_have_sidaks_level():
    of = linear([1.0] * 5, np.zeros((3, 5)))
    assert level(of, np.eye(5)) == pytest.approx(1 - 0.95 ** (1 / 5), rel=0.1)


def test_contrasts_with_one_baseline_have_dunnetts():
    rows = np.hstack([np.eye(4), -np.ones((4, 1))])
    of = linear([1.0] * 4, np.zeros((3, 4)))
    # Dunnett's two-sided 5 % point for 4 comparisons and a known variance.
    assert norm.isf(level(of, rows) / 2) == pytest.approx(2.44, abs=0.03)


def test_one_contrast_many_times_is_one():
    rng = np.random.default_rng(1)
    prompts = np.repeat(rng.normal(size=(50, 1)), 6, axis=1)
    of = linear([1.0] * 6, prompts)
    assert level(of, np.repeat([[1.0, -1.0]], 6, axis=0)) == pytest.approx(0.05, rel=0.1)


def test_prompts_that_policies_share_make_contrasts_alike():
    rng = np.random.default_rng(2)
    shared = np.repeat(rng.normal(size=(200, 1)), 6, axis=1)
    apart = rng.normal(size=(200, 6))
    together, alone = (level(linear([0.0] * 6, of), np.eye(6)) for of in (shared, apart))
    assert alone < 0.012 < 0.04 < together


def test_what_does_not_vary_takes_no_part():
    of = linear([1.0, 0.0], np.zeros((3, 2)))
    assert level(of, np.eye(2)) == pytest.approx(0.05)

import numpy as np
import pytest
from scipy.stats import norm

from prefloop.report.curves import curves_of, half_widths
from prefloop.report.power import POWER, more_seeds, worthwhile_difference
from prefloop.report.scores import Scores, SeedSums
from tests.report.regimes import LABELS, REGIMES, simulate_scores, true_curve

OWN, BASE = np.array([0.0, 1.0]), np.array([1.0, 0.0])
WORTHWHILE = 0.2


def curves(seeds, regime="seeds", efficiency=1.0, own_split=True, seed=0, level=0.05):
    rng = np.random.default_rng(seed)
    scores = simulate_scores(rng, [1.0, efficiency], seeds, REGIMES[regime], own_split)
    return curves_of(scores, LABELS, float(LABELS[0]), 1 - level, (-np.inf, 0.0))


def test_the_worthwhile_difference_is_that_of_a_curve_run_through_faster():
    """Against the plain mean of both curves on a fine grid, without noise."""
    t = np.arange(len(LABELS))
    fast = 1 / (1 - WORTHWHILE)
    sums = np.stack([true_curve(1.0)] * 2)[..., None]
    of = Scores((SeedSums(sums, np.ones(1, int), np.zeros(1, int), np.ones(1)),) * 2)
    found = worthwhile_difference(curves_of(of, LABELS, float(LABELS[0]), 0.95, (-np.inf, 0.0)), BASE, WORTHWHILE)
    grid = np.linspace(0, t[-1] / fast, 20_001)
    expected = np.mean(np.interp(fast * grid, t, true_curve(1.0)) - np.interp(grid, t, true_curve(1.0)))
    assert found == pytest.approx(expected, rel=1e-3)
    assert found > 0


def test_with_so_many_seeds_the_interval_is_narrow_enough():
    few = curves(4)
    more = more_seeds(few, OWN, BASE, 4, WORTHWHILE)
    assert more >= 1
    many = curves(4 + more, seed=1)
    linear = many.test(np.outer(OWN - BASE, many.auc_weights)[None])
    # Chi-squared noise of both variances; the planned width leaves room for the power.
    wanted = worthwhile_difference(few, BASE, WORTHWHILE)
    assert half_widths(linear, 0.05)[0] + norm.ppf(POWER) * linear.variance[0] ** 0.5 < 1.6 * wanted


def test_noisier_runs_and_stricter_levels_need_more():
    quiet = [more_seeds(curves(6, "interaction", seed=s), OWN, BASE, 6, WORTHWHILE) for s in range(5)]
    noisy = [more_seeds(curves(6, "seeds and interaction", seed=s), OWN, BASE, 6, WORTHWHILE) for s in range(5)]
    assert np.median(quiet) < np.median(noisy)
    of = curves(4)
    assert more_seeds(of, OWN, BASE, 4, WORTHWHILE) < more_seeds(of.at_level(0.005), OWN, BASE, 4, WORTHWHILE)


def test_no_number_of_seeds_mends_what_all_of_them_share():
    assert more_seeds(curves(6, "prompts", own_split=False), OWN, BASE, 6, 0.05) is None


def test_one_seed_and_a_baseline_that_does_not_rise_name_no_number():
    assert more_seeds(curves(1), OWN, BASE, 1, WORTHWHILE) is None
    rng = np.random.default_rng(0)
    sums = [np.repeat(rng.normal(size=(2, 1, 5)), 8, axis=1) for _ in range(4)]
    flat = Scores(tuple(SeedSums(of, np.ones(5, int), np.arange(5), np.ones(5)) for of in sums))
    of = curves_of(flat, LABELS, float(LABELS[0]), 0.95, (-np.inf, 0.0))
    assert more_seeds(of, OWN, BASE, 4, WORTHWHILE) is None


def test_the_measured_difference_is_decided_too():
    """A difference between nothing and worthwhile needs more seeds than one beyond."""
    of = [curves(6, efficiency=e, seed=3) for e in (1.12, 3.0)]
    between, beyond = (more_seeds(one, OWN, BASE, 6, WORTHWHILE) for one in of)
    assert beyond <= between

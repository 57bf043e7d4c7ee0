"""Whole reports whose truth is known; `python -m benchmarks.null_reports` does the same with more of them."""

import pytest

from benchmarks.null_reports import null_reports, true_savings


@pytest.mark.parametrize(
    ("regime", "seeds", "own_split"),
    [("seeds", 3, False), ("prompts", 4, True), ("interaction", 6, False), ("seeds and interaction", 10, True)],
)
def test_reports_of_equal_policies_seldom_give_a_verdict(regime, seeds, own_split):
    of = null_reports(regime, seeds, own_split, 20, wild=1.0)
    # At 5 % a report, 4 of 20 reports or more would have a verdict in 1 of 63 such tests.
    assert of["any_verdict"] * 20 <= 3
    assert of["single_coverage"] >= 0.92
    # Policies of a report share their reference, which moves the median of 20 reports.
    assert abs(of["median_saved"]) <= 0.08


@pytest.mark.parametrize(
    ("seeds", "own_split", "tolerance", "power"),
    [(3, True, 0.12, 0.1), (6, False, 0.08, 0.6), (10, True, 0.08, 0.9)],
)
def test_a_true_saving_is_estimated_without_bias(seeds, own_split, tolerance, power):
    of = true_savings("seeds and interaction", seeds, own_split, 80)
    for name, right in (("saves_33", 1 / 3), ("saves_50", 0.5), ("equal", 0.0)):
        assert abs(of[name]["median_saved"] - right) <= tolerance
        assert of[name]["coverage"] >= 0.93
    assert abs(of["needs_67_more"]["median_saved"] + 2 / 3) <= 2 * tolerance
    assert of["saves_50"]["called_better"] >= power

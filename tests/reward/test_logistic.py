"""Bayesian logistic regression: mode and curvature against autograd, evidence against a grid and an integral."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import expit
from torch.nn.functional import logsigmoid

from prefloop.errors import StateError
from prefloop.reward.logistic import best_posterior, posterior


def differences(seed, labels, dim, strength=2.0):
    """Random differences whose first side wins by a linear utility with Bradley-Terry noise."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((labels, dim))
    logits = rows @ rng.standard_normal(dim) * strength / math.sqrt(dim)
    return torch.from_numpy(np.where(rng.random(labels) < expit(logits), 1, -1)[:, None] * rows)


def minus_log_joint(weights, rows, alpha):
    return -logsigmoid(rows @ weights).sum() + alpha * (weights**2).sum() / 2


def fit(rows, alpha, weight=None):
    return posterior(rows, alike(rows) if weight is None else weight, alpha, rows.new_zeros(rows.shape[1]))


def alike(rows):
    return rows.new_ones(len(rows))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    labels=st.integers(1, 30),
    dim=st.integers(1, 6),
    alpha=st.floats(1e-4, 1e4),
    size=st.floats(1e-3, 1e3),
)
def test_the_mode_is_stationary_and_the_curvature_is_the_hessian(seed, labels, dim, alpha, size):
    rows, alpha = differences(seed, labels, dim) * size, alpha * size**2
    found = fit(rows, alpha)
    mode = found.mode.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(minus_log_joint(mode, rows, alpha), mode)
    hessian = torch.autograd.functional.hessian(lambda w: minus_log_joint(w, rows, alpha), found.mode)
    # Distance to the true mode in posterior standard deviations.
    assert float(gradient @ torch.linalg.solve(hessian, gradient)) < 1e-18
    torch.testing.assert_close(found.factor @ found.factor.T, hessian, rtol=1e-5, atol=1e-9 * size**2)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), far=st.floats(-1e4, 1e4), alpha=st.floats(1e-3, 10))
@example(seed=0, far=1e4, alpha=1e-3)
@example(seed=141856, far=125.0, alpha=0.001953125)
def test_the_mode_does_not_depend_on_where_the_search_begins(seed, far, alpha):
    rows = differences(seed, 12, 3)
    other = posterior(rows, alike(rows), alpha, rows.new_full((3,), far))
    torch.testing.assert_close(other.mode, fit(rows, alpha).mode, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("seed", "labels", "dim"), [(0, 40, 3), (1, 200, 8), (2, 12, 12), (3, 300, 2)])
def test_the_prior_found_has_the_greatest_evidence_of_a_grid(seed, labels, dim):
    rows = differences(seed, labels, dim)
    best = best_posterior(rows, alike(rows), 1e-3, 1e3)
    grid = [fit(rows, alpha).log_evidence for alpha in np.geomspace(1e-3, 1e3, 400)]
    assert best.log_evidence >= max(grid) - 1e-3
    assert best.log_evidence == pytest.approx(fit(rows, best.alpha).log_evidence, abs=1e-6)
    assert max(grid) > max(grid[0], grid[-1]) + 0.1, "the maximum lies inside"


@pytest.mark.parametrize("alpha", [0.05, 1.0, 20.0])
def test_the_evidence_is_close_to_the_integral(alpha):
    rows = differences(5, 60, 1)
    height = fit(rows, alpha).log_evidence

    def joint(weight):
        value = float(minus_log_joint(torch.tensor([weight], dtype=torch.float64), rows, alpha))
        return math.sqrt(alpha / (2 * math.pi)) * math.exp(-value - height)

    exact = height + math.log(quad(joint, -10, 10, points=[float(fit(rows, alpha).mode)], limit=200)[0])
    assert height == pytest.approx(exact, abs=0.05)


def test_labels_without_signal_ask_for_the_narrowest_prior_and_strong_ones_do_not():
    rng = np.random.default_rng(0)
    noise = torch.from_numpy(rng.standard_normal((500, 5)))
    assert best_posterior(noise, alike(noise), 1e-2, 1e4).alpha > 50
    rows = differences(0, 500, 5)
    assert best_posterior(rows, alike(rows), 1e-2, 1e4).alpha < 10


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=8),
    copies=st.integers(1, 3),
    spread=st.floats(0.01, 1e3),
)
@example(rows=[[1, 0, 0], [1, 0, 0]], copies=1, spread=1e3)  # two labels that can be told apart
@example(rows=[[0, 0, 0], [0, 0, 0]], copies=2, spread=1.0)  # answers that are alike
@example(rows=[[1, 1, 0], [-1, -1, 0]], copies=1, spread=1e3)  # the same pair, answered both ways
def test_any_labels_have_a_posterior(rows, copies, spread):
    stacked = torch.tensor(rows, dtype=torch.float64).repeat(1, copies)
    found = best_posterior(stacked, alike(stacked), 1 / spread**2, 1e4)
    assert torch.isfinite(found.mode).all()
    assert torch.isfinite(found.factor).all()
    assert math.isfinite(found.log_evidence)
    assert 1 / spread**2 * (1 - 1e-9) <= found.alpha <= 1e4 * (1 + 1e-9)
    assert (found.factor.diagonal() > 0).all()


def test_equal_bounds_fix_the_prior():
    rows = differences(0, 30, 4)
    fixed = best_posterior(rows, alike(rows), 3.0, 3.0)
    assert fixed.alpha == pytest.approx(3.0)
    torch.testing.assert_close(fixed.mode, fit(rows, 3.0).mode)


def test_numbers_that_are_not_finite_are_refused():
    rows = differences(0, 10, 3)
    rows[4, 1] = math.nan
    with pytest.raises(StateError, match=r"reward\.laplace: .*check the features"):
        best_posterior(rows, alike(rows), 1e-2, 1e2)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), labels=st.integers(1, 20), copies=st.integers(2, 4))
def test_a_label_of_integer_weight_counts_as_so_many_labels(seed, labels, copies):
    rows = differences(seed, labels, 3)
    weight = torch.where(torch.arange(labels) % 2 == 0, float(copies), 1.0).double()
    repeated = rows.repeat_interleave(weight.long(), dim=0)
    weighted, plain = best_posterior(rows, weight, 1e-2, 1e2), best_posterior(repeated, alike(repeated), 1e-2, 1e2)
    torch.testing.assert_close(weighted.mode, plain.mode, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(weighted.factor, plain.factor, rtol=1e-6, atol=1e-8)
    assert weighted.log_evidence == pytest.approx(plain.log_evidence)

"""Rules that look at directions against naive references: explicit determinants, explicit loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dpo.test_rules import M, World, chosen

CASES = given(
    seed=st.integers(0, 10_000),
    prompts=st.integers(M + 1, 24),
    labelled=st.integers(0, 12),
    beta=st.floats(0.05, 3),
)


def weights(world, among):
    margin = world.beta * np.diff(world.log_policy - world.log_reference, axis=1)[among, 0]
    mu = 1 / (1 + np.exp(-margin))
    return world.beta**2 * mu * (1 - mu)


def naive_d_optimal(world, ridge):
    """The greedy maximum of log det H, every determinant anew, in H's own unit."""
    among = np.array(world.written)
    w = weights(world, among)
    unit = world.beta**2 / 4 * (world.direction[among] ** 2).sum(axis=1).mean()
    h = ridge * unit * np.eye(8) + world.beta**2 / 4 * world.labelled.T @ world.labelled
    picks = []
    for _ in range(M):
        added = [
            h + w_n * np.outer(world.direction[n], world.direction[n]) for n, w_n in zip(among, w, strict=True)
        ]
        gains = [-np.inf if n in picks else np.linalg.slogdet(x)[1] for n, x in zip(among, added, strict=True)]
        best = int(np.argmax(gains))
        picks.append(int(among[best]))
        h = added[best]
    return picks


@CASES
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("ridge", [0.01, 1.0, 30.0])
def test_d_optimal_is_the_greedy_maximum_of_the_determinant(ridge, seed, prompts, labelled, beta):
    world = World(prompts=prompts, seed=seed, labelled=labelled, beta=beta)
    picks = chosen("d_optimal", world, ridge=ridge)
    assert picks == naive_d_optimal(world, ridge)


def naive_diverse(world, max_cosine):
    def cosine(x, y):
        return abs(x @ y) / np.sqrt((x @ x) * (y @ y))

    order = sorted(world.written, key=lambda n: -world.certainty[n])
    taken, passed = [], []
    for n in order:
        others = [*world.labelled, *(world.direction[k] for k in taken)]
        near = any(cosine(world.direction[n], other) > max_cosine for other in others)
        (passed if near else taken).append(n)
    return (taken + passed)[:M]


@CASES
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("max_cosine", [0.2, 0.5, 0.8])
def test_diverse_certainty_is_what_a_loop_over_all_pairs_gives(max_cosine, seed, prompts, labelled, beta):
    world = World(prompts=prompts, seed=seed, labelled=labelled, beta=beta)
    picks = chosen("diverse_certainty", world, max_cosine=max_cosine)
    assert picks == naive_diverse(world, max_cosine)


@given(seed=st.integers(0, 10_000), trained=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_cosine_of_1_passes_nothing_over(seed, trained):
    """Even where directions are the same, and in the same order as `certainty`."""
    world = World(seed=seed, trained=trained)
    world.direction[:] = world.direction[0] * np.random.default_rng(seed).choice([-1.7, 0.3], size=(120, 1))
    world.labelled = world.direction[:2]
    assert chosen("diverse_certainty", world, seed, max_cosine=1.0) == chosen("certainty", world, seed)


def test_a_pair_like_a_labelled_one_waits_until_nothing_else_is_left():
    world = World(labelled=1)
    sure = chosen("certainty", world)
    world.direction[sure[0]], world.labelled = np.full(8, 1.0), np.full((1, 8), -2.0)
    picks = chosen("diverse_certainty", world, max_cosine=0.99)
    assert picks[:-1] == sure[1:]
    world.direction[:] = 1.0
    assert chosen("diverse_certainty", world, max_cosine=0.9) == sure


def test_both_rules_avoid_what_was_chosen_before():
    """Half of the candidates point the same way, which is labelled: the others come first."""
    world = World(prompts=24, labelled=40)
    rng = np.random.default_rng(0)
    common = rng.standard_normal(8)
    world.labelled[:] = common
    alike = rng.permutation(24)[:12]
    world.direction[alike] = common
    away = np.setdiff1d(np.arange(24), alike)
    world.direction[away] -= np.outer(world.direction[away] @ common, common) / (common @ common)
    assert set(chosen("d_optimal", world)).isdisjoint(alike.tolist())
    assert set(chosen("diverse_certainty", world, max_cosine=0.99)).isdisjoint(alike.tolist())


def test_d_optimal_prefers_undecided_pairs_of_the_same_direction():
    world = World(prompts=24, labelled=0)
    world.direction[:] = 1.0
    assert set(chosen("d_optimal", world)) == set(chosen("least_certain", world))


def test_the_scale_of_directions_changes_nothing():
    """A ridge is counted in units of a usual pair."""
    world, larger = World(), World()
    larger.direction *= 1000
    larger.labelled *= 1000
    for name in ("d_optimal", "diverse_certainty"):
        assert chosen(name, world) == chosen(name, larger)


@pytest.mark.parametrize("name", ["d_optimal", "diverse_certainty"])
def test_without_directions_the_choice_is_by_a_seeded_draw_or_certainty(name):
    world = World()
    world.direction[:], world.labelled[:] = 0.0, 0.0
    picks = chosen(name, world)
    assert len(set(picks)) == M
    if name == "diverse_certainty":
        assert picks == chosen("certainty", world)
    else:
        assert picks == chosen(name, world) != chosen(name, world, seed=1)


@pytest.mark.parametrize("name", ["d_optimal", "diverse_certainty"])
def test_equal_pairs_are_equally_likely(name):
    counts = np.zeros(120)
    for seed in range(400):
        world = World(trained=False, labelled=0)
        world.direction[:] = 1.0
        counts[chosen(name, world, seed)] += 1
    among, expected = counts[world.written], 400 / 4
    assert ((among - expected) ** 2).sum() / (expected * 0.75) < 50  # 23 degrees of freedom: p = 0.001

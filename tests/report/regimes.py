"""Simulated scores whose truth is known: equal policies, or ones with a known label efficiency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prefloop.report.scores import Scores, SeedSums

ROUNDS = 8
LABELS = 64 * np.arange(1, ROUNDS + 1)
PROMPTS = 60


@dataclass(frozen=True)
class Regime:
    """Standard deviations of the noise, nats.

    Attributes:
        runs: of a run, kept half from round to round.
        prompts: of a policy on a prompt, the same in all runs.
        both: of a run on a prompt.
    """

    runs: float
    prompts: float
    both: float


REGIMES = {
    "seeds": Regime(runs=0.006, prompts=0.0, both=0.03),
    "prompts": Regime(runs=0.001, prompts=0.05, both=0.03),
    "interaction": Regime(runs=0.001, prompts=0.0, both=0.15),
    "seeds and interaction": Regime(runs=0.006, prompts=0.0, both=0.15),
}


def true_curve(efficiency: float) -> np.ndarray:
    """Expected log-likelihood [R] of a policy whose labels are worth `efficiency` random ones each."""
    return -0.60 + 0.08 * (1 - np.exp(-2 * efficiency * np.arange(ROUNDS) / ROUNDS))


def simulate_scores(
    rng: np.random.Generator,
    efficiencies: Sequence[float],
    seeds: int,
    regime: Regime,
    own_split: bool,
    wild: float = 1.0,
) -> Scores:
    """Scores of policies that all share round 0.

    Args:
        rng: source of the noise.
        efficiencies: of each policy; 1 is random's.
        seeds: number of seeds.
        regime: sizes of the noise.
        wild: how many times the others' noise between runs the last policy has.
        own_split: whether seeds draw their test prompts (of four times as many) or all have the same.
    """
    policies, population = len(efficiencies), PROMPTS * (4 if own_split else 1)
    runs = rng.normal(size=(policies, seeds, ROUNDS)) * regime.runs
    runs[-1] *= wild
    runs[:, :, 0] = runs[0, :, 0]
    for round_ in range(1, ROUNDS):
        runs[:, :, round_] = 0.5 * runs[:, :, round_ - 1] + 0.75**0.5 * runs[:, :, round_]
    hard = 0.2 * rng.normal(size=population)
    on_prompt = regime.prompts * rng.normal(size=(policies, 1, population)) * (np.arange(ROUNDS) > 0)[:, None]
    expected = np.stack([true_curve(efficiency) for efficiency in efficiencies])
    of_seeds = []
    for seed in range(seeds):
        at = np.sort(rng.choice(population, PROMPTS, replace=False)) if own_split else np.arange(population)
        rest = regime.both * rng.normal(size=(policies, ROUNDS, PROMPTS))
        rest[:, 0] = rest[0, 0]
        sums = expected[..., None] + runs[:, seed, :, None] + hard[at] + on_prompt[..., at] + rest
        of_seeds.append(SeedSums(sums, np.ones(PROMPTS, np.int64), at, np.ones(PROMPTS)))
    return Scores(tuple(of_seeds))

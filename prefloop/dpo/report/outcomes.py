"""Outcomes of all runs as scores per test prompt, resampled together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from prefloop.config.shared import Compare
from prefloop.dpo.metrics import ROUNDS
from prefloop.dpo.report.runs import DpoRuns
from prefloop.errors import StateError
from prefloop.report.bootstrap import Replicated, replicate
from prefloop.report.curves import Curves, curves_of
from prefloop.report.scores import Scores, one_split

# Who judges, and the score that says so: the one that labels is fixed as the primary one.
JUDGES = {"oracle": "win_oracle", "judge": "win_judge"}
MOVES = ("kl", "length")


@dataclass(frozen=True)
class Resampled:
    """Mean curves of the outcomes, rounds from 0 on.

    Attributes:
        curves: win_oracle, kl, length, and win_judge where it has prompts.
        later: the same without round 0, where all policies are the start model.
        prompts: test prompts of each of them.
        paths: replicates of each win rate.
        kl_where_judged: of the KL divergence on the prompts of each win rate, so that both move together.
        per_seed: float64 [P, S, R] of each outcome.
    """

    curves: dict[str, Curves]
    later: dict[str, Curves]
    prompts: dict[str, int]
    paths: dict[str, Replicated]
    kl_where_judged: dict[str, Replicated]
    per_seed: dict[str, np.ndarray]


def resample(runs: DpoRuns, config: Compare) -> Resampled:
    """Find what seeds and test prompts contribute, and replicates for what is not linear in the curves.

    Test prompts that any run left unjudged are left out in all runs of that judge: else policies would be
    compared on different prompts.

    Args:
        runs: the runs.
        config: section `compare`.

    Raises:
        StateError: no test prompt has a verdict of the training oracle in every run.
    """
    judged = {name: ~np.isnan(runs.scores[name]).any(axis=(0, 1, 2)) for name in JUDGES.values()}
    if not judged["win_oracle"].any():
        raise StateError(
            "none of the test prompts was judged by the oracle in every round of every run: it leaves too much "
            "unanswered; see the reasons in verdicts.jsonl, mend it, and run the rounds again"
        )
    every = np.ones(runs.scores["kl"].shape[-1], dtype=bool)
    kept = {name: mask for name, mask in judged.items() if mask.any()} | dict.fromkeys(MOVES, every)
    sums = {name: _sums(runs.scores[name], mask) for name, mask in kept.items()}
    later = {
        name: _curves(_sums(runs.scores[name][:, :, 1:], mask), runs.n_labels[1:], name, config)
        for name, mask in kept.items()
    }
    wins = [name for name in JUDGES.values() if name in kept]
    return Resampled(
        curves={
            name: _with_prior(_curves(total, runs.n_labels, name, config), later[name])
            for name, total in sums.items()
        },
        later=later,
        prompts={name: int(mask.sum()) for name, mask in kept.items()},
        paths={name: replicate(sums[name], config) for name in wins},
        kl_where_judged={name: replicate(_sums(runs.scores["kl"], kept[name]), config) for name in wins},
        per_seed={name: total.per_seed() for name, total in sums.items()},
    )


def _sums(scores: np.ndarray, kept: np.ndarray) -> Scores:
    count = int(kept.sum())
    return one_split(scores[..., kept], np.ones(count, dtype=np.int64), np.ones(count))


def _curves(scores: Scores, n_labels: np.ndarray, name: str, config: Compare) -> Curves:
    # All policies begin without any label.
    return curves_of(scores, n_labels, 0.0, config.confidence, ROUNDS.bounds(name))


def _with_prior(curves: Curves, later: Curves) -> Curves:
    """The curves with what `later` says of how alike policies vary, so that both have the same intervals."""
    return replace(curves, units=replace(curves.units, prior=later.units.prior))

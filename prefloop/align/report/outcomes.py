"""Outcomes of all runs as scores per test prompt, resampled together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.align.report.runs import AlignRuns
from prefloop.config.model import Compare
from prefloop.errors import StateError
from prefloop.report.bootstrap import PromptSums
from prefloop.report.curves import Curves, draw

# Who judges, and the score that says so: the one that labels is fixed as the primary one.
JUDGES = {"oracle": "win_oracle", "judge": "win_judge"}
MOVES = ("kl", "length")


@dataclass(frozen=True)
class Resampled:
    """Mean curves of the outcomes with replicates, rounds from 0 on.

    Attributes:
        curves: win_oracle, kl, length, and win_judge where it has prompts.
        prompts: test prompts of each of them.
        kl_where_judged: the KL divergence on the prompts of each win rate, so that both move together.
        per_seed: float64 [P, S, R] of each outcome.
    """

    curves: dict[str, Curves]
    prompts: dict[str, int]
    kl_where_judged: dict[str, Curves]
    per_seed: dict[str, np.ndarray]


def resample(runs: AlignRuns, config: Compare) -> Resampled:
    """Draw replicates over seeds and test prompts, the same ones for all policies and outcomes.

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
    kept = {name: of for name, of in judged.items() if of.any()} | dict.fromkeys(MOVES, every)
    sums = {name: _sums(runs.scores[name], of) for name, of in kept.items()}
    return Resampled(
        curves={name: draw(of, config) for name, of in sums.items()},
        prompts={name: int(of.sum()) for name, of in kept.items()},
        kl_where_judged={
            name: draw(_sums(runs.scores["kl"], kept[name]), config) for name in JUDGES.values() if name in kept
        },
        per_seed={name: of.per_seed() for name, of in sums.items()},
    )


def _sums(scores: np.ndarray, kept: np.ndarray) -> PromptSums:
    return PromptSums(scores[..., kept], np.ones(int(kept.sum()), dtype=np.int64))

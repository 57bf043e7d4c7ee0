"""Judging a model on the pairs outside the pool; the only step that reads hidden answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from prefloop.metrics.evaluation import EvalSet
from prefloop.metrics.predictive import pair_logits, predictive_metrics
from prefloop.reward.registry import RewardModel
from prefloop.rounds.problem import Problem
from prefloop.rounds.steps import Labelled


def outside_predictions(problem: Problem, model: RewardModel) -> np.ndarray:
    """float32 [M, E]: rewards of the completions outside the pool, in row order."""
    return model.rewards(problem.features.completions[problem.prepared.completions_of("pool").stop :])


def split_metrics(
    problem: Problem, predictions: np.ndarray, evaluation: dict[str, EvalSet]
) -> dict[str, dict[str, float | None]]:
    """Metrics of every evaluation split, from `outside_predictions`."""
    first = problem.prepared.completions_of("pool").stop
    return {
        split: predictive_metrics(pair_logits(predictions, pairs.a - first, pairs.b - first), pairs.y)
        for split, pairs in evaluation.items()
    }


def labelled_metrics(problem: Problem, model: RewardModel, labelled: Labelled) -> dict[str, Any]:
    """Metrics on the decided labelled pairs (each member trained on most of them); {} without any."""
    decided = labelled.comparisons()
    count = len(decided)
    if not count:
        return {}
    rewards = model.rewards(problem.features.completions[np.concatenate([decided.winner, decided.loser])])
    logits = pair_logits(rewards, np.arange(count), np.arange(count, 2 * count))
    return {"n_pairs": count, **predictive_metrics(logits, np.ones(count))}


def evaluate_campaign(
    problem: Problem, evaluation: dict[str, EvalSet], model: RewardModel, labelled: Labelled
) -> dict[str, Any]:
    """Metrics of a campaign's current model, as far as there are hidden answers to judge by."""
    return {
        "trained": bool(model.epochs.any()),
        "n_labels": len(labelled.pairs),
        "n_undecided": len(labelled.pairs) - len(labelled.comparisons()),
        "splits": split_metrics(problem, outside_predictions(problem, model), evaluation),
    }

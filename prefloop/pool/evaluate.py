"""Evaluation of a model on the pairs outside the pool, and on the labelled ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from prefloop.evaluation.predictive import pair_logits, predictive_metrics
from prefloop.labels.labelled import Labelled
from prefloop.oracle.evaluated_pairs import EvalSet
from prefloop.pool.problem import Problem
from prefloop.reward.registry import UncertaintyModel


def outside_predictions(problem: Problem, model: UncertaintyModel) -> np.ndarray:
    """float32 [M, E]: rewards of the completions outside the pool, in row order."""
    return model.rewards(problem.outside_completions)


def split_metrics(
    problem: Problem, predictions: np.ndarray, evaluation: dict[str, EvalSet]
) -> dict[str, dict[str, float | None]]:
    """Metrics of every evaluation split under the declared target, from `outside_predictions`."""
    first = problem.prepared.completions_of("pool").stop
    return {
        split: predictive_metrics(
            pair_logits(predictions, pairs.a - first, pairs.b - first), pairs.y, pair_weights(problem, pairs)
        )
        for split, pairs in evaluation.items()
    }


def evaluated_prompts(problem: Problem, pairs: EvalSet) -> tuple[np.ndarray, np.ndarray]:
    """The prompts that a split is judged on, and their weights under the declared target.

    Returns:
        Prompt rows int64 [Q], ascending, and weights float64 [Q]: 1 for target `prompts`, the density ratio for
        `file`. For `pairs` the number of the prompt's pairs; where the division cuts a prompt in two, the
        test's share of all its pairs, so that what the cut leaves out does not change its weight.
    """
    rows, counts = np.unique(pairs.prompt, return_counts=True)
    if problem.target == "pairs":
        return rows, _as_in_the_pool(problem, rows, counts)
    return rows, problem.prompt_weight[rows]


def _as_in_the_pool(problem: Problem, rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
    stored = problem.division.prompts[rows]
    cut = np.isin(stored, problem.division.divided)
    whole = np.bincount(problem.inputs.stored.pair_prompt, minlength=len(problem.inputs.stored.prompt_ids))
    return np.where(cut, whole[stored] * problem.data.split.test, counts).astype(np.float64)


def pair_weights(problem: Problem, pairs: EvalSet) -> np.ndarray:
    """Weight of each evaluated pair, float64 [n]: its prompt's, in equal parts."""
    rows, weights = evaluated_prompts(problem, pairs)
    place = np.searchsorted(rows, pairs.prompt)
    return (weights / np.bincount(place, minlength=len(rows)))[place]


def labelled_metrics(problem: Problem, model: UncertaintyModel, labelled: Labelled) -> dict[str, Any]:
    """Metrics on the decided labelled pairs (each member trained on most of them); {} without any."""
    decided = labelled.by_verdict.comparisons()
    count = len(decided)
    if not count:
        return {}
    rewards = model.rewards(problem.completions[np.concatenate([decided.winner, decided.loser])])
    logits = pair_logits(rewards, np.arange(count), np.arange(count, 2 * count))
    return {"n_pairs": count, **predictive_metrics(logits, np.ones(count))}


@dataclass(frozen=True)
class Said:
    """What stands in the log of a campaign.

    Attributes:
        words: votes and rulings.
        disputed: pairs on which votes disagree, `prefloop.labels.disputes.disputed`.
    """

    words: int
    disputed: int


def evaluate_campaign(
    problem: Problem, evaluation: dict[str, EvalSet], model: UncertaintyModel, labelled: Labelled, said: Said
) -> dict[str, Any]:
    """Metrics of a campaign's current model, as far as there are hidden answers to judge by; none without a test.

    Args:
        problem: the campaign's division.
        evaluation: the pairs to judge by, perhaps of no split.
        model: trained or not.
        labelled: everything labelled so far.
        said: what stands in the log.
    """
    scores = split_metrics(problem, outside_predictions(problem, model), evaluation) if evaluation else {}
    return {
        "trained": model.trained,
        "n_labels": len(labelled.pairs),
        "n_undecided": len(labelled.pairs) - len(labelled.decided),
        "n_disputed": said.disputed,
        "n_words": said.words,
        "splits": scores,
    }

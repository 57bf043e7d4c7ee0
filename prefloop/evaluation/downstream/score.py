"""Downstream scores: one row per share and split, and outcomes per prompt, of what retrained models predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from prefloop.data.prepared import Prepared
from prefloop.evaluation.calibration import calibration_error
from prefloop.evaluation.downstream.result import DownstreamPredictions
from prefloop.evaluation.downstream.scored import ScoredPrompts, scored_prompts
from prefloop.evaluation.predictive import correctness, log_likelihoods, pair_logits
from prefloop.oracle.evaluated_pairs import EvalSet

Outcomes = dict[str, tuple[np.ndarray, np.ndarray]]

_STRATA = ("small", "medium", "large")


@dataclass(frozen=True)
class _PairScores:
    """Per evaluation pair, float64 [n]: log-likelihood (nats), correct (1/2 for a coin toss), confidence."""

    log_likelihood: np.ndarray
    correct: np.ndarray
    confidence: np.ndarray


def downstream_rows(
    prepared: Prepared, evaluation: dict[str, EvalSet], scores: np.ndarray, predicted: DownstreamPredictions
) -> list[dict[str, Any]]:
    """Score retrained models on every evaluation split.

    Args:
        prepared: the tables.
        evaluation: evaluation pairs by split.
        scores: float64 [C], hidden scores, NaN = unknown.
        predicted: what the retrained models predict.

    Returns:
        One row per share and split: share, n_labels, split, n_pairs, accuracy, accuracy by tercile of the
        pairs' score gap (None without scored pairs in it), log_likelihood (nats per pair), ece, ece_floor;
        n_prompts, the prompts whose known scores differ, and over them (None without any) best_of_accuracy and
        best_of_regret of the reward model's favourite, proxy_score (expected score under the policy
        proxy), uniform_score and best_score (of a uniform and of the best choice).
    """
    rows = []
    for split, pairs in evaluation.items():
        prompts, terciles = scored_prompts(prepared, scores, split), _gap_terciles(scores, pairs)
        first = prepared.completions_of("pool").stop
        for s, share in enumerate(predicted.shares):
            identity = {"share": share, "n_labels": int(predicted.n_labels[s]), "split": split}
            by_pair = _pair_row(_score_pairs(pairs, predicted.rewards[s], first), terciles)
            by_prompt = _prompt_row(prompts, predicted.rewards[s], predicted.log_policy[s], first)
            rows.append({**identity, **by_pair, **by_prompt})
    return sorted(rows, key=lambda row: row["share"])


def prompt_outcomes(
    prepared: Prepared, pairs: EvalSet, scores: np.ndarray, rewards: np.ndarray, log_policy: np.ndarray
) -> Outcomes:
    """Outcomes of one share on one split, summed within prompts, for intervals over prompts.

    Args:
        prepared: the tables.
        pairs: the split's evaluation pairs.
        scores: float64 [C], hidden scores, NaN = unknown.
        rewards: float32 [M, E], of the completions outside the pool.
        log_policy: float64 [E], the policy proxy's log pi(y|x).

    Returns:
        Sums float64 [Q'] and counts int64 [Q'], prompts ascending: accuracy and log_likelihood over the
        prompts with evaluation pairs (counts: pairs); best_of_accuracy, best_of_regret and proxy_score
        over the prompts whose known scores differ (counts: 1), which may be none.
    """
    first = prepared.completions_of("pool").stop
    scored = _score_pairs(pairs, rewards, first)
    _, group, counts = np.unique(pairs.prompt, return_inverse=True, return_counts=True)
    prompts = scored_prompts(prepared, scores, pairs.split)
    once = np.ones(len(prompts), dtype=np.int64)
    return {
        "accuracy": (np.bincount(group, weights=scored.correct), counts),
        "log_likelihood": (np.bincount(group, weights=scored.log_likelihood), counts),
        **{name: (value, once) for name, value in _choices(prompts, rewards, log_policy, first).items()},
    }


def _score_pairs(pairs: EvalSet, rewards: np.ndarray, first: int) -> _PairScores:
    logits = pair_logits(rewards, pairs.a - first, pairs.b - first)
    p = expit(logits).mean(axis=0)
    correct = correctness(p, pairs.y)
    return _PairScores(log_likelihoods(logits, pairs.y), correct, np.maximum(p, 1 - p))


def _gap_terciles(scores: np.ndarray, pairs: EvalSet) -> np.ndarray:
    """Tercile of each pair's score gap, int8 [n]: 0 small, 1, 2 large, -1 without scores; equal gaps together."""
    gap = np.abs(scores[pairs.a] - scores[pairs.b])
    scored = np.isfinite(gap)
    result = np.full(len(pairs), -1, dtype=np.int8)
    if scored.any():
        result[scored] = np.searchsorted(np.quantile(gap[scored], [1 / 3, 2 / 3]), gap[scored])
    return result


def _pair_row(scored: _PairScores, terciles: np.ndarray) -> dict[str, float | None]:
    row: dict[str, float | None] = {"n_pairs": len(terciles), "accuracy": float(scored.correct.mean())}
    for number, name in enumerate(_STRATA):
        row[f"accuracy_{name}_gap"] = _mean(scored.correct[terciles == number])
    row["log_likelihood"] = float(scored.log_likelihood.mean())
    calibration = calibration_error(scored.confidence, scored.correct)
    return row | {"ece": calibration.debiased, "ece_floor": calibration.floor}


def _prompt_row(
    prompts: ScoredPrompts, rewards: np.ndarray, log_policy: np.ndarray, first: int
) -> dict[str, float | None]:
    row: dict[str, float | None] = {"n_prompts": len(prompts)}
    choices = _choices(prompts, rewards, log_policy, first)
    limits = {"uniform_score": prompts.mean_scores(), "best_score": prompts.best_scores()}
    return row | {name: _mean(values) for name, values in (choices | limits).items()}


def _choices(
    prompts: ScoredPrompts, rewards: np.ndarray, log_policy: np.ndarray, first: int
) -> dict[str, np.ndarray]:
    columns = prompts.rows - first
    hit, regret = prompts.best_of(rewards[:, columns])
    expected = prompts.expected_scores(log_policy[columns])
    return {"best_of_accuracy": hit, "best_of_regret": regret, "proxy_score": expected}


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None

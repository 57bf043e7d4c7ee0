"""Retrained reward model and policy proxy: trained on what was acquired, with no part in acquiring it.

No hidden answer is read.
"""

from __future__ import annotations

import logging

import numpy as np

from prefloop.config.model import Downstream as Config
from prefloop.config.model import Reward
from prefloop.evaluation.downstream.proxy import fit_policy, log_policies
from prefloop.evaluation.downstream.result import DownstreamPredictions
from prefloop.labels.labelled import Labelled
from prefloop.pool.problem import Problem
from prefloop.pool.steps import fit_round

log = logging.getLogger("prefloop")

# The round of all retrained models: beyond any run's, so that their random numbers are not the selector's,
# and shared by all policies of a seed and all shares.
RETRAINED_ROUND = 1_000_000


def downstream_predictions(
    problem: Problem, labelled: Labelled, reward: Reward, config: Config, *, seed: int, device: str
) -> DownstreamPredictions:
    """Train a reward model and a policy proxy from scratch on the labels acquired first.

    The models see the labels and nothing of who chose them: equal labels give equal bytes. With fewer
    than two decided labels the reward model stays untrained and the proxy uniform.

    Args:
        problem: features and prompts.
        labelled: all labels of a run, in order of acquisition.
        reward: section `reward`; members stop on their own held-out labels.
        config: section `downstream`.
        seed: the run's seed.
        device: where reward models train.

    Raises:
        StateError: a fit that did not converge.

    Source: ActiveUltraFeedback (arXiv 2603.09692) judges the data a rule acquired by a model
        retrained on them.
    """
    outside = slice(problem.prepared.completions_of("pool").stop, None)
    features = problem.outside_completions
    n_labels = np.array([round(share * len(labelled.pairs)) for share in config.shares])
    parts = [labelled.take(np.arange(count)) for count in n_labels.tolist()]
    rewards = []
    for part in parts:
        log.info("retraining a reward model on %d of %d labels", len(part.pairs), len(labelled.pairs))
        model = fit_round(problem, reward, part, None, device=device, seed=seed, round_=RETRAINED_ROUND)
        rewards.append(model.rewards(features))
    differences, scale = _differences(problem, labelled)
    trained = [part.comparisons() for part in parts]
    theta = np.stack([fit_policy(differences[: len(of)], of.weights, config.proxy) for of in trained])
    log_policy = log_policies(theta, features, scale, problem.prepared.completion_prompt[outside])
    return DownstreamPredictions(config.shares, n_labels, np.stack(rewards), log_policy)


def _differences(problem: Problem, labelled: Labelled) -> tuple[np.ndarray, np.ndarray]:
    """Standardised features of chosen minus rejected, float64 [n, D], and the scale [D] that was applied."""
    _, deviation = problem.moments
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    decided, features = labelled.comparisons(), problem.completions
    differences = features[decided.winner].astype(np.float64)
    differences -= features[decided.loser]
    differences *= scale
    return differences, scale

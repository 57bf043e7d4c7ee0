"""Acquisition rules of active DPO: from a round's view to m pairs worth a verdict.

M is the number of labels of a round, G (`pairs`) the over-generation of pairs, E (`prompts`) the
over-sampling of prompts. Equal scores are equally likely to be kept: in the first round the policy is
the reference and every certainty is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.acquisition.view import require, top
from prefloop.align.scores import certainty, implicit_reward, predictive_entropy
from prefloop.align.view import OnPolicyPairs, RoundView


@dataclass(frozen=True)
class Oversampling:
    """How much more is drawn than is labelled.

    Attributes:
        pairs: G, pairs written per label, >= 1.
        prompts: E, prompts drawn per pair written, >= 1.
        beta: DPO's beta, > 0; it changes no choice.
    """

    pairs: int
    prompts: int
    beta: float


def random(view: RoundView, m: int, rng: np.random.Generator, config: Oversampling) -> OnPolicyPairs:
    """One pair of completions for each of M random prompts.

    Source: Muldrew et al. 2024 (arXiv 2402.08114), random.
    """
    return _first(view.write(view.draw(m)), m)


def offline(view: RoundView, m: int, rng: np.random.Generator, config: Oversampling) -> OnPolicyPairs:
    """M of the pairs that the reference wrote before the first round.

    Source: Muldrew et al. 2024, offline.
    """
    return _first(view.offline(), m)


def entropy(view: RoundView, m: int, rng: np.random.Generator, config: Oversampling) -> OnPolicyPairs:
    """The M prompts of the largest predictive entropy among M * E.

    Source: Muldrew et al. 2024, entropy.
    """
    return _first(view.write(_uncertain(view, m, config.prompts, rng)), m)


def certain(view: RoundView, m: int, rng: np.random.Generator, config: Oversampling) -> OnPolicyPairs:
    """The M pairs that the implicit reward is surest of among M * G: they show its confident mistakes.

    Source: Muldrew et al. 2024, preference certainty.
    """
    return _by_certainty(view.write(view.draw(m * config.pairs)), m, rng, config, 1)


def least_certain(view: RoundView, m: int, rng: np.random.Generator, config: Oversampling) -> OnPolicyPairs:
    """The M pairs that the implicit reward is least sure of among M * G.

    Source: Muldrew et al. 2024, the ablation of the sign.
    """
    return _by_certainty(view.write(view.draw(m * config.pairs)), m, rng, config, -1)


def hybrid(view: RoundView, m: int, rng: np.random.Generator, config: Oversampling) -> OnPolicyPairs:
    """The M * G prompts of the largest entropy among M * G * E; of their pairs the M surest.

    Source: Muldrew et al. 2024, the paper's method.
    """
    kept = _uncertain(view, m * config.pairs, config.prompts, rng)
    return _by_certainty(view.write(kept), m, rng, config, 1)


def random_compute_matched(
    view: RoundView, m: int, rng: np.random.Generator, config: Oversampling
) -> OnPolicyPairs:
    """Writes all that `hybrid` writes and keeps M pairs at random: what the computing alone is worth.

    Source: a control; it should do as well as random.
    """
    drawn = view.draw(m * config.pairs * config.prompts)
    view.samples(drawn)
    pairs = view.write(drawn[: m * config.pairs])
    require(len(pairs), m)
    return pairs.take(rng.permutation(len(pairs))[:m])


def _uncertain(view: RoundView, count: int, factor: int, rng: np.random.Generator) -> np.ndarray:
    drawn = view.draw(count * factor)
    return drawn[top(predictive_entropy(view.samples(drawn)), min(count, len(drawn)), rng)]


def _by_certainty(
    pairs: OnPolicyPairs, m: int, rng: np.random.Generator, config: Oversampling, sign: int
) -> OnPolicyPairs:
    rewards = implicit_reward(pairs.log_policy, pairs.log_reference, config.beta)
    return pairs.take(top(sign * certainty(rewards[:, 0], rewards[:, 1]), m, rng))


def _first(pairs: OnPolicyPairs, m: int) -> OnPolicyPairs:
    require(len(pairs), m)
    return pairs.take(np.arange(m))

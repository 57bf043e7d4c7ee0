"""Acquisition rules of active DPO: from a round's view to m pairs worth a verdict.

M is the number of labels of a round, G (`pairs`) the over-generation of pairs, E (`prompts`) the
over-sampling of prompts. Equal scores are equally likely to be kept: in the first round the policy is
the reference and every certainty is 0. A rule gives fewer than m pairs where the policy repeats itself;
the round then asks it for the rest.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from prefloop.acquisition.view import top
from prefloop.dpo.scores import certainty, implicit_reward, predictive_entropy
from prefloop.dpo.view import DpoRule, Factor, OnPolicyPairs, RoundView
from prefloop.section import NoParameters, Section

Samples = Annotated[int, Field(ge=1, le=1024)]


class Entropic(Section):
    """Parameters of `entropy`: E, and completions per prompt for its estimate."""

    prompts: Factor
    samples: Samples


class Certain(Section):
    """Parameters of `certainty` and `least_certain`: G."""

    pairs: Factor


class Nested(Section):
    """Parameters of `hybrid` and its control: G, E, and completions per prompt."""

    pairs: Factor
    prompts: Factor
    samples: Samples


def random(view: RoundView, m: int, rng: np.random.Generator, config: NoParameters) -> OnPolicyPairs:
    """One pair of completions for each of M random prompts.

    Source: Muldrew et al. 2024 (arXiv 2402.08114), random.
    """
    return view.write(view.draw(m))


def offline(view: RoundView, m: int, rng: np.random.Generator, config: NoParameters) -> OnPolicyPairs:
    """M of the pairs that the reference wrote once, as it was before the first round.

    Source: Muldrew et al. 2024, offline.
    """
    return view.write_by_reference(view.draw(m))


def entropy(view: RoundView, m: int, rng: np.random.Generator, config: Entropic) -> OnPolicyPairs:
    """The M prompts of the largest predictive entropy among M * E.

    Source: Muldrew et al. 2024, entropy.
    """
    return view.write(_uncertain(view, m, config, rng))


def certain(view: RoundView, m: int, rng: np.random.Generator, config: Certain) -> OnPolicyPairs:
    """The M pairs that the implicit reward is surest of among M * G: they show its confident mistakes.

    Source: Muldrew et al. 2024, preference certainty.
    """
    return _by_certainty(view, view.write(view.draw(m * config.pairs)), m, rng, 1)


def least_certain(view: RoundView, m: int, rng: np.random.Generator, config: Certain) -> OnPolicyPairs:
    """The M pairs that the implicit reward is least sure of among M * G.

    Source: Muldrew et al. 2024, the ablation of the sign.
    """
    return _by_certainty(view, view.write(view.draw(m * config.pairs)), m, rng, -1)


def hybrid(view: RoundView, m: int, rng: np.random.Generator, config: Nested) -> OnPolicyPairs:
    """The M * G prompts of the largest entropy among M * G * E; of their pairs the M surest.

    Source: Muldrew et al. 2024, the paper's method.
    """
    return _by_certainty(view, view.write(_uncertain(view, m * config.pairs, config, rng)), m, rng, 1)


def random_compute_matched(view: RoundView, m: int, rng: np.random.Generator, config: Nested) -> OnPolicyPairs:
    """Writes all that `hybrid` writes and keeps M pairs at random: what the computing alone is worth.

    Source: a control; it should do as well as random.
    """
    drawn = view.draw(m * config.pairs * config.prompts)
    view.samples(drawn, config.samples)
    pairs = view.write(drawn[: m * config.pairs])
    return pairs.take(rng.permutation(len(pairs))[:m])


def _uncertain(view: RoundView, count: int, config: Entropic | Nested, rng: np.random.Generator) -> np.ndarray:
    drawn = view.draw(count * config.prompts)
    scores = predictive_entropy(view.samples(drawn, config.samples))
    return drawn[top(scores, min(count, len(drawn)), rng)]


def _by_certainty(
    view: RoundView, pairs: OnPolicyPairs, m: int, rng: np.random.Generator, sign: int
) -> OnPolicyPairs:
    rewards = implicit_reward(pairs.log_policy, pairs.log_reference, view.beta)
    return pairs.take(top(sign * certainty(rewards[:, 0], rewards[:, 1]), min(m, len(pairs)), rng))


RULES = {
    "random": DpoRule(random, NoParameters),
    "offline": DpoRule(offline, NoParameters),
    "entropy": DpoRule(entropy, Entropic),
    "certainty": DpoRule(certain, Certain),
    "least_certain": DpoRule(least_certain, Certain),
    "hybrid": DpoRule(hybrid, Nested),
    "random_compute_matched": DpoRule(random_compute_matched, Nested),
}

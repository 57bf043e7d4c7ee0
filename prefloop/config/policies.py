"""Section `policies`: a pair rule and a batch policy, each with its own parameters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from prefloop.config.base import Section
from prefloop.config.pair_rules import Auto, Given, PairRule, RandomPair

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
# A word for the limit, since sections refuse numbers that are not finite and JSON has none.
Gamma = NonNegative | Literal["auto", "infinity"]


class Random(Section):
    """Parameters of `random`."""

    policy: Literal["random"]
    stream: Literal["select", "control"]


class Entropy(Section):
    """Parameters of `entropy`."""

    policy: Literal["entropy"]


class Variance(Section):
    """Parameters of `variance`."""

    policy: Literal["variance"]


class Bald(Section):
    """Parameters of `bald`."""

    policy: Literal["bald"]


class SoftmaxBald(Section):
    """Parameters of `softmax_bald`."""

    policy: Literal["softmax_bald"]
    coldness: Positive


class SoftrankBald(Section):
    """Parameters of `softrank_bald`."""

    policy: Literal["softrank_bald"]
    coldness: Positive


class PowerBald(Section):
    """Parameters of `power_bald`."""

    policy: Literal["power_bald"]
    coldness: Positive
    annealing: Literal["geometric", "linear"]
    growth: Positive
    final_coldness: Positive
    annealing_rounds: Annotated[int, Field(ge=1)]
    offset: NonNegative


class RandomPrompts(Section):
    """Parameters of `random_prompts`."""

    policy: Literal["random_prompts"]


class Thinned(Section):
    """Parameters of `thinned`."""

    policy: Literal["thinned"]
    gamma: Gamma


class ThinnedPower(Section):
    """Parameters of `thinned_power`."""

    policy: Literal["thinned_power"]
    gamma: Gamma
    coldness: Positive


class PromptEntropy(Section):
    """Parameters of `prompt_entropy`."""

    policy: Literal["prompt_entropy"]
    offset: Positive
    dimension: Positive


class BalPM(Section):
    """Parameters of `bal_pm`."""

    policy: Literal["bal_pm"]
    beta: NonNegative
    offset: Positive
    dimension: Positive


class BalPMKL(Section):
    """Parameters of `bal_pm_kl`."""

    policy: Literal["bal_pm_kl"]
    beta: NonNegative
    offset: Positive
    dimension: Positive
    k: Annotated[int, Field(ge=1)]


class BalPMPublished(Section):
    """Parameters of `bal_pm_published`."""

    policy: Literal["bal_pm_published"]
    beta: NonNegative
    offset: Positive
    dimension: Positive
    k: Annotated[int, Field(ge=1)]
    standardisation: Literal["slip", "none"]


class KCentre(Section):
    """Parameters of `k_centre`."""

    policy: Literal["k_centre"]


class DOptimal(Section):
    """Parameters of `d_optimal`."""

    policy: Literal["d_optimal"]
    ridge: Positive


BatchPolicy = Annotated[
    Random
    | RandomPrompts
    | Thinned
    | ThinnedPower
    | Entropy
    | Variance
    | Bald
    | SoftmaxBald
    | SoftrankBald
    | PowerBald
    | PromptEntropy
    | BalPM
    | BalPMKL
    | BalPMPublished
    | KCentre
    | DOptimal,
    Field(discriminator="policy"),
]


class Policy(Section):
    """One named policy."""

    pairs: PairRule
    batch: BatchPolicy


def is_model_free(policy: Policy) -> bool:
    """Whether a policy chooses without a reward model and without vectors: prompts and pairs by chance alone."""
    return isinstance(policy.batch, Random | RandomPrompts | Thinned) and isinstance(
        policy.pairs, Auto | Given | RandomPair
    )

"""Section `policies`: a pair rule and a batch policy by name, each with the parameters its registry entry has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from prefloop.acquisition.custom import POLICY_GROUP, RULE_GROUP
from prefloop.acquisition.registry import BATCH_POLICIES, PAIR_RULES, batch_policy, pair_rule
from prefloop.acquisition.responses import PairParameters
from prefloop.acquisition.view import BatchParameters
from prefloop.plugins import find_plugin
from prefloop.section import Section, one_of


def _outside_policy(name: str) -> tuple[str, type[BaseModel]] | None:
    plugin = find_plugin(name, POLICY_GROUP)
    return (plugin.name, plugin.parameters) if plugin is not None else None


def _outside_rule(name: str) -> tuple[str, type[BaseModel]] | None:
    plugin = find_plugin(name, RULE_GROUP)
    return (plugin.name, plugin.parameters) if plugin is not None else None


if TYPE_CHECKING:
    BatchSection = BatchParameters
    PairSection = PairParameters
else:
    BatchSection = one_of(
        BatchParameters,
        "policy",
        {name: policy.parameters for name, policy in BATCH_POLICIES.items()},
        _outside_policy,
    )
    PairSection = one_of(
        PairParameters, "rule", {name: rule.parameters for name, rule in PAIR_RULES.items()}, _outside_rule
    )


class Policy(Section):
    """One named policy."""

    pairs: PairSection
    batch: BatchSection

    def __reduce__(self) -> tuple[Any, ...]:
        # Its sections' classes are made from the registry and have no address in a module.
        return Policy.model_validate, (self.model_dump(),)


def is_model_free(policy: Policy) -> bool:
    """Whether a policy chooses without a reward model and without vectors: prompts and pairs by chance alone."""
    return batch_policy(policy.batch.policy).by_chance and pair_rule(policy.pairs.rule).by_chance

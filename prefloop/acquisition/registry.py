"""Registry of batch policies and pair rules by the names they have in params.yaml."""

from __future__ import annotations

from prefloop.acquisition import balanced, entropic, geometric, rules, scores, thompson
from prefloop.acquisition.custom import POLICY_GROUP, RULE_GROUP, find_pair_rule, find_policy
from prefloop.acquisition.responses import PairRule
from prefloop.acquisition.view import BatchPolicy
from prefloop.plugins import content_identity

# A module of its own for a new policy or rule is named here; in one of these it needs only a line in its table.
BATCH_POLICIES: dict[str, BatchPolicy] = (
    scores.POLICIES | balanced.POLICIES | entropic.POLICIES | geometric.POLICIES
)
PAIR_RULES: dict[str, PairRule] = rules.RULES | thompson.RULES

# Rules that read the judge's own scores: upper bounds for simulated runs, never for a campaign.
ORACLE_UPPER_BOUNDS = frozenset(name for name, rule in PAIR_RULES.items() if rule.reads_judge)


def batch_policy(name: str) -> BatchPolicy:
    """The batch policy of that name: built in, FILE.py:FUNCTION, or of an installed distribution.

    Raises:
        ConfigError: no such policy, or one that cannot be loaded.
    """
    return BATCH_POLICIES[name] if name in BATCH_POLICIES else find_policy(name)


def pair_rule(name: str) -> PairRule:
    """The pair rule of that name: built in, FILE.py:FUNCTION, or of an installed distribution.

    Raises:
        ConfigError: no such rule, or one that cannot be loaded.
    """
    return PAIR_RULES[name] if name in PAIR_RULES else find_pair_rule(name)


def batch_policy_identity(name: str) -> str | None:
    """What stands for a batch policy from outside in a run's identity; None for a built-in one."""
    return None if name in BATCH_POLICIES else content_identity(name, POLICY_GROUP)


def pair_rule_identity(name: str) -> str | None:
    """What stands for a pair rule from outside in a run's identity; None for a built-in one."""
    return None if name in PAIR_RULES else content_identity(name, RULE_GROUP)

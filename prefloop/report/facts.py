"""What a comparison was made on: sizes of the data, and which policies are controls of which."""

from __future__ import annotations

from prefloop.config import Params
from prefloop.config.pair_rules import ORACLE_CEILINGS, DeltaUCB, Greedy, ShuffledSigma
from prefloop.config.policies import Random
from prefloop.data.prepared import SPLITS, Prepared
from prefloop.report.comparison import DataFacts
from prefloop.report.results import SplitSize


def data_facts(dataset: str, prepared: Prepared, params: Params) -> DataFacts:
    """Collect the facts that the report states about the data.

    Args:
        dataset: name of the data.
        prepared: the prepared tables.
        params: names the benchmark's policies.
    """
    sizes = {split: _size(prepared, split) for split in SPLITS}
    return DataFacts(dataset, sizes, controls(params), ceilings(params), ablations(params))


def controls(params: Params) -> frozenset[str]:
    """Policies that differ from a random reference only by their random stream."""
    reference = params.policies.get(params.compare.reference)
    if reference is None:  # without benchmark policies the reference need not exist
        return frozenset()
    return frozenset(
        name
        for name in params.benchmark.policies
        if isinstance(reference.batch, Random)
        and isinstance(params.policies[name].batch, Random)
        and params.policies[name].pairs == reference.pairs
        and name != params.compare.reference
    )


def ceilings(params: Params) -> frozenset[str]:
    """Policies whose pair rule reads the judge's scores before it chooses."""
    rules = {name: params.policies[name].pairs.rule for name in params.benchmark.policies}
    return frozenset(name for name, rule in rules.items() if rule in ORACLE_CEILINGS)


def ablations(params: Params) -> tuple[tuple[str, str], ...]:
    """Policies by deltaucb, each with those that differ from it by the standard deviations alone.

    Greedy has none (beta = 0), shuffled_sigma has another response's.
    """
    policies = {name: params.policies[name] for name in params.benchmark.policies}

    def is_control(name: str, of: DeltaUCB) -> bool:
        pairs = policies[name].pairs
        no_width = isinstance(pairs, Greedy)
        other_width = isinstance(pairs, ShuffledSigma) and pairs.beta == of.beta
        return (no_width or other_width) and pairs.per_prompt == of.per_prompt

    return tuple(
        (name, control)
        for name, policy in policies.items()
        if isinstance(policy.pairs, DeltaUCB)
        for control in policies
        if policies[control].batch == policy.batch and is_control(control, policy.pairs)
    )


def _size(prepared: Prepared, split: str) -> SplitSize:
    rows = {
        "prompts": prepared.prompts_of(split),
        "completions": prepared.completions_of(split),
        "pairs": prepared.pairs_of(split),
    }
    return SplitSize(**{name: of.stop - of.start for name, of in rows.items()})

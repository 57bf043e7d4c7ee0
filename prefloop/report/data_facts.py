"""Facts of a comparison's data: its sizes, and which policies are baselines or controls of which."""

from __future__ import annotations

import numpy as np

from prefloop.acquisition.registry import ORACLE_UPPER_BOUNDS
from prefloop.acquisition.responses import PairParameters
from prefloop.config import Params
from prefloop.config.policies import is_model_free
from prefloop.data.prepared import SPLITS, Prepared
from prefloop.report.comparison import DataFacts
from prefloop.report.results import SplitSize


def data_facts(dataset: str, stored: Prepared, prepared: Prepared, params: Params) -> DataFacts:
    """Collect the facts that the report states about the data.

    Args:
        dataset: name of the data.
        stored: the prepared tables, undivided.
        prepared: a division of them.
        params: names the benchmark's policies.
    """
    sizes = {split: _size(prepared, split) for split in SPLITS}
    counts = np.bincount(stored.pair_prompt, minlength=1)
    largest = int(counts.argmax()) if counts.any() else None
    return DataFacts(
        dataset,
        params.data.target,
        sizes,
        largest,
        model_free(params),
        oracle_upper_bounds(params),
        ablations(params),
    )


def model_free(params: Params) -> frozenset[str]:
    """Policies that choose without a model: a baseline for those that train one."""
    return frozenset(name for name in params.benchmark.policies if is_model_free(params.policies[name]))


def oracle_upper_bounds(params: Params) -> frozenset[str]:
    """Policies whose pair rule reads the judge's scores before it chooses."""
    rules = {name: params.policies[name].pairs.rule for name in params.benchmark.policies}
    return frozenset(name for name, rule in rules.items() if rule in ORACLE_UPPER_BOUNDS)


def ablations(params: Params) -> tuple[tuple[str, str], ...]:
    """Policies by deltaucb, each with those that differ from it by the standard deviations alone.

    Greedy has none (beta = 0), shuffled_sigma has another response's.
    """
    policies = {name: params.policies[name] for name in params.benchmark.policies}

    def is_control(name: str, deltaucb: PairParameters) -> bool:
        pairs = policies[name].pairs
        other = pairs.model_dump(exclude={"rule"})
        full = deltaucb.model_dump(exclude={"rule"})
        no_width = pairs.rule == "greedy" and other == {"per_prompt": full["per_prompt"]}
        return no_width or (pairs.rule == "shuffled_sigma" and other == full)

    return tuple(
        (name, control)
        for name, policy in policies.items()
        if policy.pairs.rule == "deltaucb"
        for control in policies
        if policies[control].batch == policy.batch and is_control(control, policy.pairs)
    )


def _size(prepared: Prepared, split: str) -> SplitSize:
    rows = {
        "prompts": prepared.prompts_of(split),
        "completions": prepared.completions_of(split),
        "pairs": prepared.pairs_of(split),
    }
    return SplitSize(**{name: span.stop - span.start for name, span in rows.items()})

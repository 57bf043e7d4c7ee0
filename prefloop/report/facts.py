"""What a comparison was made on: sizes of the data, and which policies are controls."""

from __future__ import annotations

from prefloop.config import Params
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
    return DataFacts(dataset, {split: _size(prepared, split) for split in SPLITS}, controls(params))


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


def _size(prepared: Prepared, split: str) -> SplitSize:
    rows = {
        "prompts": prepared.prompts_of(split),
        "completions": prepared.completions_of(split),
        "pairs": prepared.pairs_of(split),
    }
    return SplitSize(**{name: of.stop - of.start for name, of in rows.items()})

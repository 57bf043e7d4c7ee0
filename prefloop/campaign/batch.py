"""One round of a labelling campaign, by the same steps as the benchmark."""

from __future__ import annotations

import logging

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.acquisition.strength import check_models
from prefloop.config import Params
from prefloop.data.pairs import Pairs
from prefloop.io.hashing import pair_id
from prefloop.labels.labelled import Labelled, LabelTable
from prefloop.pool.identity import dataset_name
from prefloop.pool.problem import Problem
from prefloop.pool.steps import Batch, blind_candidates, choose_batch, fit_round
from prefloop.reward.registry import UncertaintyModel

log = logging.getLogger("prefloop")

BATCH_SCHEMA = pa.schema(
    [("round", pa.int32()), ("order", pa.int32())]
    + [(name, pa.string()) for name in ("pair_id", "prompt_id", "completion_a", "completion_b")]
    + [(name, pa.float64()) for name in ("score", "uncertainty", "entropy")]
)


def campaign_labels(labels: LabelTable, problem: Problem) -> Labelled:
    """The campaign's labelled pairs: those of its pool, as in `LabelTable.among`."""
    return labels.among(problem.prepared, problem.prepared.completions_of("pool"))


def train(params: Params, problem: Problem, labelled: Labelled, round_: int) -> UncertaintyModel:
    """Train on all labels so far; without decided ones the ensemble stays untrained.

    Args:
        params: parameters in force.
        problem: inputs.
        labelled: everything labelled so far.
        round_: the last round that has labels, 0 at the start.
    """
    if len(labelled.comparisons()) < 2:
        log.warning("no decided labels yet: the ensemble is untrained")
    return fit_round(
        problem,
        params.reward,
        labelled,
        None,
        device=params.benchmark.device,
        seed=params.campaign.seed,
        round_=round_,
    )


def about_model(params: Params, problem: Problem, lines: int) -> dict[str, object]:
    """Provenance of the campaign's weights: encoder, data, what they were trained with, size of the label log."""
    return {
        "dataset": dataset_name(params),
        "encoder": problem.inputs.features.manifest,
        "parameters": {
            "reward": params.reward.model_dump(mode="json"),
            "campaign": {"seed": params.campaign.seed},
        },
        "label_lines": lines,
    }


def next_batch(
    params: Params,
    problem: Problem,
    model: UncertaintyModel,
    labelled: Labelled,
    previous: pa.Table | None,
    round_: int,
) -> pa.Table:
    """The unlabelled rest of the previous batch if there is one, else a new batch.

    Args:
        params: parameters in force.
        problem: what selection may see.
        model: the current model, trained or not.
        labelled: everything labelled so far.
        previous: the batch issued before (BATCH_SCHEMA), or None.
        round_: the round of a new batch: 0 for the first, else one more than the last labelled.

    Returns:
        A table of BATCH_SCHEMA; empty when nothing is left to label.

    Raises:
        ConfigError: a pair rule about models on a pool that does not name them.
    """
    if previous is not None:
        rest = _unlabelled(problem, previous, labelled)
        if len(rest):
            log.info(
                "%d of %d comparisons of round %d wait for a label",
                len(rest),
                len(previous),
                rest["round"][0].as_py(),
            )
            return rest
    config = params.campaign
    policy = params.policies[config.policy if model.trained else config.cold_start]
    wanted = config.batch if len(labelled.pairs) else config.initial
    check_models(problem.pool, policy.pairs)
    count = min(wanted, len(blind_candidates(problem.pool, policy.pairs, labelled.pairs, config.seed)))
    if not count:
        log.warning("nothing is left to label: the batch is empty")
        return BATCH_SCHEMA.empty_table()
    batch = choose_batch(
        problem, policy, model, labelled.pairs, Pairs.empty(), count, seed=config.seed, round_=round_
    )
    return _table(problem, batch, round_)


def _unlabelled(problem: Problem, previous: pa.Table, labelled: Labelled) -> pa.Table:
    ids = problem.prepared.completion_ids[problem.prepared.completions_of("pool")]
    in_pool = pc.and_(
        pc.is_in(previous["completion_a"], value_set=ids), pc.is_in(previous["completion_b"], value_set=ids)
    )
    if not pc.all(in_pool).as_py():
        log.warning("some pairs of the last batch are no longer in the pool; they are dropped from it")
    done = pa.array(_pair_ids(problem, labelled.pairs), pa.string())
    waiting = pc.invert(pc.is_in(previous["pair_id"], value_set=done))
    return previous.filter(pc.and_(in_pool, waiting))


def _pair_ids(problem: Problem, pairs: Pairs) -> list[str]:
    ids = problem.prepared.completion_ids
    a, b = ids.take(pa.array(pairs.a)).to_pylist(), ids.take(pa.array(pairs.b)).to_pylist()
    return [pair_id(x, y) for x, y in zip(a, b, strict=True)]


def _table(problem: Problem, batch: Batch, round_: int) -> pa.Table:
    pairs, chosen, count = batch.pairs, batch.selection, len(batch.pairs)
    columns = {
        "round": np.full(count, round_),
        "order": np.arange(count),
        "pair_id": _pair_ids(problem, pairs),
        "prompt_id": problem.prepared.prompt_ids.take(pa.array(pairs.prompt)),
        "completion_a": problem.prepared.completion_ids.take(pa.array(pairs.a)),
        "completion_b": problem.prepared.completion_ids.take(pa.array(pairs.b)),
        "score": chosen.scores,
        "uncertainty": pa.nulls(count) if chosen.uncertainty is None else chosen.uncertainty,
        "entropy": pa.nulls(count) if chosen.entropy is None else chosen.entropy,
    }
    return pa.table(
        [pa.array(columns[field.name]).cast(field.type) for field in BATCH_SCHEMA], schema=BATCH_SCHEMA
    )

"""One round of a labelling campaign, by the same steps as the benchmark."""

from __future__ import annotations

import logging

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.campaign.choice import Standing, chosen
from prefloop.campaign.issued import BATCH_SCHEMA, is_untouched, waiting
from prefloop.config import Params
from prefloop.labels.labelled import Labelled
from prefloop.labels.table import LabelTable
from prefloop.pool.identity import dataset_name
from prefloop.pool.problem import Problem
from prefloop.pool.steps import fit_round
from prefloop.reward.registry import UncertaintyModel

log = logging.getLogger("prefloop")

EMPTY = "the batch is empty"


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


def issue(
    params: Params, problem: Problem, model: UncertaintyModel, labels: LabelTable, issued: pa.Table
) -> pa.Table:
    """Choose a new batch if so few comparisons wait for a first answer as `campaign.buffer` says.

    What waits for a further person keeps nobody else from labelling: it stays, before the new batch, and does not
    count. A batch that has no more than the buffer itself, at the end of a pool, is followed by another at once:
    without a new label, this gives again what it gave.

    Args:
        params: parameters in force.
        problem: what selection may see.
        model: the current model, trained or not.
        labels: what the log says.
        issued: the issued pairs so far (ISSUED).

    Returns:
        The issued pairs, with those of the new batch behind the earlier ones.

    Raises:
        ConfigError: a pair rule about models on a pool that does not name them.
    """
    labelled, before = campaign_labels(labels, problem), len(issued)
    while True:
        rest = in_pool(problem, waiting(issued, labels.pairs))
        if np.count_nonzero(is_untouched(rest["pair_id"], labels.pairs)) > params.campaign.buffer:
            break
        last = pc.max(issued["round"]).as_py()
        round_ = max(-1 if last is None else last, labels.last_round) + 1
        rows = chosen(Standing(params, problem, model, labels, labelled, issued, rest, round_))
        if not len(rows):
            log.warning("nothing is left to label: %s", f"{len(rest)} comparisons wait" if len(rest) else EMPTY)
            break
        issued = pa.concat_tables([issued, rows]).combine_chunks()
    if len(issued) == before and len(rest):
        log.info("%d comparisons wait for a label, those of round %d first", len(rest), rest["round"][0].as_py())
    return issued


def open_batch(problem: Problem, labels: LabelTable, issued: pa.Table) -> pa.Table:
    """The issued pairs that wait for a further vote, in order of issue: a table of BATCH_SCHEMA."""
    rest = waiting(issued, labels.pairs)
    there = in_pool(problem, rest)
    if len(there) < len(rest):
        log.warning("some pairs of the last batch are no longer in the pool; they are dropped from it")
    return there.select(BATCH_SCHEMA.names)


def in_pool(problem: Problem, rows: pa.Table) -> pa.Table:
    """The rows whose completions the campaign's pool has."""
    ids = problem.prepared.completion_ids[problem.prepared.completions_of("pool")]
    sides = (pc.is_in(rows[side], value_set=ids) for side in ("completion_a", "completion_b"))
    return rows.filter(pc.and_(*sides)).combine_chunks()

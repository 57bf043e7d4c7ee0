"""Choice of a campaign's next batch: new pairs by the policy and at random, and disputed ones once more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from prefloop.acquisition.strength import check_models
from prefloop.acquisition.view import PoolRewards
from prefloop.campaign.audit import NO_PAIRS, audit_batch, mixed, portions
from prefloop.campaign.issued import ISSUED, Kind, issued_rows, vote_counts
from prefloop.campaign.overlap import people_wanted
from prefloop.campaign.relabel import disputed, most_annotators
from prefloop.config import Params
from prefloop.data.pairs import Pairs
from prefloop.io.hashing import pair_id
from prefloop.labels.labelled import Labelled, LabelTable
from prefloop.pool.problem import Problem
from prefloop.pool.steps import Batch, blind_candidates, choose_batch
from prefloop.reward.registry import UncertaintyModel


def chosen(
    params: Params,
    problem: Problem,
    model: UncertaintyModel,
    labels: LabelTable,
    labelled: Labelled,
    rest: pa.Table,
    round_: int,
) -> pa.Table:
    """Choose a new batch, mixed of its kinds in random order; none when the policy is offered no pair any more.

    Pairs that wait will be labelled: for the policy they count as acquired, and so do those of the audit slice,
    which is drawn first. What waits is not asked about once more, for somebody may have it on the screen.

    Args:
        params: parameters in force.
        problem: what selection may see.
        model: the current model, trained or not.
        labels: what the log says.
        labelled: the pool's part of it.
        rest: the issued pairs that wait.
        round_: the new batch's round.

    Returns:
        A table of ISSUED.

    Raises:
        ConfigError: a pair rule about models on a pool that does not name them.
    """
    config = params.campaign
    name = config.policy if model.trained else config.cold_start
    policy, seed = params.policies[name], config.seed
    check_models(problem.pool, policy.pairs)
    taken = _taken(problem, labelled.pairs, rest)
    wanted = config.batch if len(taken) else config.initial
    offered = len(blind_candidates(problem.pool, policy.pairs, taken, seed))
    if not offered:
        return ISSUED.empty_table()
    (again,) = portions(wanted, (config.relabel,), seed, round_)
    asked_again = _asked_again(params, problem, labels, rest, again)
    new = min(wanted - len(asked_again), offered)
    (audits,) = portions(new + len(asked_again), (config.audit,), seed, round_)
    audit = audit_batch(problem, model, taken, min(audits, new), seed=seed, round_=round_)
    taken = Pairs.join(taken, audit.pairs)
    count = min(new - len(audit.pairs), len(blind_candidates(problem.pool, policy.pairs, taken, seed)))
    by_policy = NO_PAIRS
    if count:
        by_policy = choose_batch(problem, policy, model, taken, Pairs.empty(), count, seed=seed, round_=round_)
    parts = [
        _new(params, problem, model, by_policy, "policy", name),
        _new(params, problem, model, audit, "audit", None),
        asked_again,
    ]
    joined = pa.concat_tables(parts).take(mixed(tuple(map(len, parts)), seed, round_))
    _check_unseen(problem, labelled, Pairs.join(by_policy.pairs, audit.pairs))
    facts = {"n_labels": len(labelled.pairs), "n_decided": len(labelled.decided)}
    return _with(joined, {"round": round_, **facts}, {"order": np.arange(len(joined))})


def _taken(problem: Problem, labelled: Pairs, rest: pa.Table) -> Pairs:
    """Pairs that are labelled, then those that wait without any label yet."""
    prepared, pool = problem.prepared, problem.pool
    a, b = (
        pc.index_in(rest[side], prepared.completion_ids).to_numpy().astype(np.int64)
        for side in ("completion_a", "completion_b")
    )
    fresh = ~np.isin(pool.keys(a, b), pool.keys(labelled.a, labelled.b))
    return Pairs.join(labelled, Pairs(a, b, prepared.completion_prompt[a].astype(np.int64)).take(fresh))


def _new(
    params: Params, problem: Problem, model: UncertaintyModel, batch: Batch, kind: Kind, policy: str | None
) -> pa.Table:
    """Rows of ISSUED of new pairs, with what the model says of them before anybody labels them."""
    pairs, by, ids, count = batch.pairs, batch.selection, problem.prepared.completion_ids, len(batch.pairs)
    columns: dict[str, Any] = {
        "kind": [kind] * count,
        "policy": pa.array([policy] * count, pa.string()),
        "prompt_id": problem.prepared.prompt_ids.take(pa.array(pairs.prompt)),
        "completion_a": ids.take(pa.array(pairs.a)),
        "completion_b": ids.take(pa.array(pairs.b)),
        "score": by.scores,
    }
    names = (columns[side].to_pylist() for side in ("completion_a", "completion_b"))
    columns["pair_id"] = [pair_id(a, b) for a, b in zip(*names, strict=True)]
    columns["annotators"] = people_wanted(params.campaign, columns["pair_id"])
    terms = {"uncertainty": by.uncertainty, "entropy": by.entropy}
    columns |= {term: values for term, values in terms.items() if values is not None}
    if model.trained:
        columns |= _predicted(problem, model, pairs)
    return issued_rows(count, columns)


def _predicted(problem: Problem, model: UncertaintyModel, pairs: Pairs) -> dict[str, Any]:
    """Members' logits of "a is better", and the mean over members of their probabilities."""
    rewards = PoolRewards(model, problem.pool_completions).of(np.concatenate([pairs.a, pairs.b]))
    logits = np.ascontiguousarray((rewards[:, : len(pairs)] - rewards[:, len(pairs) :]).T, dtype=np.float32)
    ends = np.arange(len(pairs) + 1) * logits.shape[1]
    return {
        "probability": expit(logits.astype(np.float64)).mean(axis=1),
        "member_logits": pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(logits.ravel())),
    }


def _asked_again(params: Params, problem: Problem, labels: LabelTable, rest: pa.Table, count: int) -> pa.Table:
    """Rows of ISSUED of disputed pairs of the pool, each wanting one more person than it has votes.

    Nobody is left to ask about a pair that has as many votes as the campaign has annotators.
    """
    if not count:
        return ISSUED.empty_table()
    most = min(most_annotators(params.campaign.annotators_per_pair), labels.annotators)
    ids = problem.prepared.completion_ids[problem.prepared.completions_of("pool")]
    can = pc.and_(pc.is_in(labels.pairs["completion_a"], ids), pc.is_in(labels.pairs["completion_b"], ids))
    can = pc.and_(can, pc.invert(pc.is_in(labels.pairs["pair_id"], rest["pair_id"].combine_chunks())))
    pairs, doubt = disputed(labels.pairs.filter(can), most, params.campaign.seed)
    pairs, doubt = pairs.slice(0, count), doubt[:count]
    columns = {name: pairs[name] for name in ("pair_id", "prompt_id", "completion_a", "completion_b")}
    columns |= {"kind": ["relabel"] * len(pairs), "annotators": vote_counts(pairs) + 1, "score": doubt}
    return issued_rows(len(pairs), columns)


def _check_unseen(problem: Problem, labelled: Labelled, pairs: Pairs) -> None:
    """What the model predicted it was not trained on, and a pair is offered once."""
    keys, pool = problem.pool.keys(pairs.a, pairs.b), problem.pool
    assert not np.isin(keys, pool.keys(labelled.pairs.a, labelled.pairs.b)).any(), "a labelled pair was predicted"
    assert len(np.unique(keys)) == len(keys), "a pair stands twice in a batch"


def _with(table: pa.Table, numbers: dict[str, int], arrays: dict[str, np.ndarray]) -> pa.Table:
    columns = {name: np.full(len(table), value) for name, value in numbers.items()} | arrays
    for name, values in columns.items():
        field = ISSUED.field(name)
        table = table.set_column(ISSUED.get_field_index(name), field, pa.array(values).cast(field.type))
    return table.combine_chunks()

"""Choice of a campaign's next batch: new pairs by the policy and at random, and disputed ones once more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from prefloop.acquisition.strength import check_models
from prefloop.acquisition.view import PoolRewards
from prefloop.campaign.audit import NO_PAIRS, audit_batch, mixed, portion
from prefloop.campaign.issued import ISSUED, Kind, issued_rows, vote_counts
from prefloop.campaign.overlap import people_wanted
from prefloop.campaign.relabel import by_doubt, most_annotators
from prefloop.config import Params
from prefloop.config.policies import Policy
from prefloop.data.pairs import Pairs
from prefloop.io.hashing import pair_id
from prefloop.labels.labelled import Labelled
from prefloop.labels.table import LabelTable
from prefloop.pool.problem import Problem
from prefloop.pool.steps import Batch, blind_candidates, choose_batch
from prefloop.reward.registry import UncertaintyModel


@dataclass(frozen=True)
class Standing:
    """Where a campaign stands when a new batch is chosen.

    Attributes:
        params: parameters in force.
        problem: what selection may see.
        model: the current model, trained or not.
        labels: what the log says.
        labelled: the pool's part of it.
        issued: the issued pairs so far (ISSUED).
        rest: those of them that wait.
        round: the new batch's.
    """

    params: Params
    problem: Problem
    model: UncertaintyModel
    labels: LabelTable
    labelled: Labelled
    issued: pa.Table
    rest: pa.Table
    round: int

    @property
    def policy_name(self) -> str:
        """The named policy that chooses."""
        config = self.params.campaign
        return config.policy if self.model.trained else config.cold_start

    @property
    def policy(self) -> Policy:
        """That policy."""
        return self.params.policies[self.policy_name]

    @property
    def seed(self) -> int:
        """The campaign's."""
        return self.params.campaign.seed

    def offered(self, taken: Pairs) -> int:
        """How many pairs the policy is offered when some are taken."""
        return len(blind_candidates(self.problem.pool, self.policy.pairs, taken, self.seed))

    def portion(self, size: int, share: float) -> int:
        """How many pairs of a batch a share is."""
        return portion(size, share, self.seed, self.round)


def chosen(at: Standing) -> pa.Table:
    """Choose a new batch, mixed of its kinds in random order; none when the policy is offered no pair any more.

    Pairs that wait will be labelled: for the policy they count as acquired, and so do those of the audit slice,
    which is drawn first. What waits is not asked about once more, for somebody may have it on the screen.

    Returns:
        A table of ISSUED.

    Raises:
        ConfigError: a pair rule about models on a pool that does not name them.
    """
    config, problem = at.params.campaign, at.problem
    check_models(problem.pool, at.policy.pairs)
    taken = _taken(problem, at.labelled.pairs, at.rest)
    wanted = config.batch if len(taken) else config.initial
    offered = at.offered(taken)
    if not offered:
        return ISSUED.empty_table()
    again = _asked_again(at, at.portion(wanted, config.relabel))
    new = min(wanted - len(again), offered)
    audits = min(new, at.portion(new + len(again), config.audit))
    audit = audit_batch(problem, at.model, taken, audits, seed=at.seed, round_=at.round)
    by_policy = _by_policy(at, Pairs.join(taken, audit.pairs), new - len(audit.pairs))
    _check_unseen(at, Pairs.join(by_policy.pairs, audit.pairs))
    parts = [_new(at, by_policy, "policy", at.policy_name), _new(at, audit, "audit", None), again]
    rows = pa.concat_tables(parts).take(mixed(tuple(map(len, parts)), at.seed, at.round))
    facts = {"round": at.round, "n_labels": len(at.labelled.pairs), "n_decided": len(at.labelled.decided)}
    return _with(rows, facts | {"order": np.arange(len(rows))})


def _by_policy(at: Standing, taken: Pairs, n: int) -> Batch:
    """The policy's next n pairs, or as many as it is offered."""
    count = min(n, at.offered(taken))
    if not count:
        return NO_PAIRS
    nothing = Pairs.empty()
    return choose_batch(at.problem, at.policy, at.model, taken, nothing, count, seed=at.seed, round_=at.round)


def _taken(problem: Problem, labelled: Pairs, rest: pa.Table) -> Pairs:
    """Pairs that are labelled, then those that wait without any label yet."""
    prepared, pool = problem.prepared, problem.pool
    a, b = (
        pc.index_in(rest[side], prepared.completion_ids).to_numpy().astype(np.int64)
        for side in ("completion_a", "completion_b")
    )
    fresh = ~np.isin(pool.keys(a, b), pool.keys(labelled.a, labelled.b))
    return Pairs.join(labelled, Pairs(a, b, prepared.completion_prompt[a].astype(np.int64)).take(fresh))


def _new(at: Standing, batch: Batch, kind: Kind, policy: str | None) -> pa.Table:
    """Rows of ISSUED of new pairs, with what the model says of them before anybody labels them."""
    pairs, by, prepared, count = batch.pairs, batch.selection, at.problem.prepared, len(batch.pairs)
    columns: dict[str, Any] = {
        "kind": [kind] * count,
        "policy": pa.array([policy] * count, pa.string()),
        "prompt_id": prepared.prompt_ids.take(pa.array(pairs.prompt)),
        "completion_a": prepared.completion_ids.take(pa.array(pairs.a)),
        "completion_b": prepared.completion_ids.take(pa.array(pairs.b)),
        "score": by.scores,
    }
    names = (columns[side].to_pylist() for side in ("completion_a", "completion_b"))
    columns["pair_id"] = [pair_id(a, b) for a, b in zip(*names, strict=True)]
    columns["annotators"] = people_wanted(at.params.campaign, columns["pair_id"])
    terms = {"uncertainty": by.uncertainty, "entropy": by.entropy}
    columns |= {term: values for term, values in terms.items() if values is not None}
    if at.model.trained:
        columns |= _predicted(at, pairs)
    return issued_rows(count, columns)


def _predicted(at: Standing, pairs: Pairs) -> dict[str, Any]:
    """Members' logits of "a is better", and the mean over members of their probabilities."""
    rewards = PoolRewards(at.model, at.problem.pool_completions).of(np.concatenate([pairs.a, pairs.b]))
    logits = np.ascontiguousarray((rewards[:, : len(pairs)] - rewards[:, len(pairs) :]).T, dtype=np.float32)
    ends = np.arange(len(pairs) + 1) * logits.shape[1]
    return {
        "probability": expit(logits.astype(np.float64)).mean(axis=1),
        "member_logits": pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(logits.ravel())),
    }


def _asked_again(at: Standing, count: int) -> pa.Table:
    """Rows of ISSUED of disputed pairs of the pool, each wanting one more person than it has votes.

    Nobody is left to ask about a pair that has as many votes as the campaign has annotators. Pairs of the audit
    slice are left alone: asked until they agree, their votes would no longer be a fair draw.
    """
    if not count:
        return ISSUED.empty_table()
    pairs, prepared = at.labels.pairs, at.problem.prepared
    ids = prepared.completion_ids[prepared.completions_of("pool")]
    is_there = pc.and_(pc.is_in(pairs["completion_a"], ids), pc.is_in(pairs["completion_b"], ids))
    audit = at.issued.filter(pc.equal(at.issued["kind"], "audit"))["pair_id"]
    left_alone = pa.chunked_array([*audit.chunks, *at.rest["pair_id"].chunks], pa.string()).combine_chunks()
    is_out = pc.is_in(pairs["pair_id"], left_alone)
    most = min(most_annotators(at.params.campaign.annotators_per_pair), at.labels.annotators)
    rows, doubt = by_doubt(pairs.filter(pc.and_(is_there, pc.invert(is_out))), most, at.seed)
    rows, doubt = rows.slice(0, count), doubt[:count]
    columns = {name: rows[name] for name in ("pair_id", "prompt_id", "completion_a", "completion_b")}
    columns |= {"kind": ["relabel"] * len(rows), "annotators": vote_counts(rows) + 1, "score": doubt}
    return issued_rows(len(rows), columns)


def _check_unseen(at: Standing, pairs: Pairs) -> None:
    """What the model predicts it was not trained on, and a pair is offered once."""
    pool, seen = at.problem.pool, at.labelled.pairs
    keys = pool.keys(pairs.a, pairs.b)
    assert not np.isin(keys, pool.keys(seen.a, seen.b)).any(), "a labelled pair would be predicted"
    assert len(np.unique(keys)) == len(keys), "a pair stands twice in a batch"


def _with(table: pa.Table, columns: dict[str, Any]) -> pa.Table:
    for name, values in columns.items():
        field = ISSUED.field(name)
        column = pa.array(np.broadcast_to(values, len(table))).cast(field.type)
        table = table.set_column(ISSUED.get_field_index(name), field, column)
    return table.combine_chunks()

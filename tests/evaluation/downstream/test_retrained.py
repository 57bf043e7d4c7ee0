"""Retrained models: what they are trained on, and what they must not depend on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from prefloop.config.model import Downstream as Config
from prefloop.data.pairs import Pairs
from prefloop.evaluation.downstream.chosen import choice_metrics
from prefloop.evaluation.downstream.proxy import fit_policy
from prefloop.evaluation.downstream.retrained import RETRAINED_ROUND, downstream_predictions
from prefloop.evaluation.downstream.score import downstream_rows
from prefloop.labels.labelled import Labelled
from prefloop.oracle.simulated import SimulatedOracle
from prefloop.pool.steps import fit_round
from tests.evaluation.downstream.tables import all_pairs
from tests.imports import source_files
from tests.worlds import ROOT, make_params, make_world, open_world, pair_records, response_records

PARAMS = make_params(
    reward__mlp_ensemble__max_epochs=30,
    reward__mlp_ensemble__learning_rate=0.02,
    reward__mlp_ensemble__batch_size=16,
)
SHARES = (0.25, 0.5, 1.0)


def config(*shares):
    return Config(shares=shares or SHARES, proxy=PARAMS.downstream.proxy)


def new_world(root, records, params=PARAMS):
    return open_world(make_world(root, records, params), params)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return new_world(tmp_path_factory.mktemp("world"), response_records(prompts=40))


def label(problem, hidden, count, seed=0):
    pool = all_pairs(problem.prepared)
    pool = pool.take(pool.a < problem.prepared.completions_of("pool").stop)
    pairs = pool.take(np.random.default_rng(seed).permutation(len(pool))[:count])
    oracle = SimulatedOracle(PARAMS.oracle, problem.prepared, hidden.answers)
    return Labelled(pairs, oracle.verdicts(pairs.a, pairs.b))


def judge(problem, labelled, *shares, seed=0):
    return downstream_predictions(problem, labelled, PARAMS.reward, config(*shares), seed=seed, device="cpu")


def same(one, two):
    fields = [field.name for field in dataclasses.fields(one)]
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in fields)


def test_shapes_and_label_counts(world):
    problem, hidden = world
    got = judge(problem, label(problem, hidden, 50))
    outside = len(problem.prepared.completion_ids) - problem.prepared.completions_of("pool").stop
    assert got.shares == SHARES
    np.testing.assert_array_equal(got.n_labels, [12, 25, 50])
    assert got.rewards.shape == (3, 3, outside)
    assert got.rewards.dtype == np.float32
    assert got.log_policy.shape == (3, outside)
    assert got.log_policy.dtype == np.float64
    of_test = problem.prepared.completion_prompt[-outside:]
    for row in np.exp(got.log_policy):
        np.testing.assert_allclose(np.bincount(of_test, weights=row)[np.unique(of_test)], 1)


def test_equal_labels_give_equal_bytes_whoever_chose_them_in_whatever_batches(world):
    problem, hidden = world
    labelled = label(problem, hidden, 40)
    again = Labelled.empty()
    for part in np.array_split(np.arange(40), [3, 11, 30]):
        again = again.join(labelled.pairs.take(part), labelled.verdicts[part])
    assert same(judge(problem, labelled), judge(problem, again))


def test_a_share_is_the_labels_acquired_first(world):
    problem, hidden = world
    labelled = label(problem, hidden, 48)
    first = Labelled(labelled.pairs.take(np.arange(12)), labelled.verdicts[:12])
    whole, part = judge(problem, labelled), judge(problem, first, 1.0)
    np.testing.assert_array_equal(whole.rewards[0], part.rewards[0])
    np.testing.assert_array_equal(whole.log_policy[0], part.log_policy[0])


def test_other_shares_change_nothing(world):
    problem, hidden = world
    labelled = label(problem, hidden, 48)
    several, alone = judge(problem, labelled, 0.25, 0.5, 1.0), judge(problem, labelled, 1.0)
    np.testing.assert_array_equal(several.rewards[-1], alone.rewards[0])
    np.testing.assert_array_equal(several.log_policy[-1], alone.log_policy[0])


def test_the_random_numbers_are_not_the_selectors(world):
    problem, hidden = world
    labelled = label(problem, hidden, 30)
    outside = problem.outside_completions[:]
    retrained = judge(problem, labelled, 1.0).rewards[0]

    def of_round(number):
        model = fit_round(problem, PARAMS.reward, labelled, None, device="cpu", seed=0, round_=number)
        return model.rewards(outside)

    np.testing.assert_array_equal(retrained, of_round(RETRAINED_ROUND))
    assert not any(np.array_equal(retrained, of_round(number)) for number in range(4))
    assert not np.array_equal(retrained, judge(problem, labelled, 1.0, seed=1).rewards[0])


def test_the_proxy_is_log_linear_in_standardised_features(world):
    problem, hidden = world
    labelled = label(problem, hidden, 30)
    first = problem.prepared.completions_of("pool").stop
    features = problem.completions[:].astype(np.float64)
    z = (features - features[:first].mean(axis=0)) / features[:first].std(axis=0)
    decided = labelled.comparisons()
    theta = fit_policy(z[decided.winner] - z[decided.loser], None, PARAMS.downstream.proxy)
    pi = np.exp(z[first:] @ theta)
    of_test = problem.prepared.completion_prompt[first:]
    pi /= np.bincount(of_test, weights=pi)[of_test]
    np.testing.assert_allclose(np.exp(judge(problem, labelled, 1.0).log_policy[0]), pi, rtol=1e-6)


def test_no_hidden_answer_is_within_reach():
    entry = ROOT / "prefloop" / "evaluation" / "downstream" / "retrained.py"
    reached = {path.relative_to(ROOT) for path in source_files(ROOT, entry)}
    assert Path("prefloop/pool/steps.py") in reached
    assert not [path for path in reached if Path("prefloop/oracle") in path.parents]


def test_other_answers_outside_the_pool_change_the_numbers_alone(world):
    problem, hidden = world
    labelled, first = label(problem, hidden, 40), problem.prepared.completions_of("pool").stop
    scores = hidden.answers.scores.copy()
    scores[first:] = np.random.default_rng(0).permutation(scores[first:])
    other = dataclasses.replace(hidden, answers=dataclasses.replace(hidden.answers, scores=scores))
    again = label(problem, other, 40)
    assert same(judge(problem, labelled), judge(problem, again))
    predicted = judge(problem, labelled)
    rows = [
        downstream_rows(problem.prepared, hidden.evaluation, answers.scores, predicted)
        for answers in (hidden.answers, other.answers)
    ]
    assert rows[0] != rows[1]
    chosen = [choice_metrics(h.answers.scores, problem.prepared, labelled.pairs) for h in (hidden, other)]
    assert chosen[0] == chosen[1]


def test_a_learnable_world_is_learnt(world):
    problem, hidden = world
    predicted = judge(problem, label(problem, hidden, 300))
    rows = downstream_rows(problem.prepared, hidden.evaluation, hidden.answers.scores, predicted)
    last = rows[-1]
    assert last["accuracy"] > 0.9
    assert last["accuracy_large_gap"] >= last["accuracy_small_gap"]
    assert last["best_of_accuracy"] > 0.5
    for row in rows:
        assert row["uniform_score"] < row["proxy_score"] <= row["best_score"]
    assert last["proxy_score"] - last["uniform_score"] > 0.7 * (last["best_score"] - last["uniform_score"])


@pytest.mark.parametrize("decided", [0, 1])
def test_with_fewer_than_two_decided_labels_nothing_is_claimed(world, decided):
    problem, hidden = world
    labelled = label(problem, hidden, 20)
    verdicts = np.full(20, 2, dtype=np.int8)
    verdicts[:decided] = 0
    predicted = judge(problem, Labelled(labelled.pairs, verdicts))
    for row in downstream_rows(problem.prepared, hidden.evaluation, hidden.answers.scores, predicted):
        assert row["proxy_score"] == pytest.approx(row["uniform_score"])
        assert np.isfinite(row["log_likelihood"])


def test_a_share_of_few_labels_may_be_none_at_all(world):
    problem, hidden = world
    got = judge(problem, label(problem, hidden, 4), 0.1, 1.0)
    np.testing.assert_array_equal(got.n_labels, [0, 4])
    assert len(judge(problem, Labelled(Pairs.empty(), np.zeros(0, np.int8))).rewards) == 3


def test_listed_pairs_are_judged_by_their_verdicts(tmp_path):
    problem, hidden = new_world(tmp_path, pair_records())
    rows_ = problem.prepared.pairs_of("pool")
    prepared = problem.prepared
    pairs = Pairs(prepared.pair_a[rows_], prepared.pair_b[rows_], prepared.pair_prompt[rows_])
    oracle = SimulatedOracle(PARAMS.oracle, prepared, hidden.answers)
    predicted = judge(problem, Labelled(pairs, oracle.verdicts(pairs.a, pairs.b)))
    rows = downstream_rows(prepared, hidden.evaluation, hidden.answers.scores, predicted)
    assert {row["split"] for row in rows} == {"test", "ood"}
    assert rows[-2]["accuracy"] > 0.6
    assert all(row["n_prompts"] == 0 and row["proxy_score"] is None for row in rows)


def test_nothing_outside_the_pool_is_judged_without_complaint(tmp_path):
    records = [dataclasses.replace(record, split="pool") for record in response_records(prompts=6)]
    problem, hidden = new_world(tmp_path, records, make_params(data__split__test=0.0))
    predicted = judge(problem, label(problem, hidden, 10))
    assert predicted.rewards.shape == (3, 3, 0)
    assert downstream_rows(problem.prepared, hidden.evaluation, hidden.answers.scores, predicted) == []

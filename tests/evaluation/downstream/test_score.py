"""From predictions to numbers, against a literal loop over prompts and pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.evaluation.downstream.result import DownstreamPredictions
from prefloop.evaluation.downstream.score import downstream_rows, prompt_outcomes
from prefloop.evaluation.downstream.scored import scored_prompts
from prefloop.evaluation.predictive import pair_logits, predictive_metrics
from prefloop.oracle.answers import Answers
from prefloop.oracle.evaluated_pairs import evaluation_sets
from prefloop.report.scores import sums_by_prompt
from tests.evaluation.downstream.tables import make_prepared, scored_tables

SHARES = (0.5, 1.0)


@st.composite
def judged(draw):
    """(prepared, answers, predicted) with rewards that tie now and then."""
    prepared, scores = draw(scored_tables())
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    outside = len(scores) - prepared.completions_of("pool").stop
    rewards = rng.integers(-2, 3, (2, 3, outside)).astype(np.float32)
    votes = rng.integers(0, 3, (len(prepared.pair_a), 3)).astype(np.int32)
    log_policy = np.log(rng.random((2, outside)) + 0.01)
    return prepared, Answers(votes, scores), DownstreamPredictions(SHARES, np.array([3, 6]), rewards, log_policy)


def rows_of(prepared, answers, predicted):
    return downstream_rows(prepared, evaluation_sets(prepared, answers), answers.scores, predicted)


def mean(values):
    return None if len(values) == 0 else pytest.approx(np.mean(values), abs=1e-9)


def literal_prompts(prepared, scores, split, rewards, log_policy):
    """Outcomes (prompt, hit, regret, expected, uniform, best) of the prompts whose known scores differ."""
    first, found = prepared.completions_of("pool").stop, []
    for prompt in range(prepared.prompts_of(split).start, prepared.prompts_of(split).stop):
        rows = [c for c in range(prepared.offsets[prompt], prepared.offsets[prompt + 1]) if scores[c] == scores[c]]
        if len({scores[c] for c in rows}) < 2:
            continue
        reward = {c: np.mean(rewards[:, c - first], dtype=np.float64) for c in rows}
        top = [c for c in rows if reward[c] == max(reward.values())]
        best = max(scores[c] for c in rows)
        pi = np.exp([log_policy[c - first] for c in rows])
        found.append(
            (
                prompt,
                np.mean([scores[c] == best for c in top]),
                np.mean([best - scores[c] for c in top]),
                np.sum(pi / pi.sum() * [scores[c] for c in rows]),
                np.mean([scores[c] for c in rows]),
                best,
            )
        )
    return found


@given(world=judged())
def test_choices_are_what_a_loop_says(world):
    prepared, answers, predicted = world
    rows = rows_of(*world)
    assert [(r["share"], r["split"]) for r in rows] == [
        (share, split) for share in SHARES for split in evaluation_sets(prepared, answers)
    ]
    for row in rows:
        s = SHARES.index(row["share"])
        arguments = (answers.scores, row["split"], predicted.rewards[s], predicted.log_policy[s])
        found = literal_prompts(prepared, *arguments)
        assert row["n_labels"] == [3, 6][s]
        assert row["n_prompts"] == len(found)
        names = ("best_of_accuracy", "best_of_regret", "proxy_score", "uniform_score", "best_score")
        for column, name in enumerate(names, start=1):
            assert row[name] == mean([one[column] for one in found])


@given(world=judged())
def test_choices_stay_within_what_the_prompt_offers(world):
    prepared, answers, predicted = world
    for split in ("test", "ood"):
        prompts = scored_prompts(prepared, answers.scores, split)
        columns = prompts.rows - prepared.completions_of("pool").stop
        hit, regret = prompts.best_of(predicted.rewards[0][:, columns])
        worst, best = prompts.groups.min(prompts.scores), prompts.best_scores()
        assert (worst < best).all()
        assert ((hit >= 0) & (hit <= 1)).all()
        assert ((regret >= 0) & (regret <= best - worst)).all()
        expected = prompts.expected_scores(predicted.log_policy[0][columns])
        assert ((expected >= worst - 1e-12) & (expected <= best + 1e-12)).all()


@given(world=judged())
def test_pairs_are_scored_as_in_the_rounds(world):
    prepared, answers, predicted = world
    sets, first = evaluation_sets(prepared, answers), prepared.completions_of("pool").stop
    for row in rows_of(*world):
        pairs, rewards = sets[row["split"]], predicted.rewards[SHARES.index(row["share"])]
        want = predictive_metrics(pair_logits(rewards, pairs.a - first, pairs.b - first), pairs.y)
        assert row["n_pairs"] == len(pairs)
        for name in ("accuracy", "log_likelihood", "ece", "ece_floor"):
            assert row[name] == pytest.approx(want[name])


@given(world=judged())
def test_outcomes_add_up_to_the_rows_and_follow_the_bootstrap(world):
    prepared, answers, predicted = world
    sets, first = evaluation_sets(prepared, answers), prepared.completions_of("pool").stop
    for row in rows_of(*world):
        pairs, s = sets[row["split"]], SHARES.index(row["share"])
        got = prompt_outcomes(prepared, pairs, answers.scores, predicted.rewards[s], predicted.log_policy[s])
        assert list(got) == ["accuracy", "log_likelihood", "best_of_accuracy", "best_of_regret", "proxy_score"]
        for name, (sums, counts) in got.items():
            assert len(sums) == len(counts)
            assert row[name] == (pytest.approx(sums.sum() / counts.sum(), abs=1e-9) if len(sums) else None)
        logits = pair_logits(predicted.rewards[s], pairs.a - first, pairs.b - first)
        tied = logits.mean(axis=0) * 0 + np.array([np.nan if p == 0.5 else p > 0.5 for p in win(logits)])
        correct = np.where(np.isnan(tied), 0.5, tied == pairs.y)
        sums, counts = sums_by_prompt(correct, pairs.prompt)
        np.testing.assert_allclose(got["accuracy"][0], sums)
        np.testing.assert_array_equal(got["accuracy"][1], counts)
        found = literal_prompts(
            prepared, answers.scores, row["split"], predicted.rewards[s], predicted.log_policy[s]
        )
        np.testing.assert_allclose(got["proxy_score"][0], [one[3] for one in found], atol=1e-9)
        assert (got["proxy_score"][1] == 1).all()


def win(logits):
    return (1 / (1 + np.exp(-logits))).mean(axis=0)


@settings(max_examples=30)
@given(world=judged())
def test_rewards_in_the_order_of_scores_are_never_wrong(world):
    prepared, answers, predicted = world
    known = np.nan_to_num(answers.scores[prepared.completions_of("pool").stop :])
    rewards = np.tile(np.round(known * 64).astype(np.float32), (2, 3, 1))
    sharp = np.stack([rewards[:, 0] * 1e3] * 2)[0]
    best = DownstreamPredictions(SHARES, predicted.n_labels, rewards, sharp.astype(np.float64))
    # Scores that differ by less than the rounding may tie or fall under float32.
    gaps = np.abs(np.subtract.outer(known, known))
    if len(known) == 0 or ((gaps > 0) & (gaps < 1 / 32)).any():
        return
    for row in rows_of(prepared, answers, best):
        if row["n_prompts"]:
            assert row["best_of_accuracy"] == 1
            assert row["best_of_regret"] == 0
            assert row["proxy_score"] == pytest.approx(row["best_score"])


def test_strata_are_terciles_of_the_gap():
    prepared = make_prepared([1, 4], ["pool", "test"])
    scores = np.array([0.0, 0.0, 1.0, 3.0, 7.0])
    # Gaps 1, 3, 7, 2, 6, 4 of the pairs; the rewards get those up to 3 wrong but for one.
    rewards = np.array([[1.0, 0.9, 0.8, 2.0]] * 2, np.float32)
    row = rows_of(
        prepared, answers(scores), DownstreamPredictions((1.0,), np.array([2]), rewards[None], np.zeros((1, 4)))
    )[0]
    assert row["accuracy_small_gap"] == 0
    assert row["accuracy_medium_gap"] == 0.5
    assert row["accuracy_large_gap"] == 1
    assert row["accuracy"] == 0.5
    assert (row["n_prompts"], row["best_of_accuracy"], row["best_of_regret"]) == (1, 1, 0)
    assert (row["uniform_score"], row["proxy_score"], row["best_score"]) == (2.75, pytest.approx(2.75), 7)


def answers(scores, votes=()):
    return Answers(np.array(votes, dtype=np.int32).reshape(-1, 3), scores)


def test_equal_gaps_share_a_stratum_and_an_empty_one_is_none():
    prepared = make_prepared([1, 3], ["pool", "test"])
    scores = np.array([0.0, 0.0, 1.0, 1.0])
    predicted = DownstreamPredictions((1.0,), np.array([2]), np.zeros((1, 2, 3), np.float32), np.zeros((1, 3)))
    row = rows_of(prepared, answers(scores), predicted)[0]
    assert row["accuracy_small_gap"] == row["accuracy"] == 0.5
    assert row["accuracy_medium_gap"] is None
    assert row["accuracy_large_gap"] is None


def test_listed_verdicts_without_scores_have_no_strata_and_no_choices():
    prepared = make_prepared([1, 2], ["pool", "test"], listed=[(1, 2)])
    rewards = np.array([[[0.0, 1.0]] * 2], np.float32)
    predicted = DownstreamPredictions((1.0,), np.array([2]), rewards, np.full((1, 2), np.log(0.5)))
    hidden = answers(np.full(3, np.nan), [[0, 1, 0]])
    row = rows_of(prepared, hidden, predicted)[0]
    assert (row["n_pairs"], row["accuracy"], row["n_prompts"]) == (1, 1, 0)
    empty = ("accuracy_small_gap", "accuracy_large_gap", "best_of_accuracy", "proxy_score", "best_score")
    assert [row[name] for name in empty] == [None] * 5
    pairs = evaluation_sets(prepared, hidden)["test"]
    got = prompt_outcomes(prepared, pairs, hidden.scores, rewards[0], predicted.log_policy[0])
    assert [len(sums) for sums, _ in got.values()] == [1, 1, 0, 0, 0]


def test_without_answers_there_are_no_rows():
    prepared = make_prepared([2, 2], ["pool", "test"])
    predicted = DownstreamPredictions((1.0,), np.array([2]), np.zeros((1, 2, 2), np.float32), np.zeros((1, 2)))
    assert rows_of(prepared, answers(np.full(4, np.nan)), predicted) == []

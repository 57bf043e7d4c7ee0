"""What chosen pairs are worth, against a literal loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.data.pairs import Pairs
from prefloop.evaluation.downstream.chosen import MODEL_COUNTS, choice_metrics, model_counts
from tests.evaluation.downstream.tables import all_pairs, make_prepared, scored_tables

NAMES = ["gap", "winner_regret", "pair_regret", "best_hit"]


def literal(scores, prepared, pairs):
    rows = []
    for a, b, prompt in zip(pairs.a, pairs.b, pairs.prompt, strict=True):
        if np.isnan(scores[a]) or np.isnan(scores[b]):
            continue
        of_prompt = scores[prepared.offsets[prompt] : prepared.offsets[prompt + 1]]
        best, better = max(s for s in of_prompt if not np.isnan(s)), max(scores[a], scores[b])
        mean = (scores[a] + scores[b]) / 2
        rows.append((abs(scores[a] - scores[b]), best - better, best - mean, float(better == best)))
    return dict(zip(NAMES, np.mean(rows, axis=0) if rows else [None] * 4, strict=True))


@given(world=scored_tables(), data=st.data())
def test_it_is_what_a_loop_says(world, data):
    prepared, scores = world
    every = all_pairs(prepared)
    picks = data.draw(st.lists(st.integers(0, max(0, len(every) - 1)), max_size=6)) if len(every) else []
    chosen = every.take(np.array(picks, dtype=np.int64))
    got = choice_metrics(scores, prepared, chosen)
    assert list(got) == NAMES
    want = literal(scores, prepared, chosen)
    for name in NAMES:
        assert got[name] == (None if want[name] is None else pytest.approx(want[name], abs=1e-12))


@given(world=scored_tables())
def test_regrets_are_ordered_and_never_negative(world):
    prepared, scores = world
    got = choice_metrics(scores, prepared, all_pairs(prepared))
    if got["gap"] is not None:
        assert 0 <= got["winner_regret"] <= got["pair_regret"]
        assert 0 <= got["best_hit"] <= 1
        assert got["pair_regret"] == pytest.approx(got["winner_regret"] + got["gap"] / 2)


@given(world=scored_tables())
def test_only_a_pair_without_the_best_completion_is_regretted(world):
    prepared, scores = world
    every = all_pairs(prepared)
    for n in range(len(every)):
        got = choice_metrics(scores, prepared, every.take(np.array([n])))
        if got["gap"] is not None:
            assert (got["winner_regret"] == 0) == (got["best_hit"] == 1)


def test_without_scores_there_is_nothing_to_say():
    prepared = make_prepared([3, 2])
    nothing = dict.fromkeys(NAMES)
    assert choice_metrics(np.full(5, np.nan), prepared, all_pairs(prepared)) == nothing
    assert choice_metrics(np.ones(5), prepared, Pairs.empty()) == nothing


def test_pairs_with_an_unscored_side_are_left_out():
    prepared = make_prepared([3, 2])
    scores = np.array([1.0, 3.0, np.nan, np.nan, np.nan])
    got = choice_metrics(scores, prepared, all_pairs(prepared))
    assert got == {"gap": 2, "winner_regret": 0, "pair_regret": 1, "best_hit": 1}


def test_models_are_counted_by_hand():
    models = [["y"], ["x", "y"], [], ["z"], ["x"]]
    prepared = make_prepared([3, 2], models=models)
    pairs = Pairs(np.array([0, 1, 0, 3]), np.array([1, 2, 2, 4]), np.array([0, 0, 0, 1]))
    table = model_counts(prepared, pairs, np.array([0, 1, 2, 1], dtype=np.int8))
    assert table.schema == MODEL_COUNTS
    assert table.to_pydict() == {
        "model": ["x", "y", "z"],
        "chosen": [1, 1, 0],
        "rejected": [2, 2, 1],
        "tied": [0, 1, 0],
    }


def test_every_side_of_every_pair_is_counted_once():
    rng = np.random.default_rng(0)
    prepared = make_prepared([4, 6, 3], models=[[f"m{n % 5}"] for n in range(13)])
    pairs = all_pairs(prepared)
    verdicts = rng.integers(0, 4, len(pairs)).astype(np.int8)
    table = model_counts(prepared, pairs, verdicts).to_pydict()
    assert sum(table["chosen"]) == sum(table["rejected"]) == (verdicts < 2).sum()
    assert sum(table["tied"]) == 2 * (verdicts >= 2).sum()


def test_without_names_the_table_is_empty():
    prepared = make_prepared([2])
    table = model_counts(prepared, all_pairs(prepared), np.zeros(1, dtype=np.int8))
    assert table.schema == MODEL_COUNTS
    assert len(table) == 0

"""Whole runs on a small model: counts, controls, the reset, and what selection may know."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from prefloop.dpo.language_model import load_model, weights_digest
from prefloop.dpo.registry import RULES
from prefloop.errors import ConfigError, ModelError, NothingLeft
from prefloop.io.arrays import read_table
from prefloop.io.json import read_json
from prefloop.judges.build import build_judge
from prefloop.labels.comparison import Answer, Comparison
from prefloop.labels.verdicts import TIE, A, B
from tests.dpo.worlds import content, make_world, run, small_params


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("dpo"))


@pytest.fixture(scope="module", params=sorted(RULES))
def of_policy(request, world):
    """Tables of a run of each policy."""
    folder = run(world, small_params(), request.param)
    return request.param, {
        name: read_table(folder / f"{name}.parquet") for name in ("rounds", "pairs", "evaluation")
    }


class TestEveryPolicy:
    def test_labels_are_exact_and_no_prompt_is_asked_twice(self, of_policy):
        _, tables = of_policy
        assert tables["rounds"]["n_labels"].to_pylist() == [0, 6, 12, 18]
        prompts = tables["pairs"]["prompt_id"].to_pylist()
        assert len(prompts) == len(set(prompts)) == 18

    def test_the_loss_starts_at_ln_2_from_the_same_reference(self, of_policy, world):
        _, tables = of_policy
        losses = tables["rounds"]["loss_first"].to_pylist()
        assert losses[0] is None
        assert losses[1:] == pytest.approx([math.log(2)] * 3, abs=1e-5)
        digests = set(tables["rounds"]["reference"].to_pylist())
        reference = load_model(world.start, device=torch.device("cpu"), chat=False)
        assert digests == {weights_digest(reference.model)}

    def test_the_first_round_knows_nothing(self, of_policy):
        _, tables = of_policy
        rounds = tables["rounds"].to_pylist()
        assert rounds[1]["certainty"] == 0
        assert rounds[1]["agreement"] is None
        assert rounds[2]["certainty"] > 0

    def test_round_0_is_the_start_model_against_itself(self, of_policy):
        _, tables = of_policy
        assert tables["rounds"]["kl"][0].as_py() == 0
        assert 0.2 < tables["rounds"]["win_oracle"][0].as_py() < 0.8

    def test_pairs_differ_and_stand_in_the_order_of_their_ids(self, of_policy):
        _, tables = of_policy
        for row in tables["pairs"].to_pylist():
            comparison = Comparison(row["prompt"], row["completion_a"], row["completion_b"])
            assert row["completion_a"] != row["completion_b"]
            assert comparison.a_is_lower
            assert comparison.pair == row["pair_id"]

    def test_it_computes_what_its_name_says(self, of_policy):
        name, tables = of_policy
        rounds = tables["rounds"].to_pylist()[1:]
        pairs = {"random": 6, "offline": 6, "entropy": 6}.get(name, 12)
        for row in rounds:
            assert row["written"] >= 2 * pairs
            sampled = {"entropy": 12 * 3, "hybrid": 24 * 3, "random_compute_matched": 24 * 3}.get(name, 0)
            assert row["sampled"] == sampled


def test_the_same_run_gives_the_same_bytes_and_another_seed_others(world, tmp_path):
    params = small_params(run={"seeds": [5, 6]})
    first = content(run(world, params, "hybrid", 5))
    again = make_world(tmp_path)
    assert content(run(again, params, "hybrid", 5)) == first
    other = content(run(again, params, "hybrid", 6))
    assert other["pairs.parquet"] != first["pairs.parquet"]


def test_policies_of_a_seed_begin_with_the_same_prompts_and_the_same_opponents(world):
    tables = {}
    for name in ("random", "offline"):
        folder = run(world, small_params(), name)
        tables[name] = {of: read_table(folder / f"{of}.parquet") for of in ("pairs", "evaluation")}
    first = [tables[name]["pairs"].to_pylist()[:6] for name in tables]
    assert [row["prompt_id"] for row in first[0]] == [row["prompt_id"] for row in first[1]]
    start = [tables[name]["evaluation"]["start_completion"].to_pylist() for name in tables]
    assert start[0] == start[1]


@pytest.mark.parametrize("name", ["random", "d_optimal", "diverse_certainty"])
def test_more_rounds_continue_a_shorter_run(tmp_path, name):
    layout = make_world(tmp_path / "short")
    run(layout, small_params(run={"rounds": 2}), name)
    seen = []
    longer = content(run(layout, small_params(), name, seen=seen))
    assert [done.facts["round"] for done in seen] == [3]
    whole = content(run(make_world(tmp_path / "whole"), small_params(), name))
    assert longer == whole


def test_a_changed_parameter_starts_anew(tmp_path):
    layout = make_world(tmp_path)
    run(layout, small_params())
    seen = []
    run(layout, small_params(train={"beta": 0.3}), seen=seen)
    assert [done.facts["round"] for done in seen] == [0, 1, 2, 3]


def test_what_decides_no_result_starts_nothing_anew(tmp_path):
    layout = make_world(tmp_path)
    words = tmp_path / "words.txt"
    words.write_text("good\t2\nbad\t-2\n")
    run(layout, small_params(judge={"kind": "word_list", "path": str(words)}))
    moved = words.rename(tmp_path / "elsewhere.txt")
    seen = []
    run(layout, small_params(judge={"kind": "word_list", "path": str(moved)}), seen=seen)
    assert seen == []
    moved.write_text("good\t2\nbad\t-1\n")
    run(layout, small_params(judge={"kind": "word_list", "path": str(moved)}), seen=seen)
    assert len(seen) == 4


def test_a_judge_that_is_the_oracle_is_refused(world, tmp_path):
    (tmp_path / "a.txt").write_text("good\t2\n")
    (tmp_path / "b.txt").write_text("good\t2\n")
    same = [{"kind": "word_list", "path": str(tmp_path / name)} for name in ("a.txt", "b.txt")]
    with pytest.raises(ConfigError, match="is the training oracle in other words"):
        run(world, small_params(oracle={"judge": same[0]}, judge=same[1]))


def test_continue_mode_goes_on_from_the_last_policy(world):
    folder = run(world, small_params(train={"mode": "continue"}))
    losses = read_table(folder / "rounds.parquet")["loss_first"].to_pylist()
    assert losses[1] == pytest.approx(math.log(2), abs=1e-5)
    assert losses[2] != pytest.approx(math.log(2), abs=1e-4)


class Recording:
    """An oracle that keeps what it was asked, and answers by the length of texts."""

    name, paid = "recording", False

    def __init__(self, answer=None):
        self.asked = []
        self.inner = build_judge(small_params().oracle.judge, None)  # evaluation is the real one's
        self._answer = answer or (lambda c: A if len(c.a) > len(c.b) else B if len(c.a) < len(c.b) else TIE)

    def ask(self, comparisons, keep=None):
        self.asked.append(list(comparisons))
        return [Answer(self._answer(comparison)) for comparison in comparisons]


@pytest.fixture
def oracle_is(monkeypatch):
    def use(oracle):
        monkeypatch.setattr("prefloop.judges.build.build_oracle", lambda config, verdicts: oracle)

    return use


def test_the_oracle_is_asked_once_a_round_and_about_chosen_pairs_alone(world, oracle_is):
    oracle = Recording()
    oracle_is(oracle)
    folder = run(world, small_params(train={"beta": 0.11}), "hybrid")
    assert [len(asked) for asked in oracle.asked] == [6, 6, 6]
    pairs = read_table(folder / "pairs.parquet")["pair_id"].to_pylist()
    assert pairs == [comparison.pair for asked in oracle.asked for comparison in asked]


def test_selection_does_not_depend_on_answers_not_given_yet(world, oracle_is, monkeypatch):
    """The first round's answers fixed, other answers in the second change its selection not at all."""
    chosen = []
    for later in (A, B):
        oracle = Recording()
        answers = iter([A, B, A, B, A, B])
        oracle._answer = lambda c, answers=answers, later=later: next(answers, later)
        oracle_is(oracle)
        run(world, small_params(run={"rounds": 3}, train={"beta": 0.12 if later == A else 0.12001}), "certainty")
        chosen.append([[c.pair for c in asked] for asked in oracle.asked])
    assert chosen[0][:2] == chosen[1][:2]
    assert chosen[0][2] != chosen[1][2]


def test_only_ties_leave_the_start_model(world, oracle_is):
    oracle_is(Recording(lambda comparison: TIE))
    folder = run(world, small_params(train={"beta": 0.13}))
    rounds = read_table(folder / "rounds.parquet").to_pylist()
    assert [row["n_ties"] for row in rounds] == [0, 6, 12, 18]
    assert {row["kl"] for row in rounds} == {0.0}
    assert {row["loss_first"] for row in rounds} == {None}


def test_an_oracle_that_fails_changes_no_label(world):
    """Verdict by verdict: what the failing one answered, the reliable one answers of the same pair."""
    failing = run(world, small_params(oracle={"failure_rate": 0.2, "salt": "f"}, train={"beta": 0.14}))
    rounds = read_table(failing / "rounds.parquet").to_pylist()
    assert rounds[-1]["n_labels"] == 18
    assert rounds[-1]["n_no_answer"] > 0
    assert rounds[-1]["n_calls"] >= 18
    oracle = build_judge(small_params().oracle.judge, world.verdicts)
    rows = read_table(failing / "pairs.parquet").to_pylist()
    answers = oracle.ask([Comparison(row["prompt"], row["completion_a"], row["completion_b"]) for row in rows])
    assert [row["verdict"] for row in rows] == [("a", "b", "tie")[answer.verdict] for answer in answers]


def test_a_dead_oracle_stops_the_run(world, oracle_is):
    oracle_is(Recording(lambda comparison: None))
    with pytest.raises(ModelError, match=r"answered none of the last 1\d comparisons"):
        run(world, small_params(train={"beta": 0.15}))


def test_swapping_every_pair_changes_nothing(world, monkeypatch, tmp_path):
    from prefloop.dpo import writing

    plain = content(run(world, small_params(), "hybrid"))

    class Swapped(writing.WrittenPair):
        def __init__(self, prompt, completions, log_policy, log_reference):
            super().__init__(prompt, completions[::-1], log_policy[::-1], log_reference[::-1])

    monkeypatch.setattr(writing, "WrittenPair", Swapped)
    assert content(run(make_world(tmp_path), small_params(), "hybrid")) == plain


def test_prompts_that_run_out_are_said_before_anything_is_spent(world, oracle_is):
    oracle = Recording()
    oracle_is(oracle)
    with pytest.raises(ConfigError, match=r"100 \* 3 = 300 labels"):
        run(world, small_params(run={"batch": 100}))
    assert oracle.asked == []


def test_an_evaluation_takes_the_test_prompts_there_are(world):
    folder = run(world, small_params(run={"rounds": 1}, evaluation={"prompts": 500}))
    evaluated = read_table(folder / "evaluation.parquet")
    assert 0 < len(set(evaluated["prompt_id"].to_pylist())) == len(evaluated) // 2 < 500


def test_a_policy_that_repeats_itself_is_told(world):
    # Cold sampling: both completions are alike on every prompt.
    with pytest.raises(NothingLeft, match="no pool prompt is left"):
        run(world, small_params(sampling={"temperature": 0.001, "attempts": 1}))


@pytest.fixture(scope="module")
def taught(world):
    """Win rates by VADER after 40 labels of VADER, and of a coin, over four seeds."""
    found = {}
    for kind, judge, column in (("vader", "textblob", "win_oracle"), ("coin", "vader", "win_judge")):
        params = small_params(
            oracle={"judge": {"kind": kind}},
            judge={"kind": judge},
            run={"batch": 40, "rounds": 2},
            train={"learning_rate": 0.01, "epochs": 3},
            evaluation={"prompts": 45},
        )
        tables = [read_table(run(world, params, "random", seed) / "rounds.parquet") for seed in range(4)]
        found[kind] = np.array([table[column][-1].as_py() for table in tables])
    return found


def test_random_labels_teach_nothing_and_real_ones_do(taught):
    # 4 x 45 completions: a standard error of less than .04.
    assert taught["vader"].mean() > 0.7
    assert abs(taught["coin"].mean() - 0.5) < 0.13


def test_run_json_says_what_was_run(world):
    about = read_json(run(world, small_params()) / "run.json")
    assert about["budget"] == 18
    assert about["parameters"]["run"] == {"batch": 6, "rounds": 3, "device": "cpu", "threads": 1}
    assert {"torch", "transformers", "trl", "peft"} <= about["versions"].keys()
    assert "/" not in about["dataset"]

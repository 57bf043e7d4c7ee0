import dataclasses
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.errors import StateError
from prefloop.evaluation.downstream.result import DownstreamPredictions
from prefloop.io.arrays import read_table, write_array
from prefloop.report.comparison import coin_tosses
from prefloop.report.contest import contest_of, decide
from prefloop.report.curves import curves_of, significant, verdict
from prefloop.report.judged import Judged, judge_runs
from prefloop.report.outcomes import PRIMARY, compare_outcomes, draw_outcomes
from prefloop.report.runs import load_runs
from prefloop.report.scores import one_split
from prefloop.report.wording import labels_at_share
from tests.report.conftest import CONFIG, FACTS
from tests.report.simulate import MEMBERS, SHARES, judgeable, make_world, write_downstream, write_run


def compare(runs, judged, facts=FACTS):
    return compare_outcomes(runs, judged, draw_outcomes(runs, judged, CONFIG), CONFIG, facts)


@pytest.fixture(scope="module")
def outcomes(runs, judged):
    return compare(runs, judged)


def test_outcomes_equal_the_numbers_the_runs_wrote(runs, judged):
    rows = [row for row in runs.downstream.to_pylist() if row["split"] == "test"]
    assert len(rows) == 5 * 3 * len(SHARES)
    for row in rows:
        place = runs.policies.index(row["policy"]), row["seed"], SHARES.index(row["share"])
        for name in (*PRIMARY.values(), "log_likelihood", "best_of_accuracy", "best_of_regret"):
            assert judged.scores[name].per_seed()[place] == pytest.approx(row[name], abs=1e-12)


def test_verdicts_go_by_the_whole_curve(outcomes):
    for outcome in outcomes.primary.values():
        verdicts = {name: of.verdict for name, of in outcome.policies.items()}
        neither = dict.fromkeys(("random_control", "thinned"), "no difference")
        assert verdicts == {"random": "reference", "bald": "worse", "bal_pm": "better", **neither}
        assert outcome.conclusion.conclusive
        assert outcome.target == outcome.policies["random"].by_share[-1].value


def test_the_reference_differs_in_nothing(outcomes):
    for outcome in outcomes.primary.values():
        for at in outcome.policies["random"].by_share:
            assert (at.difference, at.low, at.high) == (0, 0, 0)


def test_a_case_by_hand(runs):
    """Two prompts, of 1 and 3 pairs: values .5 .6 .7 of the reference, .6 .8 .9 of the others, .1 of bald."""
    curves = {"random": (0.5, 0.6, 0.7), "random_control": (0.5, 0.6, 0.7), "bald": (0.1, 0.1, 0.1)}
    curves |= {"bal_pm": (0.6, 0.8, 0.9), "thinned": (0.4, 0.5, 0.6)}
    pairs = np.array([1, 3])
    sums = np.array([[np.multiply.outer(curves[name], pairs)] * 3 for name in runs.policies])
    scores = {name: one_split(sums, pairs, pairs.astype(float)) for name in ("accuracy", "log_likelihood")}
    of = compare(runs, Judged(SHARES, np.array([10, 20, 40]), scores))
    assert of.policy is None
    results = of.reward_model.policies
    saving = results["bal_pm"].saving
    assert saving.labels_to_target == pytest.approx(15)  # halfway from .6 at 10 to .8 at 20
    # By thinned, t + 10 labels do after 20 what t do by random: on average over the curve f is less than 1.
    assert results["thinned"].saving.saved < 0
    assert (saving.saved, saving.beyond) == (1 - 1 / 8, True)  # even 8 times as fast, random is lower at once
    assert [at.difference for at in results["bal_pm"].by_share] == pytest.approx([0.1, 0.2, 0.2])
    assert results["bal_pm"].area.value == pytest.approx((0.7 * 10 + 0.85 * 20) / 30)
    assert results["bal_pm"].verdict == "better"
    assert results["bal_pm"].by_share[-1].low == pytest.approx(0.2)  # equal seeds and prompts have no spread
    assert results["random_control"].saving.labels_to_target == pytest.approx(40)
    assert results["random_control"].saving.saved == pytest.approx(0)
    assert results["bald"].saving.never
    assert of.reward_model.conclusion.reference_rise.difference == pytest.approx(0.2)
    assert (of.reward_model.prompts, of.budget) == (2, 40)


def test_a_perfect_policy_is_the_best_there_is(world, folders, tmp_path):
    chosen = {key: folder for key, folder in folders.items() if key[0] == "random"}
    utility = np.broadcast_to(world.utility, (len(SHARES), MEMBERS, len(world.utility))).astype(np.float32)
    perfect = DownstreamPredictions(
        SHARES, np.array([15, 30, 60]), utility, 1e4 * utility[:, 0].astype(np.float64)
    )
    for seed in range(3):
        folder = shutil.copytree(chosen["random", seed], tmp_path / str(seed))
        write_downstream(folder, world, "perfect", seed, perfect)
        chosen["perfect", seed] = folder
    runs = load_runs(chosen)
    judged = judge_runs(runs, judgeable(world, runs.seeds))
    of = compare(runs, judged, dataclasses.replace(FACTS, ablations=(("perfect", "random"),)))
    assert of.policy.policies["perfect"].by_share[-1].value == pytest.approx(of.best_score)
    assert of.secondary["perfect"].best_of_regret.value == 0
    assert of.secondary["perfect"].best_of_accuracy.value == 1
    assert of.secondary["perfect"].accuracy_large_gap > of.secondary["perfect"].accuracy_small_gap
    for outcome in of.primary.values():
        result = outcome.policies["perfect"]
        assert result.verdict == "better"
        assert result.saving.labels_to_target == of.n_labels[0]
        # The grid of shares can show no more: 50 labels after the first 10 against 5.
        assert result.saving.beyond
        assert labels_at_share(result.saving, of) == "≤ 15"
    assert all(significant(difference) for difference in of.ablations[0].outcomes.values())
    assert of.uniform_score < of.policy.policies["random"].by_share[-1].value < of.best_score


def test_ablations_pair_a_policy_with_its_control(outcomes):
    first, second = outcomes.ablations
    assert (first.policy, first.control) == ("bal_pm", "bald")
    for name, difference in first.outcomes.items():
        policies = outcomes.primary[name].policies
        assert difference.value == policies["bal_pm"].by_share[-1].value
        expected = policies["bal_pm"].by_share[-1].value - policies["bald"].by_share[-1].value
        assert difference.difference == pytest.approx(expected)
        assert difference.low > 0
    assert all(verdict(difference) == "no difference" for difference in second.outcomes.values())


def test_intervals_hold_their_estimates_and_grow_with_confidence(runs, judged):
    wide, narrow = (
        compare_outcomes(runs, judged, draw_outcomes(runs, judged, config), config, FACTS)
        for config in (CONFIG, CONFIG.model_copy(update={"confidence": 0.6}))
    )
    for name, outcome in wide.primary.items():
        for policy, of in outcome.policies.items():
            for at, inner in zip(of.by_share, narrow.primary[name].policies[policy].by_share, strict=True):
                assert at.low <= inner.low <= inner.high <= at.high
                assert at.low <= at.difference <= at.high
    secondary = wide.secondary["bal_pm"]
    assert secondary.log_likelihood.low > 0
    assert secondary.best_of_regret.high < 0


def test_results_repeat(runs, judged, outcomes):
    assert compare(runs, judged) == outcomes


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 5), st.integers(2, 4), st.integers(2, 12), st.integers(0, 10**6))
def test_a_saving_is_on_the_side_of_the_difference(seeds, shares, prompts, seed):
    rng = np.random.default_rng(seed)
    pairs = rng.integers(1, 5, prompts)
    scores = one_split(rng.normal(size=(2, seeds, shares, prompts)), pairs, pairs.astype(float))
    labels = np.arange(1, shares + 1) * 10
    curves = curves_of(scores, labels, 5.0, 0.95, (-np.inf, np.inf))
    contest = contest_of(["random", "x"], ["random"], frozenset())
    of = decide(contest, curves, CONFIG, seeds, None, coin_tosses(scores), must_rise=False).duels["x"]
    saving = of.saving
    assert saving.never == (curves.mean[1].max() < curves.mean[0, -1])
    assert np.sign(saving.saved) == np.sign(of.area.difference)
    assert saving.saved_low <= saving.saved <= saving.saved_high
    assert significant(of.area) == (saving.saved_low > 0 or saving.saved_high < 0)
    if not saving.never:
        assert 10 <= saving.labels_to_target <= labels[-1]


def test_without_scores_the_policy_is_not_judged(tmp_path):
    world = make_world(prompts=10, scored=False)
    folders = {
        (name, seed): write_run(tmp_path / name / str(seed), world, name, seed, speed)
        for name, speed in (("random", 1.0), ("other", 2.0))
        for seed in range(2)
    }
    runs = load_runs(folders)
    judged = judge_runs(runs, judgeable(world, runs.seeds))
    assert set(judged.scores) == {"accuracy", "log_likelihood"}
    of = compare(runs, judged, dataclasses.replace(FACTS, ablations=()))
    assert (of.policy, of.uniform_score, of.best_score) == (None, None, None)
    assert of.secondary["other"].best_of_regret is None
    assert of.secondary["other"].accuracy_small_gap is None
    assert of.secondary["other"].ece is not None


def test_without_evaluation_pairs_there_is_nothing_to_judge(runs, world):
    assert judge_runs(runs, {}) is None


def copied(folders, tmp_path):
    """The runs of seed 0, one of them a copy to be spoilt."""
    chosen = {key: folder for key, folder in folders.items() if key[1] == 0}
    chosen["bald", 0] = shutil.copytree(folders["bald", 0], tmp_path / "bald")
    return chosen


@pytest.mark.parametrize("name", ["downstream.parquet", "downstream_policy.npy", "models.parquet"])
def test_a_run_without_downstream_evaluation_is_named_with_its_remedy(folders, tmp_path, name):
    chosen = copied(folders, tmp_path)
    (chosen["bald", 0] / name).unlink()
    with pytest.raises(StateError, match=rf"bald, seed 0 .* lacks {name}\): dvc repro benchmark"):
        load_runs(chosen)


def test_runs_with_other_shares_are_refused(folders, world, tmp_path):
    chosen = copied(folders, tmp_path)
    rewards, log_policy = (np.load(chosen["bald", 0] / f"downstream_{of}.npy") for of in ("rewards", "policy"))
    other = DownstreamPredictions((0.5, 1.0), np.array([30, 60]), rewards[1:], log_policy[1:])
    write_downstream(chosen["bald", 0], world, "bald", 0, other)
    assert len(read_table(chosen["bald", 0] / "downstream.parquet")) == 4
    with pytest.raises(StateError, match=r"shares of the budget differ .* downstream\.shares"):
        judge_runs(load_runs(chosen), judgeable(world, [0]))


def test_downstream_predictions_of_other_data_are_refused(folders, world, tmp_path):
    chosen = copied(folders, tmp_path)
    write_array(chosen["bald", 0] / "downstream_policy.npy", np.zeros((3, 7)))
    with pytest.raises(StateError, match=r"do not fit 3 shares .* dvc repro benchmark"):
        judge_runs(load_runs(chosen), judgeable(world, [0]))

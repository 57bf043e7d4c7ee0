import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from prefloop.dpo.report.comparison import compare_runs
from prefloop.dpo.report.outcomes import resample
from prefloop.dpo.report.run_facts import run_facts
from prefloop.dpo.report.runs import load_runs
from prefloop.errors import StateError
from tests.dpo.report.conftest import CONFIG
from tests.dpo.report.simulate import Kind, in_memory, simulate

QUICK = CONFIG.model_copy(update={"resamples": 200})


def compared(runs, config=CONFIG):
    return compare_runs(runs, resample(runs, config), config, run_facts(runs, "simulated", config.reference[0]))


def many(kind, times, seeds=5, prompts=60):
    """Simulated comparisons of `kind` with random, no two with the same noise."""
    for time in range(times):
        scores = {
            (name, seed): simulate(of, seed, 1000 * time + number, prompts=prompts, rounds=3)
            for number, (name, of) in enumerate({"random": Kind(), "other": kind}.items())
            for seed in range(seeds)
        }
        yield compared(in_memory(scores), QUICK).policies["other"]


@pytest.fixture(scope="module")
def comparison(folders):
    return compared(load_runs(folders))


def test_verdicts_name_gains_losses_and_neither(comparison):
    for judge in ("oracle", "judge"):
        verdicts = {name: of.wins[judge].verdict for name, of in comparison.policies.items()}
        same = {"random": "reference", "random_compute_matched": "no difference"}
        assert verdicts == {"certainty": "better", "hybrid": "better", "least_certain": "worse", **same}


def test_a_policy_that_only_moves_more_gains_nothing_at_equal_kl(comparison):
    mover, better, worse = (
        comparison.policies[p].wins["oracle"] for p in ("certainty", "hybrid", "least_certain")
    )
    assert mover.verdict == "better"
    assert mover.equal_kl.win.low < 0 < mover.equal_kl.win.high
    assert better.equal_kl.win.low > 0
    assert worse.equal_kl.win.high < 0
    assert mover.equal_kl.kl == pytest.approx(comparison.policies["random"].kl[-1].value)


def test_equal_policies_differ_about_as_seldom_as_confidence_says():
    found = [of.wins["oracle"].verdict for of in many(Kind(), 75)]
    # At 5 %, 9 of 75 or more differ in 1 of 80 such tests.
    assert found.count("better") + found.count("worse") <= 8
    assert found.count("cannot tell") <= 1


def test_a_better_policy_is_mostly_found():
    found = list(many(Kind(skill=0.12), 20))
    assert sum(of.wins["oracle"].verdict == "better" for of in found) >= 18
    assert all(of.wins["oracle"].verdict != "worse" for of in found)


def test_a_mover_seldom_gains_at_equal_kl():
    found = list(many(Kind(speed=2.0), 50, prompts=150))
    assert sum(of.wins["oracle"].area.low > 0 for of in found) >= 35
    # At 2.5 %, 5 of 50 or more gain in 1 of 120 such tests.
    assert sum(of.wins["oracle"].equal_kl.win.low > 0 for of in found) <= 4


def test_intervals_hold_the_true_difference_at_equal_kl():
    found = [of.wins["oracle"].equal_kl.win for of in many(Kind(speed=1.3, skill=0.1), 50)]
    # Ties pull every win rate one tenth of the way to one half. At 95 %, 43 of 50 or fewer hold it in 1 of 85.
    assert sum(of.low <= 0.09 <= of.high for of in found) >= 44


def test_the_start_model_matches_nobody(folders):
    runs = load_runs(folders)
    lucky = runs.scores["win_oracle"].copy()
    lucky[:, :, 0] = 1.0
    scores = {**runs.scores, "win_oracle": lucky}
    comparison = compared(dataclasses.replace(runs, scores=scores))
    assert comparison.n_labels == [16, 32, 48, 64]
    assert comparison.policies["least_certain"].wins["oracle"].saving.never
    needed = comparison.policies["hybrid"].wins["oracle"].saving.labels_to_target
    assert needed is not None
    assert needed >= 16
    assert comparison.judges["oracle"].reference_rise.difference > 0


def test_the_reference_differs_from_itself_in_nothing(comparison):
    of = comparison.policies["random"]
    everything = [*of.wins["oracle"].by_round, of.wins["judge"].area, of.wins["oracle"].equal_kl.win, *of.kl]
    assert all((one.difference, one.low, one.high) == (0, 0, 0) for one in everything)
    assert of.distinct_1[-1].difference.value == 0


def test_unjudged_prompts_are_left_out_in_all_runs_of_that_judge(folders):
    runs = load_runs(folders)
    judge = runs.scores["win_judge"].copy()
    judge[1, 2, 3, :5] = np.nan
    judge[0, 0, 0, 5:7] = np.nan
    comparison = compared(dataclasses.replace(runs, scores={**runs.scores, "win_judge": judge}))
    assert (comparison.judges["oracle"].prompts, comparison.judges["judge"].prompts) == (150, 143)
    kept = judge[..., 7:].mean(axis=(1, 3))
    for row, policy in enumerate(runs.policies):
        assert comparison.policies[policy].wins["judge"].final.value == pytest.approx(kept[row, -1])
    assert comparison.policies["hybrid"].kl == compared(runs).policies["hybrid"].kl


def test_without_a_prompt_that_the_judge_judged_everywhere_there_is_the_oracle_alone(folders):
    runs = load_runs(folders)
    judge = np.full_like(runs.scores["win_judge"], np.nan)
    comparison = compared(dataclasses.replace(runs, scores={**runs.scores, "win_judge": judge}))
    assert list(comparison.judges) == ["oracle"]
    with pytest.raises(StateError, match="none of the test prompts was judged by the oracle"):
        compared(dataclasses.replace(runs, scores={**runs.scores, "win_oracle": judge}))


def test_one_seed_covers_test_prompts_only(folders):
    comparison = compared(load_runs({key: folder for key, folder in folders.items() if key[1] == 0}))
    assert comparison.interval_covers == ["test prompts"]
    of = comparison.policies["hybrid"]
    assert of.wins["oracle"].area.high > of.wins["oracle"].area.low
    assert (of.distinct_1[-1].difference.low, of.distinct_1[-1].difference.high) == (None, None)


def test_one_seed_with_one_prompt_gives_no_verdict():
    scores = {(name, 0): simulate(Kind(), 0, number, prompts=1) for number, name in enumerate(("random", "x"))}
    comparison = compared(in_memory(scores))
    assert comparison.interval_covers == []
    assert comparison.policies["x"].wins["oracle"].verdict == "cannot tell"


def test_one_round_is_a_comparison_too():
    scores = {
        (name, seed): simulate(Kind(skill=skill), seed, number, rounds=1)
        for number, (name, skill) in enumerate({"random": 0.0, "x": 0.2}.items())
        for seed in range(3)
    }
    of = compared(in_memory(scores)).policies["x"]
    assert of.wins["oracle"].verdict == "better"
    assert of.wins["oracle"].area == of.wins["oracle"].final
    assert (of.costs.certainty, of.costs.agreement) == (None, None)


def test_results_do_not_depend_on_the_order_of_policies(folders, comparison):
    turned = compared(load_runs(dict(reversed(folders.items()))))
    for name, of in comparison.policies.items():
        other = turned.policies[name].wins["oracle"]
        # Seeds are turned too, and replicates belong to seeds in their order.
        assert other.final.value == pytest.approx(of.wins["oracle"].final.value)
        assert other.area.low == pytest.approx(of.wins["oracle"].area.low, abs=0.02)
        if name != "random":
            assert other.saving.saved == pytest.approx(of.wins["oracle"].saving.saved)


def test_costs_are_those_of_a_whole_run(comparison):
    costs = comparison.policies["random"].costs
    assert (costs.ties, costs.written, costs.dropped) == (4, 4 * 32, 2)
    assert costs.no_answer == 2
    assert costs.loss_first == pytest.approx(np.log(2))
    assert costs.agreement == pytest.approx(0.65)


def test_runs_of_nothing_but_ties_have_no_loss(folders):
    runs = load_runs({key: folder for key, folder in folders.items() if key[0] in ("random", "hybrid")})
    nothing = pa.nulls(len(runs.rounds), pa.float64())
    rounds = runs.rounds
    for name in ("loss_first", "loss_last", "agreement"):
        rounds = rounds.set_column(rounds.column_names.index(name), name, nothing)
    costs = compared(dataclasses.replace(runs, rounds=rounds)).policies["hybrid"].costs
    assert (costs.loss_first, costs.loss_last, costs.agreement) == (None, None, None)

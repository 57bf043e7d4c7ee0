import dataclasses

import numpy as np
import pytest

from prefloop.errors import StateError
from prefloop.report.comparison import compare_runs, draw
from prefloop.report.curves import paired
from prefloop.report.numbers import Saving
from prefloop.report.runs import SplitScores, load_runs, score_split
from prefloop.report.scores import Scores
from tests.report.conftest import CONFIG, FACTS
from tests.report.simulate import evaluated, make_world, write_run


def compared(runs, scores, config=CONFIG, facts=FACTS):
    return compare_runs(runs, scores, draw(runs, scores, config), None, config, facts)


@pytest.fixture(scope="module")
def savings(runs, scores):
    return compared(runs, scores)


def test_scores_equal_the_metrics_the_runs_wrote(runs, scores):
    rows = [row for row in runs.metrics.to_pylist() if row["split"] == "test"]
    for row in rows:
        place = runs.policies.index(row["policy"]), row["seed"], row["round"]
        for metric in ("log_likelihood", "accuracy"):
            of = getattr(scores["test"], metric).per_seed()[place]
            assert of == pytest.approx(row[metric], abs=1e-12)


def test_verdicts_name_gains_losses_and_neither(savings):
    verdicts = {name: of.verdict for name, of in savings.policies.items()}
    neither = dict.fromkeys(("random_control", "thinned"), "no difference")
    assert verdicts == {"random": "reference", "bald": "worse", "bal_pm": "better", **neither}
    assert savings.conclusive
    assert savings.reasons == []


def test_a_saving_excludes_zero_exactly_where_a_verdict_is_given(savings):
    for of in savings.policies.values():
        for duel in (of, of.ood):
            for against in (duel.against_random, duel.against_best):
                if against is not None:
                    assert (against.verdict == "better") == (against.saving.saved_low > 0)
                    assert (against.verdict == "worse") == (against.saving.saved_high < 0)
                    assert against.saving.saved_low <= against.saving.saved <= against.saving.saved_high


def test_the_reference_is_the_mean_of_both_streams(savings, scores):
    of = savings.policies["random"]
    assert (of.area.difference, of.area.low, of.area.high) == (0, 0, 0)
    both = scores["test"].log_likelihood.mean()[[0, 1], -1]
    assert savings.target == of.final["test"]["log_likelihood"].value == pytest.approx(both.mean())
    assert of.against_random is None
    control = savings.policies["random_control"]
    difference = both[1] - both[0]
    assert control.final["test"]["log_likelihood"].difference == pytest.approx(difference)
    assert (control.control, of.control) == (True, False)


def test_the_best_without_a_model_is_the_higher_curve(savings):
    auc = {name: savings.policies[name].area.value for name in ("random", "thinned")}
    best = max(auc, key=auc.get)
    assert savings.conclusions["test"].best_baseline == best
    assert savings.policies["bal_pm"].against_best.baseline == best
    assert savings.policies[best].against_best is None
    other = ({"random", "thinned"} - {best}).pop()
    assert savings.policies[other].against_best.baseline == best
    difference = savings.policies["bal_pm"].against_best.area.difference
    assert difference == pytest.approx(savings.policies["bal_pm"].area.value - auc[best])


def test_a_worse_policy_saves_less_than_nothing(savings):
    of = savings.policies["bald"].saving
    assert of.never
    assert of.saved < -0.2
    assert of.saved_high < 0


def test_simultaneous_intervals_are_wider_than_single_ones(savings, runs, scores):
    level = savings.conclusions["test"].level
    assert 0.05 / 12 < level < 0.05 / 2
    curves = draw(runs, scores, CONFIG)["test"]["log_likelihood"]
    own, base = np.eye(5)[runs.policies.index("bal_pm")], np.array([0.5, 0.5, 0, 0, 0])
    single = paired(curves, own, base, curves.auc_weights)
    assert single.difference == pytest.approx(savings.policies["bal_pm"].area.difference)
    assert savings.policies["bal_pm"].area.low < single.low
    assert single.high < savings.policies["bal_pm"].area.high


def test_the_view_of_the_target_says_what_the_verdict_says(savings):
    """The simulated runs count prompts by their pairs: that view is the primary outcome itself."""
    for of in savings.policies.values():
        view = of.views["pairs"].area
        assert view.difference == pytest.approx(of.area.difference)
        assert (view.low, view.high) == pytest.approx((of.area.low, of.area.high))


def test_views_weigh_prompts_anew(savings, scores):
    views = savings.policies["bald"].views
    seeds = scores["test"].log_likelihood.seeds
    row = 3
    alike = np.mean([(of.sums[row, -1] / of.pairs).mean() for of in seeds])
    assert views["prompts"].final.value == pytest.approx(alike)
    largest = np.mean([(of.sums / of.pairs)[row, -1, of.prompt == FACTS.largest].item() for of in seeds])
    assert views["largest"].final.value == pytest.approx(largest)


def test_other_splits_are_judged_too(savings):
    assert set(savings.policies["bal_pm"].final) == {"test", "ood"}
    assert set(savings.conclusions) == {"test", "ood"}
    assert savings.policies["bal_pm"].ood.verdict == "better"
    assert savings.policies["bal_pm"].final["ood"]["log_likelihood"].low > 0


def test_the_finding_is_to_choose_by_the_better_policy(savings):
    of = savings.finding
    assert (of.finding, of.advice, of.choose) == ("worth it", "choose by policy", "bal_pm")
    assert of.sentence.startswith("**Worth it** under the target `pairs` (a prompt counts as often as it occurs")
    assert "by test log-likelihood over the whole curve, with 3 seeds: bal_pm learns faster" in of.sentence
    assert of.baseline == savings.conclusions["test"].best_baseline
    assert of.saved == savings.policies["bal_pm"].against_best.saving.saved


def test_accuracies_and_their_differences_stay_in_their_bounds(runs, scores):
    config = CONFIG.model_copy(update={"confidence": 0.999})
    for of in compared(runs, scores, config).policies.values():
        for split in of.final.values():
            assert -1 <= split["accuracy"].low <= split["accuracy"].high <= 1


def test_results_do_not_depend_on_the_order_of_policies(runs, scores, savings):
    order = [3, 1, 0, 4, 2]
    turned = dataclasses.replace(runs, policies=tuple(runs.policies[i] for i in order))

    def swap(of):
        return Scores(tuple(dataclasses.replace(seed, sums=seed.sums[order]) for seed in of.seeds))

    swapped = {split: SplitScores(swap(of.log_likelihood), swap(of.accuracy)) for split, of in scores.items()}
    other = compared(turned, swapped)
    for name, of in savings.policies.items():
        assert other.policies[name].area.difference == pytest.approx(of.area.difference, abs=1e-12)
        # The multipliers of the simultaneous level belong to policies in their order.
        assert other.policies[name].area.low == pytest.approx(of.area.low, rel=0.1)
        single, turned_ = (p.policies[name].final["test"]["accuracy"].low for p in (savings, other))
        assert single == pytest.approx(turned_, abs=1e-9)


def nothing_told(of: Saving) -> bool:
    numbers = of.model_dump(exclude={"beyond", "open_low", "open_high", "never"})
    return all(value is None for value in numbers.values())


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_seeds_give_no_verdict(folders, world, seeds):
    runs = load_runs({key: folder for key, folder in folders.items() if key[1] < seeds})
    of = compared(runs, {"test": score_split(runs, evaluated(world, "test", runs.seeds))})
    assert of.interval_covers == ["seeds", "test prompts"][-seeds:]
    assert not of.conclusive
    assert "the luck of a run needs at least 3" in of.reasons[0]
    for policy in of.policies.values():
        assert policy.verdict in ("reference", "cannot tell")
        assert policy.saving is None or nothing_told(policy.saving)
    assert of.policies["bal_pm"].area.high > of.policies["bal_pm"].area.low
    assert of.finding.finding == "cannot be told"
    assert of.finding.more_seeds >= 3 - seeds
    assert "the luck of a run needs at least 3" in of.finding.sentence


def test_nothing_that_varies_gives_no_interval(tmp_path):
    world = make_world(prompts=1, ood=False)
    folders = {
        (name, 0): write_run(tmp_path / name, world, name, 0, speed)
        for name, speed in (("random", 1.0), ("x", 3.0))
    }
    runs = load_runs(folders)
    of = compared(runs, {"test": score_split(runs, evaluated(world, "test", runs.seeds))})
    assert of.interval_covers == []
    assert of.policies["x"].verdict == "cannot tell"
    assert (of.policies["x"].area.low, of.policies["x"].area.high) == (None, None)


def test_a_missing_run_is_named(folders, tmp_path):
    with pytest.raises(StateError, match=r"policy bald, seed 9 .* dvc repro benchmark"):
        load_runs({**folders, ("bald", 9): tmp_path / "none"})


def test_runs_of_different_length_are_refused(folders, world, tmp_path):
    short = write_run(tmp_path / "short", world, "short", 0, 1.0, rounds=3)
    with pytest.raises(StateError, match="n_labels per round differs"):
        load_runs({**folders, ("short", 0): short})


def test_predictions_of_other_data_are_refused(runs, world):
    of = evaluated(dataclasses.replace(world, first=world.first - 1000), "ood", runs.seeds)
    with pytest.raises(StateError, match="does not fit"):
        score_split(runs, of)

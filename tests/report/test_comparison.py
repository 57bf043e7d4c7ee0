import dataclasses

import numpy as np
import pytest

from prefloop.errors import StateError
from prefloop.report.bootstrap import PromptSums
from prefloop.report.comparison import compare_runs, resample
from prefloop.report.runs import SplitScores, load_runs, score_split
from tests.report.conftest import CONFIG, FACTS
from tests.report.simulate import make_world, write_run


@pytest.fixture(scope="module")
def savings(runs, scores):
    return compare_runs(runs, scores, resample(scores, CONFIG), None, CONFIG, FACTS)


def test_scores_equal_the_metrics_the_runs_wrote(runs, scores):
    rows = [row for row in runs.metrics.to_pylist() if row["split"] == "test"]
    for row in rows:
        place = runs.policies.index(row["policy"]), row["seed"], row["round"]
        for metric in ("log_likelihood", "accuracy"):
            of = getattr(scores["test"], metric).per_seed()[place]
            assert of == pytest.approx(row[metric], abs=1e-12)


def test_verdicts_name_gains_losses_and_neither(savings):
    verdicts = {name: of.verdict for name, of in savings.policies.items()}
    expected = {"random": "reference", "random_control": "no difference", "bald": "worse", "bal_pm": "better"}
    assert verdicts == expected


def test_the_reference_needs_its_own_budget_and_differs_in_nothing(savings):
    of = savings.policies["random"]
    assert of.labels_to_target is not None
    assert of.labels_to_target <= savings.budget
    assert (of.area.difference, of.area.low, of.area.high) == (0, 0, 0)
    assert savings.target == of.final["test"]["log_likelihood"].value


def test_a_worse_policy_never_reaches_the_target(savings):
    of = savings.policies["bald"]
    assert of.never
    assert of.saved is None
    assert of.saved_low is None


def test_validation_labels_count_on_both_sides(savings):
    of = savings.policies["bal_pm"]
    assert of.with_validation is not None
    assert of.with_validation.labels_to_target == pytest.approx(of.labels_to_target + savings.n_val_labels)
    expected = 1 - (of.labels_to_target + 5) / (savings.budget + 5)
    assert of.with_validation.saved == pytest.approx(expected)


def test_other_splits_are_compared_too(savings):
    assert set(savings.policies["bal_pm"].final) == {"test", "ood"}
    assert savings.policies["bal_pm"].final["ood"]["log_likelihood"].low > 0


def test_results_do_not_depend_on_the_order_of_policies(runs, scores, savings):
    order = [3, 1, 0, 2]
    turned = dataclasses.replace(runs, policies=tuple(runs.policies[i] for i in order))
    swapped = {
        split: SplitScores(*(PromptSums(of.sums[order], of.pairs) for of in (s.log_likelihood, s.accuracy)))
        for split, s in scores.items()
    }
    other = compare_runs(turned, swapped, resample(swapped, CONFIG), None, CONFIG, FACTS)
    for name, of in savings.policies.items():
        assert other.policies[name].area.low == pytest.approx(of.area.low, abs=1e-9)
        assert other.policies[name].saved == pytest.approx(of.saved)


def test_one_seed_covers_test_prompts_only(folders, world):
    runs = load_runs({key: folder for key, folder in folders.items() if key[1] == 0})
    scores = {"test": score_split(runs, world.sets["test"], world.first)}
    of = compare_runs(runs, scores, resample(scores, CONFIG), None, CONFIG, FACTS)
    assert of.interval_covers == ["test prompts"]
    assert of.policies["bal_pm"].area.high > of.policies["bal_pm"].area.low


def test_nothing_to_resample_gives_no_verdict(tmp_path):
    world = make_world(prompts=1, ood=False)
    folders = {
        (name, 0): write_run(tmp_path / name, world, name, 0, speed)
        for name, speed in (("random", 1.0), ("x", 3.0))
    }
    runs = load_runs(folders)
    scores = {"test": score_split(runs, world.sets["test"], world.first)}
    of = compare_runs(runs, scores, resample(scores, CONFIG), None, CONFIG, FACTS)
    assert of.interval_covers == []
    assert of.policies["x"].verdict == "no difference"


def test_a_missing_run_is_named(folders, tmp_path):
    with pytest.raises(StateError, match=r"policy bald, seed 9 .* dvc repro benchmark@bald-9"):
        load_runs({**folders, ("bald", 9): tmp_path / "none"})


def test_runs_of_different_length_are_refused(folders, world, tmp_path):
    short = write_run(tmp_path / "short", world, "short", 0, 1.0, rounds=3)
    with pytest.raises(StateError, match="n_labels per round differs"):
        load_runs({**folders, ("short", 0): short})


def test_predictions_of_other_data_are_refused(runs, world):
    with pytest.raises(StateError, match="does not fit"):
        score_split(runs, world.sets["ood"], world.first - 1000)


def test_replicates_share_seeds_across_splits(runs, scores):
    curves = resample(scores, CONFIG)
    again = resample(scores, CONFIG)
    np.testing.assert_array_equal(curves["ood"]["accuracy"].replicates, again["ood"]["accuracy"].replicates)

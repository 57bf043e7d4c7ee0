import pytest

from prefloop.tracking.names import flat
from prefloop.tracking.simulated import SIMULATED, downstream_metrics, round_metrics

ABOUT = {
    "policy": "bal_pm",
    "seed": 3,
    "dataset": "hh",
    "fingerprint": "f",
    "encoder": {"model": "small"},
    "versions": {"torch": "2"},
    "parameters": {
        "benchmark": {"initial": 64, "batch": 32, "rounds": 8},
        "reward": {"kind": "mlp_ensemble", "mlp_ensemble": {"members": 5, "layers": [8, 4]}},
        "policy": {"batch": {"policy": "bal_pm", "beta": 0.03}},
    },
}


def changed(**sections):
    return {**ABOUT, "parameters": {**ABOUT["parameters"], **sections}}


def test_runs_can_be_grouped_by_what_users_group_by():
    params = SIMULATED.run_spec(ABOUT, "parent").params
    wanted = {"policy": "bal_pm", "seed": "3", "dataset": "hh", "batch_size": "32", "initial": "64"}
    assert wanted.items() <= params.items()
    assert {"members": "5", "encoder": "small", "policy.batch.beta": "0.03"}.items() <= params.items()


def test_a_longer_run_is_the_same_run():
    longer = changed(benchmark={"initial": 64, "batch": 32, "rounds": 20})
    assert SIMULATED.run_spec(longer, None) == SIMULATED.run_spec(ABOUT, None)
    assert SIMULATED.comparison_spec(longer) == SIMULATED.comparison_spec(ABOUT)


def test_policies_share_a_comparison_and_other_shared_parameters_make_another():
    other_policy = {**changed(policy={"batch": {"policy": "random"}}), "policy": "random", "seed": 0}
    assert SIMULATED.comparison_spec(other_policy) == SIMULATED.comparison_spec(ABOUT)
    other_batch = changed(benchmark={"initial": 64, "batch": 64, "rounds": 8})
    assert SIMULATED.comparison_spec(other_batch).fingerprint != SIMULATED.comparison_spec(ABOUT).fingerprint
    assert SIMULATED.comparison_spec(other_batch).key == SIMULATED.comparison_spec(ABOUT).key


def test_round_metrics_are_named_by_split_and_leave_out_what_is_missing():
    facts = {"policy": "x", "n_labels": 64, "n_val_labels": 0, "n_ties": 2, "entropy_ratio": None}
    facts |= {"gap": 1.5, "winner_regret": None, "annotation_calls": 128}
    rows = [{"split": "test", "seed": 1, "n_pairs": 9, "log_likelihood": -0.5, "spearman_error": None}]
    of = round_metrics(facts, rows)
    chosen = {"gap": 1.5, "annotation_calls": 128.0}
    assert of == {"n_val_labels": 0.0, "n_ties": 2.0, "test_log_likelihood": -0.5, **chosen}


def test_downstream_metrics_are_those_of_all_labels_on_the_test_split():
    common = {"log_likelihood": -0.5, "best_of_regret": None, "proxy_score": None}
    rows = [
        {"split": split, "share": share, "accuracy": accuracy, **common}
        for split, share, accuracy in (("test", 0.5, 0.6), ("test", 1.0, 0.7), ("ood", 1.0, 0.8))
    ]
    assert downstream_metrics(rows) == {"retrained_test_accuracy": 0.7, "retrained_test_log_likelihood": -0.5}
    assert downstream_metrics(rows[2:]) == {}


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1"), (0.5, "0.5"), ([1, 2], "[1, 2]"), (None, "null"), ("a", "a")]
)
def test_flat_parameters_are_text(value, text):
    assert flat({"a": {"b": value}}) == {"a.b": text}

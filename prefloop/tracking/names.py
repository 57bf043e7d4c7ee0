"""What runs are called, grouped by and measured by in MLflow: pure functions of the run's own files."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Mapping
from typing import Any

from prefloop.io.documents import to_json
from prefloop.io.hashing import text_id
from prefloop.report.colours import line_of
from prefloop.report.numbers import Difference, Saving
from prefloop.tracking.tracker import RunSpec

_ROUND_METRICS = (
    *("gap", "winner_regret", "pair_regret", "best_hit"),
    *("score_uncertainty", "score_entropy", "entropy_ratio", "temperature", "epochs"),
)
_ROUND_COUNTS = ("n_val_labels", "n_ties", "n_prompts", "batch_ties", "judge_calls")
# Columns of assessment.parquet, and what they are called beside the metrics of rounds.
_ASSESSED = {
    "accuracy": "fresh_test_accuracy",
    "log_likelihood": "fresh_test_log_likelihood",
    "best_of_regret": "fresh_test_best_of_regret",
    "proxy_score": "proxy_test_score",
}
_NOT_METRICS = ("policy", "seed", "round", "n_labels", "n_val_labels", "split", "n_pairs")


def round_metrics(facts: Mapping[str, Any], metrics: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Metrics of one round, for instance `test_log_likelihood`, `acquired_accuracy`, `entropy_ratio`.

    Args:
        facts: the round's row of rounds.parquet.
        metrics: its rows of metrics.parquet, one a split.

    Returns:
        Value by name; what a round does not have is left out.
    """
    values = {name: facts.get(name) for name in (*_ROUND_COUNTS, *_ROUND_METRICS)}
    for row in metrics:
        values |= {f"{row['split']}_{name}": v for name, v in row.items() if name not in _NOT_METRICS}
    return {name: float(value) for name, value in values.items() if value is not None}


def assessed_metrics(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """What fresh models made of all of a run's labels, for instance `fresh_test_accuracy`.

    Args:
        rows: its rows of assessment.parquet.

    Returns:
        Value by name, at the last share of the budget on the test split; what it does not have is left out.
    """
    test = [row for row in rows if row["split"] == "test"]
    if not test:
        return {}
    last = max(test, key=lambda row: row["share"])
    return {name: float(last[column]) for column, name in _ASSESSED.items() if last[column] is not None}


def saving_metrics(of: Saving | None, difference: Difference, prefix: str, name: str) -> dict[str, float]:
    """A policy's saving and a difference of its curve, as numbers of a whole run; NaN where it cannot be told.

    Args:
        of: the saving; None for the reference itself.
        difference: what the saving's verdict rests on.
        prefix: of the saving's names.
        name: the difference's.
    """
    told = of if of is not None and of.told else None
    numbers = {
        f"{prefix}labels_to_target": None if of is None else of.labels_to_target,
        f"{prefix}saved": None if told is None else told.saved,
        f"{prefix}saved_low": None if told is None else told.saved_low,
        f"{prefix}saved_high": None if told is None else told.saved_high,
        f"{name}_difference": difference.difference,
        f"{name}_difference_low": difference.low,
        f"{name}_difference_high": difference.high,
    }
    return {name: math.nan if value is None else value for name, value in numbers.items()}


def comparison_spec(about: Mapping[str, Any]) -> RunSpec:
    """The parent of a comparison: one dataset with the parameters that all its runs share.

    Args:
        about: run.json of any of its runs.
    """
    shared = {name: of for name, of in about["parameters"].items() if name != "policy"}
    if "division" in shared:  # each seed divides the data by a salt of its own
        shared["division"] = {name: of for name, of in shared["division"].items() if name != "salt"}
    identity = {"dataset": about["dataset"], "encoder": about.get("encoder"), **without_rounds(shared)}
    return RunSpec(
        key=f"comparison/{about['dataset']}",
        fingerprint=text_id(to_json(identity)),
        name=f"comparison on {about['dataset']}",
        params={"kind": "comparison", **_shared_params(about), **flat(without_rounds(shared))},
    )


def run_spec(about: Mapping[str, Any], parent: str | None) -> RunSpec:
    """One simulated run: a policy with a seed.

    Args:
        about: its run.json.
        parent: run id of the comparison.
    """
    params = _shared_params(about) | flat(without_rounds(about["parameters"]))
    return policy_spec("run", about, params, parent)


def policy_spec(kind: str, about: Mapping[str, Any], params: Mapping[str, str], parent: str | None) -> RunSpec:
    """A run of one policy with one seed.

    Args:
        kind: what sort of run.
        about: its run.json.
        params: further parameters.
        parent: run id of the comparison.
    """
    policy, seed, dataset = about["policy"], about["seed"], about["dataset"]
    own = {"kind": kind, "policy": policy, "seed": str(seed)}
    return RunSpec(
        key=f"{kind}/{dataset}/{policy}/{seed}",
        fingerprint=about["fingerprint"],
        name=f"{policy}-{seed}",
        params={**own, **params},
        # The UI draws a run in this colour; runs grouped by policy it gives colours of its own, by their name.
        tags={"policy": policy, "mlflow.runColor": line_of(policy).colour}
        | {f"version.{name}": str(version) for name, version in about.get("versions", {}).items()},
        parent=parent,
    )


def campaign_spec(about: Mapping[str, Any], policy: str, seed: int) -> RunSpec:
    """One labelling campaign.

    Args:
        about: provenance of the campaign's weights: dataset, encoder, parameters.
        policy: the named policy that chooses the batches.
        seed: the campaign's seed.
    """
    identity = {name: about.get(name) for name in ("dataset", "encoder", "parameters")}
    own = {"kind": "campaign", "policy": policy, "seed": str(seed), "dataset": str(about["dataset"])}
    return RunSpec(
        key=f"campaign/{about['dataset']}/{policy}/{seed}",
        fingerprint=text_id(to_json(identity)),
        name=f"campaign {policy} on {about['dataset']}",
        params=own | flat(about["parameters"]),
    )


def system_facts() -> dict[str, str]:
    """Facts about the machine, as tags: they may differ where a run is resumed or rebuilt."""
    return {
        "system.cpus": str(os.cpu_count()),
        "system.platform": platform.platform(),
        "system.python": platform.python_version(),
    }


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested parameters: {"a": {"b": 1}} to {"a.b": "1"}."""
    result: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{name}.")
        else:
            result[f"{prefix}{name}"] = value if isinstance(value, str) else to_json(value)
    return result


def without_rounds(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the number of rounds: a run that goes on for longer is the same run."""
    benchmark = {name: v for name, v in parameters.get("benchmark", {}).items() if name != "rounds"}
    return {**parameters, "benchmark": benchmark}


def _shared_params(about: Mapping[str, Any]) -> dict[str, str]:
    benchmark, reward = about["parameters"]["benchmark"], about["parameters"]["reward"]
    ensemble = reward.get(reward["kind"], {})
    encoder = about.get("encoder") or {}
    return {
        "dataset": str(about["dataset"]).replace("'", "_"),
        "initial": str(benchmark["initial"]),
        "batch_size": str(benchmark["batch"]),
        "reward": str(reward["kind"]),
        **({"members": str(ensemble["members"])} if "members" in ensemble else {}),
        **({"encoder": str(encoder["model"])} if "model" in encoder else {}),
    }

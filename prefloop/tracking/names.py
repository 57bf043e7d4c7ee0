"""Names and groups of runs in MLflow: pure functions of the run's own files."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

from prefloop.colours import line_of
from prefloop.io.json import to_json
from prefloop.tracking.tracker import RunSpec


def policy_spec(kind: str, about: Mapping[str, Any], params: Mapping[str, str], parent: str | None) -> RunSpec:
    """A run of one policy with one seed.

    Args:
        kind: what sort of run.
        about: its run.json.
        params: further parameters.
        parent: run id of the comparison.
    """
    policy, seed, dataset = about["policy"], about["seed"], about["dataset"]
    return RunSpec(
        key=f"{kind}/{dataset}/{policy}/{seed}",
        fingerprint=about["fingerprint"],
        name=f"{policy}-{seed}",
        params={"kind": kind, "policy": policy, "seed": str(seed), **params},
        # The UI draws a run in this colour; runs grouped by policy it gives colours of its own, by their name.
        tags={"policy": policy, "mlflow.runColor": line_of(policy).colour}
        | {f"version.{name}": str(version) for name, version in about.get("versions", {}).items()},
        parent=parent,
    )


def quotable(dataset: str) -> str:
    """A data set's name as a parameter: the UI's filter cannot quote an apostrophe."""
    return dataset.replace("'", "_")


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

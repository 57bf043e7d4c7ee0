"""Setting of a comparison in words, from the parameters that the runs kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefloop.dpo.report.runs import DpoRuns


@dataclass(frozen=True)
class Facts:
    """What the report states about the runs.

    Attributes:
        dataset: name of the prompts.
        start: the start model.
        oracle, judge: who labels, and who never does.
        controls: policies that differ from the reference by what they compute, not by what they choose.
    """

    dataset: str
    start: str
    oracle: str
    judge: str
    controls: frozenset[str]


def run_facts(runs: DpoRuns, dataset: str, reference: str) -> Facts:
    """Collect the facts from the runs' own parameters.

    Args:
        runs: the runs.
        dataset: name of the prompts.
        reference: the policy that others are measured against.
    """
    parameters = next(iter(runs.info.values()))["parameters"]
    oracle = parameters["oracle"]
    noise = [
        f"{name.replace('_', ' ')} {oracle[name]:g}"
        for name in ("flip_rate", "position_bias", "failure_rate")
        if oracle[name]
    ]
    rules = {policy: info["parameters"]["policy"]["rule"] for (policy, _), info in runs.info.items()}
    return Facts(
        dataset=dataset,
        start=_start(parameters["start"]),
        oracle=", ".join([_judge(oracle["judge"]), *noise]),
        judge=_judge(parameters["judge"]),
        controls=frozenset(
            policy
            for policy, rule in rules.items()
            if rules[reference] == "random" and rule == "random_compute_matched"
        ),
    )


def _start(start: Mapping[str, Any]) -> str:
    if start["source"] == "tiny":
        return "a tiny model, pre-trained here"
    # A local folder is named by its last part: the rest is this machine's.
    model = str(start["model"])
    return Path(model).name if Path(model).is_absolute() else model


def _judge(judge: Mapping[str, Any]) -> str:
    if "path" in judge:
        return f"{judge['kind']} {Path(str(judge['path'])).name}"
    return f"{judge['kind']} {judge['model']}" if "model" in judge else str(judge["kind"])

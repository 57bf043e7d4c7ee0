"""What a run of active DPO is: its parameters, inputs and versions, and its identity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefloop.dpo.config import DpoParams
from prefloop.dpo.layout import DpoLayout
from prefloop.identity import Part, fingerprint, libraries, machine, parts
from prefloop.io.hashing import file_digest, text_id
from prefloop.judges.kinds import NOT_DECISIVE

# What decides a run's numbers beside the project's own parts.
LIBRARIES = ("numpy", "peft", "tokenizers", "torch", "transformers", "trl")
# Recorded in run.json, and no part of a run's identity: other source or versions give the same run.
FACTS = ("versions", "source")
_SECTIONS = ("sampling", "oracle", "judge", "train", "evaluation")


def parts_of(params: DpoParams, name: str) -> dict[str, Part]:
    """Versions of the parts that a run with this policy uses."""
    used = [
        *("dpo_rounds", "dpo_training", "dpo_evaluation", "labels"),
        f"dpo_rule.{params.policies[name].rule}",
        *(f"judge.{config.kind}" for config in (params.oracle.judge, params.judge)),
    ]
    return parts(used)


def decisive(params: DpoParams, layout: DpoLayout, name: str, seed: int, judges: Sequence[str]) -> dict[str, Any]:
    """All that decides a run's bytes but the number of rounds, so that a longer run continues a shorter one.

    Args:
        params: parameters in force.
        layout: where the inputs lie.
        name, seed: of the run.
        judges: names of the training oracle and the judge: they say which word list or weights they read.
    """
    left_out = {"policies", "seeds", "rounds", "threads", "device"}
    return {
        "policy": name,
        "seed": seed,
        "parts": parts_of(params, name),
        "parameters": {
            "policy": params.policies[name].model_dump(mode="json"),
            **{section: _decisive(getattr(params, section).model_dump(mode="json")) for section in _SECTIONS},
            "run": params.run.model_dump(mode="json", exclude=left_out),
            "chat": params.start.chat,
        },
        "inputs": {
            "start": start_digest(layout.start),
            "prompts": file_digest(layout.prompts / "prompts.parquet"),
            "judges": list(judges),
        },
        "libraries": libraries(*LIBRARIES),
        "machine": machine(params.run.device, params.run.threads),
    }


def describe_run(params: DpoParams, identity: dict[str, Any]) -> dict[str, Any]:
    """Content of run.json but for the recorded facts: what was run, on what, with which parameters.

    Args:
        params: parameters in force.
        identity: what `decisive` gave.
    """
    name = identity["policy"]
    sections = {
        "policy": params.policies[name].model_dump(mode="json"),
        **{section: getattr(params, section).model_dump(mode="json") for section in _SECTIONS},
        "start": params.start.model_dump(mode="json", include={"source", "model", "revision", "chat"}),
        "run": params.run.model_dump(mode="json", exclude={"policies", "seeds"}),
    }
    return {
        "policy": name,
        "seed": identity["seed"],
        "dataset": params.dataset,
        "fingerprint": fingerprint(identity),
        "parts": identity["parts"],
        "parameters": sections,
        "start": identity["inputs"]["start"],
        "machine": identity["machine"],
        "budget": params.run.budget,
    }


def start_digest(folder: Path) -> str:
    """Digest of the start model's weights, configuration and tokenizer; not of how it was trained."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "start.json")
    return text_id(*(part for path in files for part in (path.name, file_digest(path))))


def _decisive(section: Any) -> Any:
    """A section without what changes no result: a longer timeout is no reason to start anew."""
    if not isinstance(section, dict):
        return section
    kept = {name: _decisive(value) for name, value in section.items()}
    if "kind" not in section:
        return kept
    return {name: value for name, value in kept.items() if name not in NOT_DECISIVE}

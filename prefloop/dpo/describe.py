"""What a run is: its parameters, inputs and versions, and the fingerprint of all that decides its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import prefloop
from prefloop.device import resolve_device
from prefloop.dpo.config import DpoParams
from prefloop.dpo.layout import DpoLayout
from prefloop.io.documents import to_json
from prefloop.io.hashing import file_digest, source_digest, text_id
from prefloop.judges.config import NOT_DECISIVE
from prefloop.versions import versions as core_versions


def describe_run(
    params: DpoParams, layout: DpoLayout, name: str, seed: int, judges: Sequence[str]
) -> dict[str, Any]:
    """Content of run.json: what was run, on what, with which parameters and versions.

    The fingerprint covers all that decides the run's bytes but the number of rounds, so that a
    longer run continues a shorter one.

    Args:
        params: parameters in force.
        layout: where the inputs lie.
        name, seed: of the run.
        judges: names of the training oracle and the judge: they say which word list or weights they read.
    """
    sections = {
        "policy": params.policies[name].model_dump(mode="json"),
        **{
            section: getattr(params, section).model_dump(mode="json")
            for section in ("sampling", "oracle", "judge", "train", "evaluation")
        },
        "run": params.run.model_dump(mode="json", exclude={"policies", "seeds", "rounds"}),
    }
    start = start_digest(layout.start)
    # Other threads or another device give other last bits, and then other tokens.
    machine = [str(params.run.threads or torch.get_num_threads()), str(resolve_device(params.run.device))]
    inputs = [start, str(params.start.chat), file_digest(layout.prompts / "prompts.parquet"), *judges]
    return {
        "policy": name,
        "seed": seed,
        "dataset": params.dataset,
        "fingerprint": text_id(
            *(name, str(seed), to_json(_decisive(sections)), to_json(versions()), _source()), *inputs, *machine
        ),
        "parameters": {
            **sections,
            "start": params.start.model_dump(mode="json", include={"source", "model", "revision", "chat"}),
            "run": {**sections["run"], "rounds": params.run.rounds},
        },
        "start": start,
        "versions": versions(),
        "budget": params.run.budget,
    }


def start_digest(folder: Path) -> str:
    """Digest of the start model's weights, configuration and tokenizer; not of how it was trained."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "start.json")
    return text_id(*(part for path in files for part in (path.name, file_digest(path))))


def versions() -> dict[str, str]:
    """Versions that decide the bytes of a run."""
    import peft
    import tokenizers
    import transformers
    import trl

    libraries = {"transformers": transformers, "trl": trl, "peft": peft, "tokenizers": tokenizers}
    return core_versions() | {name: library.__version__ for name, library in libraries.items()}


def _decisive(section: Any) -> Any:
    """A section without what changes no result: a longer timeout is no reason to start anew."""
    if not isinstance(section, dict):
        return section
    kept = {name: _decisive(value) for name, value in section.items()}
    return {name: of for name, of in kept.items() if name not in NOT_DECISIVE} if "kind" in section else kept


def _source() -> str:
    package = Path(prefloop.__file__).resolve().parent
    return source_digest(package.parent, package / "dpo" / "run.py")

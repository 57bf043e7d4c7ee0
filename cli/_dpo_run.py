"""Parameters by the options of `prefloop dpo run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli._common import beside
from prefloop.config import parse_params
from prefloop.dpo.config import DpoParams
from prefloop.errors import ConfigError


def dpo_params(
    params: DpoParams, *, out: Path, prompts: Path | None, model: str | None, changes: dict[str, Any]
) -> DpoParams:
    """The parameters in force: those given, changed by the command's options.

    Raises:
        ConfigError: a value out of range, an unknown policy, a missing file.
    """
    content = params.model_dump(mode="json")
    if prompts is not None:
        if not prompts.exists():
            raise ConfigError(f"{prompts} is missing: give an existing file of prompts")
        content["prompts"] |= {"source": "files", "files": [str(prompts.resolve())]}
    if model is not None:
        folder = Path(model).expanduser()
        content["start"] |= {"source": "model", "model": str(folder.resolve()) if folder.is_dir() else model}
        content["start"]["texts"]["epochs"] = 0
    section = content["run"]
    section |= {key: value for key, value in changes.items() if value is not None}
    if isinstance(section["seeds"], int):
        section["seeds"] = list(range(section["seeds"]))
    reference = content["compare"]["reference"]
    if not set(reference) & set(section["policies"]):
        section["policies"] = [reference[0], *section["policies"]]
    content["tracking"]["uri"] = beside(content["tracking"]["uri"], out)
    return parse_params(content, "prefloop dpo run", DpoParams)

"""Parameters by the options of `prefloop bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli._common import beside
from cli._reading import said
from prefloop.config import Params, parse_params
from prefloop.errors import ConfigError

# What every comparison is held against: two random streams, and two ways of choosing that need no model.
BASELINES = ("random", "random_control", "random_prompts", "thinned")


def bench_params(
    params: Params,
    *,
    out: Path,
    data: Path,
    ood: Path | None,
    where: str | None,
    ood_where: str | None,
    per_prompt: str | None,
    target: str | None,
    baselines: bool,
    columns: list[str] | None,
    verdicts: list[str] | None,
    changes: dict[str, Any],
) -> Params:
    """The parameters in force: those given, changed by the command's options.

    Raises:
        ConfigError: a value out of range, an unknown policy, a missing file.
    """
    for path in filter(None, (data, ood)):
        if not path.exists():
            raise ConfigError(f"{path} is missing: give an existing preference file")
    entries = [{"path": str(data.resolve()), "split": "auto", "where": where}]
    if ood is not None or ood_where is not None:
        entries.append({"path": str((ood or data).resolve()), "split": "ood", "where": ood_where})
    content = params.model_dump(mode="json")
    content["data"] = said(content["data"] | {"source": "files", "files": entries}, columns, verdicts)
    section = content["benchmark"]
    section |= {key: value for key, value in changes.items() if value is not None}
    if isinstance(section["seeds"], int):
        section["seeds"] = list(range(section["seeds"]))
    if per_prompt is not None:
        limit = int(per_prompt) if per_prompt.isdecimal() else per_prompt
        if limit not in ("auto", "unlimited") and not (isinstance(limit, int) and limit >= 1):
            raise ConfigError(f"--per-prompt: got {per_prompt}; expected a number >= 1, unlimited or auto")
        for policy in content["policies"].values():
            policy["pairs"]["per_prompt"] = limit
    if baselines:
        section["policies"] = list(dict.fromkeys([*BASELINES, *section["policies"]]))
    if target is not None:
        _aim(content["data"], target)
    reference = content["compare"]["reference"]
    if not set(reference) & set(section["policies"]):
        section["policies"] = [reference[0], *section["policies"]]
    content["tracking"]["uri"] = beside(content["tracking"]["uri"], out)
    return parse_params(content, "prefloop bench")


def _aim(section: dict[str, Any], target: str) -> None:
    """Set the target: prompts, pairs, or a file of prompts."""
    if target in ("prompts", "pairs"):
        section["target"] = target
        return
    path = Path(target)
    if not path.is_file():
        raise ConfigError(f"--target: got {target}; expected prompts, pairs, or an existing file of prompts")
    section["target"] = "file"
    section["target_file"]["path"] = str(path.resolve())

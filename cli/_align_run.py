"""What `prefloop align run` does: the stages, one after another, on another folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cli._common import beside
from prefloop.align.config import AlignParams
from prefloop.align.layout import AlignLayout
from prefloop.align.load import parse_align_params
from prefloop.align.run import load_problem
from prefloop.errors import ConfigError
from prefloop.io.atomic import write_text
from stages.align import compare, prompts, rounds, sft


def align_params(
    params: AlignParams, *, out: Path, prompts: Path | None, model: str | None, changes: dict[str, Any]
) -> AlignParams:
    """The parameters in force: those given, changed by the command's options.

    Raises:
        ConfigError: a value out of range, an unknown policy, a missing file.
    """
    content = params.model_dump(mode="json")
    if prompts is not None:
        if not prompts.is_file():
            raise ConfigError(f"{prompts} is missing: give an existing file of prompts")
        content["prompts"] |= {"source": "files", "files": [str(prompts.resolve())]}
    if model is not None:
        content["start"] |= {"source": "model", "model": model}
        content["start"]["texts"]["epochs"] = 0
    section = content["run"]
    section |= {key: value for key, value in changes.items() if value is not None}
    if isinstance(section["seeds"], int):
        section["seeds"] = list(range(section["seeds"]))
    reference = content["compare"]["reference"]
    if reference not in section["policies"]:
        section["policies"] = [reference, *section["policies"]]
    content["tracking"]["uri"] = beside(content["tracking"]["uri"], out)
    return parse_align_params(content, "prefloop align run")


def run_align(params: AlignParams, out: Path) -> None:
    """Run prompts, sft, every policy with every seed, and compare below `out`."""
    layout = AlignLayout.folder(out.resolve())
    prompts.run(params, layout)
    sft.run(params, layout)
    load_problem(params, layout)  # refuses what no run could meet, before the first of them starts
    for seed in params.run.seeds:
        for policy in params.run.policies:
            rounds.run(params, layout, policy, seed)
    compare.run(params, layout)
    # Last, so that after a failure they are still those of the comparison that stands there.
    write_text(layout.data / "params.yaml", yaml.safe_dump(params.model_dump(mode="json"), sort_keys=False))

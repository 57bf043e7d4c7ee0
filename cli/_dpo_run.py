"""What `prefloop dpo run` does: the stages, one after another, on another folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

import stages
from cli._common import beside
from prefloop.config import parse_params
from prefloop.config.base import Section
from prefloop.dpo.config import DpoParams
from prefloop.dpo.describe import versions
from prefloop.dpo.layout import DpoLayout
from prefloop.dpo.problem import check_counts
from prefloop.dpo.prompt_set import load_prompts
from prefloop.dpo.run import load_problem, make_judges
from prefloop.errors import ConfigError
from prefloop.io.atomic import write_text
from prefloop.io.documents import to_json
from prefloop.io.hashing import file_digest, source_digest, text_id
from prefloop.tracking.dpo_comparison import DpoComparisonRecorder
from stages.dpo import compare, prompts, rounds, sft


def dpo_params(
    params: DpoParams, *, out: Path, prompts: Path | None, model: str | None, changes: dict[str, Any]
) -> DpoParams:
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


def run_dpo(params: DpoParams, out: Path) -> None:
    """Run prompts, sft, every policy with every seed, and compare below `out`."""
    layout = DpoLayout.folder(out.resolve())
    _once(layout.prompts, _key(params.prompts, params.prompts.files), lambda: prompts.run(params, layout))
    check_counts(load_prompts(layout.prompts), params.run, params.evaluation)
    make_judges(params, layout)  # what they lack is said before a model is trained
    texts = file_digest(layout.prompts / "texts.parquet")
    start = _key(params.start, [], texts, params.run.device, str(params.run.threads))
    _once(layout.start, start, lambda: sft.run(params, layout))
    problem = load_problem(params, layout)
    recorder = DpoComparisonRecorder(params.tracking, Path.cwd())
    for seed in params.run.seeds:
        for policy in params.run.policies:
            rounds.run_one(params, layout, problem, policy, seed, recorder)
    compare.run_recorded(params, layout, recorder)
    # Last, so that after a failure they are still those of the comparison that stands there.
    write_text(layout.data / "params.yaml", yaml.safe_dump(params.model_dump(mode="json"), sort_keys=False))


def _key(section: Section, files: Sequence[Path], *more: str) -> str:
    """What a folder was made from: its section, files, versions and source."""
    root = Path(stages.__file__).resolve().parents[1]
    source = source_digest(root, root / "stages" / "dpo" / "prompts.py", root / "stages" / "dpo" / "sft.py")
    return text_id(section.model_dump_json(), *map(file_digest, files), to_json(versions()), source, *more)


def _once(folder: Path, key: str, make: Callable[[], None]) -> None:
    """Make a folder unless it was made from the same before."""
    mark = folder.parent / ".prefloop" / f"{folder.name}.key"
    if folder.is_dir() and mark.is_file() and mark.read_text() == key:
        return
    mark.unlink(missing_ok=True)
    make()
    write_text(mark, key)

"""What `prefloop bench` does: the stages, one after another, on another folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cli._common import beside
from prefloop.config import Params, parse_params
from prefloop.errors import ConfigError
from prefloop.io.atomic import write_text
from prefloop.io.layout import Layout
from prefloop.report.results import Savings, read_savings
from prefloop.rounds.benchmark import check_policies
from prefloop.rounds.hidden import load_hidden
from prefloop.rounds.problem import load_problem
from prefloop.tracking.comparison import ComparisonRecorder
from stages import benchmark, compare, embed, neighbours, prepare


def bench_params(
    params: Params,
    *,
    out: Path,
    data: Path,
    ood: Path | None,
    where: str | None,
    ood_where: str | None,
    per_prompt: str | None,
    changes: dict[str, Any],
) -> Params:
    """The parameters in force: those given, changed by the command's options.

    Raises:
        ConfigError: a value out of range, an unknown policy, a missing file.
    """
    for path in filter(None, (data, ood)):
        if not path.is_file():
            raise ConfigError(f"{path} is missing: give an existing preference file")
    entries = [{"path": str(data.resolve()), "split": "auto", "where": where}]
    if ood is not None or ood_where is not None:
        entries.append({"path": str((ood or data).resolve()), "split": "ood", "where": ood_where})
    content = params.model_dump(mode="json")
    content["data"] |= {"source": "files", "files": entries}
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
    reference = content["compare"]["reference"]
    if reference not in section["policies"]:
        section["policies"] = [reference, *section["policies"]]
    content["tracking"]["uri"] = beside(content["tracking"]["uri"], out)
    return parse_params(content, "prefloop bench")


def run_bench(params: Params, out: Path) -> Savings:
    """Run prepare, embed, neighbours, every benchmark and compare below `out`."""
    layout = Layout.folder(out.resolve())
    for stage in (prepare, embed, neighbours):
        stage.run(params, layout)
    problem = load_problem(layout)
    check_policies(params, problem, load_hidden(layout.prepared, problem.prepared))
    recorder = ComparisonRecorder(params.tracking, Path.cwd())
    for seed in params.benchmark.seeds:
        for policy in params.benchmark.policies:
            benchmark.run_recorded(params, layout, policy, seed, recorder)
    compare.run_recorded(params, layout, recorder)
    # Last, so that after a failure they are still those of the comparison that stands there.
    write_text(layout.data / "params.yaml", yaml.safe_dump(params.model_dump(mode="json"), sort_keys=False))
    return read_savings(layout.report / "savings.json")

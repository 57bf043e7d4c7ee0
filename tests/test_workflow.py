"""The whole workflow by the real `dvc repro`, in a copy of the repository with small data and a tiny model."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefloop.io.arrays import read_table
from tests.embed.conftest import bert  # noqa: F401
from tests.worlds import ROOT

SMALL = {
    "data.example.pairs": 200,
    "data.example.prompts": 60,
    "data.example.ood_pairs": 20,
    "embed.max_length": 48,
    "neighbours.k": 5,
    "reward.mlp_ensemble.layers": [16],
    "reward.mlp_ensemble.max_epochs": 3,
    "benchmark.policies": ["random", "bal_pm"],
    "benchmark.seeds": [0],
    "benchmark.initial": 12,
    "benchmark.batch": 8,
    "benchmark.jobs": 1,
    "benchmark.rounds": 2,
    "compare.resamples": 100,
    "campaign.initial": 6,
    "campaign.batch": 5,
    "tracking.enabled": False,
}


class Repository:
    """A copy of the working tree, with its own git and DVC, and the environment that the tests run in."""

    def __init__(self, root: Path, model: Path) -> None:
        self.root = root
        listed = self._git("ls-files", "-z", "--cached", "--others", "--exclude-standard", at=ROOT).split("\0")
        for name in filter(None, listed):
            if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/", "benchmarks/")):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, root / name)
        self._git("init", "-q", at=root)
        self.change(**SMALL, **{"embed.model": str(model)})

    def change(self, file: str = "params.yaml", **values: Any) -> None:
        """Set parameters by their dotted keys."""
        path = self.root / file
        content = yaml.safe_load(path.read_text())
        for dotted, value in values.items():
            *steps, last = dotted.split(".")
            section = content
            for step in steps:
                section = section[step]
            section[last] = value
        path.write_text(yaml.safe_dump(content, sort_keys=False))

    def run(self, *command: str, code: int = 0) -> str:
        """Run one command in the repository; returns stdout and stderr."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1"}
        environment.pop("PYTHONPATH", None)
        # Some two dozen processes would each compile the whole package.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def repro(self, *targets: str) -> set[str]:
        """Run `dvc repro`; returns the stages that were run."""
        said = self.run("dvc", "repro", *targets)
        assert "is empty" not in said
        return set(re.findall(r"^Running stage '([^']+)'", said, re.MULTILINE))

    def edit(self, file: str, before: str, after: str) -> None:
        """Change the first place of a text in a source file."""
        text = (self.root / file).read_text()
        assert before in text
        (self.root / file).write_text(text.replace(before, after, 1))

    def made(self, policy: str, runs: str = "runs") -> int:
        """When a policy's run was written, nanoseconds."""
        return (self.root / "data" / runs / policy / "0" / "run.json").stat().st_mtime_ns

    def batch(self) -> list[dict[str, Any]]:
        """The campaign's open batch."""
        return read_table(self.root / "data" / "campaign" / "batch.parquet").to_pylist()

    @staticmethod
    def _git(*arguments: str, at: Path) -> str:
        return subprocess.run(["git", *arguments], cwd=at, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def repository(tmp_path: Path, bert: Path) -> Repository:  # noqa: F811
    """A repository in which nothing has run yet."""
    return Repository(tmp_path, bert)


CAMPAIGN = {"labels", "train", "evaluate", "acquire"}


def test_the_example_from_nothing_to_the_second_round(repository):
    assert repository.repro() == {"prepare", "embed", "neighbours", "benchmark", "compare", *CAMPAIGN}
    report = repository.root / "data" / "report"
    savings = json.loads((report / "savings.json").read_text())
    assert set(savings["policies"]) == {"random", "bal_pm"}
    # The page of plots finds its library beside it, whatever the network does.
    repository.run("dvc", "plots", "show")
    page = repository.root / "dvc_plots" / "index.html"
    (library,) = re.findall(r'<script src="([^"]+)"></script>', page.read_text().split("<template")[0])
    assert (page.parent / library).resolve() == report / "plotting.js"
    assert "vegaEmbed" in (report / "plotting.js").read_text()
    # Whether runs are tracked changes no result.
    repository.change(**{"tracking.enabled": True})
    assert repository.repro() == set()

    # The runs of one policy depend on its own parameters alone; so does the campaign's choice.
    before = {policy: repository.made(policy) for policy in ("random", "bal_pm")}
    repository.change(**{"policies.bal_pm.batch.beta": 0.5})
    assert repository.repro() == {"benchmark", "compare"}
    assert repository.made("random") == before["random"]
    assert repository.made("bal_pm") != before["bal_pm"]
    assert (repository.root / "mlflow.db").is_file()
    repository.change(**{"tracking.enabled": False})

    # An edited docstring, a policy that nobody runs, a changed sentence of the report: no run is made again.
    before = {policy: repository.made(policy) for policy in ("random", "bal_pm")}
    repository.edit("prefloop/errors.py", '"""', '"""Edited. ')
    repository.edit("prefloop/report/document.py", '"""', '"""Edited. ')
    repository.edit("prefloop/versions.yaml", "batch_policy:", "batch_policy:\n  nobody_s: 1")
    assert repository.repro() == {"benchmark", "acquire", "compare"}
    assert {policy: repository.made(policy) for policy in before} == before

    first = repository.batch()
    assert {row["round"] for row in first} == {0}
    assert "round 0: 6 labels appended" in repository.run("cli.main", "labels", "oracle")
    assert repository.repro() == CAMPAIGN
    second = repository.batch()
    assert {row["round"] for row in second} == {1}
    assert not {row["pair_id"] for row in first} & {row["pair_id"] for row in second}
    metrics = json.loads((repository.root / "data" / "campaign" / "metrics.json").read_text())
    assert (metrics["trained"], metrics["n_labels"]) == (True, 6)
    # A pool without answers runs with no benchmark policies, in the same graph.
    repository.change(**{"benchmark.policies": []})
    graph = repository.run("dvc", "stage", "list", "--name-only").split()
    assert set(graph) == {"prepare", "embed", "neighbours", "benchmark", "compare", *CAMPAIGN}


SMALL_DPO = {
    "prompts.example.prompts": 120,
    "prompts.example.texts": 400,
    "start.tiny.vocabulary": 300,
    "start.tiny.width": 16,
    "start.tiny.layers": 1,
    "start.tiny.heads": 2,
    "start.texts.epochs": 1,
    "sampling.max_new_tokens": 8,
    "policies.certainty.pairs": 2,
    "run.policies": ["random", "certainty"],
    "run.seeds": [0],
    "run.batch": 4,
    "run.rounds": 2,
    "evaluation.prompts": 16,
    "compare.resamples": 100,
    "tracking.enabled": False,
}


def test_active_dpo_from_nothing_and_what_a_change_runs(repository):
    graph, params = "dpo/dvc.yaml", "dpo/params.yaml"
    repository.change(params, **SMALL_DPO)
    rounds, compare = "dpo/dvc.yaml:rounds", "dpo/dvc.yaml:compare"
    assert repository.repro(graph) == {"dpo/dvc.yaml:prompts", "dpo/dvc.yaml:sft", rounds, compare}
    assert (repository.root / "data" / "dpo" / "report" / "report.md").is_file()
    assert "random" in repository.run("cli.main", "dpo", "report")
    assert repository.repro(graph) == set()
    # One policy's parameter is that policy's run; an edited docstring is nothing, a changed sentence the report.
    before = {policy: repository.made(policy, "dpo/runs") for policy in ("random", "certainty")}
    repository.change(params, **{"policies.certainty.pairs": 3})
    repository.edit("prefloop/errors.py", '"""', '"""Edited. ')
    repository.edit("prefloop/dpo/report/document.py", '"""', '"""Edited. ')
    assert repository.repro(graph) == {rounds, compare}
    assert repository.made("random", "dpo/runs") == before["random"]
    assert repository.made("certainty", "dpo/runs") != before["certainty"]
    # The repository's own graph knows nothing of it.
    assert "dpo" not in repository.run("dvc", "stage", "list", "--name-only")

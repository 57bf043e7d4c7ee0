"""The graph says what the code does: deps follow imports, hidden answers stay where they belong."""

from __future__ import annotations

import ast
import re
import shutil
from graphlib import TopologicalSorter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from prefloop.campaign.batch import issue
from prefloop.campaign.begun import begun_anew
from prefloop.dpo.describe import parts_of as dpo_parts
from prefloop.pool.identity import parts_of
from tests.campaign.worlds import said
from tests.dpo.worlds import small_params
from tests.identity.worlds import FixedModel, Untrained, listed_table, some_pairs
from tests.imports import source_files
from tests.worlds import ROOT, make_params


def read(path: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / path).read_text())


STAGES = read("dvc.yaml")["stages"]
DPO = read("dpo/dvc.yaml")["stages"]
# (folder of the stage's file, its name)
EVERY = [("stages", name) for name in STAGES] + [("stages/dpo", name) for name in DPO]
PARAMS = {"stages": read("params.yaml"), "stages/dpo": read("dpo/params.yaml")}


def stage_of(folder: str, name: str) -> dict[str, Any]:
    return (STAGES if folder == "stages" else DPO)[name]


every_stage = pytest.mark.parametrize(("folder", "stage"), EVERY)


def imported(*entries: str) -> list[Path]:
    """Project files that some files or packages import, themselves included, relative to the root."""
    paths = [ROOT / entry for entry in entries]
    files = [f for path in paths for f in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
    return [file.relative_to(ROOT) for file in source_files(ROOT, *files)]


def covers(dep: Path, file: Path) -> bool:
    return dep == file or dep in file.parents


def test_every_stage_file_is_a_stage():
    assert {(str(p.parent.relative_to(ROOT)), p.stem) for p in (ROOT / "stages").rglob("[!_]*.py")} == set(EVERY)


@every_stage
def test_a_stage_runs_its_own_file(folder, stage):
    command = stage_of(folder, stage)["cmd"].split(" --")[0]
    assert command == f"python -m {folder.replace('/', '.')}.{stage}"


@pytest.mark.parametrize("stage", DPO)
def test_a_stage_of_active_dpo_runs_in_the_root(stage):
    assert DPO[stage]["wdir"] == ".."


def versions_named(folder: str, stage: str) -> set[str]:
    """Top-level keys of versions.yaml that a stage names."""
    items = [item for item in stage_of(folder, stage)["params"] if isinstance(item, dict)]
    return {key for item in items for key in item.get("prefloop/versions.yaml", [])}


@every_stage
def test_no_source_is_a_dep_but_the_reports_wording(folder, stage):
    sources = {dep for dep in stage_of(folder, stage).get("deps", []) if not dep.startswith(("data/", "${data."))}
    assert sources <= ({"prefloop/report", "prefloop/dpo/report"} if stage == "compare" else set())


@every_stage
def test_a_stage_names_versions_that_are_declared(folder, stage):
    declared = read("prefloop/versions.yaml")
    assert versions_named(folder, stage)
    assert versions_named(folder, stage) <= set(declared)


def test_every_declared_version_starts_a_stage():
    named = set().union(*(versions_named(*stage) for stage in EVERY))
    assert named == set(read("prefloop/versions.yaml"))


def test_the_stages_of_runs_name_what_a_run_is_identified_by():
    params = make_params()
    used = parts_of(params.policies["bal_pm"], params.reward)
    assert {name.split(".")[0] for name in used} | {"downstream"} == versions_named("stages", "benchmark")
    dpo = small_params()
    used = dpo_parts(dpo, "random")
    assert {name.split(".")[0] for name in used} == versions_named("stages/dpo", "rounds")


@every_stage
def test_deps_are_sorted_and_stand_once(folder, stage):
    deps = stage_of(folder, stage).get("deps", [])
    assert deps == sorted(set(deps))


@every_stage
def test_no_empty_file_stands_in_the_graph(folder, stage):
    # DVC warns of each at every run; a folder with an empty file in it is not empty.
    entry = stage_of(folder, stage)
    outs = (out if isinstance(out, str) else next(iter(out)) for out in entry.get("outs", []))
    paths = [*entry.get("deps", []), *outs]
    files = [ROOT / path for path in paths if "${" not in path]
    assert not [path for path in files if path.is_file() and path.stat().st_size == 0]
    assert not [path for path in paths if path.endswith(".jsonl")], "a log may be empty: name its folder"


def test_dvc_sees_the_label_log_and_no_lock(tmp_path):
    from dvc.repo import Repo

    shutil.copy(ROOT / ".dvcignore", tmp_path)
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        (tmp_path / "data" / "labels").mkdir(parents=True)
        for name in ("labels.jsonl", "labels.jsonl.lock", "labels.jsonl.torn-1"):
            (tmp_path / "data" / "labels" / name).touch()
        seen = repo.dvcignore.walk(repo.fs, str(tmp_path / "data" / "labels"))
        assert [files for _, _, files in seen] == [["labels.jsonl"]]


@every_stage
def test_declared_params_exist(folder, stage):
    params = PARAMS[folder]
    for item in stage_of(folder, stage)["params"]:
        keys = [item] if isinstance(item, str) else item.get("dpo/params.yaml", [])
        for key in keys:
            value_of(params, re.sub(r"\$\{([\w.]+)\}", lambda m: str(value_of(params, m[1])), key))


class Read:
    """A section of parameters that notes which of its keys are asked for."""

    def __init__(self, section: Any) -> None:
        self.section, self.keys = section, set[str]()

    def __getattr__(self, key: str) -> Any:
        self.keys.add(key)
        return getattr(self.section, key)


def test_the_campaigns_stages_name_the_keys_that_they_read_and_no_other():
    """A changed budget, cost, stopping rule or page chooses nothing else, and trains nothing."""
    problem, pairs = listed_table().problem, some_pairs(listed_table().problem, 4)
    config = make_params(campaign__relabel=0.5, campaign__audit=0.5)
    campaign = Read(config.campaign)
    params: Any = SimpleNamespace(campaign=campaign, policies=config.policies)
    disputed = said(problem, pairs, {"x": "ab", "y": "ba", "z": ""})
    for model, labels in ((FixedModel(), disputed), (Untrained(), said(problem, pairs, {}))):
        issue(params, problem, model, labels, begun_anew(labels.pairs, None, params.campaign))
    keys = {stage: [key for key in STAGES[stage]["params"] if str(key).startswith("campaign")] for stage in STAGES}
    assert keys["acquire"] == [f"campaign.{key}" for key in sorted(campaign.keys)]
    assert keys["train"] == ["campaign.seed"]
    assert not any(str(key).startswith("page") for stage in STAGES.values() for key in stage["params"])


def value_of(params: dict[str, Any], key: str) -> object:
    value = params
    for step in key.split("."):
        assert step in value, f"there is no parameter {key}"
        value = value[step]
    return value


@pytest.mark.parametrize(
    "entry",
    [
        *("prefloop/acquisition", "prefloop/entropy", "prefloop/neighbours"),
        *("prefloop/labels", "prefloop/judges", "prefloop/data", "prefloop/reward"),
        *("stages/acquire.py", "stages/labels.py", "stages/train.py"),
        *("prefloop/dpo/registry.py", "prefloop/dpo/view.py", "prefloop/dpo/writing.py"),
    ],
)
def test_selection_cannot_reach_hidden_answers(entry):
    assert not [str(file) for file in imported(entry) if covers(Path("prefloop/oracle"), file)]


def test_one_folder_reads_hidden_answers():
    """What knows the table of hidden answers by name: that folder, and what writes the prepared tables."""
    hidden = ("oracle.parquet", "votes.parquet")
    texts = {path: path.read_text() for path in (ROOT / "prefloop").rglob("*.py")}
    users = [p.relative_to(ROOT) for p, text in texts.items() if any(name in text for name in hidden)]
    outside = [str(path) for path in users if not covers(Path("prefloop/oracle"), path)]
    assert outside == ["prefloop/data/tables.py"]


@pytest.mark.parametrize("entry", ["prefloop/dpo/registry.py", "prefloop/dpo/view.py"])
def test_rules_of_active_dpo_cannot_reach_an_oracle(entry):
    assert not [str(file) for file in imported(entry) if covers(Path("prefloop/judges"), file)]


@pytest.mark.parametrize("stage", ["acquire", "train", "neighbours", "embed"])
def test_selection_depends_on_nothing_that_was_made_from_hidden_answers(stage):
    assert not {"data/runs", "data/report", "data/campaign/metrics.json"} & set(STAGES[stage]["deps"])


def test_one_package_imports_mlflow():
    users = [path for path in (ROOT / "prefloop").rglob("*.py") if "mlflow" in top_level_imports(path)]
    assert users
    assert all(covers(ROOT / "prefloop/tracking", path) for path in users)
    for folder in ("stages", "cli"):
        assert not [path for path in (ROOT / folder).rglob("*.py") if "mlflow" in top_level_imports(path)]


def test_imports_point_one_way():
    for path in (ROOT / "prefloop").rglob("*.py"):
        assert not {"stages", "cli", "tests", "benchmarks"} & top_level_imports(path), path
    for path in (ROOT / "stages").rglob("*.py"):
        assert not {"cli", "tests", "benchmarks"} & top_level_imports(path), path


@pytest.mark.parametrize("bottom", ["prefloop/io", "prefloop/errors.py", "prefloop/rng.py", "prefloop/section.py"])
def test_the_bottom_rests_on_nothing_above(bottom):
    below = [Path(p) for p in ("prefloop/__init__.py", "prefloop/io", "prefloop/errors.py", "prefloop/rng.py")]
    below.append(Path("prefloop/section.py"))
    assert not [str(file) for file in imported(bottom) if not any(covers(part, file) for part in below)]


@every_stage
def test_a_stage_is_thin(folder, stage):
    assert len((ROOT / folder / f"{stage}.py").read_text().splitlines()) < 60


def loaded_with(path: Path) -> set[Path]:
    """Project files that are imported when a file is loaded: not those for types alone, nor within functions."""
    nodes = [
        node
        for statement in ast.parse(path.read_text()).body
        if not (isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test))
        for node in ([statement] if not isinstance(statement, ast.If) else ast.walk(statement))
    ]
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = {ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in names}
    return {file for file in files if file.is_file()}


def test_no_cycle_is_left_at_run_time():
    files = [path for folder in ("prefloop", "stages", "cli") for path in (ROOT / folder).rglob("*.py")]
    TopologicalSorter({path: loaded_with(path) for path in files}).prepare()


def top_level_imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names

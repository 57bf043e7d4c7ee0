"""The graph says what the code does: deps follow imports, hidden answers stay where they belong."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from prefloop.io.hashing import source_files
from tests.worlds import ROOT

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())


def imported(*entries: str) -> list[Path]:
    """Project files that some files or packages import, themselves included, relative to the root."""
    paths = [ROOT / entry for entry in entries]
    files = [f for path in paths for f in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
    return [file.relative_to(ROOT) for file in source_files(ROOT, *files)]


def is_only_a_docstring(file: Path) -> bool:
    body = ast.parse((ROOT / file).read_text()).body
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


def covers(dep: Path, file: Path) -> bool:
    return dep == file or dep in file.parents


def source_deps(stage: str) -> list[Path]:
    return [Path(dep) for dep in STAGES[stage]["deps"] if not dep.startswith(("data/", "${data."))]


def test_every_stage_file_is_a_stage():
    files = {path.stem for path in (ROOT / "stages").glob("[!_]*.py")}
    assert files == set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_runs_its_own_file(stage):
    command = STAGES[stage]["cmd"].split(" --")[0]
    assert command == f"python -m stages.{stage}"


@pytest.mark.parametrize("stage", STAGES)
def test_deps_cover_all_imports(stage):
    deps = source_deps(stage)
    missing = [
        str(file)
        for file in imported(f"stages/{stage}.py")
        if not any(covers(dep, file) for dep in deps)
        and not (file.name == "__init__.py" and is_only_a_docstring(file))
    ]
    assert not missing, f"add to the deps of {stage} in dvc.yaml"


@pytest.mark.parametrize("stage", STAGES)
def test_no_dep_is_idle(stage):
    files = imported(f"stages/{stage}.py")
    idle = [str(dep) for dep in source_deps(stage) if not any(covers(dep, file) for file in files)]
    assert not idle, f"nothing in stages/{stage}.py imports these"


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_sorted_and_stand_once(stage):
    deps = STAGES[stage]["deps"]
    assert deps == sorted(set(deps))


@pytest.mark.parametrize("stage", STAGES)
def test_declared_params_exist(stage):
    items = {"policy": PARAMS["benchmark"]["policies"][0], "seed": 0}
    for key in STAGES[stage].get("params", []):
        key = re.sub(r"\$\{item\.(\w+)\}", lambda m: str(items[m[1]]), key)
        key = re.sub(r"\$\{([\w.]+)\}", lambda m: str(value_of(m[1])), key)
        value_of(key)


def value_of(key: str) -> object:
    value = PARAMS
    for step in key.split("."):
        assert step in value, f"params.yaml has no {key}"
        value = value[step]
    return value


@pytest.mark.parametrize(
    "entry",
    ["prefloop/acquisition", "prefloop/entropy", "prefloop/neighbours", "stages/acquire.py", "stages/train.py"],
)
def test_selection_cannot_reach_hidden_answers(entry):
    assert not [str(file) for file in imported(entry) if covers(Path("prefloop/oracle"), file)]


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


@pytest.mark.parametrize("bottom", ["prefloop/io", "prefloop/errors.py", "prefloop/rng.py", "prefloop/config"])
def test_the_bottom_rests_on_nothing_above(bottom):
    below = [Path(p) for p in ("prefloop/__init__.py", "prefloop/io", "prefloop/errors.py", "prefloop/rng.py")]
    below.append(Path("prefloop/config"))
    assert not [str(file) for file in imported(bottom) if not any(covers(part, file) for part in below)]


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_is_thin(stage):
    assert len((ROOT / "stages" / f"{stage}.py").read_text().splitlines()) < 60


def top_level_imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names

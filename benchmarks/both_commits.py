"""Two commits side by side on the same inputs: do selections, verdicts, metrics, curves and savings agree?

    python -m benchmarks.both_commits BEFORE AFTER [--seeds 2] [--jobs 2]

Each commit is checked out into a folder of its own and run there: a comparison of every policy on pairs and on
responses, and one of every rule of active DPO. Every table and array of the runs, and every number of curves and
savings, is compared exactly. Prints JSON; exits 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml

ROOT = Path(__file__).resolve().parents[1]
# Recorded facts that are no results.
FACTS = {"fingerprint", "versions", "source", "parts", "machine", "parameters", "encoder", "seconds"}


def main() -> int:
    """Run both and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--renamed", metavar="OLD=NEW", nargs="*", default=[], help="parts of names that changed")
    options = parser.parse_args()
    renamed = dict(pair.split("=", 1) for pair in options.renamed)
    with tempfile.TemporaryDirectory() as folder:
        sides = [_run(commit, Path(folder) / name, options) for name, commit in _sides(options)]
        report = {"before": options.before, "after": options.after, **compare(*sides, renamed)}
    print(json.dumps(report, indent=1))
    return 1 if report["different"] else 0


def _sides(options: argparse.Namespace) -> list[tuple[str, str]]:
    return [("before", options.before), ("after", options.after)]


def _run(commit: str, folder: Path, options: argparse.Namespace) -> Path:
    tree = folder / "tree"
    folder.mkdir()
    _git("worktree", "add", "--detach", "--quiet", str(tree), commit)
    try:
        core = yaml.safe_load((tree / "params.yaml").read_text())
        for name, records in (("pairs", _pairs()), ("responses", _responses())):
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
            _bench(tree, folder, name, core, options)
        _dpo(tree, folder, options)
    finally:
        _git("worktree", "remove", "--force", str(tree))
    return folder


def _bench(tree: Path, folder: Path, name: str, core: dict[str, Any], options: argparse.Namespace) -> None:
    params = json.loads(json.dumps(core))
    rules = {policy: entry["pairs"]["rule"] for policy, entry in params["policies"].items()}
    listed = ("auto", "given")
    params["benchmark"] |= {
        "policies": [policy for policy, rule in rules.items() if (rule not in listed) == (name == "responses")],
        "seeds": list(range(options.seeds)),
        "initial": 12,
        "batch": 8,
        "rounds": 3,
        "jobs": options.jobs,
    }
    if name == "responses":
        params["benchmark"]["policies"] = ["random", *params["benchmark"]["policies"]]
    params["reward"]["mlp_ensemble"] |= {"layers": [16], "max_epochs": 5}
    params["tracking"]["enabled"] = False
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(params))
    _prefloop(tree, "bench", "--data", folder / f"{name}.jsonl", "--params", folder / f"{name}.yaml",
              "--out", folder / name, "--no-baselines", "--json")  # fmt: skip


def _dpo(tree: Path, folder: Path, options: argparse.Namespace) -> None:
    name = "dpo" if (tree / "dpo").is_dir() else "align"
    params = yaml.safe_load((tree / name / "params.yaml").read_text())
    params["prompts"]["example"] |= {"prompts": 160, "texts": 400}
    params["start"]["tiny"] |= {"vocabulary": 300, "width": 16, "layers": 1, "heads": 2}
    params["start"]["texts"]["epochs"] = 1
    params["sampling"]["max_new_tokens"] = 8
    params["evaluation"]["prompts"] = 24
    # Labels of a round had another name once.
    labels = "batch" if "batch" in params["run"] else "labels"
    params["run"] |= {
        "policies": sorted(params["policies"]), "seeds": list(range(options.seeds)), labels: 6, "rounds": 2
    }  # fmt: skip
    params["tracking"]["enabled"] = False
    (folder / "dpo.yaml").write_text(yaml.safe_dump(params))
    _prefloop(tree, name, "run", "--params", folder / "dpo.yaml", "--out", folder / "dpo", "--json")


def _pairs() -> list[dict[str, Any]]:
    rng = random.Random(0)
    records = []
    for number in range(400):
        prompt = f"question {int(60 * rng.random() ** 2)}"
        words = [rng.randint(0, 8) for _ in "ab"]
        a, b = (f"answer {number} {side} " + "good " * count for side, count in zip("ab", words, strict=True))
        label = "tie" if rng.random() < 0.1 else "a" if words[0] + rng.gauss(0, 2) > words[1] else "b"
        records.append({"prompt": prompt, "completion_a": a, "completion_b": b, "label": label})
    return records


def _responses() -> list[dict[str, Any]]:
    rng = random.Random(1)
    records = []
    for number in range(60):
        words = [rng.randint(0, 8) for _ in range(4 + number % 3)]
        texts = [f"answer {number} {k} " + "good " * count for k, count in enumerate(words)]
        models = [f"model {(k + number) % 7}" for k in range(len(words))]
        scores = [float(count) for count in words]
        records.append({"prompt": f"question {number}", "completions": texts, "scores": scores, "models": models})
    return records


def compare(before: Path, after: Path, renamed: dict[str, str]) -> dict[str, Any]:
    """Every result below two folders, by its path: how many agree, and what differs.

    Names of files, columns and keys are compared as they would be called today.
    """
    equal, different = 0, []
    names = sorted({path.relative_to(before) for path in before.rglob("*") if _is_result(path, before)})
    for name in names:
        other = after / _today(str(name), renamed)
        there = other.is_file()
        problems = _differences(before / name, other, name, renamed) if there else [f"{name}: missing after"]
        equal += not problems
        different += problems
    kinds = {kind: sum(name.name == kind for name in names) for kind in sorted({name.name for name in names})}
    return {"compared": len(names), "equal": equal, "files": kinds, "different": different}


def _is_result(path: Path, root: Path) -> bool:
    inside = path.relative_to(root).parts
    hidden = any(part.startswith(".") for part in inside)
    return not hidden and "tree" not in inside and path.suffix in (".parquet", ".npy", ".csv", ".json")


def _today(name: str, renamed: dict[str, str]) -> str:
    for old, new in renamed.items():
        name = name.replace(old, new)
    return name


def _differences(one: Path, other: Path, name: Path, renamed: dict[str, str]) -> list[str]:
    if name.suffix == ".parquet":
        tables = [pq.read_table(path) for path in (one, other)]
        tables[0] = tables[0].rename_columns([_today(column, renamed) for column in tables[0].column_names])
        columns = [column for column in tables[0].column_names if not _same(tables, column)]
        return [f"{name}: columns {', '.join(columns)}"] if columns else []
    if name.suffix == ".npy":
        return [] if np.array_equal(np.load(one), np.load(other), equal_nan=True) else [str(name)]
    if name.suffix == ".csv":
        return [] if _today(one.read_text(), renamed) == other.read_text() else [str(name)]
    values = json.loads(_today(one.read_text(), renamed)), json.loads(other.read_text())
    return [f"{name}: {problem}" for problem in _json(*values, "")]


def _same(tables: list[Any], column: str) -> bool:
    if column not in tables[1].column_names:
        return False
    one, other = (table[column].to_pylist() for table in tables)
    return repr(one) == repr(other)


def _json(one: Any, other: Any, at: str) -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in one if key not in FACTS]
        return [problem for key in keys for problem in _json(one[key], other.get(key, "missing"), f"{at}.{key}")]
    return [] if one == other else [f"{at} {str(one)[:60]} -> {str(other)[:60]}"]


def _prefloop(tree: Path, *arguments: object) -> None:
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-m", "cli.main", *map(str, arguments)]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())

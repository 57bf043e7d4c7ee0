"""`prefloop bench` from a file to a comparison, with a tiny language model."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

import stages.prepare
from cli._bench_run import BASELINES, bench_params
from prefloop.config import load_params
from prefloop.io.layout import Layout
from prefloop.io.lock import locked
from prefloop.report.results import read_savings
from tests.cli.conftest import MINI, rows, write_params, write_rows
from tests.worlds import ROOT

COLUMNS = ["policy", "seed", "round", "n_labels", "n_val_labels", "split"]
COLUMNS += ["log_likelihood", "accuracy", "brier", "ece", "ece_floor"]


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def outputs(out: Path) -> dict[str, bytes]:
    return {name: content for name, content in files(out).items() if not name.startswith(".prefloop")}


def fits(out: Path) -> int:
    logs = (out / ".prefloop" / "runs").rglob("log.jsonl")
    return sum(json.loads(line)["event"] == "fit" for log in logs for line in log.read_text().splitlines())


def curves(out: Path) -> list[dict[str, str]]:
    with open(out / "report" / "curves.csv", newline="") as lines:
        return list(csv.DictReader(lines))


def test_it_writes_curves_savings_and_the_parameters_in_force(finished):
    out, _ = finished
    found = curves(out)
    assert list(found[0])[: len(COLUMNS)] == COLUMNS
    at = {(row["policy"], row["seed"], row["n_labels"]) for row in found}
    assert at == {(p, s, n) for p in ("random", "bal_pm") for s in "01" for n in ("8", "14", "20")}
    assert {row["split"] for row in found} >= {"test"}
    savings = read_savings(out / "report" / "savings.json")
    assert (savings.reference, savings.budget, savings.dataset) == ("random", 20, "mine")
    effective = load_params(out / "params.yaml")
    assert effective.benchmark.policies == ("random", "bal_pm")
    assert effective.data.source == "files"
    assert "# Labels saved on mine" in (out / "report" / "report.md").read_text()


def test_json_stands_alone_on_stdout(finished):
    out, stdout = finished
    assert json.loads(stdout) == json.loads((out / "report" / "savings.json").read_text())


def test_again_it_resumes_to_the_same_bytes(finished, prefloop, data, params):
    out, _ = finished
    before, trained = outputs(out), fits(out)
    assert trained == 12
    outcome = prefloop("bench", "--data", data, "--out", out, "--params", params, *MINI)
    assert outcome.code == 0
    assert outputs(out) == before
    assert fits(out) == trained
    assert "bal_pm" in outcome.out
    assert f"report: {out}/report/report.md" in outcome.out
    assert not list(Path.cwd().iterdir())


NOTHING_HEAVY = """
import sys
from cli.main import main
sys.argv = ["prefloop", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code
print(sorted({"torch", "transformers", "mlflow", "matplotlib", "hnswlib"} & set(sys.modules)))
"""


def test_where_nothing_has_changed_nothing_heavy_is_loaded_or_written(finished, data, params, tmp_path):
    out, stdout = finished
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    arguments = ["bench", "--data", data, "--out", out, "--params", params, *MINI, "--json"]
    command = [sys.executable, "-c", NOTHING_HEAVY, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == stdout + "[]\n"
    changed = {path for path, time in written.items() if path.stat().st_mtime_ns != time}
    assert {path.name for path in changed} <= {"params.yaml", "configured.json", "bench.lock"}


def test_a_changed_input_makes_what_depends_on_it_again(prefloop, params, tmp_path):
    mine = write_rows(tmp_path / "mine.jsonl", rows())
    arguments = ("bench", "--data", mine, "--out", tmp_path / "o", "--params", params, *MINI)
    assert prefloop(*arguments).code == 0
    before = outputs(tmp_path / "o")
    write_rows(mine, [*rows(), {**rows()[0], "completion_a": "something new"}])
    assert prefloop(*arguments).code == 0
    changed = {name for name, content in outputs(tmp_path / "o").items() if before.get(name) != content}
    assert {"prepared/completions.parquet", "features/completions.npy", "report/curves.csv"} <= changed


def test_a_second_comparison_in_the_same_folder_is_refused(finished, prefloop, data, params):
    out, _ = finished
    with locked(out / ".prefloop" / "bench"):
        outcome = prefloop("bench", "--data", data, "--out", out, "--params", params, *MINI)
    assert outcome.code == 1
    assert "in use by another process" in outcome.err


def test_the_written_parameters_give_the_same_comparison(finished, prefloop, data, tmp_path):
    out, _ = finished
    assert (
        prefloop(
            "bench", "--data", data, "--out", tmp_path / "o", "--params", out / "params.yaml", "--no-baselines"
        ).code
        == 0
    )
    assert (tmp_path / "o/report/curves.csv").read_bytes() == (out / "report/curves.csv").read_bytes()


def test_a_compressed_file_gives_the_same_comparison(finished, prefloop, params, tmp_path):
    out, _ = finished
    path = tmp_path / "mine.jsonl.gz"
    with gzip.open(path, "wt") as text:
        text.writelines(json.dumps(row) + "\n" for row in rows())
    assert prefloop("bench", "--data", path, "--out", tmp_path / "o", "--params", params, *MINI).code == 0
    assert curves(tmp_path / "o") == curves(out)
    found, wanted = (read_savings(folder / "report" / "savings.json") for folder in (tmp_path / "o", out))
    assert found == wanted


OTHER = [row | {"prompt": f"o {row['prompt']}"} for row in rows(30, 6)]


def size(content: list[dict[str, Any]], **fields: str) -> int:
    return sum(fields.items() <= row.items() for row in content)


POSTS, NEWS = size(rows(), domain="posts"), size(rows(), domain="news")


@pytest.mark.parametrize(
    ("options", "inside", "outside"),
    [
        ({"ood": True}, size(rows()), size(OTHER)),
        ({"where": "domain=posts"}, POSTS, 0),
        (
            {"where": "domain=posts", "ood_where": "domain=news"},
            *(size(rows(), domain=d) for d in ("posts", "news")),
        ),
        ({"ood": True, "ood_where": "domain=news"}, size(rows()), size(OTHER, domain="news")),
    ],
    ids=str,
)
def test_filters_and_an_ood_file_make_the_splits(data, params, tmp_path, options, inside, outside):
    other = write_rows(tmp_path / "other.jsonl", OTHER)
    chosen: dict[str, Any] = {"where": None, "ood_where": None, "per_prompt": None, "target": None}
    chosen |= {"columns": None, "verdicts": None}
    chosen |= {"baselines": True} | options
    chosen["ood"] = other if options.get("ood") else None
    layout = Layout.folder(tmp_path / "o")
    stages.prepare.run(bench_params(load_params(params), out=layout.data, data=data, changes={}, **chosen), layout)
    splits = json.loads((layout.prepared / "report.json").read_text())["splits"]
    assert splits["pool"]["pairs"] + splits["test"]["pairs"] == inside
    assert splits["ood"]["pairs"] == outside


def test_a_filter_and_an_ood_file_work_from_the_command_line(prefloop, data, params, tmp_path):
    other = write_rows(tmp_path / "other.jsonl", OTHER)
    arguments = ("--data", data, "--params", params, "--policies", "random", "--seeds", 1, "--rounds", 2)
    arguments += ("--ood", other, "--where", "domain=posts", "--ood-where", "domain=news", "--out", tmp_path / "o")
    assert prefloop("bench", *arguments).code == 0
    assert {row["split"] for row in curves(tmp_path / "o")} >= {"test", "ood"}
    sizes = read_savings(tmp_path / "o" / "report" / "savings.json").splits
    assert sizes["ood"].pairs == size(OTHER, domain="news")


def test_responses_are_compared_by_formed_pairs(prefloop, params, tmp_path):
    content = [
        {"prompt": f"q {n}", "completions": [f"x{k} " + "good " * k for k in range(4)], "scores": [0, 1, 2, 3]}
        for n in range(40)
    ]
    path = write_rows(tmp_path / "many.jsonl", content)
    assert prefloop("bench", "--data", path, "--out", tmp_path / "o", "--params", params, *MINI).code == 0
    acquired = pq.read_table(tmp_path / "o/runs/bal_pm/0/acquired.parquet").to_pydict()
    assert len(set(acquired["pair_id"])) == len(set(acquired["prompt_id"])) == 20


def test_the_baselines_are_added_and_other_options_win_over_the_file(prefloop, data, bert, tmp_path):
    params = write_params(tmp_path / "p.yaml", bert, benchmark__rounds=9, embed__pooling="last_token")
    options = ("--policies", "bald", "--seeds", 1, "--rounds", 1, "--initial", 5)
    assert prefloop("bench", "--data", data, "--out", tmp_path / "o", "--params", params, *options).code == 0
    effective = yaml.safe_load((tmp_path / "o" / "params.yaml").read_text())
    assert (
        effective["benchmark"] | {"policies": [*BASELINES, "bald"], "seeds": [0], "rounds": 1, "initial": 5}
        == (effective["benchmark"])
    )
    assert json.loads((tmp_path / "o/features/manifest.json").read_text())["pooling"] == "last_token"


def test_every_policy_is_checked_before_the_first_run(prefloop, data, params, tmp_path):
    arguments = ("--data", data, "--params", params, "--out", tmp_path / "o", *MINI[3:])
    outcome = prefloop("bench", *arguments, "--policies", "random,fixed_pair")
    assert outcome.code == 2
    assert "do not say which model" in outcome.err
    assert not (tmp_path / "o/runs").exists()


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5"])
def test_an_impossible_limit_is_one_message(prefloop, data, params, tmp_path, limit):
    outcome = prefloop(
        "bench", "--data", data, "--params", params, "--out", tmp_path / "o", f"--per-prompt={limit}"
    )
    assert outcome.code == 2
    assert f"--per-prompt: got {limit}; expected a number >= 1, unlimited or auto" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


OWN = """
import numpy as np
from prefloop.acquisition.view import Selection

def longest_wait(view, n, rng, parameters):
    return Selection(np.arange(n), np.zeros(n))

def wrong(view, n, rng, parameters):
    return Selection(np.zeros(n, dtype=int), np.zeros(n))
"""


def test_a_limit_per_prompt_holds_for_every_policy_one_s_own_included(prefloop, data, params, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    arguments = ("--data", data, "--params", params, "--out", tmp_path / "o", "--policies", "random")
    own = ("--policy", f"{tmp_path}/own.py:longest_wait")
    assert prefloop("bench", *arguments, *own, "--seeds", 1, "--rounds", 2, "--per-prompt", 7).code == 0
    for name in ("random", "longest_wait"):
        about = json.loads((tmp_path / f"o/runs/{name}/0/run.json").read_text())
        assert about["parameters"]["policy"]["pairs"]["per_prompt"] == 7


def test_a_policy_of_one_s_own_that_cannot_be_used_is_one_message(prefloop, data, params, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    arguments = ("--data", data, "--params", params, "--out", tmp_path / "o", "--seeds", 1, "--rounds", 2)
    for function, expected in (
        ("none", "has no function 'none'; it has: longest_wait, wrong"),
        ("wrong", "picked 0 twice; expected different candidates"),
    ):
        outcome = prefloop("bench", *arguments, "--policy", f"{tmp_path}/own.py:{function}", "--no-baselines")
        assert outcome.code == 2
        assert expected in outcome.err


def test_a_target_is_what_the_report_counts_by(prefloop, data, params, tmp_path):
    """Prompts alike, pairs alike, or like a file of prompts; a typing error is one message."""
    arguments = ("--data", data, "--params", params, *MINI, "--rounds", 1)
    wanted = write_rows(tmp_path / "wanted.jsonl", [{"prompt": f"q {n % 18}"} for n in range(60)])
    small = write_params(tmp_path / "p.yaml", yaml.safe_load(params.read_text())["embed"]["model"],
                         data__target_file__min_effective=1.0)  # fmt: skip
    scores = []
    for name, target, file in (("a", "prompts", params), ("b", "pairs", params), ("c", wanted, small)):
        options = ("--data", data, "--params", file, *MINI, "--rounds", 1, "--target", target)
        assert prefloop("bench", *options, "--out", tmp_path / name).code == 0
        effective = yaml.safe_load((tmp_path / name / "params.yaml").read_text())
        assert effective["data"]["target"] == ("file" if target == wanted else target)
        savings = read_savings(tmp_path / name / "report" / "savings.json")
        scores.append(savings.policies["random"].final["test"]["log_likelihood"].value)
        assert set(savings.policies["random"].views) == {"prompts", "pairs", "largest"}
    assert len(set(scores)) == 3
    outcome = prefloop("bench", *arguments, "--target", "promts", "--out", tmp_path / "d")
    assert outcome.code == 2
    assert "--target: got promts; expected prompts, pairs, or an existing file of prompts" in outcome.err

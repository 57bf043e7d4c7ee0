"""`prefloop rewardbench` on the model of a simulated run and on the campaign's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from prefloop.io.layout import Layout
from prefloop.reward.registry import load_model, save_model
from tests.cli.malformed import is_one_error
from tests.evaluation.rewardbench.helpers import best_of, write

ROWS = [
    {"prompt": f"q {n}", "chosen": "x " + "good " * 6, "rejected": "x", "subset": subset, "id": n}
    for n, subset in enumerate(["hep-go", "hep-go", "math-prm", "mine"])
]
TIES = [
    best_of("ref:1", "Ties", "q 1", ["x good good good"], ["x"]),
    best_of("tied:1", "Ties", "q 1", ["x good good good", "y good good good"], ["x"]),
]


@pytest.fixture
def run(prefloop, finished, tmp_path):
    """Score a file with the model of a finished run."""
    model = finished[0] / "runs/bal_pm/1/model.safetensors"

    def call(rows, *options, name="f.jsonl"):
        path = rows if isinstance(rows, Path) else write(tmp_path / name, rows)
        return prefloop("rewardbench", path, "--model", model, "--params", finished[0] / "params.yaml", *options)

    return call


def test_it_prints_a_table(run):
    outcome = run(ROWS)
    assert outcome.code == 0
    for shown in ("RewardBench 1: f.jsonl", "hep-go", "section Reasoning", "all rows", "score (partial)"):
        assert shown in outcome.out


def test_json_and_the_file_of_rewards(run, tmp_path):
    outcome = run(ROWS + ROWS[:1], "--json", "--out", tmp_path / "new" / "scores.json")
    assert outcome.code == 0
    scores = json.loads(outcome.out)
    assert (scores["format"], scores["file"], scores["complete"]) == ("RewardBench 1", "f.jsonl", False)
    assert {name: found["n"] for name, found in scores["subsets"].items()} == {
        "hep-go": 3,
        "math-prm": 1,
        "mine": 1,
    }
    kept = json.loads((tmp_path / "new" / "scores.json").read_text())
    rows = kept.pop("results")
    assert kept == scores
    assert rows[0] == rows[4]
    assert [row["credit"] for row in rows] == [float(row["rewards"][0] > row["rewards"][1]) for row in rows]
    credited = [row["credit"] for row in rows if row["subset"] == "hep-go"]
    assert scores["subsets"]["hep-go"]["accuracy"] == pytest.approx(sum(credited) / 3)
    before = (tmp_path / "new" / "scores.json").read_bytes()
    assert run(ROWS + ROWS[:1], "--out", tmp_path / "new" / "scores.json").code == 0
    assert (tmp_path / "new" / "scores.json").read_bytes() == before


def test_rewardbench_2_with_ties_alone(run):
    scores = json.loads(run(TIES, "--json", name="f.parquet").out)
    assert scores["format"] == "RewardBench 2"
    assert scores["rows"] is None
    assert scores["score"] == scores["subsets"]["Ties"]["accuracy"] == scores["ties"]["score"]
    assert "Ties" in run(TIES, name="f.parquet").out


def test_it_takes_model_and_parameters_from_here(prefloop, finished, tmp_path):
    layout = Layout.repository()
    layout.campaign.mkdir(parents=True)
    shutil.copy(finished[0] / "params.yaml", "params.yaml")
    model, about = load_model(finished[0] / "runs/bal_pm/1/model.safetensors")
    save_model(layout.campaign_model, "mlp_ensemble", model, about)
    path = write(tmp_path / "f.jsonl", ROWS)
    assert prefloop("rewardbench", path).code == 0
    assert (layout.state / "rewardbench").is_dir()
    model.epochs[:] = 0
    save_model(layout.campaign_model, "mlp_ensemble", model, about)
    outcome = prefloop("rewardbench", path)
    assert outcome.code == 3
    is_one_error(outcome, "data/campaign/model.safetensors holds an untrained ensemble")


def test_an_encoder_that_is_not_here(prefloop, finished, tmp_path):
    path = write(tmp_path / "f.jsonl", ROWS)
    outcome = prefloop("rewardbench", path, "--model", finished[0] / "runs/bal_pm/1/model.safetensors")
    assert outcome.code == 1
    is_one_error(outcome, "the encoder in a folder 'tiny-bert'")


def test_malformed_and_missing_files(run, prefloop, tmp_path):
    for rows, expected in [
        ([ROWS[0] | {"chosen": 3}], "f.jsonl, row 1, field 'chosen': got 3, expected a text"),
        (tmp_path / "none.parquet", "none.parquet is no file: give a local copy of RewardBench"),
    ]:
        outcome = run(rows, "--out", tmp_path / "scores.json")
        assert outcome.code == 1
        is_one_error(outcome, expected)
    outcome = prefloop("rewardbench", tmp_path / "f.jsonl")
    assert outcome.code == 1
    is_one_error(outcome, "data/campaign/model.safetensors is missing")
    assert not (tmp_path / "scores.json").exists()


def test_a_file_that_holds_no_weights_is_not_to_be_deleted(prefloop, tmp_path):
    data = write(tmp_path / "f.jsonl", ROWS)
    outcome = prefloop("rewardbench", data, "--model", data)
    assert outcome.code == 1
    is_one_error(outcome, "f.jsonl is no weights file that this prefloop reads")
    assert "delete" not in outcome.err


def test_a_folder_is_no_file_to_write(run, tmp_path):
    outcome = run(ROWS, "--out", tmp_path)
    assert outcome.code == 2
    is_one_error(outcome, "is a folder, expected the name of a file")

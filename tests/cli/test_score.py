"""`prefloop score`: what a trained model says of new pairs and responses, row by row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.special import expit

from prefloop import uncertainty as u
from prefloop.io.arrays import read_table
from prefloop.io.hashing import completion_id, prompt_id
from prefloop.reward.registry import load_model, save_model
from tests.cli.conftest import rows, write_rows
from tests.cli.malformed import is_one_error

NEW = rows(pairs=9, prompts=3)


@pytest.fixture
def score(prefloop, finished, tmp_path):
    """Score a file with the model of a finished run."""
    model = finished[0] / "runs/bal_pm/1/model.safetensors"

    def call(path, *options, out="scores.parquet"):
        path = path if isinstance(path, Path) else write_rows(tmp_path / "new.jsonl", path)
        arguments = ("--model", model, "--params", finished[0] / "params.yaml", "--out", out)
        return prefloop("score", path, *arguments, *options)

    return call


def scored(out="scores.parquet"):
    return read_table(Path(out)).to_pylist()


def test_rewards_are_those_of_the_model_on_the_stages_vectors(score, finished, data):
    """The pool's own file: vectors that the stage embed has made, and the model's rewards on them."""
    out = finished[0]
    told = json.loads(score(data, "--json").out)
    model, _ = load_model(out / "runs/bal_pm/1/model.safetensors")
    ids = read_table(out / "prepared/completions.parquet")["completion_id"].to_pylist()
    rewards = model.rewards(np.load(out / "features/completions.npy")).astype(np.float64)
    at = dict(zip(ids, rewards.T, strict=True))
    content = [json.loads(line) for line in data.read_text().splitlines()]
    found = scored()
    assert (told["rows"], told["pairs"], told["responses"]) == (len(content), len(content), 2 * len(content))
    for number, (row, one) in enumerate(zip(content, found, strict=True), start=1):
        prompt = prompt_id(row["prompt"])
        a, b = (at[completion_id(prompt, row[name])] for name in ("completion_a", "completion_b"))
        assert one["row"] == number
        np.testing.assert_allclose(one["rewards"], [a.mean(), b.mean()], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one["uncertainties"], [u.deviation(a), u.deviation(b)], rtol=1e-3, atol=1e-5)
        won, bald = expit(a - b), u.bald((a - b)[:, None])[0]
        np.testing.assert_allclose(one["probability"], won.mean(), rtol=1e-4)
        np.testing.assert_allclose(one["probability_std"], won.std(ddof=1), rtol=1e-2, atol=1e-5)
        np.testing.assert_allclose(one["bald"], bald, rtol=1e-2, atol=1e-7)
    assert told["mean_bald"] == pytest.approx(np.mean([one["bald"] for one in found]))


def test_turned_pairs_turned_verdicts_and_blocks(score, monkeypatch):
    assert score(NEW).code == 0
    before = scored()
    turned = [
        {
            **row,
            "completion_a": row["completion_b"],
            "completion_b": row["completion_a"],
            "label": None,
            "id": f"n{k}",
        }
        for k, row in enumerate(NEW)
    ]
    monkeypatch.setattr("prefloop.exchange.scored._ROWS", 2)
    assert score(turned, out="other.jsonl").code == 0
    after = [json.loads(line) for line in Path("other.jsonl").read_text().splitlines()]
    for number, (one, other) in enumerate(zip(before, after, strict=True)):
        assert one["rewards"] == pytest.approx(other["rewards"][::-1], rel=1e-4)
        assert one["probability"] == pytest.approx(1 - other["probability"], rel=1e-4)
        assert one["bald"] == pytest.approx(other["bald"], rel=1e-2, abs=1e-9)
        assert (one["ids"], other["ids"]) == ([], [f"n{number}"])


def test_responses_chosen_and_rejected_and_what_cannot_be_used(score, tmp_path):
    answers = ["x good good", "x", "x good good good good"]
    assert (
        score(
            [{"prompt": "q 1", "completions": answers, "uid": 7}, {"prompt": "q 2", "completions": answers[:2]}]
        ).code
        == 0
    )
    first, second = scored()
    assert [len(row["rewards"]) for row in (first, second)] == [3, 2]
    assert (first["ids"], first["probability"], first["bald"]) == (["7"], None, None)
    table = pa.Table.from_pylist(
        [{"prompt": "q 1", "chosen": "x good", "rejected": "y"}, {"prompt": "q 1", "chosen": "", "rejected": "y"}]
    )
    pq.write_table(table, tmp_path / "x.parquet")
    told = json.loads(score(tmp_path / "x.parquet", "--json").out)
    one, left = scored()
    assert (told["pairs"], told["left_out"], left["left_out"], left["rewards"]) == (1, {"empty": 1}, "empty", None)
    assert one["probability"] == pytest.approx(expit(np.subtract(*one["rewards"])), abs=0.1)


def test_several_votes_in_a_row_are_one_comparison(score):
    row = {key: NEW[0][key] for key in ("prompt", "completion_a", "completion_b")}
    votes = [{"label": "a", "annotator": "x"}, {"label": "b", "annotator": "y"}]
    told = json.loads(score([{**row, "votes": votes}], "--json").out)
    assert (told["rows"], told["pairs"]) == (1, 1)


def test_failures_leave_nothing(score, prefloop, finished, tmp_path):
    for content, expected in [
        ([NEW[0] | {"completion_a": 3}], "new.jsonl, row 1, field 'completion_a': got 3"),
        ([{"x": 1}], "got the fields x; expected those of one form"),
        (tmp_path / "none.jsonl", "none.jsonl is no file"),
    ]:
        outcome = score(content)
        assert outcome.code == 1
        is_one_error(outcome, expected)
    outcome = score(NEW, out="x.csv")
    assert outcome.code == 2
    is_one_error(outcome, "--out: got x.csv")
    model, about = load_model(finished[0] / "runs/bal_pm/1/model.safetensors")
    model.epochs[:] = 0
    save_model(tmp_path / "untrained.safetensors", "mlp_ensemble", model, about)
    arguments = ("--model", tmp_path / "untrained.safetensors", "--params", finished[0] / "params.yaml")
    outcome = prefloop("score", write_rows(tmp_path / "y.jsonl", NEW), *arguments, "--out", "z.jsonl")
    assert outcome.code == 3
    is_one_error(outcome, "holds an untrained ensemble")
    assert [path.name for path in Path().iterdir() if path.name != ".prefloop"] == []

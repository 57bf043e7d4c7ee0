"""Damaged or missing files of our own: done again where that costs only time, else named in one message."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stages.acquire
import stages.benchmark
import stages.compare
import stages.embed
import stages.evaluate
import stages.labels
import stages.neighbours
import stages.prepare
import stages.train
from stages._main import stage_main
from tests.cli.conftest import rows, write_rows
from tests.cli.malformed import bench, benchmark, edited, is_one_error, results
from tests.cli.test_bench import fits, outputs


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_damaged_state_is_done_again_to_the_same_bytes(prefloop, done, data, params):
    """The embedding cache and the resume state may be cut anywhere: nothing is lost but time."""
    before = outputs(done)
    (cache,) = done.glob(".prefloop/embeddings/*/vectors.bin")
    halve(cache)
    halve(next((done / ".prefloop/runs/bal_pm/0").glob("*/round-0001.safetensors")))
    halve(next((done / ".prefloop/runs/random/1").glob("*/model-0002.safetensors")))
    shutil.rmtree(done / "runs")
    shutil.rmtree(done / "features")
    outcome = bench(prefloop, done, params, data)
    assert outcome.code == 0
    assert "round-0001.safetensors is damaged" in outcome.err
    assert "an unfinished batch at its end is cut off" in outcome.err
    assert results(done) == {name: content for name, content in before.items() if name != "params.yaml"}
    # Rounds 1 and 2 of the first, and the model that each of the two goes on from.
    assert fits(done) == 12 + 3 + 1


DAMAGE: dict[str, tuple[str, Any]] = {
    "prepared/prompts.parquet": ("prepared/prompts.parquet", stages.neighbours.run),
    "prepared/completions.parquet": ("prepared/completions.parquet", stages.embed.run),
    "prepared/oracle.parquet": ("prepared/oracle.parquet", benchmark),
    "features/completions.npy": ("features/completions.npy", benchmark),
    "features/prompts.npy": ("features/prompts.npy", stages.neighbours.run),
    "features/manifest.json": ("features/manifest.json", benchmark),
    "neighbours/neighbours.npy": ("neighbours/neighbours.npy", benchmark),
    "neighbours/manifest.json": ("neighbours/manifest.json", stages.acquire.run),
    "runs/bal_pm/1/predictions.npy": ("runs/bal_pm/1/predictions.npy", stages.compare.run),
    "runs/bal_pm/1/metrics.parquet": ("runs/bal_pm/1/metrics.parquet", stages.compare.run),
    "runs/random/0/run.json": ("runs/random/0/run.json", stages.compare.run),
    "campaign/labels.parquet": ("campaign/labels/labels.parquet", stages.train.run),
    "campaign/model.safetensors": ("campaign/model.safetensors", stages.acquire.run),
    "campaign/issued.parquet": ("campaign/issued.parquet", stages.acquire.run),
}


@pytest.mark.parametrize("damage", [halve, Path.unlink], ids=["truncated", "missing"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_stage_names_the_input_that_is_damaged_or_missing(repository, capsys, kind, damage):
    name, run = DAMAGE[kind]
    path = repository.data / name
    damage(path)
    before = outputs(repository.data)
    capsys.readouterr()
    code = stage_main(run)
    captured = capsys.readouterr()
    if name.startswith("campaign/issued") and damage is Path.unlink:
        assert code == 0  # no record yet is how every campaign begins
        return
    assert code == 1
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert path.name in captured.err or "is not there" in captured.err
    assert "dvc repro" in captured.err or "run its stage again" in captured.err
    assert outputs(repository.data) == before


@pytest.mark.parametrize("command", [("report",), ("labels", "oracle")], ids=" ".join)
@pytest.mark.parametrize("damage", [halve, Path.unlink], ids=["truncated", "missing"])
def test_a_command_names_the_file_that_is_damaged_or_missing(prefloop, repository, command, damage):
    path = {"report": repository.report / "savings.json", "labels": repository.batch}[command[0]]
    damage(path)
    outcome = prefloop(*command)
    assert outcome.code == 1
    is_one_error(outcome, str(path))
    assert repository.labels.read_bytes() == b""


@pytest.mark.parametrize("line", [b'{"pair_id": \n', b'{"pair_id": "x"}\n', b"\xff\n", b"[]\n"])
def test_a_broken_line_in_the_label_log(prefloop, repository, capsys, line):
    assert prefloop("labels", "oracle", "--limit", 3).code == 0
    with open(repository.labels, "ab") as log:
        log.write(line)
    labels = repository.labels.read_bytes()
    before = outputs(repository.campaign)
    capsys.readouterr()
    assert stage_main(stages.labels.run) == 1
    assert capsys.readouterr().err.startswith("error: data/labels/labels.jsonl, row 4, field '")
    outcome = prefloop("labels", "oracle")
    assert outcome.code == 1
    is_one_error(outcome, "data/labels/labels.jsonl, row 4, field '")
    assert outputs(repository.campaign) == before
    assert repository.labels.read_bytes() == labels


def test_a_line_that_was_never_finished_is_set_aside(prefloop, repository, capsys, caplog):
    assert prefloop("labels", "oracle", "--limit", 3).code == 0
    whole = repository.labels.read_bytes()
    with open(repository.labels, "ab") as log:
        log.write(whole[:50])
    assert stage_main(stages.labels.run) == 0
    assert "its last line was never finished (50 bytes" in caplog.text
    assert repository.labels.read_bytes() == repository.label_snapshot.read_bytes() == whole
    assert repository.labels.with_name("labels.jsonl.torn-1").read_bytes() == whole[:50]


def test_a_missing_label_log(repository, capsys):
    repository.labels.unlink()
    capsys.readouterr()
    assert stage_main(stages.labels.run) == 1
    assert "is missing: restore it from version control, or create it empty" in capsys.readouterr().err


def test_outputs_that_do_not_belong_together(repository, capsys):
    content = write_rows(Path("other.jsonl"), rows(60))
    edited(Path("params.yaml"), Path("params.yaml"), "data.files", [{"path": str(content.resolve())}])
    assert stage_main(stages.prepare.run) == 0
    for run in (benchmark, stages.neighbours.run, stages.train.run):
        capsys.readouterr()
        assert stage_main(run) == 1
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        assert "run dvc repro" in message or "run the stage embed again" in message


def test_a_table_of_another_version(repository, capsys):
    path = repository.prepared / "oracle.parquet"
    pq.write_table(pa.table({"kind": ["pair"]}), path)
    capsys.readouterr()
    assert stage_main(benchmark) == 1
    assert "oracle.parquet is damaged (No match for FieldRef" in capsys.readouterr().err

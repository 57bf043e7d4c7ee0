"""Whatever is wrong: one clear message, the right exit code, no traceback, and nothing is damaged."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import stages.acquire
import stages.benchmark
import stages.compare
import stages.embed
import stages.evaluate
import stages.labels
import stages.neighbours
import stages.prepare
import stages.train
from prefloop.config import Params
from prefloop.io.layout import Layout
from stages._main import stage_main
from tests.cli.conftest import MINI, rows, write_rows
from tests.cli.test_bench import fits, outputs
from tests.worlds import ROOT

JSONL = [json.dumps(row).encode() for row in rows()]


def bench(prefloop, out: Path, params: Path, data: Path, *options: object):
    return prefloop("bench", "--data", data, "--out", out, "--params", params, *MINI, *options)


def results(out: Path) -> dict[str, bytes]:
    """Outputs but for the parameters, in which the place of the tracking store stands."""
    return {name: content for name, content in outputs(out).items() if name != "params.yaml"}


def is_one_error(outcome, expected: str) -> None:
    message = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert len(message) == 1, outcome.err
    assert expected in message[0]
    assert "Traceback" not in outcome.err
    assert outcome.out == ""


@pytest.fixture
def done(finished, tmp_path) -> Path:
    """A copy of a finished comparison."""
    out = tmp_path / "done"
    shutil.copytree(finished[0], out)
    return out


# ------------------------------------------------------------------ data


def changed(number: int, **fields: Any) -> list[bytes]:
    content = rows()
    content[number] |= fields
    return [json.dumps(row).encode() for row in content]


def lines(content: list[bytes]) -> bytes:
    return b"\n".join(content) + b"\n"


FILES: dict[str, tuple[str, bytes, str]] = {
    "wrong fields": ("x.jsonl", b'{"question": "a", "answer": "b"}\n', "row 1: got the fields question, answer; "),
    "bad JSON": ("x.jsonl", lines([*JSONL[:4], b'{"prompt": "q', *JSONL[5:]]), "row 5, field '(line)': got "),
    "NaN score": (
        "x.jsonl",
        b'{"prompt": "q", "completions": ["a", "b"], "scores": [1.0, NaN]}\n',
        "row 1, field 'scores[1]': got nan, expected a finite number",
    ),
    "empty answer": ("x.jsonl", lines(changed(3, completion_b=" ")), "row 4, field 'completion_b': got ' '"),
    "label outside the set": ("x.jsonl", lines(changed(0, label="left")), "row 1, field 'label': got 'left'"),
    "missing field": ("x.jsonl", lines([*JSONL, b'{"prompt": "q"}']), "row 91, field 'completion_a': got nothing"),
    "identical answers": (
        "x.jsonl",
        lines([json.dumps(row | {"completion_a": "x", "completion_b": "x"}).encode() for row in rows()]),
        "got 90 rows, none of which leaves a prompt with two different answers",
    ),
    "truncated gzip": ("x.jsonl.gz", gzip.compress(lines(JSONL))[:-300], "got a truncated or damaged gzip file"),
    "no gzip": ("x.jsonl.gz", lines(JSONL), "got a truncated or damaged gzip file"),
    "not UTF-8": ("x.jsonl", lines([*JSONL[:2], b'{"prompt": "caf\xe9"}']), "row 3, field '(line)': got b'\\xe9"),
    "damaged parquet": ("x.parquet", b"PAR1" + bytes(200) + b"PAR1", "got a damaged or unknown Parquet file"),
    "ragged CSV": ("x.csv", b"prompt,completion_a,completion_b\nq,a\n", "row 1, field '(row)': got '2 cells'"),
    "empty file": ("x.jsonl", b"", "got no rows, expected at least one"),
    "unknown ending": ("x.txt", lines(JSONL), "got a file name ending in '.txt', expected .jsonl"),
}


@pytest.mark.parametrize("kind", FILES)
def test_bad_data(prefloop, done, params, tmp_path, kind):
    name, content, expected = FILES[kind]
    path = tmp_path / name
    path.write_bytes(content)
    before = outputs(done)
    outcome = bench(prefloop, done, params, path)
    assert outcome.code == 1
    is_one_error(outcome, expected)
    assert name in outcome.err or kind == "identical answers"
    assert outputs(done) == before
    assert prefloop("data", "check", path).code == (0 if kind == "identical answers" else 1)


# ------------------------------------------------------------------ wrong usage


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--rounds", 60), "the budget is 362 labels, but after 8 initial ones the pool has 41 comparisons"),
        (("--policies", "random,bal_pn"), "benchmark.policies: unknown policy 'bal_pn'; known: bal_pm, bal_pm_kl"),
        (("--policies", "random,random"), "an entry stands twice"),
        (("--where", "domain"), "data.files.0.where: got 'domain'; expected FIELD=VALUE"),
        (("--ood", "nowhere.jsonl"), "nowhere.jsonl is missing: give an existing preference file"),
    ],
    ids=str,
)
def test_wrong_options(prefloop, done, data, params, options, expected):
    before = outputs(done)
    outcome = bench(prefloop, done, params, data, *options)
    assert outcome.code == 2
    is_one_error(outcome, expected)
    assert outputs(done) == before


@pytest.mark.parametrize("options", [("--where", "domain=sport"), ("--where", "topic=news")], ids=str)
def test_a_filter_that_lets_nothing_through(prefloop, done, data, params, options):
    before = outputs(done)
    outcome = bench(prefloop, done, params, data, *options)
    assert outcome.code == 1
    is_one_error(outcome, f"the filter {options[1]} lets nothing through")
    assert outputs(done) == before


def test_missing_data(prefloop, done, params):
    before = outputs(done)
    outcome = bench(prefloop, done, params, Path("nowhere.jsonl"))
    assert outcome.code == 2
    is_one_error(outcome, "nowhere.jsonl is missing")
    assert outputs(done) == before


def edited(params: Path, path: Path, dotted: str, value: Any) -> Path:
    """A copy of a parameter file with one value changed."""
    content = yaml.safe_load(params.read_text())
    *steps, last = dotted.split(".")
    section = content
    for step in steps:
        section = section[step]
    section[last] = value
    path.write_text(yaml.safe_dump(content))
    return path


PARAMETERS: dict[str, tuple[str, Any, int, str]] = {
    "misspelt": ("embed.max_lenght", 3, 2, "embed.max_lenght: unknown key (did you mean 'max_length'?)"),
    "out of range": ("oracle.flip_rate", 0.9, 2, "oracle.flip_rate: got 0.9; input should be less"),
    "missing model": ("embed.model", "./no/model", 1, "embed.model: there is no folder ./no/model"),
    "offline hub id": ("embed.model", "nobody/nothing", 1, "'nobody/nothing' is neither all-MiniLM-L6-v2"),
    "too long for the model": ("embed.max_length", 500, 2, "embed.max_length: got 500, but the model has 64"),
    "no such GPU to embed on": ("embed.device", "cuda:77", 2, "device cuda:77: "),
    "no such GPU to train on": ("benchmark.device", "cuda:77", 2, "device cuda:77: "),
}


@pytest.mark.parametrize("kind", PARAMETERS)
def test_bad_parameters(prefloop, done, data, params, tmp_path, monkeypatch, kind):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    dotted, value, code, expected = PARAMETERS[kind]
    before = outputs(done)
    outcome = bench(prefloop, done, edited(params, tmp_path / "p.yaml", dotted, value), data)
    assert outcome.code == code
    is_one_error(outcome, expected)
    assert outputs(done) == before


@pytest.mark.parametrize(
    ("content", "expected"), [(None, "is missing: run from"), ("a: [", "is not valid YAML"), ("", "got None; ")]
)
def test_a_parameter_file_that_is_none(prefloop, done, data, tmp_path, content, expected):
    path = tmp_path / "p.yaml"
    if content is not None:
        path.write_text(content)
    outcome = bench(prefloop, done, path, data)
    assert outcome.code == 2
    is_one_error(outcome, expected)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_model(prefloop, done, data, params, bert, tmp_path, name):
    model = tmp_path / "model"
    shutil.copytree(bert, model)
    (model / name).write_bytes((model / name).read_bytes()[:100])
    before = outputs(done)
    outcome = bench(prefloop, done, edited(params, tmp_path / "p.yaml", "embed.model", str(model)), data)
    assert outcome.code == 1
    is_one_error(outcome, "embed.model: model cannot be loaded")
    assert outputs(done) == before


# ------------------------------------------------------------------ damaged files of our own


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
    outcome = bench(prefloop, done, params, data)
    assert outcome.code == 0
    assert "round-0001.safetensors is damaged" in outcome.err
    assert "an unfinished batch at its end is cut off" in outcome.err
    assert results(done) == {name: content for name, content in before.items() if name != "params.yaml"}
    # Rounds 1 and 2 of the first, and the model that each of the two goes on from.
    assert fits(done) == 12 + 3 + 1


@pytest.fixture
def repository(prefloop, finished) -> Layout:
    """A repository below the current folder in which all stages have run; its campaign waits for labels."""
    shutil.copytree(finished[0], "data", ignore=shutil.ignore_patterns(".prefloop", "params.yaml"))
    shutil.copytree(finished[0] / ".prefloop", ".prefloop")
    shutil.copy(finished[0] / "params.yaml", "params.yaml")
    layout = Layout.repository()
    layout.labels.parent.mkdir()
    layout.labels.touch()
    for stage in (stages.labels, stages.train, stages.evaluate, stages.acquire):
        assert stage_main(stage.run) == 0
    return layout


def benchmark(params: Params, layout: Layout) -> None:
    """The stage with another parameter, so that no run is up to date and the inputs are read."""
    oracle = params.oracle.model_copy(update={"salt": "other"})
    stages.benchmark.run(params.model_copy(update={"oracle": oracle}), layout)


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
    "campaign/model.safetensors": ("campaign/model.safetensors", stages.acquire.run),
    "campaign/batch.parquet": ("campaign/batch.parquet", stages.acquire.run),
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
    if name.startswith("campaign/batch") and damage is Path.unlink:
        assert code == 0  # no batch yet is how every campaign begins
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


@pytest.mark.parametrize("line", [b'{"pair_id": ', b'{"pair_id": "x"}', b"\xff\n", b"[]"])
def test_a_broken_line_in_the_label_log(prefloop, repository, capsys, line):
    assert prefloop("labels", "oracle", "--limit", 3).code == 0
    with open(repository.labels, "ab") as log:
        log.write(line)
    labels = repository.labels.read_bytes()
    assert stage_main(stages.labels.run) == 0
    before = outputs(repository.campaign)
    for run in (stages.train.run, stages.evaluate.run, stages.acquire.run):
        capsys.readouterr()
        assert stage_main(run) == 1
        assert capsys.readouterr().err.startswith("error: data/campaign/labels/labels.jsonl, row 4, field '")
    outcome = prefloop("labels", "oracle")
    assert outcome.code == 1
    is_one_error(outcome, "data/labels/labels.jsonl, row 4, field '")
    assert outputs(repository.campaign) == before
    assert repository.labels.read_bytes() == labels


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


# ------------------------------------------------------------------ the machine


def test_an_output_folder_that_is_a_file(prefloop, data, params, tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        outcome = bench(prefloop, out, params, data)
        assert outcome.code == 1
        is_one_error(outcome, str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"


UNREACHABLE = {"enabled": True, "uri": "http://127.0.0.1:9", "experiment": "x"}


def test_an_unreachable_tracking_server_costs_no_result(prefloop, finished, data, params, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    path = edited(params, tmp_path / "p.yaml", "tracking", UNREACHABLE)
    outcome = prefloop("bench", "--data", data, "--out", tmp_path / "o", "--params", path, *MINI)
    assert outcome.code == 0
    assert "not tracked: MLflow at http://127.0.0.1:9: " in outcome.err
    assert "results are safe; when the store (tracking.uri) works again, run: prefloop track" in outcome.err
    assert "Traceback" not in outcome.err
    assert results(tmp_path / "o") == results(finished[0])


def test_track_on_an_unreachable_server_fails(prefloop, repository, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    edited(Path("params.yaml"), Path("params.yaml"), "tracking", UNREACHABLE)
    outcome = prefloop("track")
    assert outcome.code == 1
    is_one_error(outcome, "MLflow at http://127.0.0.1:9: ")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few pages, where mounting one is permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("free", [40, 300])
def test_a_full_disk(prefloop, finished, data, params, small_disk, free):
    """Wherever the disk fills up, the same command goes on once there is space."""
    (small_disk / "ballast").write_bytes(bytes((1 << 20) - free * 1024))
    out = small_disk / "o"
    outcome = bench(prefloop, out, params, data)
    assert outcome.code == 1
    is_one_error(outcome, "disk full")
    assert not list(out.rglob("*.tmp"))
    (small_disk / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert bench(prefloop, out, params, data).code == 0
    assert results(out) == results(finished[0])


def test_a_read_only_disk(prefloop, finished, data, params, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    outcome = bench(prefloop, small_disk / "o", params, data)
    assert outcome.code == 1
    is_one_error(outcome, "no permission to write or read")


def test_the_real_program_prints_one_line(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(lines(changed(2, label="left")))
    command = [sys.executable, "-m", "cli.main", "bench", "--data", path, "--out", tmp_path / "o"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {path}, row 3, field 'label': got 'left', expected 'a', 'b' or 'tie'")
    assert done.stderr.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) in (["x.jsonl"], ["o", "x.jsonl"])


def test_a_table_of_another_version(repository, capsys):
    path = repository.prepared / "oracle.parquet"
    pq.write_table(pa.table({"kind": ["pair"]}), path)
    capsys.readouterr()
    assert stage_main(benchmark) == 1
    assert "oracle.parquet is damaged (No match for FieldRef" in capsys.readouterr().err

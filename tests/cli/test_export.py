"""`prefloop export`: from a simulated run and from a campaign's log."""

import gzip
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from prefloop.io.arrays import read_table
from prefloop.io.layout import Layout
from prefloop.labels.label import Label
from prefloop.labels.log import LabelLog
from tests.exchange.worlds import named_world, run


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    layout = named_world(tmp_path_factory.mktemp("world"))
    run(layout)
    return layout


@pytest.fixture
def repository(prefloop, world):
    """A repository's layout below the current folder, with a finished run and an empty label log."""
    shutil.copytree(world.data, "data")
    layout = Layout.repository()
    layout.labels.parent.mkdir()
    layout.labels.touch()
    return layout


def label(row, verdict, annotator="ann"):
    ids = {name: row[name] for name in ("pair_id", "prompt_id", "completion_a", "completion_b")}
    return Label(
        **ids, annotator=annotator, verdict=verdict, timestamp="2026-01-01T00:00:00Z", round=0, source="human"
    )


def lines(path):
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    return [json.loads(line) for line in content.split(b"\n")[:-1]]


def test_a_run_as_a_data_set(prefloop, repository):
    outcome = prefloop("export", "--run", "data/runs/random/0", "--out", "set.parquet")
    table = read_table(repository.run("random", 0) / "acquired.parquet")
    won = pc.sum(pc.is_in(table["verdict"], pa.array(["a", "b"]))).as_py()
    assert outcome.code == 0
    assert outcome.out == f"set.parquet: {won} rows ({counted('set.parquet')} prompts) of {len(table)} labels\n"
    assert f"left out: {len(table) - won} labels without a winner" in outcome.err
    assert len(read_table(Path("set.parquet"))) == won
    told = json.loads(prefloop("export", "--run", "data/runs/random/0", "--out", "set.jsonl.gz", "--json").out)
    assert told["out"] == "set.jsonl.gz"
    assert (told["format"], told["labels"], told["rows"]) == ("ultrafeedback", len(table), won)
    assert told["undecided"] == len(table) - won
    assert lines(Path("set.jsonl.gz")) == read_table(Path("set.parquet")).to_pylist()


def counted(path):
    return len(set(read_table(Path(path))["prompt_id"].to_pylist()))


def test_a_run_elsewhere_finds_its_own_tables(prefloop, world, tmp_path):
    arguments = ("--run", world.run("random", 0), "--format", "trl", "--limit", "9", "--json")
    told = json.loads(prefloop("export", *arguments, "--out", "deep/down/set.jsonl").out)
    assert told["labels"] == 9
    assert all(isinstance(row["prompt"], list) for row in lines(Path("deep/down/set.jsonl")))
    # A copy of the run alone needs to be told.
    shutil.copytree(world.run("random", 0), tmp_path / "alone")
    outcome = prefloop("export", "--run", tmp_path / "alone", "--out", "x.jsonl")
    assert outcome.code == 1
    assert outcome.err.endswith("or give the folder of the prepared tables with --prepared\n")
    given = ("--run", tmp_path / "alone", "--prepared", world.prepared, "--format", "trl", "--limit", "9")
    assert prefloop("export", *given, "--out", "x.jsonl").code == 0
    assert Path("x.jsonl").read_bytes() == Path("deep/down/set.jsonl").read_bytes()


def test_a_campaigns_labels(prefloop, repository):
    rows = read_table(repository.run("random", 0) / "acquired.parquet").to_pylist()[:5]
    verdicts = ["b", "both_bad", "a", "skip", "a"]
    LabelLog(repository.labels).append([label(*pair) for pair in zip(rows, verdicts, strict=True)])
    before = repository.labels.read_bytes()
    arguments = ("export", "--labels", "data/labels/labels.jsonl", "--out", "set.jsonl", "--json")
    told = json.loads(prefloop(*arguments).out)
    assert (told["labels"], told["rows"], told["undecided"], told["absent"]) == (5, 3, 2, 0)
    assert [row["prompt_id"] for row in lines(Path("set.jsonl"))] == [rows[n]["prompt_id"] for n in (0, 2, 4)]
    told = json.loads(prefloop(*arguments, "--limit", "3").out)
    assert (told["labels"], told["rows"]) == (3, 2)
    assert repository.labels.read_bytes() == before


def test_a_campaigns_set_has_a_card_and_its_votes(prefloop, repository):
    rows = read_table(repository.run("random", 0) / "acquired.parquet").to_pylist()[:3]
    LabelLog(repository.labels).append(
        [label(row, word) for row, word in zip(rows, ["b", "tie", "a"], strict=True)]
    )
    arguments = ("export", "--labels", "data/labels/labels.jsonl", "--out", "set/x.jsonl", "--json")
    told = json.loads(prefloop(*arguments, "--votes", "--ties", "--licence", "mit").out)
    assert (told["card"], told["rows"], told["ties"]) == ("set/README.md", 3, 1)
    assert "license: mit" in Path("set/README.md").read_text()
    written = lines(Path("set/x.jsonl"))
    assert [row["label"] for row in written] == ["preferred", "tie", "preferred"]
    (name,) = {vote["annotator"] for row in written for vote in row["votes"]}
    assert name.startswith("annotator-")
    assert name in Path("set/README.md").read_text()
    prefloop(*arguments, "--votes", "--names", "--no-card")
    assert {vote["annotator"] for row in lines(Path("set/x.jsonl")) for vote in row["votes"]} == {"ann"}
    assert prefloop(*arguments, "--votes").code == 0
    assert {vote["annotator"] for row in lines(Path("set/x.jsonl")) for vote in row["votes"]} == {name}
    outcome = prefloop("export", "--run", "data/runs/random/0", "--votes", "--out", "y.jsonl")
    assert outcome.code == 2
    assert "are about a campaign: give --labels" in outcome.err


def test_the_card_is_about_the_first_labels_and_by_the_campaigns_parameters(prefloop, repository):
    rows = read_table(repository.run("random", 0) / "acquired.parquet").to_pylist()[:3]
    said = [label(row, word) for row, word in zip(rows, ["b", "a", "a"], strict=True)]
    LabelLog(repository.labels).append(one.model_copy(update={"duration_ms": 7_200_000}) for one in said)
    arguments = ("export", "--out", "set/x.jsonl")
    assert prefloop(*arguments, "--limit", "2").code == 0
    text = Path("set/README.md").read_text()
    assert "| standing votes on them | 2 |" in text
    assert "| human | 2 | 4.00 | 0.00 |" in text
    Path("params.yaml").write_text("extends: packaged\npage:\n  lease_minutes: 30\n")
    assert prefloop(*arguments).code == 0
    assert "| human | 3 | 1.50 | 0.00 |" in Path("set/README.md").read_text()
    outcome = prefloop(*arguments, "--params", "none.yaml")
    assert (outcome.code, "none.yaml" in outcome.err) == (2, True)


def test_no_decided_label_is_exit_code_3(prefloop, repository):
    arguments = ("export", "--labels", "data/labels/labels.jsonl", "--out", "set.jsonl")
    for verdict in (None, "tie", "skip"):
        if verdict:
            rows = read_table(repository.run("random", 0) / "acquired.parquet").to_pylist()
            LabelLog(repository.labels).append([label(rows[0], verdict)])
        outcome = prefloop(*arguments)
        assert (outcome.code, outcome.out) == (3, "")
        assert outcome.err.startswith("error: no decided label: ")
        assert not Path("set.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--run", "data/runs/random/0", "--out", "x.csv"], 2, "--out: got x.csv, expected a file name that ends"),
        (
            ["--run", "data/runs/random/0", "--out", "data"],
            2,
            "--out: data is a folder, expected the name of a file",
        ),
        (["--out", "x.jsonl"], 3, "no decided label"),
        (["--run", "a", "--labels", "b", "--out", "x.jsonl"], 2, "give one of --run FOLDER"),
        (["--run", "data/runs/random/0", "--out", "x.jsonl", "--limit", "999"], 2, "--limit: got 999, but "),
        (["--run", "data/runs/random/0", "--out", "x.jsonl", "--format", "csv"], 2, "'csv' is not one of"),
        (["--run", "data/runs/drts/7", "--out", "x.jsonl"], 1, "data/runs/drts/7/acquired.parquet is missing"),
        (["--labels", "nowhere.jsonl", "--out", "x.jsonl"], 1, "nowhere.jsonl is missing: give --labels FILE"),
        (["--run", "data/runs/random/0", "--prepared", "no", "--out", "x.jsonl"], 1, "no/"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(prefloop, repository, arguments, code, message):
    outcome = prefloop("export", *arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert message in " ".join(outcome.err.split())
    assert "Traceback" not in outcome.err
    assert [path.name for path in Path().iterdir()] == ["data"]


@pytest.mark.parametrize("name", ["prompts", "completions", "oracle"])
def test_a_damaged_table_is_named(prefloop, repository, name):
    path = repository.prepared / f"{name}.parquet"
    content = path.read_bytes()
    arguments = ("export", "--run", "data/runs/random/0", "--out", "x.jsonl")
    path.write_bytes(content[: len(content) // 2])
    outcome = prefloop(*arguments)
    assert outcome.code == 1
    assert f"error: {path} is damaged" in outcome.err
    pq.write_table(pa.table({"other": [1]}), path)
    assert f"error: {path} is damaged" in prefloop(*arguments).err
    path.unlink()
    assert f"error: {path} is missing" in prefloop(*arguments).err
    assert not Path("x.jsonl").exists()

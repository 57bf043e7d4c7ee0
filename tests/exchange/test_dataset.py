"""The exported set: every row says what was acquired, and other tools read it."""

import json
import shutil

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st

from prefloop.data.prepared import load_prepared
from prefloop.errors import ConfigError, LabelsMissing, StateError
from prefloop.exchange.acquired import acquired_by_labels, acquired_by_run, decided
from prefloop.exchange.dataset import write_preferences
from prefloop.exchange.form import Form
from prefloop.io.arrays import read_table
from prefloop.io.hashing import completion_id, pair_id, prompt_id
from prefloop.labels.label import Label
from prefloop.labels.log import LabelLog
from prefloop.labels.table import current_labels
from prefloop.messages.message import Message, Turns
from tests.exchange.worlds import named_records

COLUMNS = [
    "prompt", "prompt_id", "ids", "chosen", "rejected",
    "chosen_model", "chosen_score", "rejected_model", "rejected_score", "source",
]  # fmt: skip
ENDINGS = ["parquet", "jsonl", "jsonl.gz"]


def export(named, acquired, path, form=Form.ultrafeedback, budget=None):
    return write_preferences(acquired_by_run(acquired).first(budget), named.prepared, path, form)


@pytest.fixture
def rows(named, acquired, tmp_path):
    export(named, acquired, tmp_path / "x.parquet")
    return read_table(tmp_path / "x.parquet").to_pylist()


def decided_rows(acquired):
    return [row for row in read_table(acquired / "acquired.parquet").to_pylist() if row["verdict"] in "ab"]


def test_every_row_is_a_decided_pair_in_order(named, acquired, rows, tmp_path):
    pairs = decided_rows(acquired)
    total = len(read_table(acquired / "acquired.parquet"))
    counts = export(named, acquired, tmp_path / "y.parquet")
    assert 0 < counts["undecided"] == total - len(pairs)
    assert (counts["labels"], counts["rows"], counts["absent"]) == (total, len(pairs), 0)
    assert len(rows) == len(pairs)
    for row, pair in zip(rows, pairs, strict=True):
        ids = [completion_id(row["prompt_id"], row[side][-1]["content"]) for side in ("chosen", "rejected")]
        winner, loser = (pair["completion_a"], pair["completion_b"])[:: 1 if pair["verdict"] == "a" else -1]
        assert ids == [winner, loser]
        assert pair_id(*ids) == pair["pair_id"]
        assert row["prompt_id"] == pair["prompt_id"] == prompt_id(row["prompt"])


def test_models_scores_and_sources_are_those_of_the_pool(named, acquired, rows, tmp_path):
    scores = read_table(named.prepared / "oracle.parquet").to_pylist()
    scores = {row["id"]: row["score"] for row in scores if row["kind"] == "completion"}
    models = read_table(named.prepared / "completions.parquet").to_pylist()
    models = {row["completion_id"]: "+".join(row["models"]) for row in models}
    sources = read_table(named.prepared / "prompts.parquet").to_pylist()
    sources = {row["prompt_id"]: row["source"] for row in sources}
    for row in rows:
        assert row["chosen_score"] > row["rejected_score"]
        assert row["source"] == sources[row["prompt_id"]]
        for side in ("chosen", "rejected"):
            id_ = completion_id(row["prompt_id"], row[side][-1]["content"])
            assert row[f"{side}_score"] == scores[id_]
            assert row[f"{side}_model"] == models[id_]
    named_models = {row[f"{side}_model"] for row in rows for side in ("chosen", "rejected")}
    assert "copycat+model-0" in named_models
    assert {row["source"] for row in rows} == {"source-0", "source-1"}
    counts = export(named, acquired, tmp_path / "y.parquet")
    assert (counts["scored"], counts["against_scores"]) == (len(rows), 0)


def test_rows_have_the_ids_of_the_rows_they_came_from(named, rows):
    prompts = read_table(named.prepared / "prompts.parquet").to_pylist()
    ids = {row["prompt_id"]: row["ids"] for row in prompts}
    assert {len(row["ids"]) for row in rows} == {1}
    assert all(row["ids"] == ids[row["prompt_id"]] for row in rows)
    numbers = {record.prompt.plain: f"{number:03d}" for number, record in enumerate(named_records())}
    assert all(row["ids"] == [numbers[row["prompt"]]] for row in rows)


def test_conversations_are_whole_and_share_the_prompt(rows):
    assert {len(row["chosen"]) for row in rows} == {2, 4}
    for row in rows:
        *before, answer = row["chosen"]
        assert before == row["rejected"][:-1]
        assert Turns.prompt(Message(**of) for of in before).plain == row["prompt"]
        assert answer["role"] == row["rejected"][-1]["role"] == "assistant"
        assert answer != row["rejected"][-1]


def test_both_formats_say_the_same(named, acquired, rows, tmp_path):
    export(named, acquired, tmp_path / "trl.parquet", Form.trl)
    explicit = read_table(tmp_path / "trl.parquet")
    assert explicit.column_names == COLUMNS
    for one, other in zip(rows, explicit.to_pylist(), strict=True):
        assert other["prompt"] + other["chosen"] == one["chosen"]
        assert other["prompt"] + other["rejected"] == one["rejected"]
        assert [message["role"] for message in other["chosen"]] == ["assistant"]
        same = COLUMNS[1:3] + COLUMNS[5:]
        assert [other[name] for name in same] == [one[name] for name in same]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("ending", ENDINGS)
def test_datasets_loads_it(named, acquired, tmp_path, ending, form):
    path = tmp_path / f"set.{ending}"
    export(named, acquired, path, form)
    export(named, acquired, tmp_path / "reference.parquet", form)
    builder = "parquet" if ending == "parquet" else "json"
    loaded = load_dataset(builder, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.column_names == COLUMNS
    assert loaded.to_list() == read_table(tmp_path / "reference.parquet").to_pylist()


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_same_labels_give_the_same_bytes(named, acquired, tmp_path, ending):
    for folder in ("a", "b"):
        export(named, acquired, tmp_path / folder / f"set.{ending}")
    one, other = ((tmp_path / folder / f"set.{ending}").read_bytes() for folder in ("a", "b"))
    assert one == other
    assert [path.name for path in (tmp_path / "a").iterdir()] == [f"set.{ending}"]


def test_a_budget_is_the_first_labels(named, acquired, rows, tmp_path):
    table = read_table(acquired / "acquired.parquet")
    for budget in (7, len(table)):
        counts = export(named, acquired, tmp_path / "x.parquet", budget=budget)
        first = pc.is_in(table["verdict"].slice(0, budget), pa.array(["a", "b"]))
        assert (counts["labels"], counts["rows"]) == (budget, pc.sum(first).as_py())
        assert read_table(tmp_path / "x.parquet").to_pylist() == rows[: counts["rows"]]
    with pytest.raises(ConfigError, match=f"--limit: got {len(table) + 1}, but {len(table)} labels"):
        acquired_by_run(acquired).first(len(table) + 1)


@given(st.lists(st.sampled_from(["a", "b", "tie"]), max_size=12))
def test_only_winners_are_kept(verdicts):
    names = [f"{n}" for n in range(len(verdicts))]
    columns = [pa.array(names, pa.string()), *(pa.array([f"{n}{s}" for n in names], pa.string()) for s in "ab")]
    columns.append(pa.array(verdicts, pa.string()))
    pairs = pa.table(columns, ["prompt_id", "completion_a", "completion_b", "verdict"])
    expected = [(n, f"{n}{v}", f"{n}{'ab'[v == 'a']}") for n, v in zip(names, verdicts, strict=True) if v != "tie"]
    if not expected:
        with pytest.raises(LabelsMissing, match="no decided label"):
            decided(pairs)
    else:
        rows = decided(pairs).to_pylist()
        assert [(row["prompt_id"], row["chosen_id"], row["rejected_id"]) for row in rows] == expected
        assert all(row["pair_id"] == pair_id(row["chosen_id"], row["rejected_id"]) for row in rows)


def labels_of(rows, verdicts):
    for row, verdict in zip(rows, verdicts, strict=True):
        ids = {name: row[name] for name in ("pair_id", "prompt_id", "completion_a", "completion_b")}
        for annotator, word in verdict.items():
            yield Label(
                **ids, annotator=annotator, verdict=word, timestamp="2026-01-01T00:00:00Z", round=0, source="human"
            )


def logged(folder, labels):
    LabelLog(folder / "labels.jsonl").append(labels)
    return current_labels(folder / "labels.jsonl", folder / "labels.parquet")


def test_a_campaigns_labels_by_majority(named, acquired, tmp_path):
    pairs = read_table(acquired / "acquired.parquet").to_pylist()[:6]
    verdicts = [
        {"x": "a"}, {"x": "b", "y": "b", "z": "a"}, {"x": "a", "y": "b"}, {"x": "tie"}, {"x": "both_bad"},
        {"x": "skip", "y": "b"},
    ]  # fmt: skip
    labels = list(labels_of(pairs, verdicts))
    labels.append(labels[0].model_copy(update={"verdict": "b"}))
    found = acquired_by_labels(logged(tmp_path, labels), load_prepared(named.prepared))
    counts = write_preferences(found, named.prepared, tmp_path / "x.parquet", Form.ultrafeedback)
    assert (counts["labels"], counts["rows"], counts["undecided"], counts["absent"]) == (6, 3, 3, 0)
    rows = read_table(tmp_path / "x.parquet").to_pylist()
    ids = [completion_id(row["prompt_id"], row["chosen"][-1]["content"]) for row in rows]
    assert ids == [pairs[n]["completion_b"] for n in (0, 1, 5)]
    against = [row["chosen_score"] < row["rejected_score"] for row in rows]
    assert counts["against_scores"] == sum(against)


def test_labels_of_other_data_are_left_out_and_counted(named, acquired, tmp_path, caplog):
    pairs = read_table(acquired / "acquired.parquet").to_pylist()[:2]
    a, b = sorted(completion_id("other", text) for text in ("x", "y"))
    other = {"pair_id": pair_id(a, b), "prompt_id": "other", "completion_a": a, "completion_b": b}
    labels = list(labels_of([other, *pairs], [{"x": "a"}] * 3))
    found = acquired_by_labels(logged(tmp_path, labels), load_prepared(named.prepared))
    assert (len(found.pairs), found.absent) == (2, 1)
    assert "1 labelled pairs are not in the pool" in caplog.text


def test_what_nobody_knows_is_null(named, acquired, tmp_path):
    shutil.copytree(named.prepared, tmp_path / "prepared")
    oracle, completions = (tmp_path / "prepared" / f"{name}.parquet" for name in ("oracle", "completions"))
    pq.write_table(read_table(oracle).slice(0, 0), oracle)
    table = read_table(completions)
    models = pa.array([[]] * len(table), pa.list_(pa.string()))
    table = table.set_column(table.column_names.index("models"), "models", models)
    pq.write_table(table, completions)
    path = tmp_path / "x.parquet"
    counts = write_preferences(acquired_by_run(acquired), tmp_path / "prepared", path, Form.ultrafeedback)
    assert (counts["scored"], counts["against_scores"]) == (0, 0)
    found = read_table(path)
    assert found.column_names == COLUMNS
    for name in ("chosen_model", "chosen_score", "rejected_model", "rejected_score"):
        assert found[name].null_count == len(found)


def test_prepared_tables_of_other_data(named, acquired, tmp_path):
    shutil.copytree(named.prepared, tmp_path / "prepared")
    table = read_table(tmp_path / "prepared" / "completions.parquet")
    pq.write_table(table.slice(0, 3), tmp_path / "prepared" / "completions.parquet")
    with pytest.raises(StateError, match=r"completions\.parquet does not have \d+ of the ids that were labelled"):
        write_preferences(acquired_by_run(acquired), tmp_path / "prepared", tmp_path / "x.jsonl", Form.trl)
    assert not (tmp_path / "x.jsonl").exists()


def test_a_failed_write_leaves_what_was_there(named, acquired, tmp_path, monkeypatch):
    (tmp_path / "x.jsonl").write_text("mine")
    monkeypatch.setattr(json, "dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(named, acquired, tmp_path / "x.jsonl")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x.jsonl", "mine")]


def test_an_unknown_ending(named, acquired, tmp_path):
    with pytest.raises(ConfigError, match=r"--out: got .*x\.csv, expected .* \.parquet, \.jsonl, \.jsonl\.gz"):
        export(named, acquired, tmp_path / "x.csv")


def test_slices_do_not_show(named, acquired, tmp_path, monkeypatch):
    export(named, acquired, tmp_path / "x.jsonl")
    monkeypatch.setattr("prefloop.exchange.dataset._ROWS", 3)
    export(named, acquired, tmp_path / "y.jsonl")
    assert (tmp_path / "x.jsonl").read_bytes() == (tmp_path / "y.jsonl").read_bytes()

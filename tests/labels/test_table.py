"""From a log to a verdict per pair: aggregation against its definition, the snapshot, and the labelled table."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.data.prepared import load_prepared
from prefloop.errors import DataError, StateError
from prefloop.io.arrays import read_table, write_table
from prefloop.io.hashing import pair_id
from prefloop.io.lock import locked
from prefloop.labels import table as table_module
from prefloop.labels.aggregate import AGGREGATED, aggregate
from prefloop.labels.lines import SCHEMA
from prefloop.labels.log import LabelLog
from prefloop.labels.table import current_labels, read_label_table, take_snapshot, warn_of_late_labels
from prefloop.labels.verdicts import WORDS
from tests.labels.helpers import label
from tests.worlds import make_params, make_world, pair_records

MAJORITY = make_params().labels


def by_definition(labels):
    """Each annotator's last word, then the majority of a against b; pairs in order of their first label."""
    labels = [one for one in labels if one.verdict is not None]
    last = {(one.pair_id, one.annotator): one.verdict for one in labels}
    rows = {}
    for order, one in enumerate(labels):
        votes = Counter(verdict for (pair, _), verdict in last.items() if pair == one.pair_id)
        verdict = "a" if votes["a"] > votes["b"] else "b" if votes["b"] > votes["a"] else "tie"
        ids = {name: getattr(one, name) for name in AGGREGATED.names[:4]}
        counts = {f"votes_{word}": votes[word] for word in WORDS}
        trains = {"share_a": {"a": 1.0, "b": 0.0}.get(verdict), "weight": float(verdict != "tie")}
        row = {**ids, "verdict": verdict, **counts, "round": one.round, "order": order, "ruling": None}
        row |= trains
        rows.setdefault(one.pair_id, row)
    return list(rows.values())


words = st.sampled_from([*WORDS, "a", "b", None])
labels = st.lists(st.tuples(st.integers(0, 4), st.sampled_from("xyz"), words, st.integers(0, 3)), max_size=25)


@settings(max_examples=80, deadline=None)
@given(labels)
def test_a_pairs_verdict_is_the_majority_of_last_words(values):
    log = [
        label(number, annotator=who, verdict=word, round=round_, reason=None if word else "silent")
        for number, who, word, round_ in values
    ]
    table = pa.Table.from_pylist([one.model_dump() for one in log], SCHEMA)
    assert aggregate(table, MAJORITY).to_pylist() == by_definition(log)


def snapshot(folder):
    deep = folder / "deep"
    return take_snapshot(folder / "labels.jsonl", deep / "copy.jsonl", deep / "labels.parquet", MAJORITY)


@pytest.fixture
def log(tmp_path):
    (tmp_path / "labels.jsonl").touch()
    return LabelLog(tmp_path / "labels.jsonl")


def test_a_snapshot_is_the_same_bytes_and_its_table_what_they_say(tmp_path, log):
    silent = label(3, verdict=None, reason="silent", round=7)
    log.append([label(0, round=2), label(1, round=1), label(0, verdict="b", annotator="x"), silent])
    labels = snapshot(tmp_path)
    assert (tmp_path / "deep" / "copy.jsonl").read_bytes() == (tmp_path / "labels.jsonl").read_bytes()
    again = read_label_table(tmp_path / "deep" / "labels.parquet")
    assert (again.lines, again.last_round) == (labels.lines, labels.last_round) == (4, 2)
    assert (again.mark, again.config) == (labels.mark, labels.config)
    assert again.pairs["verdict"].to_pylist() == ["tie", "a"]
    first = (tmp_path / "deep" / "labels.parquet").read_bytes()
    snapshot(tmp_path)
    assert (tmp_path / "deep" / "labels.parquet").read_bytes() == first


def test_an_empty_log_is_a_table_of_nothing(tmp_path, log):
    labels = snapshot(tmp_path)
    assert (labels.lines, labels.last_round, len(labels.pairs)) == (0, -1, 0)
    assert read_label_table(tmp_path / "deep" / "labels.parquet").pairs.schema.equals(AGGREGATED)


def test_a_snapshot_refuses_a_wrong_line_and_leaves_what_stood_there(tmp_path, log):
    log.append([label(0)])
    snapshot(tmp_path)
    before = {path.name: path.read_bytes() for path in (tmp_path / "deep").iterdir()}
    with open(tmp_path / "labels.jsonl", "ab") as lines:
        lines.write(b'{"pair_id": "x"}\n')
    with pytest.raises(DataError, match=r"labels\.jsonl, row 2, field 'prompt_id': missing"):
        snapshot(tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "deep").iterdir()} == before


def test_a_missing_log_is_an_error_not_an_empty_one(tmp_path):
    with pytest.raises(DataError, match="is missing: restore it from version control, or create it empty"):
        snapshot(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_table_of_other_columns_or_without_facts_is_named(tmp_path, log):
    table = tmp_path / "deep" / "labels.parquet"
    snapshot(tmp_path)
    for wrong in (read_table(table).drop_columns("round"), read_table(table).replace_schema_metadata(None)):
        write_table(table, wrong)
        with pytest.raises(StateError, match=r"labels\.parquet is damaged .* run the stage labels again"):
            read_label_table(table)


def test_what_a_log_says_now_comes_from_the_table_only_where_it_is_of_that_log(tmp_path, log, monkeypatch):
    path, table = tmp_path / "labels.jsonl", tmp_path / "deep" / "labels.parquet"
    log.append([label(0)])
    assert len(current_labels(path, table).pairs) == 1  # no table yet
    snapshot(tmp_path)
    log.append([label(1)])
    assert len(current_labels(path, table).pairs) == 2
    snapshot(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("prefloop.labels.table.read_lines", None)
        assert len(current_labels(path, table).pairs) == 2
        assert len(current_labels(path, table, MAJORITY).pairs) == 2
    others = make_params(labels__ties="half").labels
    assert current_labels(path, table, others).config == others
    path.write_bytes(path.read_bytes().replace(b'"verdict": "a"', b'"verdict": "b"'))  # edited, of the same length
    assert current_labels(path, table).pairs["verdict"].to_pylist() == ["b", "b"]


def test_verdicts_after_the_snapshot_are_warned_about(tmp_path, log, caplog):
    snapshot(tmp_path)
    warn_of_late_labels(tmp_path / "labels.jsonl", tmp_path / "deep" / "copy.jsonl")
    assert not caplog.text
    (tmp_path / "labels.jsonl").write_text("x" * 7)
    warn_of_late_labels(tmp_path / "labels.jsonl", tmp_path / "deep" / "copy.jsonl")
    assert "changed by 7 bytes since its snapshot" in caplog.text


def test_a_label_that_names_another_prompt_than_the_data_is_named(tmp_path, log):
    layout = make_world(tmp_path / "world", pair_records(prompts=20, pairs=40), make_params())
    prepared = load_prepared(layout.prepared)
    ids = prepared.completion_ids.to_pylist()
    named = [prepared.prompt_ids[int(prepared.pair_prompt[row])].as_py() for row in range(2)]
    rows = zip(prepared.pair_a[:2].tolist(), prepared.pair_b[:2].tolist(), [named[0], "0" * 32], strict=True)
    for a, b, prompt in rows:
        given = {"completion_a": ids[a], "completion_b": ids[b], "prompt_id": prompt}
        log.append([label(**given, pair_id=pair_id(ids[a], ids[b]))])
    arguments = (
        tmp_path / "labels.jsonl",
        tmp_path / "copy.jsonl",
        tmp_path / "table.parquet",
        MAJORITY,
        prepared,
    )
    with pytest.raises(DataError, match=rf"labels.jsonl, row 2, field 'prompt_id': got '0+', expected {named[1]}"):
        take_snapshot(*arguments)
    assert not (tmp_path / "copy.jsonl").exists()


@pytest.mark.parametrize("reads", ["snapshot", "current"])
def test_nobody_waits_while_the_log_is_copied_and_read(tmp_path, log, monkeypatch, reads):
    path, reading = tmp_path / "labels.jsonl", table_module.read_lines
    log.append([label(1), label(2)])
    size = path.stat().st_size

    def slow(*arguments, **named):
        with locked(path, timeout=0), open(path, "ab") as handle:
            handle.write(b'{"half a li')
        return reading(*arguments, **named)

    monkeypatch.setattr(table_module, "read_lines", slow)
    copy, table = tmp_path / "copy.jsonl", tmp_path / "table.parquet"
    if reads == "snapshot":
        labels = take_snapshot(path, copy, table, MAJORITY)
        assert copy.read_bytes() == path.read_bytes()[:size]
    else:
        labels = current_labels(path, table)
    assert (labels.lines, labels.mark.size) == (2, size)

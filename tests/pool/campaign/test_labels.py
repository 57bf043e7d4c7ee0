"""A campaign's label log: what has left the data, broken lines, the snapshot, and the oracle's answers."""

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

import stages.acquire
import stages.evaluate
import stages.labels
import stages.train
from prefloop.campaign.issued import BATCH_SCHEMA, ISSUED
from prefloop.campaign.rehearsal import answer_batch
from prefloop.errors import DataError, NothingLeft, StateError
from prefloop.io.arrays import read_table, write_table
from prefloop.io.hashing import pair_id
from prefloop.io.json import read_json
from prefloop.labels.log import LabelLog
from tests.pool.campaign.walk import PARAMS, give, ids, repro, resolved
from tests.worlds import open_world


def foreign(row, at="0" * 32):
    return {**row, "completion_a": at, "pair_id": pair_id(at, row["completion_b"])}


def test_labels_of_pairs_that_left_the_data_stay_in_the_log(layout, caplog):
    batch = repro(layout)
    give(layout, [foreign(batch[0]), *batch[1:]])
    before = layout.labels.read_bytes()
    assert ids(repro(layout)) == [batch[0]["pair_id"]]
    assert "1 labelled pairs are not in the pool of the prepared data and are left out" in caplog.text
    assert layout.labels.read_bytes() == before
    assert read_json(layout.campaign_metrics)["n_labels"] == len(batch) - 1


def test_labels_of_pairs_that_moved_to_another_split_are_left_out(layout, caplog):
    """Another salt moves prompts from the pool to the test split: nothing tested may be trained on."""
    batch = repro(layout)
    division = open_world(layout, PARAMS, None)[0].division
    test = division.pairs[division.prepared.pairs_of("test").start]
    table = read_table(layout.prepared / "pairs.parquet").to_pylist()[test]
    give(layout, [{**table, "round": 0}, *batch])
    assert {row["round"] for row in repro(layout)} == {1}
    assert "1 labelled pairs are not in the pool" in caplog.text
    assert table["pair_id"] not in resolved(layout)


def test_a_waiting_pair_that_left_the_data_is_dropped_from_the_batch(layout, caplog):
    batch = repro(layout)
    issued = read_table(layout.issued).to_pylist()
    write_table(layout.issued, pa.Table.from_pylist([foreign(issued[0]), *issued[1:]], ISSUED))
    assert repro(layout) == batch[1:]
    assert "some pairs of the last batch are no longer in the pool" in caplog.text
    write_table(layout.batch, pa.Table.from_pylist([foreign(batch[0])], BATCH_SCHEMA))
    with pytest.raises(StateError, match=r"does not belong to .*: run dvc repro for a new batch"):
        answer_batch(PARAMS, layout, None)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_empty_log_is_a_snapshot_of_no_bytes_and_a_round_of_first_pairs(layout):
    assert layout.labels.read_bytes() == b""
    assert len(repro(layout)) == PARAMS.campaign.initial
    assert layout.label_snapshot.read_bytes() == b""


def test_the_snapshot_is_the_log_byte_by_byte(layout):
    give(layout, repro(layout)[:3])
    stages.labels.run(PARAMS, layout)
    assert layout.label_snapshot.read_bytes() == layout.labels.read_bytes() != b""


def test_a_broken_line_stops_the_campaign_and_changes_nothing(layout):
    batch = repro(layout)
    give(layout, batch[:3])
    with open(layout.labels, "a") as log:
        log.write('{"pair_id": "x"}\n')
    before = contents(layout.campaign)
    with pytest.raises(DataError, match=r"labels/labels\.jsonl, row 4, field 'prompt_id'"):
        stages.labels.run(PARAMS, layout)
    assert contents(layout.campaign) == before


def test_the_oracle_answers_what_waits_and_no_more(layout):
    batch = repro(layout)
    given = answer_batch(PARAMS, layout, 2)
    assert given["labels"] == sum(given["verdicts"].values()) == 2
    assert answer_batch(PARAMS, layout, None)["labels"] == len(batch) - 2
    labels = LabelLog(layout.labels).read_on().lines.to_pylist()
    assert ids(labels) == ids(batch)
    hidden = {row["id"]: row for row in read_table(layout.prepared / "oracle.parquet").to_pylist()}
    for label in labels:
        assert (label["annotator"], label["source"], label["round"]) == ("oracle", "oracle", 0)
        assert hidden[label["pair_id"]][f"votes_{label['verdict']}"] == 1
    with pytest.raises(NothingLeft):
        answer_batch(PARAMS, layout, None)


def test_two_oracles_at_once_answer_no_pair_twice(layout):
    batch = repro(layout)
    stages.labels.run(PARAMS, layout)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(answer_batch, PARAMS, layout, 4) for _ in range(2)]
    assert sorted(one.result()["labels"] for one in asked) == [len(batch) - 4, 4]
    assert sorted(ids(LabelLog(layout.labels).read_on().lines.to_pylist())) == sorted(ids(batch))


def test_what_the_labelled_table_knows_is_not_answered_again(layout):
    """The batch is older than the table: some of its pairs have their label there, others behind it in the log."""
    batch = repro(layout)
    give(layout, batch[:2])
    stages.labels.run(PARAMS, layout)
    give(layout, batch[2:3])
    assert answer_batch(PARAMS, layout, None)["labels"] == len(batch) - 3
    layout.labels.write_bytes(b"")  # somebody restored it
    assert answer_batch(PARAMS, layout, None)["labels"] == len(batch)


def test_the_oracle_without_a_batch_says_what_makes_one(layout):
    with pytest.raises(StateError, match=r"batch\.parquet is missing: run the stage that writes it"):
        answer_batch(PARAMS, layout, None)


def test_a_label_across_two_prompts_is_refused(layout):
    prepared = open_world(layout, PARAMS, None)[0].prepared
    first, second = prepared.offsets[0], prepared.offsets[1]
    a, b = sorted(prepared.completion_ids[int(row)].as_py() for row in (first, second))
    row = {"pair_id": pair_id(a, b), "prompt_id": "p", "completion_a": a, "completion_b": b, "round": 0}
    give(layout, [row])
    with pytest.raises(DataError, match="belong to two prompts"):
        resolved(layout)

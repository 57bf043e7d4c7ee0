"""A record of issued pairs begun anew: from the log and the last batch, whatever of them is left."""

import logging

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.campaign.begun import begun_anew, issued_before
from prefloop.campaign.issued import BATCH_SCHEMA, ISSUED, waiting
from prefloop.config.model import Campaign
from prefloop.errors import StateError
from prefloop.io.arrays import write_table
from tests.campaign.worlds import ids_of, said
from tests.identity.worlds import listed_table, some_pairs
from tests.worlds import make_params

PROBLEM = listed_table().problem
PAIRS = some_pairs(PROBLEM, 8)
CONFIG = make_params().campaign
TWO = Campaign.model_validate(CONFIG.model_dump() | {"annotators_per_pair": 2})
NO_LABELS = said(PROBLEM, PAIRS, {}).pairs


def batch_of(rows, annotators=1, kind="audit", names=BATCH_SCHEMA.names):
    """A last batch of some of PAIRS, in the round and places in which they were issued."""
    ids = ids_of(PROBLEM, PAIRS)
    columns = {"round": 0, "kind": kind, "annotators": annotators, "score": 0.5}
    table = pa.Table.from_pylist([{**ids[row], **columns, "order": row} for row in rows], BATCH_SCHEMA)
    return table.select(names)


def ids(rows):
    return [ids_of(PROBLEM, PAIRS)[row]["pair_id"] for row in rows]


@settings(max_examples=40, deadline=None)
@given(st.text("ab.", min_size=8, max_size=8), st.sets(st.integers(0, 7)))
def test_what_waits_is_the_last_batch_and_every_label_is_there(words, rest):
    words = "".join("." if row in rest else word for row, word in enumerate(words))
    labels = said(PROBLEM, PAIRS, {"x": words}).pairs
    # The older version had no record, nor columns for it; more people are wanted of later pairs alone.
    issued = begun_anew(labels, batch_of(sorted(rest), names=BATCH_SCHEMA.names[:9]), TWO)
    assert issued.schema.equals(ISSUED)
    assert waiting(issued, labels)["pair_id"].to_pylist() == ids(sorted(rest))
    asked = {row for row, word in enumerate(words) if word != "."}
    assert sorted(issued["pair_id"].to_pylist()) == sorted(ids(asked | rest))
    places = list(zip(issued["round"].to_pylist(), issued["order"].to_pylist(), strict=True))
    assert places == sorted(set(places))
    assert issued["probability"].null_count == issued["n_labels"].null_count == len(issued)


def test_a_batch_keeps_what_it_says_and_a_pair_with_some_of_its_votes_stays_in_it():
    labels = said(PROBLEM, PAIRS, {"x": "abab", "y": "ab"}).pairs
    issued = begun_anew(labels, batch_of([2, 3, 5], annotators=2), CONFIG)
    rest = waiting(issued, labels)
    assert rest.select(BATCH_SCHEMA.names).equals(batch_of([2, 3, 5], annotators=2))
    # A third word on a pair that was done is no reason to ask; one that is taken back is.
    more, fewer = (said(PROBLEM, PAIRS, {"x": "abab.a", "y": words}) for words in ("abba.a", ".bba.a"))
    assert not len(waiting(issued, more.pairs))
    assert waiting(issued, fewer.pairs)["pair_id"].to_pylist() == ids([0])


def test_without_a_batch_the_parameters_say_what_waits():
    labels = said(PROBLEM, PAIRS, {"x": "abab", "y": "ab"}).pairs
    assert waiting(begun_anew(labels, None, TWO), labels)["pair_id"].to_pylist() == ids([2, 3])
    assert not len(waiting(begun_anew(labels, None, CONFIG), labels))


def test_labels_that_no_batch_asked_for_were_not_issued():
    labels = said(PROBLEM, PAIRS, {"data": "abab"}).pairs
    imported = labels.set_column(labels.schema.get_field_index("round"), "round", pa.nulls(4, pa.int32()))
    assert not len(begun_anew(imported, None, TWO))


def test_a_record_that_is_there_is_taken_and_one_that_is_not_is_told_of(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    path, batch = tmp_path / "issued.parquet", tmp_path / "batch.parquet"
    assert not len(issued_before(path, batch, NO_LABELS, CONFIG))
    assert not caplog.text
    write_table(batch, batch_of([0, 4], annotators=3))
    issued = issued_before(path, batch, said(PROBLEM, PAIRS, {"x": ".a"}).pairs, CONFIG)
    assert issued["pair_id"].to_pylist() == ids([0, 1, 4])
    assert issued["annotators"].to_pylist() == [3, 1, 3]
    assert "issued.parquet is missing: it is begun anew with the 3 pairs" in caplog.text
    write_table(path, issued.slice(0, 1))
    write_table(batch, batch_of([7]))
    assert issued_before(path, batch, NO_LABELS, CONFIG).equals(issued.slice(0, 1))


def test_a_batch_of_other_columns_is_named(tmp_path):
    batch = tmp_path / "batch.parquet"
    write_table(batch, batch_of([0]).drop_columns("round"))
    with pytest.raises(StateError, match=r"batch\.parquet is damaged \(other columns\)"):
        issued_before(tmp_path / "issued.parquet", batch, NO_LABELS, CONFIG)

"""What of the issued pairs waits for a further vote."""

import pytest

from prefloop.campaign.issued import BATCH_SCHEMA, ISSUED, is_untouched, issued_rows, read_issued, waiting
from prefloop.errors import StateError
from prefloop.io.arrays import write_table
from tests.campaign.worlds import ids_of, said
from tests.identity.worlds import listed_table, some_pairs

PROBLEM = listed_table().problem
PAIRS = some_pairs(PROBLEM, 5)


def issued(annotators, rows=range(5)):
    """Pairs of PAIRS in order of issue, with the people wanted for each."""
    ids = [ids_of(PROBLEM, PAIRS)[row] for row in rows]
    columns = {name: [row[name] for row in ids] for name in ids[0]} if ids else {}
    return issued_rows(len(ids), {**columns, "annotators": annotators, "order": list(range(len(ids)))})


def waits(annotators, by_person, rows=range(5), purpose=None):
    """Places in the order of issue of what waits."""
    return waiting(issued(annotators, rows), said(PROBLEM, PAIRS, by_person, purpose).pairs)["order"].to_pylist()


def test_a_pair_waits_until_as_many_people_as_wanted_have_a_word():
    assert waits([1, 1, 2, 2, 3], {}) == [0, 1, 2, 3, 4]
    assert waits([1, 1, 2, 2, 3], {"x": "abab", "y": ".ab"}) == [3, 4]
    assert waits([1, 1, 2, 2, 3], {"x": "ababa", "y": "ababa", "z": "ababa"}) == []


@pytest.mark.parametrize("word", "abtns")
def test_every_word_counts(word):
    assert waits([2] * 5, {"x": word * 3, "data": word * 2}) == [2, 3, 4]


@pytest.mark.parametrize("word", "abtns")
def test_a_pair_is_untouched_until_somebody_has_a_word(word):
    labels = said(PROBLEM, PAIRS, {"x": "." + word}).pairs
    assert is_untouched(issued([2] * 5)["pair_id"], labels).tolist() == [True, False, True, True, True]
    ruled = said(PROBLEM, PAIRS, {"admin": "a"}, "adjudication").pairs
    assert is_untouched(issued([2] * 5)["pair_id"], ruled).tolist() == [False, True, True, True, True]


def test_an_adjudicated_pair_wants_no_vote():
    assert waits([3] * 5, {"admin": "a..b"}, purpose="adjudication") == [1, 2, 4]


@pytest.mark.parametrize("purpose", ["gold", "repeat"])
def test_gold_and_repeats_are_no_votes(purpose):
    assert waits([1] * 5, {"x": "abab"}, purpose=purpose) == [0, 1, 2, 3, 4]


def test_a_pair_asked_about_again_waits_by_its_last_row_alone():
    assert waits([1, 1, 2], {"x": "aa"}, rows=[0, 1, 0]) == [2]
    assert waits([1, 1, 2], {"x": "aa", "y": "b"}, rows=[0, 1, 0]) == []


def test_nothing_was_issued_and_nothing_waits():
    assert waits([], {"x": "ab"}, rows=[]) == []


def test_a_batch_is_part_of_the_record():
    assert all(ISSUED.field(field.name) == field for field in BATCH_SCHEMA)
    assert BATCH_SCHEMA.names[-2:] == ["kind", "annotators"]


def test_a_record_of_other_columns_is_named(tmp_path):
    path = tmp_path / "issued.parquet"
    assert read_issued(path) is None
    write_table(path, issued([1] * 5))
    assert read_issued(path).equals(issued([1] * 5))
    write_table(path, issued([1] * 5).drop_columns("probability"))
    with pytest.raises(StateError, match=r"issued\.parquet is damaged .*: get it back by dvc checkout"):
        read_issued(path)

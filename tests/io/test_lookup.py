"""Rows by id: the same as a filter of the whole table."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.errors import StateError
from prefloop.io import lookup
from prefloop.io.lookup import find_rows


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("t") / "t.parquet"
    rows = [{"other": n, "id": f"{n}", "text": "x" * n} for n in range(40)]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=7)
    return path


@given(st.lists(st.integers(-5, 45)), st.integers(1, 50))
def test_it_finds_what_there_is_in_the_order_of_the_file(path, wanted, rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "_ROWS", rows)
        found = find_rows(path, "id", pa.array([str(n) for n in wanted], pa.string()), ["text"])
    assert found.column_names == ["id", "text"]
    expected = [{"id": str(n), "text": "x" * n} for n in range(40) if n in wanted]
    assert found.to_pylist() == expected


def test_a_file_that_cannot_be_used_is_named(path, tmp_path):
    with pytest.raises(StateError, match=r"no\.parquet is missing: run the stage"):
        find_rows(tmp_path / "no.parquet", "id", pa.array(["1"]), ["text"])
    with pytest.raises(StateError, match=r"t\.parquet is damaged .*nothing"):
        find_rows(path, "id", pa.array(["1"]), ["nothing"])
    half = tmp_path / "half.parquet"
    half.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StateError, match=r"half\.parquet is damaged"):
        find_rows(half, "id", pa.array(["1"]), ["text"])

"""Arrays, tables and weights: what was written is read back; what is damaged is named."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from prefloop.errors import StateError
from prefloop.io.arrays import (
    open_array,
    read_table,
    read_tensors,
    write_array,
    write_table,
    write_tensors,
)
from prefloop.io.blocks import write_blocks

DTYPES = st.sampled_from(["<f4", "<f8", "<i4", "<i8", "|b1"])
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0)))


def write_a_table(path):
    write_table(path, pa.table({"a": range(1000), "b": [str(n) for n in range(1000)]}))


def write_an_array(path):
    write_array(path, np.arange(1000.0))


def write_weights(path):
    write_tensors(path, {"w": np.arange(100.0)}, {"k": "v"})


KINDS = [(write_a_table, read_table), (write_an_array, open_array), (write_weights, read_tensors)]


@given(array=ARRAYS)
def test_an_array_survives(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("a") / "x.npy"
    write_array(path, array)
    for back in (open_array(path, mmap=False), np.load(path, allow_pickle=False)):
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)


def test_an_array_is_what_numpy_would_write(tmp_path):
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    write_array(tmp_path / "ours.npy", array)
    np.save(tmp_path / "theirs.npy", np.ascontiguousarray(array))
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()


def test_blocks_give_the_same_file_and_digest_however_they_are_cut(tmp_path):
    array = np.random.default_rng(0).standard_normal((10, 3)).astype("<f4")
    digests = set()
    for cut in (1, 3, 10):
        blocks = (array[start : start + cut] for start in range(0, 10, cut))
        digests.add(write_blocks(tmp_path / f"{cut}.npy", array.shape, "<f4", blocks))
        np.testing.assert_array_equal(open_array(tmp_path / f"{cut}.npy"), array)
    assert len(digests) == 1
    with pytest.raises(StateError, match="got 9 rows, expected 10"):
        write_blocks(tmp_path / "x.npy", array.shape, "<f4", [array[:9]])


def test_weights_are_the_same_bytes_whatever_the_order(tmp_path):
    one, two = np.arange(3.0), np.arange(4)
    write_tensors(tmp_path / "x", {"a": one, "b": two}, {"p": "1", "q": "2"})
    write_tensors(tmp_path / "y", {"b": two, "a": one}, {"q": "2", "p": "1"})
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    tensors, metadata = read_tensors(tmp_path / "x")
    assert metadata == {"p": "1", "q": "2"}
    np.testing.assert_array_equal(tensors["b"], two)


@pytest.mark.parametrize(("write", "read"), KINDS)
def test_a_missing_file_says_what_makes_it(tmp_path, write, read):
    with pytest.raises(StateError, match=r"x is missing: run the stage that writes it \(dvc repro\)"):
        read(tmp_path / "x")


@pytest.mark.parametrize(("write", "read"), KINDS)
@pytest.mark.parametrize("keep", [0, 3, 0.5, -4])
def test_a_truncated_file_is_named(tmp_path, write, read, keep):
    path = tmp_path / "x"
    write(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(StateError, match=r"x is damaged .*: delete it and run the stage that writes it again"):
        read(path)


@pytest.mark.parametrize(("write", "read"), KINDS)
def test_another_kind_of_file_is_damaged(tmp_path, write, read):
    (tmp_path / "x").write_bytes(b"prompt,chosen\n" * 40)
    with pytest.raises(StateError, match="is damaged"):
        read(tmp_path / "x")


def test_pickled_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(StateError, match="damaged"):
        open_array(tmp_path / "x.npy", mmap=False)


def test_a_table_of_another_version_is_named(tmp_path):
    write_a_table(tmp_path / "x")
    assert read_table(tmp_path / "x", ["b"]).column_names == ["b"]
    with pytest.raises(StateError, match=r"x is damaged \(No match for FieldRef.Name\(c\)"):
        read_table(tmp_path / "x", ["a", "c"])

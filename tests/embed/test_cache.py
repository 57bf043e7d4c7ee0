from pathlib import Path

import numpy as np
import pytest

from prefloop.embed.cache import open_cache
from prefloop.errors import StateError

KEYS = [bytes([row]) * 16 for row in range(7)]
VECTORS = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
RECORD = 24 + 5 * 4


def fill(folder: Path) -> bytes:
    with open_cache(folder, 5) as cache:
        for rows in (slice(0, 3), slice(3, 7)):
            cache.append(KEYS[rows], VECTORS[rows])
    return (folder / "vectors.bin").read_bytes()


def known(folder: Path) -> list[int]:
    with open_cache(folder, 5) as cache:
        return [row for row, key in enumerate(KEYS) if key in cache]


def test_vectors_come_back_bit_for_bit_in_the_order_asked(tmp_path: Path) -> None:
    fill(tmp_path)
    asked = [6, 0, 0, 3]
    with open_cache(tmp_path, 5) as cache:
        found = np.concatenate(list(cache.blocks([KEYS[row] for row in asked], size=3)))
        assert list(cache.blocks([])) == []
    np.testing.assert_array_equal(found, VECTORS[asked])


@pytest.mark.parametrize("size", [0, 1, RECORD, 3 * RECORD, 4 * RECORD, 6 * RECORD + 11, 7 * RECORD - 1])
def test_an_unfinished_batch_is_dropped_as_a_whole(tmp_path: Path, size: int) -> None:
    whole = fill(tmp_path)
    (tmp_path / "vectors.bin").write_bytes(whole[:size])
    assert known(tmp_path) == ([0, 1, 2] if size >= 3 * RECORD else [])
    with open_cache(tmp_path, 5) as cache:
        for rows in (slice(0, 3), slice(3, 7)):
            if KEYS[rows][0] not in cache:
                cache.append(KEYS[rows], VECTORS[rows])
    assert (tmp_path / "vectors.bin").read_bytes() == whole


@pytest.mark.parametrize("place", [RECORD, RECORD + 16, RECORD + 20, 2 * RECORD - 1])
def test_a_damaged_record_is_left_out_and_replaced(tmp_path: Path, place: int) -> None:
    content = bytearray(fill(tmp_path))
    content[place] ^= 1
    (tmp_path / "vectors.bin").write_bytes(content)
    assert known(tmp_path) == [0, 2, 3, 4, 5, 6]
    with open_cache(tmp_path, 5) as cache:
        cache.append(KEYS[1:2], VECTORS[1:2])
        np.testing.assert_array_equal(next(cache.blocks(KEYS)), VECTORS)


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("x")
    with pytest.raises(StateError, match="is no folder"), open_cache(tmp_path / "cache", 5):
        pass

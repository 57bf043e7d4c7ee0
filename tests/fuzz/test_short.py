"""The short run: damaged copies of every container give rows or named errors, never a traceback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.targets import SEEDS, read_any

PIECES = [b"", b"\x00", b"\xff", b'"', b"\\", b"\\ud800", b"[" * 1200, b"{", b"}]", b"\r", b"\n", b","]
PIECES += [
    b" :",
    b"1e999",
    b"9" * 5000,
    b"NaN",
    b'"a":1,"a":2',
    b"\xef\xbb\xbf",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"\xed\xa0\x80",
    b" :",
]


@pytest.mark.parametrize("name", SEEDS)
def test_damaged_files_give_rows_or_errors(name: str, tmp_path: Path) -> None:
    seed, rng = SEEDS[name](), np.random.default_rng(11)
    assert read_any(tmp_path / "x", seed) > 0
    for _ in range(340):
        content = seed
        for _ in range(rng.integers(1, 4)):
            start = int(rng.integers(len(content) + 1))
            end = start + int(rng.integers(0, 6))
            content = content[:start] + PIECES[rng.integers(len(PIECES))] + content[end:]
        read_any(tmp_path / "x", content[: rng.integers(1, len(content) + 1)] if rng.random() < 0.2 else content)

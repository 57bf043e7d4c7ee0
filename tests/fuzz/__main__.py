"""The long run: python -m tests.fuzz jsonl [-runs=N | -max_total_time=SECONDS], guided by coverage (atheris)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["prefloop.data.containers", "prefloop.io.strict", "csv"]):
    from tests.fuzz.targets import SEEDS, read_any


def main() -> None:
    """Fuzz one reader from its seed."""
    name, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        (corpus / "seed").write_bytes(SEEDS[name]())
        atheris.Setup(
            [sys.argv[0], *options, str(corpus)], lambda content: _once(Path(folder) / "x", bytes(content))
        )
        atheris.Fuzz()


def _once(path: Path, content: bytes) -> None:
    read_any(path, content)


if __name__ == "__main__":
    main()

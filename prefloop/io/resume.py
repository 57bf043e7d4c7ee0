"""Resume state of a run: a folder named by its fingerprint, outside DVC's outputs."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

from prefloop.io.documents import append_jsonl

log = logging.getLogger("prefloop")


class ResumeFolder:
    """The state of one fingerprint; that of any other is deleted, for it is of other parameters or source.

    Args:
        folder: the run's folder of states.
        fingerprint: of all that decides the run's bytes.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.path = folder / fingerprint
        for other in folder.iterdir() if folder.is_dir() else []:
            if other.is_dir() and other != self.path:
                log.info("parameters, inputs or source changed: %s starts anew", folder)
                shutil.rmtree(other)
        self.path.mkdir(parents=True, exist_ok=True)

    def numbered(self, kind: str, number: int) -> Path:
        """The file of one kind and round, for instance round-0003.safetensors."""
        return self.path / f"{kind}-{number:04d}.safetensors"

    def forget(self, kind: str, below: int = 0, start: int | None = None) -> None:
        """Delete the files of a kind whose number is less than `below`, or `start` and more."""
        for path in self.path.glob(f"{kind}-*.safetensors"):
            number = int(path.stem.removeprefix(f"{kind}-"))
            if number < below or (start is not None and number >= start):
                path.unlink()

    def note(self, event: dict[str, Any]) -> None:
        """Append one line to the run's log (fits and timings; never part of an output)."""
        append_jsonl(self.path / "log.jsonl", [event])

"""Manifest of what was made from what in an output folder, so that steps with unchanged inputs are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefloop.io.atomic import write_text
from prefloop.io.hashing import file_digest, text_id
from prefloop.io.json import to_json


@dataclass(frozen=True)
class Made:
    """Marks of finished steps, one file each below the state folder.

    Attributes:
        state: the state folder of a comparison.
    """

    state: Path

    def once(self, name: str, key: str, make: Callable[[], object], output: Path | None = None) -> None:
        """Make something unless it was made from the same before.

        Args:
            name: the step's.
            key: of all that the step reads.
            make: makes it; what it raises leaves no mark.
            output: the folder that it writes, or None; where one of its files is missing or changed, the step
                is made again.
        """
        mark = self.state / "made" / name
        if mark.is_file() and mark.read_text() == key_of(key=key, output=_stamps(output)):
            return
        mark.unlink(missing_ok=True)
        make()
        write_text(mark, key_of(key=key, output=_stamps(output)))


def key_of(**what: Any) -> str:
    """Key of JSON values by name."""
    return text_id(to_json(what))


def digests(paths: Iterable[Path]) -> dict[str, str]:
    """Digest of each file that is there, by its path."""
    return {str(path): file_digest(path) for path in paths if path.is_file()}


def _stamps(output: Path | None) -> dict[str, list[int]] | None:
    return stamps(output) if output is not None and output.is_dir() else None


def stamps(folder: Path) -> dict[str, list[int]]:
    """Size and time of each file below a folder, by name: as good as a digest of large weights, and at once."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): [path.stat().st_size, path.stat().st_mtime_ns] for path in files}

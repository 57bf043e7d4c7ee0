"""Guidelines: the instructions that annotators see, and which version of them was in force."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from prefloop.errors import ConfigError
from prefloop.io.hashing import bytes_digest


@dataclass(frozen=True)
class Guidelines:
    """Instructions.

    Attributes:
        version: digest of the file, None where there are none.
        markdown: its text.
    """

    version: str | None = None
    markdown: str | None = None


class GuidelinesFile:
    """A file of instructions, read again when it changes.

    Args:
        path: the file, or None.

    Raises:
        ConfigError: a missing file, or one that is no text.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._now = Guidelines()
        self.now()

    def now(self) -> Guidelines:
        """The instructions in force; those from before, while the file is away."""
        if self._path is None:
            return self._now
        try:
            stat = os.stat(self._path)
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen != self._seen:
                content = self._path.read_bytes()
                self._now, self._seen = Guidelines(bytes_digest(content), content.decode("utf-8")), seen
        except (OSError, UnicodeDecodeError) as error:
            if self._seen is None:
                raise ConfigError(f"page.guidelines: {self._path} cannot be read as text ({error})") from None
        return self._now

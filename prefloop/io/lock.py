"""Lock of a shared file, so that several processes can write to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from prefloop.errors import StateError


@contextmanager
def locked(path: Path, timeout: float = 60.0) -> Iterator[None]:
    """Hold the lock of `path` (a file `path` + `.lock` beside it).

    Args:
        path: the file to protect; need not exist.
        timeout: seconds to wait for another holder.

    Raises:
        StateError: another process held it for longer than `timeout`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{path}.lock", timeout=timeout):
            yield
    except Timeout:
        raise StateError(
            f"{path} is in use by another process for over {timeout:.0f} s: "
            "wait for it, or end it, then run the command again"
        ) from None

"""Atomic writes: a file or folder is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and renamed onto `path`.

    On any error the temporary file is removed and what stood at `path` stays untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        with open(temporary, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`.

    On any error the temporary folder is removed and what stood at `path` stays untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, old = _temporary(path), path.with_name(f".{path.name}.old")
    _put_back(old, path)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        shutil.rmtree(old, ignore_errors=True)
        if path.exists():
            os.replace(path, old)
        os.replace(temporary, path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        _put_back(old, path)
        shutil.rmtree(temporary, ignore_errors=True)


def _put_back(old: Path, path: Path) -> None:
    # Two renames change a folder for another: a kill between them leaves nothing at `path`.
    if old.exists() and not path.exists():
        os.replace(old, path)


def _temporary(path: Path) -> Path:
    """A name of this process's own beside `path`; what killed processes left there is removed, not piled up."""
    for left in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        owner = left.name.split(".")[-2]
        if owner.isdecimal() and not _is_alive(int(owner)):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _is_alive(process: int) -> bool:
    import psutil

    try:
        # A killed process that nobody has waited for yet still has its number.
        return bool(psutil.Process(process).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)

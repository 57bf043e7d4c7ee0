"""Pseudonyms of annotators: stable from one export to the next, and not to be guessed without the secret."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from functools import cache
from pathlib import Path

from prefloop.errors import StateError
from prefloop.io.hashing import text_id

_SALT = re.compile(r"[0-9a-f]{64}")


def pseudonyms(path: Path) -> Callable[[str], str]:
    """A function from names to pseudonyms, by a secret that is made once and kept.

    Args:
        path: of the secret, looked at when the first name is asked for; without it the pseudonyms cannot be made
            again.

    Raises:
        StateError: (the function) the file holds something else.
    """
    salt = cache(lambda: _salt(path))
    return lambda name: f"annotator-{text_id('annotator', salt(), name)[:12]}"


def _salt(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever comes first makes it; nobody else may read it.
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
                handle.write(secrets.token_hex(32))
        except FileExistsError:
            pass
    salt = path.read_text(encoding="utf-8", errors="replace")
    if not _SALT.fullmatch(salt):
        raise StateError(f"{path} is no secret of pseudonyms: restore it, or delete it and take new pseudonyms")
    return salt

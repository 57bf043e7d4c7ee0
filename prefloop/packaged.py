"""Files that come with prefloop: beside the code in an installed copy, at the root of the repository."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def packaged(name: str) -> Path:
    """Path of a file of the repository's root, as it was packed.

    Args:
        name: path relative to the root, such as params.yaml.
    """
    installed = _PACKAGE / name
    return installed if installed.is_file() else _PACKAGE.parent / name

"""Target prompts: those that the model will meet, read from a file of the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from prefloop.config.data import Data
from prefloop.data.containers import read_rows
from prefloop.data.row import Row
from prefloop.errors import DataError
from prefloop.messages.message import Turns

_FIELD = "prompt"


def target_prompts(data: Data) -> Iterator[Turns]:
    """Yield the prompts of `data.target_file.path`, relative to `data.raw`; none unless the target is a file.

    A prompt that stands there several times counts several times.

    Raises:
        DataError: the file is missing or malformed, has no field `prompt`, or no rows.
    """
    if data.target != "file" or data.target_file.path is None:
        return
    path = data.raw / data.target_file.path
    if not path.exists():
        raise DataError(f"{path} is no file: check data.target_file.path, relative to data.raw")
    empty = True
    for number, values in read_rows(path, lambda names: _pick(path, names)):
        if isinstance(values, DataError):
            raise values
        empty = False
        yield Row(str(path), number, values).prompt(_FIELD)
    if empty:
        raise DataError(f"{path}: got no rows, expected at least one")


def _pick(path: Path, names: Sequence[str]) -> list[str]:
    if _FIELD not in names:
        raise DataError(f"{path}: got the fields {', '.join(names)}; expected {_FIELD}")
    return [_FIELD]

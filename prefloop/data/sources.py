"""Where the preferences come from: the generated example set, files, or the hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prefloop.config.data import Data
from prefloop.data.containers import data_files
from prefloop.data.example import generate_example
from prefloop.data.hub import read_hub
from prefloop.data.readers import Meaning, read_records
from prefloop.data.records import Record, Unread


def load_records(data: Data) -> Iterator[Record | Unread]:
    """Yield the records of the configured source.

    Args:
        data: section `data`; paths are taken from the working folder, those of files from `data.raw`.

    Raises:
        DataError: missing or malformed data.
    """
    return SOURCES[data.source](data)


def unread_files(data: Data) -> list[str]:
    """Files below `data.raw` that hold no rows, where every data file there is read; relative to it.

    Raises:
        DataError: the folder holds no data file.
    """
    if data.source != "files" or data.files:
        return []
    return [str(path) for path in data_files(data.raw).unread]


SOURCES: dict[str, Callable[[Data], Iterator[Record | Unread]]] = {
    "example": lambda data: generate_example(data.example),
    "files": lambda data: read_records(data.files, data.raw, Meaning.of(data), beside=data.target_file.path),
    "hub": lambda data: read_hub(data.hub, Meaning.of(data)),
}

"""Preference data sets of the Hugging Face hub, or local copies with their schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prefloop.config.data import Hub, SplitName
from prefloop.data.presets import PRESETS, Preset
from prefloop.data.records import Place, Record
from prefloop.errors import DataError

_BUILDERS = {".parquet": "parquet", ".jsonl": "json", ".jsonl.gz": "json", ".json": "json", ".json.gz": "json"}


def read_hub(hub: Hub) -> Iterator[Record]:
    """Yield the records of one preset, streamed.

    The splits of the data set become ours as its preset says; a single local file is divided by prompt.

    Args:
        hub: the preset, and perhaps a local copy or a revision.

    Raises:
        DataError: the data set cannot be reached or read, or a row has not the preset's schema.
    """
    preset = PRESETS[hub.preset]
    name = str(hub.path or preset.repository)
    try:
        opened = _open(hub, preset)
    except DataError:
        raise
    except Exception as error:  # whatever a library for many servers and formats raises
        raise _unreadable(name, error) from None
    for split, rows in opened.items():
        yield from _records(preset, f"{name} ({split})", preset.splits.get(split), _guarded(rows, name))


def _open(hub: Hub, preset: Preset) -> Mapping[str, Iterable[dict[str, Any]]]:
    from datasets import load_dataset  # a second to import: only where it is used

    if hub.path is None:
        revision = hub.revision or preset.revision
        return dict(load_dataset(preset.repository, preset.subset, revision=revision, streaming=True))
    if hub.path.is_dir():
        return dict(load_dataset(str(hub.path), streaming=True))
    rows = load_dataset(_builder(hub.path), data_files=str(hub.path), split="train", streaming=True)
    return {"all": rows}


def _builder(path: Path) -> str:
    if not path.is_file():
        raise DataError(f"data.hub.path: got {path}, which does not exist; expected a local copy or null")
    ending = next((ending for ending in _BUILDERS if path.name.endswith(ending)), None)
    if ending is None:
        raise DataError(f"data.hub.path: got {path}, expected a folder or a file {', '.join(_BUILDERS)}")
    return _BUILDERS[ending]


def _guarded(rows: Iterable[dict[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    stream = iter(rows)
    while True:
        try:
            row = next(stream)
        except StopIteration:
            return
        except Exception as error:  # as in read_hub: the rows of a stream are fetched and decoded here
            raise _unreadable(name, error) from None
        yield row


def _records(
    preset: Preset, path: str, split: SplitName | None, rows: Iterable[dict[str, Any]]
) -> Iterator[Record]:
    for number, row in enumerate(rows, start=1):
        try:
            record = preset.parse(row, split, Place(path, number))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            got = f"{', '.join(row)} ({type(error).__name__}: {error})"
            raise DataError.at(path, number, "(row)", got, preset.schema) from None
        if record is not None:
            yield record


def _unreadable(name: str, error: Exception) -> DataError:
    cause = " ".join(str(error).split())[:200]
    return DataError(
        f"cannot read the data set {name} ({type(error).__name__}: {cause}). Without a connection, download it on "
        "another machine and set data.hub.path to the local copy, or set data.source to example"
    )

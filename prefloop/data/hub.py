"""Preference data sets of the Hugging Face hub, or local copies with their schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prefloop.config.data import Hub, SplitName
from prefloop.data.hub_rows import HubSource, read_splits
from prefloop.data.presets import PRESETS, Preset
from prefloop.data.records import Place, Record
from prefloop.errors import DataError


def read_hub(hub: Hub) -> Iterator[Record]:
    """Yield the records of one preset, streamed.

    The splits of the data set become ours as its preset says; a single local file is divided by prompt.

    Args:
        hub: the preset, and perhaps a local copy or a revision.

    Raises:
        DataError: the data set cannot be reached or read, or a row has not the preset's schema.
    """
    preset = PRESETS[hub.preset]
    source = HubSource(preset.repository, preset.subset, hub.revision or preset.revision, hub.path, "data")
    for split, rows in read_splits(source):
        yield from _records(preset, f"{source.name} ({split})", preset.splits.get(split), rows)


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

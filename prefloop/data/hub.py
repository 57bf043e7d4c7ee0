"""Preference data sets of the Hugging Face hub, or local copies with their schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prefloop.config.columns import Columns
from prefloop.config.data import Hub, SplitName
from prefloop.config.presets import OnHub, presets
from prefloop.data.hub_rows import HubSource, read_splits
from prefloop.data.readers.cells import Origin
from prefloop.data.readers.mapping import Meaning
from prefloop.data.readers.paths import getter, is_nothing
from prefloop.data.readers.rows import Rows, joined
from prefloop.data.records import Record, Unread
from prefloop.errors import DataError


def read_hub(hub: Hub, meaning: Meaning) -> Iterator[Record | Unread]:
    """Yield the records of one preset, streamed, and what of them is left out.

    The splits of the data set become ours as its preset says; a single local file is divided by prompt.

    Args:
        hub: the preset, and perhaps a local copy or a revision.
        meaning: what the user says of words and roles, and how much may be left out.

    Raises:
        DataError: the data set cannot be reached or read, or a row has not the preset's schema.
    """
    at = presets()[hub.preset].hub
    if at is None:
        raise DataError(f"data.hub.preset: {hub.preset} is on no hub: set data.source to files")
    meaning = Meaning(Columns(preset=hub.preset), meaning.verdicts, meaning.roles, meaning.max_unusable)
    source = HubSource(at.repository, at.subset, hub.revision or at.revision, hub.path, "data")
    for split, rows in read_splits(source):
        if at.only is None or split in (*at.only, "all"):
            path = f"{source.name} ({split})"
            for item in _records(path, hub.preset, at, at.splits.get(split), rows, meaning):
                if isinstance(item, DataError):
                    raise item
                yield item


def _records(
    path: str, name: str, at: OnHub, split: SplitName | None, rows: Iterable[dict[str, Any]], meaning: Meaning
) -> Iterator[Record | Unread | DataError]:
    """The rows of one split; those without one of the preset's parts are no part of it."""
    reader = Rows(path, meaning)
    heads = {part_path.split(".")[0] for part_path in at.parts or {}}
    parts = [
        (getter(part_path, ()), Origin(part.source, part.split or split))
        for part_path, part in (at.parts or {}).items()
    ]

    def items() -> Iterator[Record | Unread | DataError]:
        for number, row in enumerate(rows, start=1):
            origin = next((origin for get, origin in parts if not is_nothing(get(row))), None)
            if origin is not None or not (heads & row.keys()):
                yield from reader.read(number, row, origin or Origin(name, split))
        yield from reader.ending()

    return joined(items())

"""Data sets of the Hugging Face hub with prompts and texts, or local copies with their schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prefloop.data.hub_rows import HubSource, read_splits
from prefloop.data.row import Row
from prefloop.dpo.config import Hub


@dataclass(frozen=True)
class Preset:
    """One data set of the hub.

    Attributes:
        repository: its id on the hub.
        skipped: splits that are left out.
        fields: turns a row of the data set into the fields of a file of prompts: prompt, text, or both.
    """

    repository: str
    skipped: tuple[str, ...]
    fields: Callable[[Row], Mapping[str, Any]]


def read_rows(hub: Hub) -> Iterator[Row]:
    """Yield the rows of one preset with the fields `prompt` and `text`, streamed, all splits together.

    Args:
        hub: the preset, and perhaps a local copy or a revision.

    Raises:
        DataError: the data set cannot be reached or read, or a row has not the preset's schema.
    """
    preset = PRESETS[hub.preset]
    source = HubSource(preset.repository, None, hub.revision, hub.path, "prompts")
    for split, rows in read_splits(source):
        if split not in preset.skipped:
            for number, values in enumerate(rows, start=1):
                row = Row(f"{source.name} ({split})", number, values)
                yield Row(row.path, number, preset.fields(row))


def _reviews(row: Row) -> Mapping[str, Any]:
    return {"text": row.text("text")}


def _posts(row: Row) -> Mapping[str, Any]:
    prompt, completion = row.text("prompt"), row.text("completion")
    between = "" if prompt[-1].isspace() or completion[0].isspace() else " "
    return {"prompt": prompt, "text": f"{prompt}{between}{completion}"}


PRESETS: dict[str, Preset] = {
    "imdb": Preset("stanfordnlp/imdb", ("unsupervised",), _reviews),
    "tldr": Preset("trl-lib/tldr", (), _posts),
}

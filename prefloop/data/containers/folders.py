"""Folders that are one data set: shards of a table, or what `datasets` saved to disk; and all files below one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prefloop.data.containers.kinds import KINDS, is_rows
from prefloop.data.containers.lines import Numbered
from prefloop.errors import DataError

_SHARD = re.compile(r"(?P<split>.+?)-(?P<number>\d{5})-of-(?P<total>\d{5})")
_FACTS = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})


@dataclass(frozen=True)
class DataFiles:
    """What lies in a folder, relative to it, in alphabetical order.

    Attributes:
        read: files of rows, and folders that `datasets` saved.
        unread: all other visible files.
    """

    read: tuple[Path, ...]
    unread: tuple[Path, ...]


def data_files(raw: Path) -> DataFiles:
    """Every visible file below `raw`, told apart by content.

    Raises:
        DataError: none is one of rows.
    """
    read: list[Path] = []
    unread: list[Path] = []
    for path in sorted(raw.rglob("*")):
        relative = path.relative_to(raw)
        is_hidden = any(part.startswith(".") for part in relative.parts)
        if is_hidden or any(folder in read for folder in relative.parents):
            continue
        if path.is_dir():
            read += [relative] if _is_saved(path) else []
        elif path.name not in _FACTS:
            (read if path.is_file() and is_rows(path) else unread).append(relative)
    if not read:
        others = f" ({', '.join(map(str, unread[:10]))})" if unread else ""
        raise DataError(
            f"{raw}: got no data file{others}, expected at least one: {KINDS}; "
            "put one there, or set data.source to example"
        )
    return DataFiles(tuple(read), tuple(unread))


def shards(folder: Path) -> list[Path]:
    """The files of rows that make one table, in order.

    Raises:
        DataError: there is none, there are several splits, or a shard is missing.
    """
    if (folder / "dataset_dict.json").is_file():
        splits = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and _is_saved(path)]
        if len(splits) != 1:
            raise _several(folder, [str(Path(folder.name) / split) for split in splits])
        folder = folder / splits[0]
    files = [folder / path for path in data_files(folder).read if not (folder / path).is_dir()]
    named = [match for path in files if (match := _SHARD.match(path.name))]
    splits = sorted({match["split"] for match in named})
    if len(splits) > 1 or (splits and len(named) < len(files)):
        raise _several(folder, [str(path.relative_to(folder)) for path in files])
    if named:
        _check_whole(folder, named)
    if not named and not _is_saved(folder) and len({path.suffix for path in files}) > 1:
        raise _several(folder, [str(path.relative_to(folder)) for path in files])
    return files


def read_folder(folder: Path, read: Callable[[Path], Iterator[Numbered]]) -> Iterator[Numbered]:
    """Rows of all shards, numbered through; a problem names the shard and the row in it."""
    before = 0
    for path in shards(folder):
        number = 0
        for number, values in read(path):
            yield before + number, values
        before += number


def _is_saved(folder: Path) -> bool:
    return (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()


def _several(folder: Path, names: list[str]) -> DataError:
    listed = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    return DataError(
        f"{folder}: got a folder with several splits or tables ({listed}), expected one: give each as a file of "
        "its own, with its split"
    )


def _check_whole(folder: Path, named: list[re.Match[str]]) -> None:
    totals = {int(match["total"]) for match in named}
    missing = sorted(set(range(max(totals))) - {int(match["number"]) for match in named})
    if missing or len(totals) > 1:
        total = max(totals)
        raise DataError(
            f"{folder}: got {len(named)} shards, expected {total}: {named[0]['split']}-{(missing or [0])[0]:05d}"
            f"-of-{total:05d} is missing; fetch it"
        )

"""Rows of a data set of the Hugging Face hub, or of a local copy with its schema, streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefloop.data.containers import read_rows
from prefloop.errors import DataError


@dataclass(frozen=True)
class HubSource:
    """What is to be read, and how messages call it.

    Attributes:
        repository: id on the hub.
        subset: name of its configuration, or None.
        revision: branch, tag or commit, or None for the default branch.
        path: local copy to read instead, a folder or one file, or None.
        section: the section of the parameter file with `source` and `hub`, for messages.
    """

    repository: str
    subset: str | None
    revision: str | None
    path: Path | None
    section: str

    @property
    def name(self) -> str:
        """What is read: the local copy, or the id on the hub."""
        return str(self.path or self.repository)


def read_splits(source: HubSource) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Yield (name of a split, its rows); a single local file is one split "all".

    Raises:
        DataError: the data set cannot be reached or read.
    """
    try:
        opened = _open(source)
    except DataError:
        raise
    except Exception as error:  # whatever a library for many servers and formats raises
        raise _unreadable(source, error) from None
    for split, rows in opened.items():
        yield split, _guarded(rows, source)


def _open(source: HubSource) -> Mapping[str, Iterable[dict[str, Any]]]:
    from datasets import load_dataset  # a second to import: only where it is used

    path = source.path
    if path is None:
        return dict(load_dataset(source.repository, source.subset, revision=source.revision, streaming=True))
    if path.is_dir():
        return dict(load_dataset(str(path), streaming=True))
    return {"all": _local(path, source.section)}


def _local(path: Path, section: str) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise DataError(f"{section}.hub.path: got {path}, which does not exist; expected a local copy or null")
    return _rows(path)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for _, values in read_rows(path, list):
        if isinstance(values, DataError):
            raise values
        yield values


def _guarded(rows: Iterable[dict[str, Any]], source: HubSource) -> Iterator[dict[str, Any]]:
    stream = iter(rows)
    while True:
        try:
            row = next(stream)
        except StopIteration:
            return
        except DataError:
            raise
        except Exception as error:  # as in read_splits: the rows of a stream are fetched and decoded here
            raise _unreadable(source, error) from None
        yield row


def _unreadable(source: HubSource, error: Exception) -> DataError:
    cause = " ".join(str(error).split())[:200]
    return DataError(
        f"cannot read the data set {source.name} ({type(error).__name__}: {cause}). Without a connection, "
        f"download it on another machine and set {source.section}.hub.path to the local copy, or set "
        f"{source.section}.source to example"
    )

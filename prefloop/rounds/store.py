"""Finished rounds of one run, kept to resume from: a folder named by its fingerprint, outside DVC's outputs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from prefloop.errors import StateError
from prefloop.io.arrays import read_tensors, write_tensors
from prefloop.io.atomic import write_text
from prefloop.io.json import append_jsonl, to_json

log = logging.getLogger("prefloop")

# Which fingerprint a run's folder of states was last opened with, and what that fingerprint stands for.
LATEST = "latest"
IDENTITY = "identity.json"


class Record(Protocol):
    """One finished round of any workflow."""

    @property
    def number(self) -> int:
        """0 for the first."""

    @property
    def facts(self) -> dict[str, Any]:
        """The round's row of rounds.parquet."""


R = TypeVar("R", bound=Record)
Tensors = dict[str, np.ndarray]


class Format(Protocol[R]):
    """How one workflow's rounds lie on disk."""

    @property
    def weights(self) -> str:
        """What the weights' files are named."""

    def pack(self, record: R) -> tuple[Tensors, dict[str, str]]:
        """Arrays and metadata of a round."""

    def unpack(self, tensors: Tensors, metadata: dict[str, str]) -> R:
        """The round of these arrays and metadata.

        Raises:
            StateError, KeyError, ValueError: something is missing or malformed.
        """


class RoundStore(Generic[R]):
    """Finished rounds of one run, and the weights after the last of them.

    A round's file is written after its weights and at once, so a round is there whole or not at all; the
    weights of the round before go only then. State of other fingerprints stays beside it: it comes back when
    its parameters do, and goes by `prefloop state prune` alone.

    Args:
        folder: the run's folder of states.
        fingerprint: of all that decides the run's bytes.
        form: how rounds lie on disk.
        identity: what the fingerprint was made of, kept for people.
    """

    def __init__(self, folder: Path, fingerprint: str, form: Format[R], identity: dict[str, Any]) -> None:
        self.path = folder / fingerprint
        self._form = form
        latest = folder / LATEST
        before = latest.read_text() if latest.is_file() else fingerprint
        if before != fingerprint:
            log.info(
                "%s: parameters, inputs or versions changed; its former state is kept (prefloop state list)",
                folder,
            )
        self.path.mkdir(parents=True, exist_ok=True)
        if not (self.path / IDENTITY).is_file():
            write_text(self.path / IDENTITY, to_json(identity))
        if before != fingerprint or not latest.is_file():
            write_text(latest, fingerprint)

    def load(self) -> list[R]:
        """Read the finished rounds; a damaged file and all after it are dropped and done again."""
        records: list[R] = []
        while (path := self._round(len(records))).exists():
            try:
                records.append(self._form.unpack(*read_tensors(path)))
            except (StateError, KeyError, ValueError) as error:
                log.warning("%s; that round and those after it are done again", error)
                break
        self._forget("round", start=len(records))  # what lies behind a gap belongs to another history
        # What a kill left between a round's last write and the removal of the weights before it.
        self._forget(self._form.weights, below=len(records) - 1)
        return records

    def commit(self, record: R, save: Callable[[Path], None] | None) -> None:
        """Keep a finished round: its weights (None where nothing was trained) and, last of all, its file."""
        if save is not None:
            save(self._weights(record.number))
        tensors, metadata = self._form.pack(record)
        facts = {"number": str(record.number), "facts": to_json(record.facts)}
        write_tensors(self._round(record.number), tensors, facts | metadata)
        if save is not None:
            self._forget(self._form.weights, below=record.number)

    def weights(self, number: int) -> Path | None:
        """The weights after round `number`, if they are here."""
        path = self._weights(number)
        return path if path.exists() else None

    def kept(self, name: str) -> tuple[Tensors, dict[str, str]] | None:
        """Arrays and metadata that `keep` left under a name; a damaged file counts as none."""
        path = self.path / f"{name}.safetensors"
        if not path.exists():
            return None
        try:
            return read_tensors(path)
        except StateError as error:
            log.warning("%s; it is made again", error)
            return None

    def keep(self, name: str, tensors: Tensors, metadata: dict[str, str]) -> None:
        """Keep arrays of the run that belong to no round."""
        write_tensors(self.path / f"{name}.safetensors", tensors, metadata)

    def note(self, event: dict[str, Any]) -> None:
        """Append one line to the run's log (fits and timings; never part of an output)."""
        append_jsonl(self.path / "log.jsonl", [event])

    def _round(self, number: int) -> Path:
        return self.path / f"round-{number:04d}.safetensors"

    def _weights(self, number: int) -> Path:
        return self.path / f"{self._form.weights}-{number:04d}.safetensors"

    def _forget(self, kind: str, below: int = 0, start: int | None = None) -> None:
        for path in self.path.glob(f"{kind}-*.safetensors"):
            number = int(path.stem.removeprefix(f"{kind}-"))
            if number < below or (start is not None and number >= start):
                path.unlink()


def facts_of(metadata: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Number and facts of a round by the metadata that `commit` wrote.

    Raises:
        KeyError, ValueError: missing or malformed.
    """
    return int(metadata["number"]), json.loads(metadata["facts"])

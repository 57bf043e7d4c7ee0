"""The driver of a run: its lock, what is finished, round after round, and its folder at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from prefloop.io.lock import locked
from prefloop.rounds.store import Format, R, RoundStore


class Workflow(Protocol[R]):
    """What a workflow says of its runs: what a round is, and what stays of it."""

    @property
    def form(self) -> Format[R]:
        """How rounds lie on disk."""

    @property
    def rounds(self) -> int:
        """How many, the first included."""

    def resume(self, records: list[R], store: RoundStore[R]) -> None:
        """Take up the state after these finished rounds (none: begin)."""

    def play(self, number: int) -> R:
        """Play one round; the state is then that after it."""

    def save(self) -> Callable[[Path], None] | None:
        """What writes the weights after the round that was played, or None where none were trained."""

    def notes(self) -> dict[str, Any]:
        """Timings of the round that was played, for the run's log."""


def play_rounds(workflow: Workflow[R], store: RoundStore[R], on_round: Callable[[R, float], None]) -> list[R]:
    """Take up a run where its state ends, and play and commit the rounds that are missing.

    Args:
        workflow: what a round is.
        store: the run's state.
        on_round: called with every newly finished round and the seconds it took.

    Returns:
        All rounds.
    """
    records = store.load()[: workflow.rounds]
    workflow.resume(records, store)
    for number in range(len(records), workflow.rounds):
        start = time.perf_counter()
        record = workflow.play(number)
        store.commit(record, workflow.save())
        store.note({"round": number, **workflow.notes()})
        records.append(record)
        on_round(record, time.perf_counter() - start)
    return records


@dataclass(frozen=True)
class Run:
    """One (policy, seed) of any workflow, from its state to its folder.

    Attributes:
        state: the run's folder of resume states.
        fingerprint: of all that decides the run's bytes but the number of rounds, so that a longer run
            continues a shorter one.
        identity: what the fingerprint was made of.
        folder: where the finished run is written.
    """

    state: Path
    fingerprint: str
    identity: dict[str, Any]
    folder: Path

    def make(
        self,
        workflow: Workflow[R],
        on_round: Callable[[R, float], None],
        write: Callable[[Path, list[R]], None],
    ) -> Path:
        """Run or resume it, and write its folder.

        Args:
            workflow: what a round is.
            on_round: called with every newly finished round and the seconds it took.
            write: writes the folder of the finished rounds, whole or not at all.

        Returns:
            The run's folder.

        Raises:
            StateError: another process is at the same run.
            PrefloopError: what the workflow raises.
        """
        with locked(self.state):
            store = RoundStore(self.state, self.fingerprint, workflow.form, self.identity)
            write(self.folder, play_rounds(workflow, store, on_round))
        return self.folder

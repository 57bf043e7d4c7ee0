"""States of all runs: which are in use, which are superseded, and the removal of the latter."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefloop.io.layout import Runs
from prefloop.io.lock import locked
from prefloop.rounds.store import IDENTITY, LATEST

log = logging.getLogger("prefloop")


@dataclass(frozen=True)
class RunState:
    """One state of one run.

    Attributes:
        workflow: the folder of states it lies in.
        policy, seed: of the run.
        fingerprint: its folder's name.
        rounds: finished rounds.
        size: bytes.
        changed: when it was last written, ISO 8601.
        in_use: whether the run was last opened with this fingerprint.
        differs: what its identity has otherwise than the state in use, in words; empty for that itself.
    """

    workflow: Path
    policy: str
    seed: str
    fingerprint: str
    rounds: int
    size: int
    changed: str
    in_use: bool
    differs: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.workflow / self.policy / self.seed / self.fingerprint


def list_states(roots: Iterable[Path]) -> list[RunState]:
    """Every state below some folders of states (`.prefloop/runs`), those in use first within a run.

    Args:
        roots: folders with POLICY/SEED/FINGERPRINT below them; missing ones have none.
    """
    states = []
    for root in roots:
        for run in sorted(root.glob("*/*/")):
            latest = (run / LATEST).read_text() if (run / LATEST).is_file() else None
            current = _identity(run / latest) if latest else {}
            folders = [folder for folder in run.iterdir() if folder.is_dir()]
            of_run = [_state(root, run, folder, latest, current) for folder in folders]
            states += sorted(of_run, key=lambda state: (not state.in_use, state.changed))
    return states


def prune(states: Sequence[RunState]) -> int:
    """Remove superseded states; those in use are never touched.

    Returns:
        Bytes that were freed.

    Raises:
        StateError: another process is at the run.
    """
    freed = 0
    for state in states:
        if state.in_use:
            continue
        with locked(state.folder.parent):
            shutil.rmtree(state.folder)
        freed += state.size
    return freed


def remove_others(layout: Runs, keys: Sequence[tuple[str, int]]) -> None:
    """Remove the folders of runs that are not configured: what is there depends on the parameters alone.

    Their rounds stay in the state folder, so that they come back at once.

    Args:
        layout: where the runs' folders lie.
        keys: (policy, seed) of each configured run.
    """
    wanted = {layout.run(*key) for key in keys}
    for folder in sorted(layout.runs.glob("*/*")) if layout.runs.is_dir() else []:
        if folder.is_dir() and folder not in wanted and not folder.name.startswith("."):
            shutil.rmtree(folder)
            log.info("removed %s: not among the configured runs; its rounds are kept", folder)
    for folder in sorted(layout.runs.glob("*")) if layout.runs.is_dir() else []:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _state(root: Path, run: Path, folder: Path, latest: str | None, current: dict[str, Any]) -> RunState:
    files = [path for path in folder.rglob("*") if path.is_file()]
    written = max((path.stat().st_mtime for path in files), default=folder.stat().st_mtime)
    in_use = folder.name == latest
    return RunState(
        workflow=root,
        policy=run.parent.name,
        seed=run.name,
        fingerprint=folder.name,
        rounds=len(list(folder.glob("round-*.safetensors"))),
        size=sum(path.stat().st_size for path in files),
        changed=datetime.fromtimestamp(written, UTC).isoformat(timespec="seconds"),
        in_use=in_use,
        differs=() if in_use else tuple(_differences(_identity(folder), current)),
    )


def _identity(folder: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((folder / IDENTITY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content


def _differences(one: Any, other: Any, name: str = "") -> list[str]:
    """Where two identities differ: `parameters.policy.batch.beta 0.03, now 0.5`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            difference
            for key in sorted({*one, *other})
            for difference in _differences(one.get(key), other.get(key), f"{name}.{key}" if name else key)
        ]
    return [] if one == other else [f"{name} {json.dumps(one)}, now {json.dumps(other)}"]

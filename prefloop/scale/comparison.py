"""The simulated runs of a comparison: those that are missing or out of date are made, the others left alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from prefloop.config import Params
from prefloop.io.layout import Layout
from prefloop.pool.identity import Identity
from prefloop.progress import Progress
from prefloop.rounds.state import remove_others
from prefloop.scale.events import Event, Key, RoundDone

log = logging.getLogger("prefloop")


class Watcher(Protocol):
    """Who follows the runs while they are made, in the process that started them."""

    def round(
        self, about: dict[str, Any], facts: dict[str, Any], metrics: list[dict[str, Any]], seconds: float
    ) -> None:
        """A round is finished: the run's run.json, the round's rows of rounds.parquet and metrics.parquet."""

    def run_done(self, folder: Path) -> None:
        """A run is finished and its folder written."""


def make_runs(params: Params, layout: Layout, watcher: Watcher | None) -> list[Key]:
    """Make every configured run whose folder is missing or was made from something else.

    Folders of policies and seeds that are no longer configured are removed: what is there depends on the
    parameters alone. Their rounds stay in the state folder, so that they come back at once.

    Args:
        params: parameters in force.
        layout: where inputs, state and outputs lie.
        watcher: told of every round and run, or None.

    Returns:
        (policy, seed) of the runs that were made, in the configured order.

    Raises:
        PrefloopError: what a run raised.
    """
    keys = [(policy, seed) for policy in params.benchmark.policies for seed in params.benchmark.seeds]
    remove_others(layout, keys)
    identity = Identity(params, layout)
    missing = [key for key in keys if not identity.is_done(*key)]
    rounds = params.benchmark.rounds
    log.info("benchmark: %d of %d runs to make, %d rounds each", len(missing), len(keys), rounds)
    if missing:
        # Loads PyTorch, which a comparison in which nothing is missing does without.
        from prefloop.scale.local import run_all

        with Progress("benchmark", len(missing) * rounds, "rounds") as progress:
            run_all(params, layout, missing, _follow(identity, len(missing), progress, watcher))
    return missing


def _follow(
    identity: Identity, total: int, progress: Progress, watcher: Watcher | None
) -> Callable[[Event], None]:
    rounds, ended = identity.params.benchmark.rounds, 0
    seen: dict[Key, int] = {}
    last: dict[Key, str] = {}

    def tell(event: Event) -> None:
        nonlocal ended
        if isinstance(event, RoundDone):
            seen[event.key] = seen.get(event.key, 0) + 1
            progress.add(1)
            last[event.key] = _score(event.metrics)
            if watcher is not None:
                watcher.round(identity.about(*event.key), event.facts, event.metrics, event.seconds)
            return
        ended += 1
        # Rounds that were there from an earlier, interrupted run.
        progress.add(rounds - seen.get(event.key, 0))
        log.info("%s-%d done%s (%d of %d runs)", *event.key, last.get(event.key, ""), ended, total)
        if watcher is not None:
            watcher.run_done(event.folder)

    return tell


def _score(metrics: list[dict[str, Any]]) -> str:
    test = [row["log_likelihood"] for row in metrics if row["split"] == "test"]
    return f", test log-likelihood {test[0]:.4f}" if test else ""

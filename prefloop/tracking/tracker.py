"""One MLflow experiment, opened once: runs found or created by what they are of, and the UI's prepared view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefloop.config.shared import Tracking
from prefloop.tracking.run_logger import RunLogger
from prefloop.tracking.store import (
    artifact_root,
    exclusive,
    failures_named,
    find_or_create_experiment,
    open_client,
    resolve_uri,
)
from prefloop.tracking.view import VIEW_TAG, Board, Ranges, shared_view, shown_ranges, shows, united

KEY, FINGERPRINT, CURRENT = "prefloop.key", "prefloop.fingerprint", "prefloop.current"


@dataclass(frozen=True)
class RunSpec:
    """What identifies a run and what it is grouped by.

    Attributes:
        key: what the run is of, for instance `run/hh/bal_pm/0`.
        fingerprint: with which parameters, inputs and source; the same key with another fingerprint is
            another run, and the one before is marked as no longer current.
        name: name in the UI.
        params: parameters; those that a run already has stay as they are.
        tags: further tags; they replace earlier ones.
        parent: run id of the parent, or None.
    """

    key: str
    fingerprint: str
    name: str
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None


class Tracker:
    """One MLflow experiment.

    Args:
        config: section `tracking`.
        root: folder that a relative SQLite path starts from.

    Raises:
        TrackingError: the store cannot be reached, here and in every method.
    """

    def __init__(self, config: Tracking, root: Path) -> None:
        self.uri = resolve_uri(config.uri, root)
        with failures_named(self.uri):
            self._client = open_client(self.uri)
            with exclusive(self.uri):
                artifacts = artifact_root(self.uri, root)
                self.experiment = find_or_create_experiment(self._client, config.experiment, artifacts)
        self._view = self._stored_view()
        self._current: dict[str, tuple[str, RunLogger]] = {}

    def show(self, dataset: str, board: Board, ranges: Ranges | None = None) -> None:
        """Point the UI's prepared view at the runs on one dataset, and widen its charts where values need it.

        Args:
            dataset: the one shown.
            board: which of its runs, and what of them.
            ranges: lowest and highest value by metric, of some of the runs.
        """
        shown = shown_ranges(self._view, dataset, board)
        self._set_view(shared_view(dataset, board, united(shown, ranges or {})))

    def offer(self, dataset: str, board: Board, ranges: Ranges) -> None:
        """The same, as long as the view shows nothing else: what a comparison has put there stays."""
        if self._view is None or shows(self._view, dataset, board):
            self.show(dataset, board, ranges)

    def show_exactly(self, dataset: str, board: Board, ranges: Ranges) -> None:
        """The same with the ranges of all its runs: what no run needs any longer is left out."""
        self._view = self._stored_view()  # another process may have shown another since
        self._set_view(shared_view(dataset, board, united({}, ranges)))

    def run(self, spec: RunSpec) -> RunLogger:
        """Find the run of this key and fingerprint, or create it; others of the key become outdated."""
        fingerprint, logger = self._current.get(spec.key, (None, None))
        if logger is None or fingerprint != spec.fingerprint:
            logger = self._open(spec)
            self._current[spec.key] = (spec.fingerprint, logger)
        logger.set_params(spec.params)
        logger.set_tags(_tags(spec))
        return logger

    def _stored_view(self) -> str | None:
        with failures_named(self.uri):
            view: str | None = self._client.get_experiment(self.experiment).tags.get(VIEW_TAG)
        return view

    def _set_view(self, view: str) -> None:
        if view != self._view:
            with failures_named(self.uri):
                self._client.set_experiment_tag(self.experiment, VIEW_TAG, view)
            self._view = view

    def _open(self, spec: RunSpec) -> RunLogger:
        with failures_named(self.uri), exclusive(self.uri):
            runs = self._of_key(spec.key)
            run = next((r for r in runs if r.data.tags.get(FINGERPRINT) == spec.fingerprint), None)
            for other in runs:
                if other is not run and other.data.tags.get(CURRENT) != "false":
                    self._client.set_tag(other.info.run_id, CURRENT, "false")
            return RunLogger(self.uri, self._client, self._create(spec) if run is None else run, run is None)

    def _of_key(self, key: str) -> list[Any]:
        return list(self._client.search_runs([self.experiment], f"tags.\"{KEY}\" = '{_quotable(key)}'"))

    def _create(self, spec: RunSpec) -> Any:
        return self._client.create_run(self.experiment, tags=_tags(spec), run_name=spec.name)


def _tags(spec: RunSpec) -> dict[str, str]:
    of_run = {KEY: _quotable(spec.key), FINGERPRINT: spec.fingerprint, CURRENT: "true"}
    parent = {"mlflow.parentRunId": spec.parent} if spec.parent else {}
    return {**spec.tags, **of_run, **parent}


def _quotable(key: str) -> str:
    return key.replace("'", "_")

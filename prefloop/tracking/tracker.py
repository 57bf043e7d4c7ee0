"""Runs that can be logged to again and again: nothing is ever doubled."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from prefloop.config.model import Tracking
from prefloop.tracking.store import (
    artifact_root,
    exclusive,
    failures_named,
    find_or_create_experiment,
    open_client,
    resolve_uri,
)
from prefloop.tracking.view import SIMULATED, VIEW_TAG, Board, shared_view

KEY, FINGERPRINT, CURRENT = "prefloop.key", "prefloop.fingerprint", "prefloop.current"
_METRICS_PER_CALL, _PARAMS_PER_CALL = 1000, 100
_PARAM_LENGTH = 500


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

    def show(self, dataset: str, board: Board = SIMULATED) -> None:
        """Point the UI's prepared view at the runs on one dataset."""
        view = shared_view(dataset, board)
        with failures_named(self.uri):
            if self._client.get_experiment(self.experiment).tags.get(VIEW_TAG) != view:
                self._client.set_experiment_tag(self.experiment, VIEW_TAG, view)

    def run(self, spec: RunSpec) -> RunLogger:
        """Find the run of this key and fingerprint, or create it; others of the key become outdated."""
        with failures_named(self.uri):
            with exclusive(self.uri):
                found = self._of_key(spec.key)
                run = next((r for r in found if r.data.tags.get(FINGERPRINT) == spec.fingerprint), None)
                for other in found:
                    if other is not run and other.data.tags.get(CURRENT) != "false":
                        self._client.set_tag(other.info.run_id, CURRENT, "false")
                logger = RunLogger(self.uri, self._client, self._create(spec) if run is None else run, run is None)
            logger.set_params(spec.params)
            logger.set_tags(_tags(spec))
        return logger

    def _of_key(self, key: str) -> list[Any]:
        return list(self._client.search_runs([self.experiment], f"tags.\"{KEY}\" = '{_quotable(key)}'"))

    def _create(self, spec: RunSpec) -> Any:
        return self._client.create_run(self.experiment, tags=_tags(spec), run_name=spec.name)


class RunLogger:
    """Writes to one run what is not there yet."""

    def __init__(self, uri: str, client: Any, run: Any, new: bool) -> None:
        self._uri, self._client, self._new = uri, client, new
        self.id: str = run.info.run_id
        self._start, self._status = int(run.info.start_time), str(run.info.status)
        self._params, self._tags = dict(run.data.params), dict(run.data.tags)
        self._logged = {} if new else self._history(run.data.metrics)
        self._files: dict[str, set[str]] = {}

    def set_params(self, params: Mapping[str, str]) -> None:
        """Log parameters that the run does not have yet; MLflow refuses to change one."""
        from mlflow.entities import Param

        missing = [Param(k, v[:_PARAM_LENGTH]) for k, v in params.items() if k not in self._params]
        with failures_named(self._uri):
            for start in range(0, len(missing), _PARAMS_PER_CALL):
                self._client.log_batch(self.id, params=missing[start : start + _PARAMS_PER_CALL])
        self._params |= {param.key: param.value for param in missing}

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags that the run does not have, or has with another value."""
        from mlflow.entities import RunTag

        changed = [RunTag(key, value) for key, value in tags.items() if self._tags.get(key) != value]
        if changed:
            with failures_named(self._uri):
                self._client.log_batch(self.id, tags=changed)
        self._tags |= dict(tags)

    def log_rounds(self, rounds: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Log metrics of rounds; what stands at a step already stays.

        Args:
            rounds: (step = number of labels, metrics) of each round.
        """
        points = [
            (key, step, value)
            for step, metrics in rounds
            for key, value in metrics.items()
            if step not in self._logged.get(key, {})
        ]
        self._log(points)

    def log_summary(self, metrics: Mapping[str, float]) -> None:
        """Log numbers of the whole run; one that changed since is a new point, at the next step."""
        points = []
        for key, value in metrics.items():
            history = self._logged.get(key, {})
            last = max(history, default=-1)
            if not history or not _same(history[last], value):
                points.append((key, last + 1, value))
        self._log(points)

    def log_table(self, path: str, table: pa.Table) -> None:
        """Keep a table as a CSV artifact, which the UI shows as a table; one that is there stays."""
        folder = path.rpartition("/")[0]
        with failures_named(self._uri):
            if path not in self._artifacts(folder):
                sink = io.BytesIO()
                pa_csv.write_csv(table, sink)
                self._client.log_text(self.id, sink.getvalue().decode("utf-8"), path)
                self._files[folder].add(path)

    def log_files(self, files: Sequence[Path], folder: str | None = None) -> None:
        """Keep files as artifacts, in place of earlier ones of the same name."""
        with failures_named(self._uri):
            for file in files:
                self._client.log_artifact(self.id, str(file), folder)

    def resume(self) -> None:
        """Say that the run goes on."""
        self._set_status("RUNNING")

    def finish(self) -> None:
        """Say that the run is complete."""
        self._set_status("FINISHED")

    def _set_status(self, status: str) -> None:
        if self._status == status:
            return
        with failures_named(self._uri):
            if status == "RUNNING":
                self._client.update_run(self.id, status=status)
            else:
                self._client.set_terminated(self.id, status=status)
        self._status = status

    def _log(self, points: Sequence[tuple[str, int, float]]) -> None:
        from mlflow.entities import Metric

        # A timestamp fixed by the run and the step: MLflow drops a repeated point only if it is the same.
        batch = [Metric(key, value, self._start + step, step) for key, step, value in points]
        with failures_named(self._uri):
            for start in range(0, len(batch), _METRICS_PER_CALL):
                self._client.log_batch(self.id, metrics=batch[start : start + _METRICS_PER_CALL])
        for key, step, value in points:
            self._logged.setdefault(key, {})[step] = value

    def _history(self, keys: Mapping[str, float]) -> dict[str, dict[int, float]]:
        return {
            key: {point.step: point.value for point in self._client.get_metric_history(self.id, key)}
            for key in keys
        }

    def _artifacts(self, folder: str) -> set[str]:
        if folder not in self._files:
            self._files[folder] = (
                set()
                if self._new
                else {file.path for file in self._client.list_artifacts(self.id, folder or None)}
            )
        return self._files[folder]


def _tags(spec: RunSpec) -> dict[str, str]:
    own = {KEY: _quotable(spec.key), FINGERPRINT: spec.fingerprint, CURRENT: "true"}
    parent = {"mlflow.parentRunId": spec.parent} if spec.parent else {}
    return {**spec.tags, **own, **parent}


def _quotable(key: str) -> str:
    return key.replace("'", "_")


def _same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)

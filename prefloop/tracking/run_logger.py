"""Writing to one MLflow run what is not there yet, with as few questions to the store as possible."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from prefloop.tracking.store import failures_named

# Digest of the outputs that were logged in full.
OUTPUTS = "prefloop.outputs"
_METRICS_PER_CALL, _PARAMS_PER_CALL = 1000, 100
_PARAM_LENGTH = 500


class RunLogger:
    """Writes to one run what is not there yet.

    MLflow 3.17 has no public call for the histories of several metrics: a history is fetched by key, when the
    key is about to be written, and kept.

    Args:
        uri: where the run is, for messages.
        client: MLflow's client.
        run: the run as MLflow gave it.
        new: it was created just now, so that nothing is there.
    """

    def __init__(self, uri: str, client: Any, run: Any, new: bool) -> None:
        self._uri, self._client, self._new = uri, client, new
        self.id: str = run.info.run_id
        self._start, self._status = int(run.info.start_time), str(run.info.status)
        self._params, self._tags = dict(run.data.params), dict(run.data.tags)
        self._latest: dict[str, float] = dict(run.data.metrics)
        self._histories: dict[str, dict[int, float]] = {}
        self._files: dict[str, set[str]] = {}

    def holds(self, digest: str) -> bool:
        """Whether the outputs of this digest were logged in full, and nothing since."""
        return self._status == "FINISHED" and self._tags.get(OUTPUTS) == digest

    def once(self, tag: str, digest: str, write: Callable[[], object]) -> None:
        """Write something unless the tag says that it was written with this content before."""
        if self._tags.get(tag) != digest:
            self.resume()
            write()
            self.set_tags({tag: digest})

    def set_params(self, params: Mapping[str, str]) -> None:
        """Log parameters that the run does not have yet; MLflow refuses to change one."""
        missing = {key: value for key, value in params.items() if key not in self._params}
        if not missing:
            return
        from mlflow.entities import Param

        batch = [Param(key, value[:_PARAM_LENGTH]) for key, value in missing.items()]
        with failures_named(self._uri):
            for start in range(0, len(batch), _PARAMS_PER_CALL):
                self._client.log_batch(self.id, params=batch[start : start + _PARAMS_PER_CALL])
        self._params |= missing

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags that the run does not have, or has with another value."""
        changed = {key: value for key, value in tags.items() if self._tags.get(key) != value}
        if not changed:
            return
        from mlflow.entities import RunTag

        with failures_named(self._uri):
            self._client.log_batch(self.id, tags=[RunTag(key, value) for key, value in changed.items()])
        self._tags |= changed

    def log_rounds(self, rounds: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Log metrics of rounds; what stands at a step already stays.

        Args:
            rounds: (step = number of labels, metrics) of each round.
        """
        points = [
            (key, step, value)
            for step, metrics in rounds
            for key, value in metrics.items()
            if step not in self._history(key)
        ]
        self._log(points)

    def log_summary(self, metrics: Mapping[str, float]) -> None:
        """Log numbers of the whole run; one that changed since is a new point, at the next step."""
        changed = {
            key: value
            for key, value in metrics.items()
            if key not in self._latest or not _same(self._latest[key], value)
        }
        self._log([(key, max(self._history(key), default=-1) + 1, value) for key, value in changed.items()])

    def log_table(self, path: str, table: pa.Table) -> None:
        """Keep a table as a CSV artifact, which the UI shows as a table; one that is there stays."""
        folder = path.rpartition("/")[0]
        with failures_named(self._uri):
            if path not in self._artifacts(folder):
                self._client.log_text(self.id, _csv(table), path)
                self._files[folder].add(path)

    def replace_table(self, path: str, table: pa.Table) -> None:
        """Keep a table as a CSV artifact, in place of an earlier one."""
        with failures_named(self._uri):
            self._client.log_text(self.id, _csv(table), path)

    def log_files(self, files: Sequence[Path], folder: str | None = None) -> None:
        """Keep files as artifacts, in place of earlier ones of the same name."""
        with failures_named(self._uri):
            for file in files:
                self._client.log_artifact(self.id, str(file), folder)

    def resume(self) -> None:
        """Say that the run goes on."""
        self._set_status("RUNNING")

    def rest(self) -> None:
        """Say that all there is for now is written; whoever writes more resumes the run."""
        self._set_status("FINISHED")

    def finish(self, digest: str) -> None:
        """Say that the run is complete, and of which outputs it tells."""
        self.set_tags({OUTPUTS: digest})
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
        if not points:
            return
        from mlflow.entities import Metric

        # A timestamp fixed by the run and the step: MLflow drops a repeated point only if it is the same.
        batch = [Metric(key, value, self._start + step, step) for key, step, value in points]
        with failures_named(self._uri):
            for start in range(0, len(batch), _METRICS_PER_CALL):
                self._client.log_batch(self.id, metrics=batch[start : start + _METRICS_PER_CALL])
        for key, step, value in points:
            history = self._history(key)
            history[step] = value
            self._latest[key] = history[max(history)]

    def _history(self, key: str) -> dict[int, float]:
        """Value by step of one metric; asked for once, and only where the run has the metric."""
        if key not in self._histories:
            points: Sequence[Any] = ()
            if key in self._latest:
                with failures_named(self._uri):
                    points = self._client.get_metric_history(self.id, key)
            self._histories[key] = {point.step: point.value for point in points}
        return self._histories[key]

    def _artifacts(self, folder: str) -> set[str]:
        if folder not in self._files:
            listed = () if self._new else self._client.list_artifacts(self.id, folder or None)
            self._files[folder] = {file.path for file in listed}
        return self._files[folder]


def _csv(table: pa.Table) -> str:
    sink = io.BytesIO()
    pa_csv.write_csv(table, sink)
    return sink.getvalue().decode("utf-8")


def _same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)

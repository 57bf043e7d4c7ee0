"""MLflow runs of simulated runs, one per policy and seed below a comparison; a kind declares what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefloop.io.arrays import read_table
from prefloop.io.hashing import text_id
from prefloop.io.json import read_json, to_json
from prefloop.tracking.names import flat, policy_spec, system_facts
from prefloop.tracking.outputs import log_by_round, outputs_digest
from prefloop.tracking.recorder import Recorder
from prefloop.tracking.run_logger import RunLogger
from prefloop.tracking.tracker import RunSpec, Tracker
from prefloop.tracking.view import Board, Ranges, value_ranges

# Labels and metrics after each round.
Rounds = list[tuple[int, dict[str, float]]]


@dataclass(frozen=True)
class Shown:
    """A table of a run's folder that MLflow keeps, one artifact a round.

    Attributes:
        folder: of the artifacts.
        file: of the run's folder.
        columns: what is kept, None = all.
        at_most: rows of each artifact, None = all.
    """

    folder: str
    file: str
    columns: tuple[str, ...] | None = None
    at_most: int | None = None


@dataclass(frozen=True)
class Workflow:
    """One kind of simulated runs: all that MLflow has to know of it.

    Attributes:
        board: which runs the UI's view shows, and what of them; its kind is the runs' parameter `kind`.
        comparison: parameter `kind` of the parent.
        title: name of the parent, before the data set's.
        files: files of a run's folder that its MLflow run tells of.
        rounds: reads labels and metrics after each round from a run's folder.
        shown: tables of the folder that are kept.
        section: section of the parameters that says how many rounds there are.
        before: rounds before the first label.
        grouped: parameters to group by, of a run.json.
        identity: what of a run.json tells comparisons apart, beside the parameters.
        summary: numbers of a whole run, of its folder and rounds.
    """

    board: Board
    comparison: str
    title: str
    files: tuple[str, ...]
    rounds: Callable[[Path], Rounds]
    shown: tuple[Shown, ...]
    section: str
    before: int
    grouped: Callable[[Mapping[str, Any]], dict[str, str]]
    identity: tuple[str, ...]
    summary: Callable[[Path, Rounds], dict[str, float]]

    def comparison_spec(self, about: Mapping[str, Any]) -> RunSpec:
        """The parent of a comparison: one data set with the parameters that all its runs share.

        Args:
            about: run.json of any of its runs.
        """
        shared = {name: value for name, value in about["parameters"].items() if name != "policy"}
        if "division" in shared:  # each seed divides the data by a salt of its own
            shared["division"] = {name: v for name, v in shared["division"].items() if name != "salt"}
        shared = self._without_rounds(shared)
        identity = {name: about.get(name) for name in self.identity}
        return RunSpec(
            key=f"{self.comparison}/{about['dataset']}",
            fingerprint=text_id(to_json({**identity, **shared})),
            name=f"{self.title} {about['dataset']}",
            params={"kind": self.comparison, **self.grouped(about), **flat(shared)},
        )

    def run_spec(self, about: Mapping[str, Any], parent: str | None) -> RunSpec:
        """One simulated run: a policy with a seed.

        Args:
            about: its run.json.
            parent: run id of the comparison.
        """
        params = self.grouped(about) | flat(self._without_rounds(about["parameters"]))
        return policy_spec(self.board.kind, about, params, parent)

    def _without_rounds(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        # A run that goes on for longer is the same run.
        section = {name: value for name, value in parameters.get(self.section, {}).items() if name != "rounds"}
        return {**parameters, self.section: section}

    def open_run(self, tracker: Tracker, about: Mapping[str, Any], ranges: Ranges | None = None) -> RunLogger:
        """Find or create the MLflow run of a run.json, and its parent; show it, and the values in these ranges."""
        tracker.show(about["dataset"], self.board, ranges)
        return tracker.run(self.run_spec(about, tracker.run(self.comparison_spec(about)).id))

    def track_run(self, tracker: Tracker, folder: Path) -> RunLogger:
        """Log one finished run, and its parent if that is new; one that was logged before costs nothing.

        Args:
            tracker: the experiment.
            folder: the run's folder.

        Returns:
            Its MLflow run.
        """
        about = read_json(folder / "run.json")
        run = self.open_run(tracker, about)
        digest = outputs_digest(folder, self.files)
        if run.holds(digest):
            return run
        rounds = self.rounds(folder)
        tracker.show(about["dataset"], self.board, value_ranges((values for _, values in rounds), self.board))
        run.log_rounds(rounds)
        self.log_tables(run, {shown.folder: _read(folder, shown) for shown in self.shown})
        run.log_summary(self.summary(folder, rounds))
        run.set_tags({"rounds": str(len(rounds) - self.before), "budget": str(rounds[-1][0])})
        run.finish(digest)
        return run

    def log_tables(self, run: RunLogger, tables: Mapping[str, pa.Table]) -> None:
        """Keep some tables, by the folder of their artifacts."""
        for shown in self.shown:
            if shown.folder in tables:
                log_by_round(run, shown.folder, tables[shown.folder], shown.columns, shown.at_most)

    def show(self, tracker: Tracker, runs: Mapping[tuple[str, int], Path]) -> None:
        """Point the UI's prepared view at some runs of one data set, each chart in the range of their values."""
        if not runs:
            return
        dataset = read_json(next(iter(runs.values())) / "run.json")["dataset"]
        values = (metrics for folder in runs.values() for _, metrics in self.rounds(folder))
        tracker.show_exactly(dataset, self.board, value_ranges(values, self.board))


def _read(folder: Path, shown: Shown) -> pa.Table:
    return read_table(folder / shown.file, None if shown.columns is None else ["round", *shown.columns])


class WorkflowRecorder(Recorder):
    """The writer of MLflow for simulated runs of one kind, which a subclass names."""

    WORKFLOW: Workflow

    def log_round(
        self,
        about: Mapping[str, Any],
        n_labels: int,
        values: Mapping[str, float],
        seconds: float,
        tables: Mapping[str, pa.Table],
    ) -> None:
        """Log one finished round, so that its run's curve grows in the UI.

        Args:
            about: content of the run's run.json.
            n_labels: labels so far.
            values: the round's metrics.
            seconds: how long it took; timings stand in MLflow and in no tracked output.
            tables: what is shown of the round, by the folder of the artifacts.
        """

        def write(tracker: Tracker) -> None:
            run = self.WORKFLOW.open_run(tracker, about, value_ranges([values], self.WORKFLOW.board))
            run.set_tags(system_facts())
            run.resume()
            run.log_rounds([(n_labels, {**values, "seconds": seconds})])
            self.WORKFLOW.log_tables(run, tables)

        self.note(write)

    def run_done(self, folder: Path) -> None:
        """Log one finished run from its folder: what its rounds did not log is filled in."""
        self.note(lambda tracker: self.WORKFLOW.track_run(tracker, folder))

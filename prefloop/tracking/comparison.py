"""The MLflow run of a whole comparison, and of everything that is finished; a kind declares what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import pyarrow as pa

from prefloop.io.json import read_json
from prefloop.report.numbers import Difference, Saving
from prefloop.tracking.outputs import outputs_digest
from prefloop.tracking.run_logger import RunLogger
from prefloop.tracking.tracker import Tracker
from prefloop.tracking.workflow import Workflow


class _Compared(Protocol):
    """Any comparison's results: one entry a policy."""

    @property
    def policies(self) -> Mapping[str, object]: ...


Results = TypeVar("Results", bound=_Compared)


@dataclass(frozen=True)
class ComparisonRun(Generic[Results]):
    """One kind of comparison: what its parent run keeps of the report's folder.

    Attributes:
        workflow: its runs.
        results: file with all its numbers.
        files: further files to keep; the pictures of `plots` are kept too.
        read: reads that file.
        numbers: a policy's numbers, the same on all its runs; NaN where they cannot be told.
        headline: about a dozen numbers of the whole; the rest stands in its tables.
        tags: what was found, in words.
    """

    workflow: Workflow
    results: str
    files: tuple[str, ...]
    read: Callable[[Path], Results]
    numbers: Callable[[Results, str], dict[str, float]]
    headline: Callable[[Results], dict[str, float]]
    tags: Callable[[Results], dict[str, str]]

    def track(self, tracker: Tracker, report: Path, runs: Mapping[tuple[str, int], Path]) -> RunLogger:
        """Log a comparison: headline, tables and the report on the parent, each policy's numbers on its runs.

        Args:
            tracker: the experiment.
            report: the report's folder.
            runs: folder of each (policy, seed) that was compared.

        Returns:
            The parent run.
        """
        results = self.read(report / self.results)
        numbers = {policy: self.numbers(results, policy) for policy in results.policies}
        for (policy, _), folder in runs.items():
            self.workflow.track_run(tracker, folder).log_summary(numbers.get(policy, {}))
        self.workflow.show(tracker, runs)
        about = read_json(next(iter(runs.values())) / "run.json")
        parent = tracker.run(self.workflow.comparison_spec(about))
        files = ("report.md", self.results, *self.files)
        pictures = sorted((report / "plots").glob("*.png"))
        digest = outputs_digest(report, [*files, *(f"plots/{picture.name}" for picture in pictures)])
        if not parent.holds(digest):
            parent.log_summary(self.headline(results))
            parent.replace_table("policies.csv", policies_table(numbers))
            parent.set_tags(self.tags(results))
            parent.log_files([report / name for name in files if (report / name).is_file()])
            parent.log_files(pictures, "plots")
            parent.finish(digest)
        return parent

    def track_all(self, tracker: Tracker, report: Path, runs: Mapping[tuple[str, int], Path]) -> int:
        """Rebuild the MLflow runs of all finished runs that are there, and the comparison's where all are.

        Args:
            tracker: the experiment.
            report: the report's folder.
            runs: folder of each configured (policy, seed).

        Returns:
            Number of finished runs.
        """
        done = {key: folder for key, folder in runs.items() if (folder / "run.json").is_file()}
        if done and len(done) == len(runs) and (report / self.results).is_file():
            self.track(tracker, report, done)
        else:
            for folder in done.values():
                self.workflow.track_run(tracker, folder)
            self.workflow.show(tracker, done)
        return len(done)


def saving_metrics(saving: Saving | None, difference: Difference, prefix: str, name: str) -> dict[str, float]:
    """A policy's saving and a difference of its curve, as numbers of a whole run; NaN where it cannot be told.

    Args:
        saving: the saving; None for the reference itself.
        difference: what the saving's verdict rests on.
        prefix: of the saving's names.
        name: the difference's.
    """
    labels = {f"{prefix}labels_to_target": None if saving is None else saving.labels_to_target}
    return _with_nan(labels | _told(saving, f"{prefix}saved") | _bounds(difference, f"{name}_difference"))


def best_metrics(by: Difference, saving: Saving | None) -> dict[str, float]:
    """The best policy's difference and saving with their bounds; NaN where there is no such number."""
    return _with_nan(_bounds(by, "best_difference") | _told(saving, "best_saved"))


def _bounds(difference: Difference, name: str) -> dict[str, float | None]:
    return {name: difference.difference, f"{name}_low": difference.low, f"{name}_high": difference.high}


def _told(saving: Saving | None, name: str) -> dict[str, float | None]:
    told = saving if saving is not None and saving.told else None
    saved = (None, None, None) if told is None else (told.saved, told.saved_low, told.saved_high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), saved, strict=True))


def _with_nan(numbers: Mapping[str, float | None]) -> dict[str, float]:
    return {name: nan if value is None else value for name, value in numbers.items()}


def policies_table(numbers: Mapping[str, Mapping[str, float]]) -> pa.Table:
    """One row per policy with all its numbers, null where it has none.

    Args:
        numbers: by policy, in the order of the rows.
    """
    columns = list(dict.fromkeys(key for values in numbers.values() for key in values))
    values = {key: [_null(row.get(key)) for row in numbers.values()] for key in columns}
    return pa.table(
        {"policy": pa.array(list(numbers), pa.string())}
        | {key: pa.array(column, pa.float64()) for key, column in values.items()}
    )


def _null(value: float | None) -> float | None:
    return None if value is None or value != value else value

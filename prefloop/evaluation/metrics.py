"""List of metrics: every number that a simulated run writes down, once. Tables, MLflow and reports derive from it.

A new metric is computed by its function and named here. One that is computed and not named, or named and not
computed, is refused as soon as a row is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import pyarrow as pa

from prefloop.errors import StateError

_FLOAT = pa.float64()
NOT_NEGATIVE, SHARE, NOT_POSITIVE = (0.0, inf), (0.0, 1.0), (-inf, 0.0)


@dataclass(frozen=True)
class Number:
    """One measured number.

    Attributes:
        name: its column.
        role: which kind of number, for tables that show all of a kind.
        bounds: the least and the greatest value that it, and its mean, can have.
        type: of the column; a number may be missing (null) where there is nothing to measure.
        tracked: its name in MLflow where a whole run has one value, None where that is not tracked.
    """

    name: str
    role: str
    bounds: tuple[float, float] = (-inf, inf)
    type: pa.DataType = _FLOAT
    tracked: str | None = None


@dataclass(frozen=True)
class Table:
    """Columns of one of a run's tables.

    Attributes:
        file: its name.
        source: where its numbers are listed.
        key: columns that say what a row is about.
        numbers: what was measured, in the order of the columns.
        notes: columns behind them that are no numbers and are filled in later.
    """

    file: str
    source: str
    key: tuple[tuple[str, pa.DataType], ...]
    numbers: tuple[Number, ...]
    notes: tuple[tuple[str, pa.DataType], ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """Columns of the file."""
        return pa.schema([*self.key, *((number.name, number.type) for number in self.numbers), *self.notes])

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the numbers."""
        return tuple(number.name for number in self.numbers)

    def of_role(self, *roles: str) -> tuple[str, ...]:
        """Columns of the numbers of some kinds: kind by kind, in the order of the list."""
        return tuple(number.name for role in roles for number in self.numbers if number.role == role)

    def bounds(self, name: str) -> tuple[float, float]:
        """The least and the greatest value of a number."""
        return next(number.bounds for number in self.numbers if number.name == name)

    def row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A row, once it is known to hold every column but the notes, and no other.

        Raises:
            StateError: a number is not listed, or a listed one is missing.
        """
        columns = [name for name, _ in self.key] + list(self.names)
        self._check(values, columns, {name for name, _ in self.notes})
        return dict(values)

    def measured(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The numbers of a row alone, checked in the same way."""
        self._check(values, list(self.names), set())
        return dict(values)

    def table(self, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
        """The file's content; each row is checked in the same way."""
        return pa.Table.from_pylist([self.row(row) for row in rows], schema=self.schema)

    def _check(self, values: Mapping[str, Any], columns: list[str], may: set[str]) -> None:
        unlisted = sorted(set(values) - set(columns) - may)
        missing = [name for name in columns if name not in values]
        if unlisted or missing:
            told = [f"not listed: {', '.join(unlisted)}"] * bool(unlisted)
            told += [f"listed and not computed: {', '.join(missing)}"] * bool(missing)
            raise StateError(
                f"{self.file}: {'; '.join(told)}; list every metric in {self.source}, and compute it for every row"
            )


def counts(role: str, *names: str) -> tuple[Number, ...]:
    """Whole numbers of one kind."""
    return tuple(Number(name, role, NOT_NEGATIVE, pa.int64()) for name in names)


def numbers(role: str, *names: str) -> tuple[Number, ...]:
    """Numbers of one kind without bounds."""
    return tuple(Number(name, role) for name in names)


_SOURCE = "prefloop/evaluation/metrics.py"
_RUN = (("policy", pa.string()), ("seed", pa.int64()))
_ACCURACY = Number("accuracy", "score", SHARE)
_LOG_LIKELIHOOD = Number("log_likelihood", "score", NOT_POSITIVE)
_CALIBRATION = numbers("score", "ece", "ece_floor")

# One row a round and split: `evaluation.predictive`. In MLflow each has its split in front, as in test_accuracy.
METRICS = Table(
    "metrics.parquet",
    _SOURCE,
    key=(
        *_RUN,
        *(("round", pa.int32()), ("n_labels", pa.int64()), ("n_val_labels", pa.int64())),
        *(("split", pa.string()), ("n_pairs", pa.int64())),
    ),
    numbers=(
        *(_LOG_LIKELIHOOD, _ACCURACY, Number("brier", "score", SHARE), *_CALIBRATION),
        *numbers("uncertainty", "epistemic", "aleatoric", "predictive"),
        *numbers("correlation", "spearman_error", "spearman_brier"),
        *numbers("uncertainty", "sigma"),
        *numbers("correlation", "spearman_sigma"),
    ),
)

# One row a round: what was chosen, by `evaluation.downstream.chosen` and `pool.evaluated_round`; all in MLflow.
ROUNDS = Table(
    "rounds.parquet",
    _SOURCE,
    key=(*_RUN, ("round", pa.int32()), ("n_labels", pa.int64())),
    numbers=(
        *counts("count", "n_val_labels", "n_ties", "n_prompts", "batch_ties", "annotation_calls"),
        *(Number(name, "choice", NOT_NEGATIVE) for name in ("gap", "winner_regret", "pair_regret")),
        Number("best_hit", "choice", SHARE),
        *numbers("selection", "score_uncertainty", "score_entropy", "entropy_ratio"),
        *numbers("training", "temperature", "epochs"),
    ),
)

# One row a share of the budget and split: `evaluation.downstream.score`. MLflow has the last share's on test.
DOWNSTREAM = Table(
    "downstream.parquet",
    _SOURCE,
    key=(
        *(*_RUN, ("share", pa.float64()), ("n_labels", pa.int64())),
        *(("split", pa.string()), ("n_pairs", pa.int64())),
    ),
    numbers=(
        replace(_ACCURACY, tracked="retrained_test_accuracy"),
        *(Number(f"accuracy_{gap}_gap", "detail", SHARE) for gap in ("small", "medium", "large")),
        replace(_LOG_LIKELIHOOD, tracked="retrained_test_log_likelihood"),
        *(replace(number, role="detail") for number in _CALIBRATION),
        *counts("count", "n_prompts"),
        Number("best_of_accuracy", "score", SHARE),
        Number("best_of_regret", "score", NOT_NEGATIVE, tracked="retrained_test_best_of_regret"),
        Number("proxy_score", "score", tracked="proxy_test_score"),
        *numbers("limit", "uniform_score", "best_score"),
    ),
)

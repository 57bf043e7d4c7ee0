"""The simulated annotator on the campaign's batch."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.config import Params
from prefloop.data.prepared import Prepared, load_prepared
from prefloop.errors import NothingLeft, StateError
from prefloop.io.arrays import read_table
from prefloop.io.layout import Layout
from prefloop.labels.log import Label, append_after_reading
from prefloop.labels.verdicts import VERDICTS
from prefloop.oracle.answers import load_answers
from prefloop.oracle.simulated import SimulatedOracle


def answer_batch(params: Params, layout: Layout, limit: int | None) -> dict[str, Any]:
    """Append the hidden answers of the current batch's unlabelled pairs to the label log.

    Args:
        params: parameters in force (section `oracle`).
        layout: where batch, prepared tables and log lie.
        limit: answer at most so many, or None.

    Returns:
        round, number of labels and count of each verdict.

    Raises:
        NothingLeft: the batch is empty or wholly labelled.
        DataError: a pair has no hidden answer.
        StateError: the batch is missing, or was made from other data.
    """
    batch = read_table(layout.batch)
    prepared = load_prepared(layout.prepared)
    simulated = SimulatedOracle(params.oracle, prepared, load_answers(layout.prepared, prepared))

    def answer(labels: list[Label]) -> list[Label]:
        done = pa.array([label.pair_id for label in labels], pa.string())
        waiting = batch.filter(pc.invert(pc.is_in(batch["pair_id"], value_set=done))).slice(0, limit)
        if not len(waiting):
            raise NothingLeft(f"{layout.batch} has no unlabelled comparison: run dvc repro for the next batch")
        codes = simulated.verdicts(*(_rows(waiting[f"completion_{c}"], prepared, layout) for c in "ab"))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return [_label(row, VERDICTS[v], now) for row, v in zip(waiting.to_pylist(), codes, strict=True)]

    # Read and append as one step: two oracles at once must not answer the same pairs twice.
    given = append_after_reading(layout.labels, answer)
    verdicts = Counter(label.verdict for label in given)
    return {"round": given[0].round, "labels": len(given), "verdicts": dict(verdicts)}


def _rows(ids: pa.ChunkedArray, prepared: Prepared, layout: Layout) -> np.ndarray:
    rows = pc.index_in(ids, prepared.completion_ids)
    if rows.null_count:
        raise StateError(f"{layout.batch} does not belong to {layout.prepared}: run dvc repro for a new batch")
    return rows.to_numpy().astype(np.int64)


def _label(row: dict[str, Any], verdict: str, now: str) -> Label:
    return Label(
        pair_id=row["pair_id"],
        prompt_id=row["prompt_id"],
        completion_a=row["completion_a"],
        completion_b=row["completion_b"],
        annotator="oracle",
        verdict=verdict,  # type: ignore[arg-type]
        timestamp=now,
        round=row["round"],
        source="oracle",
    )

"""Record of issued pairs where a campaign has none: what its label log and its last batch still say."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.campaign.issued import BATCH_SCHEMA, ISSUED, issued_rows, read_issued, vote_counts
from prefloop.campaign.overlap import people_wanted
from prefloop.config.model import Campaign
from prefloop.errors import StateError
from prefloop.io.arrays import read_table

log = logging.getLogger("prefloop")

# What batches had before there was a record.
_FORMER = BATCH_SCHEMA.names[:9]


def issued_before(path: Path, batch: Path, labels: pa.Table, config: Campaign) -> pa.Table:
    """The issued pairs so far: as recorded, or begun anew where an older version or a lost file left no record.

    Args:
        path: the record.
        batch: the last batch, read only where there is no record.
        labels: what the log says by pair (`aggregate.AGGREGATED`).
        config: section `campaign`.

    Raises:
        StateError: a damaged record or batch.
    """
    issued = read_issued(path)
    if issued is not None:
        return issued
    previous = _read_batch(batch) if batch.exists() else None
    issued = begun_anew(labels, previous, config)
    if len(issued):
        log.warning(
            "%s is missing: it is begun anew with the %d pairs of the label log and of the last batch. No label "
            "is lost; what the model had predicted of these pairs is not known",
            path,
            len(issued),
        )
    return issued


def begun_anew(labels: pa.Table, previous: pa.Table | None, config: Campaign) -> pa.Table:
    """Issued pairs by the log and by the last batch, all that is left of a campaign.

    A label of a round was asked for by the campaign, one without a round was not. What still waits stands in the
    last batch, so every other pair has as many votes as it wanted; without a batch, it wants what the parameters
    say. Nothing was predicted that is still known.

    Args:
        labels: what the log says by pair (`aggregate.AGGREGATED`).
        previous: the last batch, with the columns of BATCH_SCHEMA or of the time before there was a record.
        config: section `campaign`.
    """
    rest = [] if previous is None else previous.to_pylist()
    waits = pa.array([row["pair_id"] for row in rest], pa.string())
    asked = pc.and_(pc.is_valid(labels["round"]), pc.invert(pc.is_in(labels["pair_id"], value_set=waits)))
    done = labels.filter(asked)
    votes = np.maximum(vote_counts(done), 1)
    wanted = people_wanted(config, done["pair_id"].to_pylist()) if previous is None else votes
    rows = _placed(done.to_pylist(), wanted.tolist(), rest)
    columns = {name: [row.get(name) for row in rows] for name in BATCH_SCHEMA.names}
    return issued_rows(len(rows), {name: pa.array(columns[name], ISSUED.field(name).type) for name in columns})


def _placed(done: list[dict[str, Any]], wanted: list[int], rest: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in order of issue: those of the batch where they stood, the labelled ones in the places between."""
    taken = {(row["round"], row["order"]) for row in rest}
    free: defaultdict[int, Iterator[int]] = defaultdict(count)
    rows = [{"kind": "policy", "annotators": 1, **row} for row in rest]
    for row, annotators in zip(done, wanted, strict=True):
        place = next(at for at in free[row["round"]] if (row["round"], at) not in taken)
        rows.append({**row, "order": place, "kind": "policy", "annotators": annotators})
    return sorted(rows, key=lambda row: (row["round"], row["order"]))


def _read_batch(path: Path) -> pa.Table:
    table = read_table(path)
    for names in (BATCH_SCHEMA.names, _FORMER):
        if table.schema.equals(pa.schema([BATCH_SCHEMA.field(name) for name in names])):
            return table
    raise StateError(
        f"{path} is damaged (other columns): delete it and run the stage that writes it again (dvc repro)"
    )

"""Labelled pairs in the order of acquisition, from a simulated run or from the campaign's log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.data.prepared import Prepared
from prefloop.errors import ConfigError, LabelsMissing
from prefloop.io.arrays import read_table
from prefloop.labels.labelled import LabelTable
from prefloop.labels.verdicts import COMPARED, shares, trained_by

_COLUMNS = ["prompt_id", "completion_a", "completion_b", "verdict"]


@dataclass(frozen=True)
class Acquired:
    """What was labelled.

    Attributes:
        pairs: prompt_id, completion_a, completion_b, verdict (a, b or tie) by row, in order of acquisition.
        absent: labelled pairs that the prepared tables do not have, and that are not in `pairs`.
    """

    pairs: pa.Table
    absent: int

    def first(self, budget: int | None) -> Acquired:
        """The first `budget` labels, or all.

        Raises:
            ConfigError: there are not so many.
        """
        if budget is not None and budget > len(self.pairs):
            raise ConfigError(
                f"--limit: got {budget}, but {len(self.pairs)} labels were acquired; give at most so many, "
                "or leave the option out"
            )
        return Acquired(self.pairs.slice(0, budget), self.absent)


def acquired_by_run(folder: Path) -> Acquired:
    """What a simulated run acquired.

    Args:
        folder: of the run, with acquired.parquet.

    Raises:
        StateError: missing or damaged file.
    """
    return Acquired(read_table(folder / "acquired.parquet", _COLUMNS), 0)


def acquired_by_labels(labels: LabelTable, prepared: Prepared) -> Acquired:
    """What annotators labelled, in order of each pair's first label.

    The verdict is the majority of the annotators' last words, over the whole log.

    Raises:
        DataError: a label whose completions belong to two prompts.
    """
    # Whatever was labelled is exported, on whichever side a division has it.
    labelled = labels.among(prepared, slice(0, len(prepared.completion_ids)))
    pairs = labelled.pairs
    columns = [
        prepared.prompt_ids.take(pairs.prompt),
        prepared.completion_ids.take(pairs.a),
        prepared.completion_ids.take(pairs.b),
        pa.array(COMPARED).take(labelled.verdicts),
    ]
    return Acquired(pa.Table.from_arrays(columns, _COLUMNS), len(labels.pairs) - len(pairs))


def decided(pairs: pa.Table) -> pa.Table:
    """Winner and loser of the pairs that have one, in the same order.

    Args:
        pairs: as in `Acquired`.

    Returns:
        prompt_id, chosen_id, rejected_id.

    Raises:
        LabelsMissing: no pair has a winner.
    """
    codes = pc.index_in(pairs["verdict"], pa.array(COMPARED)).to_numpy()
    trained = trained_by(shares(codes))
    kept = pairs.take(trained.rows)
    if not len(kept):
        raise LabelsMissing(
            f"no decided label: {len(pairs)} labelled pairs, none with a winner; expected at least one "
            "verdict a or b. Label a batch (dvc repro, then prefloop labels oracle, or your annotators)"
        )
    first = pa.array(trained.winner < trained.loser)
    a, b = kept["completion_a"], kept["completion_b"]
    return pa.table(
        {
            "prompt_id": kept["prompt_id"],
            "chosen_id": pc.if_else(first, a, b),
            "rejected_id": pc.if_else(first, b, a),
        }
    )

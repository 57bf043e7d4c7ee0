"""Labelled pairs in the order of acquisition, from a simulated run or from the campaign's log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.data.prepared import Prepared
from prefloop.errors import ConfigError, LabelsMissing
from prefloop.exchange.details import Details
from prefloop.io.arrays import read_table
from prefloop.io.hashing import pair_id, pair_ids
from prefloop.labels.table import LabelTable
from prefloop.labels.verdicts import COMPARED, shares, trained_by

_COLUMNS = ["prompt_id", "completion_a", "completion_b", "verdict"]


@dataclass(frozen=True)
class Acquired:
    """What was labelled.

    Attributes:
        pairs: prompt_id, completion_a, completion_b, verdict (a, b or tie) by row, in order of acquisition.
        absent: labelled pairs that the prepared tables do not have, and that are not in `pairs`.
        details: what else is known of them; None of a simulated run.
    """

    pairs: pa.Table
    absent: int
    details: Details | None = None

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
        return replace(self, pairs=self.pairs.slice(0, budget))

    def pair_ids(self) -> list[str]:
        """Ids of the pairs, in order."""
        return pair_ids(*(self.pairs[name].to_pylist() for name in ("completion_a", "completion_b")))

    def rows(self, *, with_ties: bool) -> pa.Table:
        """The pairs that an export writes, as `decided` gives them.

        Args:
            with_ties: also those without a winner that `details` has a kind of row for.

        Raises:
            LabelsMissing: no pair has a winner.
        """
        return decided(self.pairs, self.details.label if self.details is not None and with_ties else None)


def acquired_by_run(folder: Path) -> Acquired:
    """What a simulated run acquired.

    Args:
        folder: of the run, with acquired.parquet.

    Raises:
        StateError: missing or damaged file.
    """
    return Acquired(read_table(folder / "acquired.parquet", _COLUMNS), 0)


def acquired_by_labels(labels: LabelTable, prepared: Prepared, details: Details | None = None) -> Acquired:
    """What annotators labelled, in order of each pair's first label.

    The verdict is the majority of the annotators' last words, over the whole log.

    Args:
        labels: what the log says.
        prepared: the data.
        details: of the same labels.

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
    return Acquired(pa.Table.from_arrays(columns, _COLUMNS), len(labels.pairs) - len(pairs), details)


def decided(pairs: pa.Table, also: Callable[[str], str | None] | None = None) -> pa.Table:
    """Winner and loser of the pairs that have one, in the same order.

    Args:
        pairs: as in `Acquired`.
        also: says of a pair without a winner which kind of row it is, completion a first; None where it is none.
            By default such pairs are left out.

    Returns:
        pair_id, prompt_id, chosen_id, rejected_id; with `also`, label: preferred, or the kind.

    Raises:
        LabelsMissing: no pair has a winner.
    """
    codes = pc.index_in(pairs["verdict"], pa.array(COMPARED)).to_numpy()
    trained = trained_by(shares(codes))
    first = trained.winner < trained.loser
    a, b = (pairs[name].to_pylist() for name in ("completion_a", "completion_b"))
    sides = {int(row): ("preferred", bool(won)) for row, won in zip(trained.rows, first, strict=True)}
    if also is not None:
        others = ((row, also(pair_id(a[row], b[row]))) for row in range(len(pairs)) if row not in sides)
        sides |= {row: (kind, True) for row, kind in others if kind is not None}
    kept = dict(sorted(sides.items()))
    if not kept:
        raise LabelsMissing(
            f"no decided label: {len(pairs)} labelled pairs, none with a winner; expected at least one "
            "verdict a or b. Label a batch (dvc repro, then prefloop labels oracle, or your annotators)"
        )
    prompts = pairs["prompt_id"].to_pylist()
    names = ["pair_id", "prompt_id", "chosen_id", "rejected_id", *([] if also is None else ["label"])]
    rows = [
        (pair_id(a[row], b[row]), prompts[row], *((a[row], b[row]) if is_first else (b[row], a[row])), kind)
        for row, (kind, is_first) in kept.items()
    ]
    schema = pa.schema([(name, pa.string()) for name in names])
    return pa.Table.from_pylist([dict(zip(names, row, strict=False)) for row in rows], schema)

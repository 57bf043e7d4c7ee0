"""Hidden answers of the prepared tables; for the simulated annotator and the evaluator only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.data.prepared import Prepared
from prefloop.errors import StateError
from prefloop.io.arrays import read_table
from prefloop.io.lookup import find_rows
from prefloop.labels.verdicts import BOTH_BAD, COMPARED, TIE, WORDS

_VOTES = tuple(f"votes_{word}" for word in COMPARED)
_BOTH_BAD = f"votes_{WORDS[BOTH_BAD]}"


@dataclass(frozen=True)
class Answers:
    """Verdicts of listed pairs and scores of completions.

    Attributes:
        votes: int32 [N, 3], how many annotators said a, b, tie of each listed pair; all 0 = unknown. Who says that
            both are bad names no winner, which is a tie to a simulated annotator.
        scores: float64 [C], NaN = unknown.
    """

    votes: np.ndarray
    scores: np.ndarray

    @property
    def known(self) -> bool:
        """Whether there is any hidden answer at all."""
        return bool(self.votes.any() or np.isfinite(self.scores).any())

    def take(self, pairs: np.ndarray, completions: np.ndarray) -> Answers:
        """Those of some listed pairs and some completions, by their rows."""
        return Answers(self.votes[pairs], self.scores[completions])


def load_answers(folder: Path, prepared: Prepared) -> Answers:
    """Load `oracle.parquet`, aligned with the rows of `prepared`.

    Raises:
        StateError: a table is missing or damaged, or refers to unknown pairs or completions.
    """
    path = folder / "oracle.parquet"
    table = read_table(path, ["kind", "id", *_VOTES, _BOTH_BAD, "score"])
    pairs = table.filter(pc.equal(table["kind"], "pair"))
    votes = np.zeros((len(prepared.pair_a), len(COMPARED)), dtype=np.int32)
    pair_ids = read_table(folder / "pairs.parquet", ["pair_id"])["pair_id"]
    rows = _rows(pairs["id"], pair_ids, path)
    for column, name in enumerate(_VOTES):
        votes[rows, column] = pairs[name].to_numpy()
    votes[rows, TIE] += pairs[_BOTH_BAD].to_numpy()
    scored = table.filter(pc.equal(table["kind"], "completion"))
    scores = np.full(len(prepared.completion_ids), np.nan)
    scores[_rows(scored["id"], prepared.completion_ids, path)] = scored["score"].to_numpy()
    return Answers(votes, scores)


def read_scores(folder: Path, completions: pa.ChunkedArray) -> dict[str, float]:
    """The hidden scores of some completions by id, for an export; those without one are not there.

    Raises:
        StateError: the table is missing or damaged.
    """
    scored = find_rows(folder / "oracle.parquet", "id", completions, ["score"]).to_pydict()
    return dict(zip(scored["id"], scored["score"], strict=True))


def _rows(ids: pa.ChunkedArray, all_ids: pa.Array | pa.ChunkedArray, path: Path) -> np.ndarray:
    combined = all_ids.combine_chunks() if isinstance(all_ids, pa.ChunkedArray) else all_ids
    rows = pc.index_in(ids, combined)
    if rows.null_count:
        raise StateError(f"{path} refers to {rows.null_count} unknown ids: run the stage prepare again")
    return rows.to_numpy().astype(np.int64)

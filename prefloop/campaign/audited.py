"""Audited pairs: drawn uniformly at random, predicted by a model that had not seen them, then judged by people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.labels.verdicts import TIE, WORDS, A

# No model is surer than this of a pair: a member's logit is kept in 32 bits.
_SUREST = 1e-7


@dataclass(frozen=True)
class Audited:
    """Audit pairs that have a vote, in the order of issue; of a pair that was issued twice, the first time.

    Attributes:
        round: int64 [n], round of the batch.
        n_labels: int64 [n], labelled pairs that the model which predicted the pair was trained on; 0 where the
            record of that is lost, and the prediction with it.
        prompt: int64 [n], number of the prompt, from 0.
        probability: float64 [n], that a is better, by that model; nan where no model was trained yet.
        votes: int64 [n, 3], standing votes for a, for b, and for neither.
        share: float64 [n], share of the votes for a, of a tie half; an adjudication is the only vote.
    """

    round: np.ndarray
    n_labels: np.ndarray
    prompt: np.ndarray
    probability: np.ndarray
    votes: np.ndarray
    share: np.ndarray

    def __len__(self) -> int:
        return len(self.share)

    def take(self, rows: np.ndarray) -> Audited:
        """The pairs at some positions, or under a mask."""
        return Audited(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @property
    def predicted(self) -> Audited:
        """Those that a trained model predicted."""
        return self.take(np.isfinite(self.probability))

    @property
    def scores(self) -> np.ndarray:
        """float64 [n], log-likelihood of a further vote, in expectation under the pair's own votes; nats."""
        p = self.probability.clip(_SUREST, 1 - _SUREST)
        values: np.ndarray = self.share * np.log(p) + (1 - self.share) * np.log1p(-p)
        return values

    @property
    def expected(self) -> np.ndarray:
        """float64 [n], the score that the model itself expects; nats."""
        p = self.probability.clip(_SUREST, 1 - _SUREST)
        values: np.ndarray = p * np.log(p) + (1 - p) * np.log1p(-p)
        return values

    @property
    def correct(self) -> np.ndarray:
        """float64 [n], share of the votes that the prediction is right about; a coin toss is half right."""
        values: np.ndarray = np.where(
            self.probability == 0.5,
            0.5,
            np.where(self.probability > 0.5, self.share, 1 - self.share),
        )
        return values


def audited(issued: pa.Table, votes: pa.Table) -> Audited:
    """The audit slice of a campaign, as far as it has votes.

    Args:
        issued: a table of `prefloop.campaign.issued.ISSUED`.
        votes: `prefloop.labels.aggregate.standing_votes` of the log.
    """
    slice_ = issued.filter(pc.equal(issued["kind"], "audit")).combine_chunks()
    slice_ = slice_.take(np.sort(np.unique(_codes(slice_["pair_id"]), return_index=True)[1]))
    counts, ruled = _counted(slice_["pair_id"].combine_chunks(), votes)
    deciding = np.where(ruled.any(axis=1, keepdims=True), ruled, counts)
    total = deciding.sum(axis=1)
    rows = np.flatnonzero(total)
    share = (deciding[rows, A] + deciding[rows, TIE] / 2) / total[rows]
    kept = slice_.take(rows)
    return Audited(
        round=kept["round"].to_numpy().astype(np.int64),
        n_labels=kept["n_labels"].fill_null(0).to_numpy().astype(np.int64),
        prompt=_codes(kept["prompt_id"]),
        probability=kept["probability"].to_numpy().astype(np.float64),
        votes=counts[rows],
        share=share,
    )


def _counted(pair_ids: pa.Array, votes: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Votes and adjudications of each pair for a, b and neither, int64 [n, 3] each; other words are none."""
    place = pc.index_in(votes["pair_id"], value_set=pair_ids)
    word = pc.index_in(votes["verdict"], value_set=pa.array(WORDS[: TIE + 1]))
    known = pc.and_(pc.is_valid(place), pc.is_valid(word))
    is_ruling = pc.fill_null(pc.equal(votes["purpose"], "adjudication"), False)
    tables = []
    for mask in (pc.and_(known, pc.invert(is_ruling)), pc.and_(known, is_ruling)):
        key = place.filter(mask).to_numpy().astype(np.int64) * 3 + word.filter(mask).to_numpy()
        tables.append(np.bincount(key, minlength=3 * len(pair_ids)).reshape(-1, 3))
    return tables[0], tables[1]


def _codes(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(whole.dictionary_encode().indices, dtype=np.int64)

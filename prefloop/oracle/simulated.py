"""Simulated annotator: answers from the hidden verdicts or scores, with noise fixed per pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from prefloop.config.model import OracleNoise as Config
from prefloop.data.prepared import Prepared
from prefloop.errors import DataError
from prefloop.io.hashing import pair_id, unit_interval
from prefloop.labels.comparison import Answer, Comparison
from prefloop.labels.verdicts import TIE, A, B, all_turned, is_decided, majority
from prefloop.oracle.answers import Answers


class SimulatedAnnotator:
    """The simulated oracle as an `Annotator`: it answers comparisons, by the rows of their completions.

    Args:
        oracle: answers by rows.
        prepared: the rows of the completions' ids.
    """

    name, paid = "oracle", False

    def __init__(self, oracle: SimulatedOracle, prepared: Prepared) -> None:
        self._oracle, self._ids = oracle, prepared.completion_ids

    def ask(
        self, comparisons: Sequence[Comparison], keep: Callable[[int, Answer], None] | None = None
    ) -> list[Answer]:
        """Answer each comparison.

        Raises:
            DataError: a completion that the data does not have, or a pair without a hidden answer.
        """
        # Of one prompt, the completion of the lower id has the lower row.
        lower = self._rows([min(c.ids) for c in comparisons])
        higher = self._rows([max(c.ids) for c in comparisons])
        verdicts = np.full(len(comparisons), TIE, dtype=np.int8)
        differ = lower != higher
        verdicts[differ] = self._oracle.verdicts(lower[differ], higher[differ])
        answers = [Answer(c.turned(v)) for c, v in zip(comparisons, verdicts.tolist(), strict=True)]
        if keep is not None:
            for position, answer in enumerate(answers):
                keep(position, answer)
        return answers

    def _rows(self, ids: list[str]) -> np.ndarray:
        rows = pc.index_in(pa.array(ids, pa.string()), self._ids)
        if rows.null_count:
            raise DataError(f"{rows.null_count} of {len(ids)} asked completions are not in the prepared data")
        return rows.to_numpy(zero_copy_only=False).astype(np.int64)


class SimulatedOracle:
    """Answers comparisons by completion rows; the same pair gets the same answer however often."""

    def __init__(self, config: Config, prepared: Prepared, answers: Answers) -> None:
        self._config, self._scores = config, answers.scores
        self._ids: pa.Array = prepared.completion_ids
        self._count = len(prepared.completion_ids)
        has_votes = answers.votes.any(axis=1)
        self._keys = prepared.pair_a[has_votes] * self._count + prepared.pair_b[has_votes]
        self._order = np.argsort(self._keys, kind="stable")
        self._listed = majority(answers.votes[has_votes])

    def verdicts(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Verdict codes int8 [n] (0 = a, 1 = b, 2 = tie) of pairs of completion rows.

        Args:
            a, b: int64 [n], completion rows, a < b.

        Raises:
            DataError: a pair has neither a listed verdict nor two scores.
        """
        result, listed = self._lookup(a, b)
        gap = self._scores[a] - self._scores[b]
        unknown = ~listed & ~np.isfinite(gap)
        if unknown.any():
            first = int(np.flatnonzero(unknown)[0])
            raise DataError(
                f"{int(unknown.sum())} of {len(a)} asked pairs have no hidden answer, first "
                f"{self._ids[int(a[first])]} / {self._ids[int(b[first])]}: a simulated annotator needs a label or "
                "two scores for every pair; where the data have none, let people answer: prefloop campaign run"
            )
        result[~listed] = self._by_score(a[~listed], b[~listed], gap[~listed])
        return self._flipped(result, a, b)

    def listed(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Which pairs have a listed verdict, bool [n]; the others are answered by scores."""
        return self._lookup(a, b)[1]

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """The judge's own scores of completion rows, float64 [n]: for rules marked as an oracle upper bound.

        Raises:
            DataError: a completion has no score.
        """
        scores = self._scores[rows]
        if not np.isfinite(scores).all():
            first = int(rows[np.flatnonzero(~np.isfinite(scores))[0]])
            raise DataError(
                f"completion {self._ids[first]} has no score: a pair rule that reads all scores "
                "needs them for the whole pool; choose another policy"
            )
        return scores

    def _lookup(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        wanted = a * self._count + b
        result = np.full(len(a), TIE, dtype=np.int8)
        if not len(self._keys):
            return result, np.zeros(len(a), dtype=bool)
        place = np.searchsorted(self._keys, wanted, sorter=self._order).clip(max=len(self._keys) - 1)
        row = self._order[place]
        listed = self._keys[row] == wanted
        result[listed] = self._listed[row[listed]]
        return result, listed

    def _by_score(self, a: np.ndarray, b: np.ndarray, gap: np.ndarray) -> np.ndarray:
        if self._config.temperature == 0:
            return np.where(gap > 0, A, np.where(gap < 0, B, TIE)).astype(np.int8)
        draws = self._draws("score", a, b)
        return np.where(draws < expit(gap / self._config.temperature), A, B).astype(np.int8)

    def _flipped(self, verdicts: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if self._config.flip_rate == 0:
            return verdicts
        flip = (self._draws("flip", a, b) < self._config.flip_rate) & is_decided(verdicts)
        return np.where(flip, all_turned(verdicts), verdicts).astype(np.int8)

    def _draws(self, purpose: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        ids = [pair_id(self._ids[int(i)].as_py(), self._ids[int(j)].as_py()) for i, j in zip(a, b, strict=True)]
        return np.array([unit_interval(self._config.salt, purpose, identity) for identity in ids])

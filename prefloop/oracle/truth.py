"""Truth for simulated people: which of two completions is better, by the hidden answers and the oracle's noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.config.model import OracleNoise
from prefloop.data.prepared import load_prepared
from prefloop.errors import DataError
from prefloop.labels.verdicts import TIE, A, Compared
from prefloop.oracle.answers import load_answers
from prefloop.oracle.simulated import SimulatedOracle


class Truth:
    """The hidden answers of a pool, by the ids of completions.

    Args:
        config: section `oracle`.
        prepared: folder of the prepared tables.

    Raises:
        DataError: the data have no answer at all.
        StateError: missing or damaged tables.
    """

    def __init__(self, config: OracleNoise, prepared: Path) -> None:
        stored = load_prepared(prepared)
        answers = load_answers(prepared, stored)
        if not answers.known:
            raise DataError(
                "the data have no answers, labels or scores, that simulated people could give: rehearse on "
                "labelled data of the same kind (prefloop init DIR --data FILE, then rehearse in DIR)"
            )
        self._oracle, self._ids = SimulatedOracle(config, stored, answers), stored.completion_ids

    def better(self, a: str, b: str) -> Compared:
        """Which of two completions is better.

        Raises:
            DataError: nobody has judged them.
        """
        rows = pc.index_in(pa.array(sorted((a, b))), self._ids).to_numpy(zero_copy_only=False).astype(np.int64)
        verdict = int(self._oracle.verdicts(rows[:1], rows[1:])[0])
        if verdict == TIE:
            return "tie"
        return "a" if (verdict == A) == (a < b) else "b"

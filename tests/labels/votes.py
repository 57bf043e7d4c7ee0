"""Standing votes made up for tests."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from prefloop.labels.aggregate import standing_votes
from prefloop.labels.lines import table_of
from tests.labels.helpers import label


def standing(votes, months=None):
    """Standing words from (pair, annotator, word); month n of 2024 for each, or January."""
    months = months or [1] * len(votes)
    times = [f"2024-{month:02d}-01T00:00:00+00:00" for month in months]
    return standing_votes(
        table_of(
            label(pair, annotator=who, verdict=word, timestamp=time)
            for (pair, who, word), time in zip(votes, times, strict=True)
        )
    )


def simulated(seed, pairs, people, votes, *, ties=0.7, reliability=0.3):
    """Votes of people with habits of their own, as a table of what is read of standing words.

    Returns:
        The table; grade of each pair, -2 to 2; each person's tie habit and log reliability.
    """
    rng = np.random.default_rng(seed)
    grade = rng.integers(-2, 3, pairs)
    habit = rng.normal(0, [ties, reliability], (people, 2))
    pair = np.repeat(np.arange(pairs), votes)
    person = np.concatenate([rng.choice(people, votes, replace=False) for _ in range(pairs)])
    lean = np.exp(habit[person, 1]) * np.array([-3, -1, 0, 1, 3])[grade[pair] + 2] / 2
    tie = np.where(grade[pair] == 0, 0.6, -0.7) + habit[person, 0]
    weight = np.exp(np.stack([lean, -lean, tie], axis=1))
    said = (rng.random((len(pair), 1)) > np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)).sum(axis=1)
    columns = {
        "pair_id": pa.array([f"{n:05d}" for n in pair]),
        "annotator": pa.array([f"person {n}" for n in person]),
        "verdict": pa.array(["a", "b", "tie"]).take(said),
        "purpose": pa.nulls(len(pair), pa.string()),
    }
    return pa.table(columns), grade, habit

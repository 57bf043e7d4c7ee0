"""Habits of annotators by definition."""

from __future__ import annotations

import numpy as np
import pytest

from prefloop.campaign.habits import Words, habits
from prefloop.labels.aggregate import standing_votes
from prefloop.labels.agreement import agreement_by_person
from tests.campaign.campaigns import lines_of
from tests.labels.helpers import label


def _rows(*labels):
    rows = habits(Words.of(standing_votes(lines_of(*labels))), {})
    return {row["annotator"]: row for row in rows}


def test_one_annotator():
    labels = [
        label(0, verdict="a", shown_left="a", duration_ms=2000),
        label(1, verdict="b", shown_left="b", duration_ms=4000),
        label(2, verdict="b", shown_left="a", duration_ms=12_000),
        label(3, verdict="tie", shown_left="a"),
        label(4, verdict="skip"),
    ]
    row = _rows(*labels)["ann"]
    assert (row["votes"], row["median_seconds"], row["per_hour"]) == (5, 4.0, 600.0)
    assert (row["left"], row["tie"], row["both_bad"], row["skip"]) == (0.667, 0.2, 0.0, 0.2)
    assert row["drift"] == []


def test_the_busiest_comes_first_and_nothing_is_made_up():
    rows = habits(
        Words.of(standing_votes(lines_of(label(0, annotator="x"), label(1), label(2)))), {"x": {"gold": 3}}
    )
    assert [row["annotator"] for row in rows] == ["ann", "x"]
    assert rows[1]["gold"] == 3
    (unseen,) = habits(Words.of(standing_votes(lines_of())), {"x": {"gold": 3}})
    assert (unseen["annotator"], unseen["votes"], unseen["gold"], unseen["tie"]) == ("x", 0, 3, None)
    assert rows[0]["left"] is None
    assert rows[0]["per_hour"] is None


def test_words_alike_are_those_of_the_measured_agreement():
    rng = np.random.default_rng(0)
    verdicts = rng.choice(["a", "b", "tie", "both_bad", "skip"], (40, 3))
    labels = [
        label(pair, annotator=name, verdict=str(verdict))
        for pair, row in enumerate(verdicts)
        for name, verdict in zip("xyz", row, strict=True)
    ]
    votes = standing_votes(lines_of(*labels))
    words = Words.of(votes)
    for row in agreement_by_person(votes):
        mine = words.alike[words.who == words.names.index(row.annotator)]
        assert np.nanmean(mine) == pytest.approx(row.agreement)
        assert np.isfinite(mine).sum() == row.votes


def test_who_begins_to_press_one_key_is_drifting():
    fair = [label(n, verdict="ab"[n % 2], shown_left="ba"[n // 2 % 2], duration_ms=9000 + n) for n in range(80)]
    hasty = [label(n, verdict="a", shown_left="a", duration_ms=700 + n) for n in range(80, 100)]
    drift = {row["habit"]: row for row in _rows(*fair, *hasty)["ann"]["drift"]}
    assert drift["left"] == {"habit": "left", "before": 0.5, "lately": 1.0}
    assert drift["seconds"]["lately"] < 1 < drift["seconds"]["before"]
    assert set(drift) == {"left", "seconds"}
    assert _rows(*fair)["ann"]["drift"] == []

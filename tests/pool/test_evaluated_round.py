"""Facts of a round: a number that nobody listed stops the run in the round that first has it."""

import pytest

from prefloop.errors import StateError
from prefloop.evaluation.downstream.chosen import choice_metrics
from prefloop.pool import evaluated_round
from tests.pool.runs import PARAMS, run


def test_a_fact_that_is_not_listed_is_refused_before_its_round_is_kept(layout, monkeypatch):
    monkeypatch.setattr(
        evaluated_round, "choice_metrics", lambda *given: {**choice_metrics(*given), "surprise": 1.0}
    )
    with pytest.raises(StateError, match=r"rounds\.parquet: not listed: surprise; list every metric in prefloop/"):
        run(PARAMS, layout, "random")
    assert not layout.run("random", 0).exists()
    assert not list((layout.state / "runs").glob("**/round-*"))

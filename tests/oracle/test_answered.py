"""The part of a half-labelled pool that is simulated on: every question that a run can ask has an answer."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from prefloop.data.division import divide
from prefloop.data.pairs import Pairs, Pool
from prefloop.data.prepared import load_prepared
from prefloop.errors import DataError
from prefloop.oracle.answered import answered, check_answered
from prefloop.oracle.answers import Answers, load_answers
from prefloop.oracle.simulated import SimulatedOracle
from prefloop.pool.steps import ANY_PAIR, blind_candidates
from tests.worlds import make_params, make_world, pair_records, response_records

PARAMS = make_params()
SPLIT = PARAMS.data.split


@pytest.fixture(scope="module", params=["pairs", "responses", "both"])
def world(request, tmp_path_factory):
    records = {"pairs": pair_records(prompts=20, pairs=60), "responses": response_records(prompts=15, k=4)}
    records["both"] = [*records["pairs"], *response_records(seed=3, prompts=15, k=4)]
    layout = make_world(tmp_path_factory.mktemp("world"), records[request.param], PARAMS)
    stored = load_prepared(layout.prepared)
    return stored, load_answers(layout.prepared, stored)


def half(answers, seed, share):
    rng = np.random.default_rng(seed)
    votes = np.where(rng.random(len(answers.votes)) < share, 0, answers.votes.T).T
    return Answers(votes, np.where(rng.random(len(answers.scores)) < share, np.nan, answers.scores))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), share=st.sampled_from([0.2, 0.5, 0.8]))
def test_whatever_a_pool_offers_has_an_answer(world, seed, share):
    stored, answers = world
    kept = half(answers, seed, share)
    usable = answered(stored, kept)
    try:
        division = divide(stored, SPLIT, SPLIT.salt, usable)
    except DataError:  # so little is answered that no prompt is left for the pool
        reject()
    offered = blind_candidates(Pool.of(division.prepared), ANY_PAIR, Pairs.empty(), seed).pairs
    oracle = SimulatedOracle(PARAMS.oracle, division.prepared, kept.take(division.pairs, division.completions))
    assert len(oracle.verdicts(offered.a, offered.b)) == len(offered)


def test_a_wholly_labelled_pool_is_as_it_was(world):
    stored, answers = world
    usable = answered(stored, answers)
    assert usable.completions.all()
    assert usable.pairs.all()
    one, two = divide(stored, SPLIT, SPLIT.salt, usable), divide(stored, SPLIT, SPLIT.salt)
    assert np.array_equal(one.completions, two.completions)
    assert np.array_equal(one.pairs, two.pairs)
    assert one.crossing == two.crossing


def test_other_splits_keep_what_nobody_has_judged(world):
    stored, answers = world
    nothing = answered(stored, half(answers, 0, 0.5))
    halved, whole = (divide(stored, SPLIT, SPLIT.salt, usable) for usable in (nothing, None))
    for split in ("test", "val", "ood"):
        rows = [d.completions[d.prepared.completions_of(split)].tolist() for d in (halved, whole)]
        assert rows[0] == rows[1]


def test_what_is_left_out_is_said_and_no_answer_at_all_is_refused(world, caplog):
    caplog.set_level(logging.INFO)
    stored, answers = world
    check_answered(stored, answered(stored, answers))
    assert not caplog.text
    check_answered(stored, answered(stored, half(answers, 0, 0.5)))
    assert "simulated runs use the labelled part of the data: left out are" in caplog.text
    none = Answers(np.zeros_like(answers.votes), np.full_like(answers.scores, np.nan))
    with pytest.raises(DataError, match=r"no hidden answer.*use the campaign"):
        check_answered(stored, answered(stored, none))

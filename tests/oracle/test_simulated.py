"""The simulated annotator: noise is fixed per pair, whatever the order or the number of questions."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.config.model import OracleNoise
from prefloop.data.prepared import Models, Prepared
from prefloop.errors import DataError
from prefloop.io.hashing import completion_id, prompt_id
from prefloop.labels.verdicts import TIE, A, B, all_turned, majority
from prefloop.oracle.answers import Answers
from prefloop.oracle.simulated import SimulatedAnnotator, SimulatedOracle
from tests.judges.helpers import Comparison, check_oracle

COUNT = 2000


def world(pairs=COUNT):
    """Prompts with two completions each; the listed pairs are (0, 1), (2, 3), ..."""
    first = 2 * np.arange(pairs)
    return Prepared(
        prompt_ids=pa.array([f"p{n}" for n in range(pairs)]),
        normal_ids=pa.array([f"p{n}" for n in range(pairs)]),
        completion_ids=pa.array([f"c{n:06d}" for n in range(2 * pairs)]),
        split=np.zeros(pairs, np.int8),
        offsets=2 * np.arange(pairs + 1),
        completion_prompt=np.repeat(np.arange(pairs), 2),
        characters=np.ones(2 * pairs, np.int32),
        text=np.arange(2 * pairs, dtype=np.int32),
        models=Models(np.zeros(2 * pairs + 1, np.int64), np.zeros(0, np.int32), []),
        answered=np.ones(2 * pairs, bool),
        pair_a=first,
        pair_b=first + 1,
        pair_prompt=np.arange(pairs),
    )


WORLD = world()
UNSCORED = np.full(2 * COUNT, np.nan)
UNLISTED = np.zeros((COUNT, 3), np.int32)


def config(**changes):
    return OracleNoise.model_validate({"flip_rate": 0.0, "temperature": 0.0, "salt": "s"} | changes)


def ask(oracle, rows=None):
    rows = np.arange(COUNT) if rows is None else np.asarray(rows, np.int64)
    return oracle.verdicts(WORLD.pair_a[rows], WORLD.pair_b[rows])


def listed(*votes):
    return Answers(np.array([votes[n % len(votes)] for n in range(COUNT)], np.int32), UNSCORED)


def scored(gap):
    scores = np.zeros(2 * COUNT)
    scores[::2] = gap
    return Answers(UNLISTED, scores)


def test_listed_verdicts_are_the_majority():
    votes = [(1, 0, 0), (0, 2, 1), (1, 1, 0), (0, 0, 3), (2, 1, 5)]
    oracle = SimulatedOracle(config(), WORLD, listed(*votes))
    assert ask(oracle)[:5].tolist() == [A, B, TIE, TIE, A]
    np.testing.assert_array_equal(majority(np.array(votes)), [A, B, TIE, TIE, A])


def test_scores_decide_where_nothing_is_listed():
    for gap, verdict in ((1.0, A), (-0.5, B), (0.0, TIE)):
        assert (ask(SimulatedOracle(config(), WORLD, scored(gap))) == verdict).all()


def test_a_listed_verdict_goes_before_scores():
    answers = Answers(listed((0, 1, 0)).votes, scored(1.0).scores)
    assert (ask(SimulatedOracle(config(), WORLD, answers)) == B).all()


@settings(max_examples=20)
@given(rows=st.lists(st.integers(0, COUNT - 1), max_size=30))
def test_noise_belongs_to_the_pair_not_to_the_order_of_asking(rows):
    for answers in (listed((1, 0, 0), (0, 1, 0)), scored(0.7)):
        oracle = SimulatedOracle(config(flip_rate=0.3, temperature=1.0), WORLD, answers)
        np.testing.assert_array_equal(ask(oracle, rows), [ask(oracle, [row])[0] for row in rows])


def test_the_flip_rate_is_what_it_says():
    answers = listed((1, 0, 0), (0, 1, 0), (0, 0, 1))
    true = ask(SimulatedOracle(config(), WORLD, answers))
    noisy = ask(SimulatedOracle(config(flip_rate=0.2), WORLD, answers))
    decided = true != TIE
    share = (noisy != true)[decided].mean()
    assert abs(share - 0.2) < 4 * np.sqrt(0.2 * 0.8 / decided.sum())
    assert (noisy[~decided] == TIE).all()
    other = ask(SimulatedOracle(config(flip_rate=0.2, salt="t"), WORLD, answers))
    assert (other != noisy).any()


def test_a_larger_flip_rate_flips_the_same_pairs_and_more():
    answers = listed((1, 0, 0))
    flipped = [ask(SimulatedOracle(config(flip_rate=rate), WORLD, answers)) == B for rate in (0.1, 0.3)]
    assert (flipped[0] <= flipped[1]).all()


@pytest.mark.parametrize(("gap", "temperature"), [(1.0, 1.0), (1.0, 3.0), (-2.0, 1.0), (0.0, 0.5)])
def test_scores_with_a_temperature_follow_the_logistic(gap, temperature):
    verdicts = ask(SimulatedOracle(config(temperature=temperature), WORLD, scored(gap)))
    expected = 1 / (1 + np.exp(-gap / temperature))
    assert abs((verdicts == A).mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / COUNT)


def test_swapping_the_answers_swaps_the_verdicts():
    answers = listed((1, 0, 0), (0, 2, 0), (1, 1, 0))
    swapped = Answers(answers.votes[:, [1, 0, 2]], answers.scores)
    noise = config(flip_rate=0.3)
    one, two = ask(SimulatedOracle(noise, WORLD, answers)), ask(SimulatedOracle(noise, WORLD, swapped))
    np.testing.assert_array_equal(two, all_turned(one))


def test_a_pair_without_an_answer_is_named():
    votes = listed((1, 0, 0)).votes
    votes[7] = 0
    oracle = SimulatedOracle(config(), WORLD, Answers(votes, UNSCORED))
    with pytest.raises(DataError, match=r"1 of 2000 asked pairs have no hidden answer, first c000014 / c000015"):
        ask(oracle)
    assert len(ask(oracle, [6, 8])) == 2


def test_no_answers_at_all():
    answers = Answers(UNLISTED, UNSCORED)
    assert not answers.known
    assert listed((0, 0, 1)).known
    assert scored(0.0).known
    with pytest.raises(DataError, match="2000 of 2000 asked pairs"):
        ask(SimulatedOracle(config(), WORLD, answers))
    assert len(ask(SimulatedOracle(config(), WORLD, answers), np.zeros(0, int))) == 0


def test_as_an_annotator_it_answers_comparisons_as_it_answers_rows():
    """By the same contract as every judge, the order of what is shown included."""
    rng = np.random.default_rng(0)
    asked, ids = [], []
    for number in range(40):
        one, other = Comparison(f"p{number}", "x", "y"), Comparison(f"p{number}", "y", "x")
        asked.append(one if rng.random() < 0.5 else other)
        ids += sorted(one.ids)
    same = completion_id(prompt_id("p"), "same")
    small = world(41)
    small = replace(small, completion_ids=pa.array([*ids, same, same + "x"]))
    votes = np.concatenate([np.eye(3, dtype=np.int32)[rng.integers(0, 3, 40)], [[0, 0, 0]]]).astype(np.int32)
    oracle = SimulatedOracle(config(flip_rate=0.2), small, Answers(votes, np.full(82, np.nan)))
    annotator = SimulatedAnnotator(oracle, small)
    came = check_oracle(annotator, asked)
    expected = oracle.verdicts(small.pair_a[:40], small.pair_b[:40]).tolist()
    assert [c.turned(v) for c, v in zip(asked, came, strict=True)] == expected
    assert set(came) == {A, B, TIE}
    with pytest.raises(DataError, match="1 of 1 asked completions are not in the prepared data"):
        annotator.ask([Comparison("elsewhere", "x", "y")])

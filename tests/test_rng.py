"""The table of random streams."""

import numpy as np
import pytest

from prefloop.rng import Stream, generator


def draw(*arguments):
    return tuple(generator(*arguments).integers(0, 1 << 62, 4))


def test_the_same_arguments_give_the_same_numbers():
    assert draw(1, 2, Stream.SELECT, 3) == draw(1, 2, Stream.SELECT, 3)


def test_every_argument_gives_other_numbers():
    draws = [draw(s, r, stream, *keys) for s in (0, 1) for r in (0, 1) for stream in Stream for keys in ((), (1,))]
    assert len(set(draws)) == len(draws)


def test_streams_keep_their_numbers():
    # Renumbering one would change every run that was ever made.
    numbers = {stream.name: int(stream) for stream in Stream}
    known = ["INITIAL", "SELECT", "WEIGHTS", "SHUFFLE", "HOLDOUT", "PAIR_RULE", "BOOTSTRAP", "RECALL"]
    known += ["EXAMPLE", "VALIDATION", "CONTROL"]
    assert {name: numbers[name] for name in known} == {name: n for n, name in enumerate(known)}
    assert len(set(numbers.values())) == len(numbers)


def test_streams_are_independent_of_each_other():
    one = generator(0, 0, Stream.SELECT).standard_normal(10_000)
    two = generator(0, 0, Stream.CONTROL).standard_normal(10_000)
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.04


def test_the_global_state_is_left_alone():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    draw(0, 0, Stream.SELECT)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="non-negative"):
        generator(-1, 0, Stream.SELECT)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.config.data import Example
from prefloop.data.example.completions import DRAWS, complete
from prefloop.data.example.prompts import ASPECTS, MAIN, OTHER, World
from prefloop.data.example.utility import WEIGHTS

WORLDS = pytest.mark.parametrize("world", [MAIN, OTHER], ids=["main", "other"])


@WORLDS
def test_topics_are_complete(world: World) -> None:
    for topic in world.topics:
        assert topic.style in WEIGHTS
        assert len({name for name, *_ in topic.aspects}) == len(topic.aspects) == ASPECTS
        assert all("{it}" in text for aspect in topic.aspects for text in aspect[1:])


def test_there_are_prompts_enough() -> None:
    assert MAIN.size >= Example.model_fields["prompts"].metadata[1].le


@WORLDS
def test_every_number_is_another_prompt(world: World) -> None:
    step = world.size // 30_000
    numbers = [*range(10_000), *range(10_000, world.size, step)]
    assert len({world.prompt(number).text for number in numbers}) == len(numbers)
    with pytest.raises(IndexError):
        world.prompt(world.size)


@WORLDS
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_completions_are_plain_text_for_any_draw(world: World, data: st.DataObject) -> None:
    prompt = world.prompt(data.draw(st.integers(0, world.size - 1)))
    found = complete(prompt, 40, np.random.default_rng(data.draw(st.integers(0, 2**32))))
    for completion in found:
        assert not set("{}|") & set(completion.text)
        assert completion.text[0].isupper()
        assert completion.text[-1] in ".!"


def test_completions_take_any_uniform_numbers() -> None:
    class Fixed:
        """A generator stuck at one uniform number, then free."""

        def __init__(self, value: float) -> None:
            self.value: float | None = value

        def random(self, shape: tuple[int, int]) -> np.ndarray:
            value, self.value = self.value, None
            return np.full(shape, value) if value is not None else np.random.default_rng(0).random(shape)

    assert DRAWS >= 20
    for value in (0.0, np.nextafter(1.0, 0.0), 0.5, np.nextafter(0.05, 0.0)):
        assert len(complete(MAIN.prompt(3), 5, Fixed(value))) == 5  # type: ignore[arg-type]

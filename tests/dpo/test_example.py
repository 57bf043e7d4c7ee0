from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from textblob import TextBlob
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from prefloop.dpo.config import Example
from prefloop.dpo.example import generate_stories
from prefloop.dpo.example.endings import ending
from prefloop.dpo.example.openings import SIZE, opening

NUMBERS = st.integers(0, SIZE - 1)


@given(NUMBERS, NUMBERS)
def test_every_number_is_another_opening(first: int, second: int) -> None:
    assert (opening(first).text == opening(second).text) == (first == second)


def test_there_are_more_openings_than_anyone_may_ask_for() -> None:
    assert SIZE > 1_000_000


@given(NUMBERS, st.integers(0, 2**32))
def test_texts_are_clean_sentences(number: int, seed: int) -> None:
    story = opening(number)
    text = f"{story.text} {ending(story, np.random.default_rng(seed))}"
    sentences = text.removesuffix(".").split(". ")
    assert 2 <= len(sentences) <= 4
    assert len(set(sentences)) == len(sentences)
    assert all(sentence[0].isupper() for sentence in sentences)
    assert text.endswith(".")
    assert not re.search(r"[{}]|  |\ba [aeiou]", text)


@given(st.integers(0, 1000), st.integers(50, 80), st.integers(100, 200))
def test_openings_are_distinct_and_texts_go_round_them(seed: int, prompts: int, texts: int) -> None:
    rows = list(generate_stories(Example(seed=seed, prompts=prompts, texts=texts)))
    openings = Counter(prompt for prompt, _ in rows)
    assert len(openings) == prompts
    assert max(openings.values()) - min(openings.values()) <= 1
    written = [(prompt, text) for prompt, text in rows if text is not None]
    assert len(written) == texts
    assert all(text.startswith(f"{prompt} ") for prompt, text in written)


def test_the_same_configuration_gives_the_same_texts_and_another_seed_others() -> None:
    rows = [list(generate_stories(Example(seed=seed, prompts=50, texts=100))) for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]


def test_openings_without_a_text_are_kept() -> None:
    rows = list(generate_stories(Example(seed=0, prompts=300, texts=100)))
    assert [text is not None for _, text in rows] == [True] * 100 + [False] * 200


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, str]]:
    """Two independent endings of each of 600 openings."""
    rng = np.random.default_rng(0)
    stories = [opening(int(number)) for number in rng.integers(SIZE, size=600)]
    return [(ending(story, rng), ending(story, rng)) for story in stories]


def vader(text: str, of: SentimentIntensityAnalyzer = SentimentIntensityAnalyzer()) -> float:  # noqa: B008
    return float(of.polarity_scores(text)["compound"])


def textblob(text: str) -> float:
    return float(TextBlob(text).sentiment.polarity)


@pytest.mark.parametrize("judge", [vader, textblob])
def test_lexicons_tell_endings_of_an_opening_apart(judge, pairs: list[tuple[str, str]]) -> None:  # type: ignore[no-untyped-def]
    scores = np.array([[judge(a), judge(b)] for a, b in pairs])
    assert np.mean(scores[:, 0] != scores[:, 1]) > 0.8
    assert 0.3 < np.mean(scores > 0) < 0.5
    assert 0.3 < np.mean(scores < 0) < 0.5


def test_the_two_lexicons_mostly_agree_but_are_not_the_same(pairs: list[tuple[str, str]]) -> None:
    margins = np.array([[of(a) - of(b) for of in (vader, textblob)] for a, b in pairs])
    decided = margins[(margins != 0).all(axis=1)]
    assert 0.7 < np.mean(decided[:, 0] * decided[:, 1] > 0) < 0.98


def test_the_mood_does_not_depend_on_the_opening() -> None:
    rng = np.random.default_rng(1)
    stories = [opening(int(number)) for number in rng.integers(SIZE, size=30)]
    happy = [np.mean([vader(ending(story, rng)) > 0 for _ in range(60)]) for story in stories]
    assert min(happy) > 0.2
    assert max(happy) < 0.7

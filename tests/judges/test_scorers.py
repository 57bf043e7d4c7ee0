"""Lexica, word lists and the coin."""

from __future__ import annotations

import math
import re
import socket
import urllib.request

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.errors import DataError, ModelError
from prefloop.judges.coin import Coin
from prefloop.judges.lexica import textblob, vader
from prefloop.judges.scored import Scored, text_scores
from prefloop.judges.word_list import read_word_list, valence_sum
from prefloop.labels.comparison import Comparison
from prefloop.labels.verdicts import TIE, A, B
from tests.judges.helpers import PAIRS, check_oracle, comparisons, verdicts

TEXTS = [
    "What a wonderful, happy day!",
    "It was a terrible and sad story.",
    "I do not like this awful thing.",
    "The box is on the table.",
    "Great, great fun. I love it.",
    "",
]
SENTIMENTS = [Comparison("p", a, b) for a in TEXTS for b in TEXTS]


@pytest.fixture
def _no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a look at the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.mark.usefixtures("_no_network")
@pytest.mark.parametrize("lexicon", [vader, textblob])
def test_a_lexicon_knows_good_from_bad_and_looks_nothing_up(lexicon, monkeypatch, tmp_path):
    monkeypatch.setenv("NLTK_DATA", str(tmp_path))
    score = lexicon()
    assert score(TEXTS[0]) > score(TEXTS[3]) == score("") == 0 > score(TEXTS[1])
    came = check_oracle(Scored("x", text_scores(score)), SENTIMENTS)
    by_text = dict(zip(((c.a, c.b) for c in SENTIMENTS), came, strict=True))
    assert by_text[TEXTS[0], TEXTS[1]] == A
    assert by_text[TEXTS[3], ""] == TIE
    assert all(by_text[t, t] == TIE for t in TEXTS)


def test_the_order_of_words_is_no_preference_of_textblob():
    score = textblob()
    words = ["good", "bad", "great", "happy", "terrible", "nice", "boring"]
    assert len({score(" . ".join(words[n:] + words[:n])) for n in range(7)}) == 1


def test_scores_that_are_no_numbers_are_refused():
    oracle = Scored("x", lambda cs: np.array([[1.0, math.nan] if c is PAIRS[3] else [1.0, 2.0] for c in cs]))
    with pytest.raises(
        ModelError, match=rf"x gives NaN or infinity for 1 of 60 comparisons \(first: pair {PAIRS[3].pair}"
    ):
        oracle.ask(PAIRS)


# ------------------------------------------------------------------ word lists

LIST = "good\t3\nBad\t-3\nbad luck\t-2\nnot good\t-2.5\ncan't stand\t-3\nself-made\t1\n:)\t2\nnaïve\t-2\nwell\t0\n"


@pytest.fixture
def score(tmp_path):
    (tmp_path / "words.txt").write_text(LIST)
    return valence_sum(tmp_path / "words.txt")


@pytest.mark.parametrize(
    ("text", "sum_"),
    [
        ("", 0),
        ("GOOD, Bad!", 0),
        ("bad luck and bad", -5),
        ("bad\n  luck", -2),
        ("not good", -2.5),
        ("notgood goods good_", 0),
        ("good good", 6),
        ("I can't stand it", -3),
        ("a self-made man, bad-tempered", -2),
        ("NAÏVE :) well", 0),
        ("naïvement", 0),
        ("not not good", -2.5),
    ],
)
def test_valences_are_summed(score, text, sum_):
    assert score(text) == sum_


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*LIST.replace("\t", "\n").split("\n"), "x", "-", "luck", "not"]), max_size=12))
def test_the_longest_entry_at_each_place_is_found(tmp_path_factory, words):
    path = tmp_path_factory.getbasetemp() / "words.txt"
    path.write_text(LIST)
    valences = read_word_list(path)
    text = " ".join(words).casefold()
    # The naive way: one pattern of all entries, longest first, whole words.
    entries = sorted(valences, key=len, reverse=True)
    pattern = "|".join(rf"(?<!\w){re.escape(e)}(?!\w)" if e[0].isalpha() else re.escape(e) for e in entries)
    expected = sum(valences[found] for found in re.findall(pattern, re.sub(r"\s+", " ", text)))
    assert valence_sum(path)(text) == expected


def test_a_list_may_have_blank_lines_repetitions_and_any_line_ends(tmp_path):
    path = tmp_path / "w.txt"
    path.write_bytes("\ufeffGood\t3\r\n\r\n good \t 3.0\r\nfed   up\t-1e0".encode())
    assert read_word_list(path) == {"good": 3, "fed up": -1}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("good\t3\nbad\n", "row 2, field '(row)': got 'bad', expected a word or phrase, a tab, and its valence"),
        ("good\t3\t4\n", "row 1, field '(row)'"),
        ("good\tvery\n", "row 1, field 'valence': got 'very', expected a finite number"),
        ("good\tnan\n", "row 1, field 'valence': got 'nan', expected a finite number"),
        (" \t3\n", "row 1, field 'word': got ' ', expected a word"),
        (
            "good\t3\n\nGOOD\t2\n",
            "row 3, field 'valence': got '2', expected 3, as above for the same entry 'good'",
        ),
        ("\n\n", "got no entries, expected lines of a word"),
        (b"good\t3\n\xff", "got bytes that are no UTF-8 (at byte 7)"),
    ],
)
def test_a_malformed_list_is_refused(tmp_path, content, expected):
    path = tmp_path / "w.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=re.escape(f"{path}") + ".*" + re.escape(expected)):
        read_word_list(path)


def test_a_missing_list_says_where_to_get_one(tmp_path):
    with pytest.raises(DataError, match=r"none is no file: set the judge's path .* afinn==0.1"):
        valence_sum(tmp_path / "none")


# ------------------------------------------------------------------ the coin


@settings(max_examples=60, deadline=None)
@given(comparisons)
def test_the_coin_belongs_to_the_pair(asked):
    check_oracle(Coin(), asked)


def test_the_coin_is_fair():
    thrown = verdicts(Coin(), [Comparison(f"p{n}", "x", "y") for n in range(2000)])
    assert set(thrown) == {A, B}
    assert abs(thrown.count(A) - 1000) < 4 * math.sqrt(500)

"""The vocabulary, and what trains, in one place."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.labels.verdicts import (
    BOTH_BAD,
    SKIP,
    TIE,
    WORDS,
    A,
    B,
    all_turned,
    majority,
    shares,
    trained_by,
    turned,
)
from tests.worlds import ROOT

codes = st.lists(st.sampled_from(range(len(WORDS))), max_size=20).map(lambda c: np.array(c, dtype=np.int8))


def test_a_code_is_a_words_place():
    assert [WORDS[code] for code in (A, B, TIE, BOTH_BAD, SKIP)] == ["a", "b", "tie", "both_bad", "skip"]


@given(codes)
def test_turning_round_swaps_the_winner_and_nothing_else(verdicts):
    other = all_turned(verdicts)
    assert other.dtype == verdicts.dtype
    assert other.tolist() == [turned(v) for v in verdicts.tolist()]
    assert all_turned(other).tolist() == verdicts.tolist()
    assert [(v, w) for v, w in zip(verdicts, other, strict=True) if v != w and {v, w} != {A, B}] == []
    assert ((verdicts == other) == (verdicts >= TIE)).all()


@given(codes)
def test_only_winners_train(verdicts):
    trained = trained_by(shares(verdicts))
    expected = [(n, v, 1 - v) for n, v in enumerate(verdicts.tolist()) if v in (A, B)]
    columns = (trained.rows.tolist(), trained.winner.tolist(), trained.loser.tolist())
    assert list(zip(*columns, strict=True)) == expected
    assert trained.share.tolist() == [1] * len(expected)


def test_a_soft_label_trains_each_way_with_its_share():
    trained = trained_by(np.array([0.25, np.nan, 1.0, 0.5, 0.0]))
    assert trained.rows.tolist() == [0, 0, 2, 3, 3, 4]
    assert trained.winner.tolist() == [A, B, A, A, B, B]
    assert trained.loser.tolist() == [B, A, B, B, A, A]
    assert trained.share.tolist() == [0.25, 0.75, 1, 0.5, 0.5, 1]


def test_the_majority_of_votes():
    votes = [[2, 1, 9, 9, 9], [1, 2, 0, 0, 0], [1, 1, 0, 0, 3], [0, 0, 0, 0, 0]]
    assert majority(np.array(votes)).tolist() == [A, B, TIE, TIE]


LISTS = re.compile(r"""["']a["'],\s*["']b["'],\s*["']tie["']|1 - (\w+\.)?(verdict|back)\b|Literal\[["']a["'],""")


@pytest.mark.parametrize("folder", ["prefloop", "stages", "cli"])
def test_no_other_file_lists_the_words_or_turns_a_verdict_by_hand(folder):
    found = [str(p.relative_to(ROOT)) for p in (ROOT / folder).rglob("*.py") if LISTS.search(p.read_text())]
    # Which side stood left is no verdict.
    assert set(found) <= {"prefloop/labels/verdicts.py", "prefloop/labels/label.py"}

"""Out, filled in, and back: exactly what was said, whatever the format and whichever answer stood left."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.desk.budget import Budget
from prefloop.exchange.label_files.cells import guarded, unguarded
from prefloop.exchange.label_files.formats import Format
from prefloop.exchange.label_files.take import import_file
from prefloop.labels.log import LabelLog
from tests.exchange.label_files.helpers import PAIRS, PARAMS, copied, export, fill, questions

WORDS = st.sampled_from(["left", "right", "tie", "both_bad", "skip", None])


def taken(path, layout, params=PARAMS, **changes):
    options = {"annotator": None, "replacing": False, "dry_run": False} | changes
    return import_file(path, layout, Budget.of(params), **options)


def verdict_of(question, word):
    """What a word of people says of the completions a and b."""
    if word not in ("left", "right"):
        return word
    return "a" if (word == "left") != question.is_turned else "b"


@settings(max_examples=6)
@given(words=st.lists(WORDS, min_size=PAIRS, max_size=PAIRS))
@pytest.mark.parametrize("form", Format)
def test_what_was_said_comes_back(campaign, words, form):
    with tempfile.TemporaryDirectory() as name:
        layout = copied(campaign, Path(name))
        asked = questions(layout)
        said = {one.pair_id: word for one, word in zip(asked, words, strict=True) if word}
        path = fill(export(layout, Path(name), form), form, said, strength="slightly")
        done = taken(path, layout)
        assert (len(done.new), done.known, done.conflicting, done.unknown) == (len(said), (), (), ())
        lines = {line["pair_id"]: line for line in LabelLog(layout.labels).read_on().lines.to_pylist()}
        assert lines.keys() == said.keys()
        for one in asked:
            if one.pair_id in said:
                line, word = lines[one.pair_id], said[one.pair_id]
                assert line["verdict"] == verdict_of(one, word)
                assert line["shown_left"] == ("b" if one.is_turned else "a")
                assert (line["annotator"], line["round"], line["source"]) == ("ann", 2, "human")
                assert line["strength"] == (0.5 if word in ("left", "right") else None)
        before = layout.labels.read_bytes()
        again = taken(path, layout)
        assert (len(again.new), len(again.known)) == (0, len(said))
        assert layout.labels.read_bytes() == before


def test_both_orders_occur(campaign):
    assert {one.is_turned for one in questions(campaign)} == {True, False}


@given(st.text())
def test_a_guarded_cell_reads_back(text):
    cell = guarded(text)
    assert unguarded(cell) == text.replace("\r\n", "\n").replace("\r", "\n")
    assert cell.lstrip()[:1] not in ("=", "+", "-", "@")

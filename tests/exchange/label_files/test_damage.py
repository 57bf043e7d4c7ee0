"""Damaged label files: one message that names the file, or whole rows taken; never half of a file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.errors import PrefloopError
from prefloop.exchange.label_files.formats import Format
from prefloop.labels.log import LabelLog
from tests.exchange.label_files.helpers import copied, export, fill, questions
from tests.exchange.label_files.test_round_trip import taken, verdict_of


@pytest.fixture(scope="module")
def filled(campaign, tmp_path_factory):
    """Every format with all questions answered, and what was said of them."""
    asked = questions(campaign)
    words = {one.pair_id: ("left", "right", "tie")[place % 3] for place, one in enumerate(asked)}
    contents = {}
    for form in Format:
        path = fill(export(campaign, tmp_path_factory.mktemp(form.value), form), form, words)
        contents[form] = (path.name, path.read_bytes())
    return contents, {one.pair_id: verdict_of(one, words[one.pair_id]) for one in asked}


@settings(max_examples=12)
@given(data=st.data())
@pytest.mark.parametrize("form", Format)
def test_damage_is_refused_or_harmless(campaign, filled, form, data):
    contents, said = filled
    name, content = contents[form]
    place = data.draw(st.integers(0, len(content)))
    kind = data.draw(st.sampled_from(["cut", "put", "drop", "twice"]))
    damaged = {
        "cut": content[:place],
        "put": content[:place] + data.draw(st.binary(min_size=1, max_size=4)) + content[place:],
        "drop": content[:place] + content[place + data.draw(st.integers(1, 80)) :],
        "twice": content[:place] + content[max(0, place - 50) :],
    }[kind]
    with tempfile.TemporaryDirectory() as folder:
        layout = copied(campaign, Path(folder))
        path = Path(folder) / name
        path.write_bytes(damaged)
        refused, done = "", None
        try:
            done = taken(path, layout)
        except PrefloopError as error:
            refused = str(error)
        if done is None:
            assert str(path) in refused
            assert layout.labels.read_bytes() == b""
            return
        lines = LabelLog(layout.labels).read_on().lines.to_pylist()
        assert len(lines) == len(done.new)
        assert {line["pair_id"] for line in lines} <= said.keys()
        before = layout.labels.read_bytes()
        assert len(taken(path, layout).new) == 0
        assert layout.labels.read_bytes() == before

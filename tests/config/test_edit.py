"""Values changed in place: what was not named stays, byte for byte."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from prefloop.config.edit import with_values
from tests.worlds import ROOT

TEXT = (ROOT / "params.yaml").read_text()
KEYS = ["data.source", "data.files", "data.split.test", "campaign.batch", "benchmark.policies", "page.title"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


def at(content, key):
    for step in key.split("."):
        content = content[step]
    return content


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_only_what_was_named_differs(changes):
    before, after = TEXT.splitlines(), with_values(TEXT, changes).splitlines()
    assert len(before) == len(after)
    differing = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    names = {key.split(".")[-1] for key in changes}
    assert {one.split(":")[0].strip() for one, _ in differing} <= names
    for _, line in differing:
        ((name, value),) = yaml.safe_load(line).items()
        assert value in [new for key, new in changes.items() if key.endswith(name)]


def test_the_values_are_there_for_who_reads_the_file():
    changes = {"data.files": [{"path": "a: b.jsonl"}], "campaign.audit": 0.2, "page.title": "Wie? 'So' # nicht"}
    content = yaml.safe_load(with_values(TEXT, changes))
    assert {key: at(content, key) for key in changes} == changes


@pytest.mark.parametrize("key", ["campaign.nothing", "nothing", "campaign.batch.more"])
def test_an_unknown_key_is_no_change(key):
    with pytest.raises(KeyError):
        with_values(TEXT, {key: 1})

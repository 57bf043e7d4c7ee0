"""Ids depend on content alone; the source behind a module is all that it imports."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prefloop.io.hashing import (
    completion_id,
    file_digest,
    pair_id,
    prompt_id,
    text_id,
    unit_interval,
)

TEXTS = st.lists(st.text(), max_size=4).map(tuple)


@given(one=TEXTS, two=TEXTS)
def test_ids_differ_where_parts_differ(one, two):
    assert (text_id(*one) == text_id(*two)) == (one == two)


def test_ids_are_for_ever():
    # Changing them would disown every label that was ever paid for.
    assert prompt_id("Why?") == text_id("prompt", "Why?")
    one = completion_id(prompt_id("Why?"), "So.")
    assert one == "4680803cf3eac61de57f1efb2c4cf3cb"
    assert pair_id(one, completion_id(prompt_id("Why?"), "Ünd?")) == "3abea40a8e7f8b44e32889aedb0de45a"


@given(one=st.text(), two=st.text())
def test_a_pair_has_no_order(one, two):
    assert pair_id(one, two) == pair_id(two, one)


def test_numbers_from_hashes_are_uniform():
    values = np.array([unit_interval("salt", str(n)) for n in range(4000)])
    assert 0 <= values.min() < 0.01
    assert 0.99 < values.max() < 1
    assert abs(values.mean() - 0.5) < 0.02
    counts = np.histogram(values, 10, (0, 1))[0]
    assert ((counts - 400) ** 2 / 400).sum() < 27.9  # chi-squared with 9 degrees of freedom, p = 0.001


def test_a_file_s_digest_depends_on_its_content_alone(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x" * 3_000_000)
    assert file_digest(tmp_path / "a") == file_digest(tmp_path / "b")
    (tmp_path / "b").write_bytes(b"x" * 2_999_999 + b"y")
    assert file_digest(tmp_path / "a") != file_digest(tmp_path / "b")

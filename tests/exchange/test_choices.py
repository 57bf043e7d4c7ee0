"""What a card concludes from how its rows were chosen: by the kinds of the rows, not of what was issued."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.exchange.choices import Choices
from tests.campaign.campaigns import issued_of
from tests.labels.helpers import label

KINDS = ("audit", "policy", "relabel", None)


def ids(numbers):
    return [label(number).pair_id for number in numbers]


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=8), st.data())
def test_every_labelled_pair_and_every_row_is_counted_once(kinds, data):
    count = len(kinds)
    issued = pa.concat_tables(
        [issued_of(), *(issued_of(n, kind=kind, round_=n % 3) for n, kind in enumerate(kinds) if kind)]
    )
    # Asked about again, and issued without a label.
    issued = pa.concat_tables([issued, issued_of(*range(count), kind="relabel", round_=9).slice(0, count)])
    known = [kind is not None for kind in kinds]
    issued = issued if all(known) else issued.filter(pa.array([row["round"] < 9 for row in issued.to_pylist()]))
    issued = pa.concat_tables([issued, issued_of(100, kind="audit")])
    exported = data.draw(st.lists(st.sampled_from(range(count)), min_size=1, unique=True))
    choices = Choices.of(issued, ids(range(count)), ids(exported))
    rows = choices.rows()
    assert sum(row[3] for row in rows) == count
    assert sum(row[4] for row in rows) == len(exported)
    for kind in KINDS:
        of_kind = [row for row in rows if row[1] == (kind or "not recorded")]
        assert sum(row[3] for row in of_kind) == kinds.count(kind)
        assert sum(row[4] for row in of_kind) == sum(kinds[n] == kind for n in exported)
    assert ("no random sample" in choices.text()) == any(kinds[n] in ("policy", "relabel") for n in exported)
    assert ("drawn at random under" in choices.text()) == any(kinds[n] == "audit" for n in exported)


@pytest.mark.parametrize("issued", [None, issued_of(), issued_of(7)])
def test_without_a_record_nothing_is_concluded(issued):
    choices = Choices.of(issued, ids([0, 1]), ids([0]))
    assert choices.text().startswith("It is not recorded how the pairs were chosen.")
    assert choices.rows() == [("", "not recorded", "", 2, 1)]


def test_a_set_of_audit_pairs_alone_is_no_policys():
    text = Choices.of(issued_of(0, 1, 2), ids([0, 1, 2]), ids([0, 1])).text()
    assert text == (
        "Of 2 rows: 2 of kind `audit`. All rows were drawn at random under `data.target`; labelled pairs of "
        "that kind without a winner, left out: 1."
    )


def test_a_set_without_audit_pairs_says_so():
    text = Choices.of(issued_of(0, 1, kind="policy"), ids([0, 1, 5]), ids([0, 1, 5])).text()
    assert text.startswith("Of 3 rows: 2 of kind `policy`, 1 not recorded. A policy chooses pairs because")
    assert "those without a record" in text
    assert text.endswith("nothing about the pool can be estimated without bias.")

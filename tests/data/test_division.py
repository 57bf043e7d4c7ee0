"""Divisions of the stored tables: nothing on both sides, nothing lost without being counted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.config.data import Leaks, Split
from prefloop.data.division import Division, divide
from prefloop.data.prepare import prepare
from prefloop.data.prepared import SPLITS, Prepared, load_prepared
from prefloop.data.records import PairRecord, Record, ResponsesRecord
from prefloop.errors import DataError
from prefloop.messages.message import Turns

OPEN = Split(val=0, test=0, salt="s", per_seed=True, max_prompt_share=1)
LEAKS = Leaks(similarity=0.8, most=0)


def config(test: float = 0.4, val: float = 0.0, share: float = 0.1) -> Split:
    return Split(val=val, test=test, salt="s", per_seed=True, max_prompt_share=share)


def stored(records: list[Record]) -> Prepared:
    with tempfile.TemporaryDirectory() as folder:
        prepare(records, OPEN, Path(folder) / "prepared", LEAKS)
        return load_prepared(Path(folder) / "prepared")


def pair(prompt: str, a: str, b: str) -> PairRecord:
    return PairRecord(Turns(prompt), Turns(a), Turns(b), "a", "src")


def small(count: int) -> list[Record]:
    return [pair(f"prompt {k}", f"yes {k}", f"no {k}") for k in range(count)]


def side_of(division: Division) -> dict[str, set[str]]:
    """Splits of each completion id."""
    sides: dict[str, set[str]] = {}
    for split in SPLITS:
        for identity in division.prepared.completion_ids[division.prepared.completions_of(split)].to_pylist():
            sides.setdefault(identity, set()).add(split)
    return sides


def check(division: Division, tables: Prepared) -> None:
    """What holds for every division."""
    prepared = division.prepared
    assert all(len(sides) == 1 for sides in side_of(division).values())
    assert prepared.completion_ids.equals(tables.completion_ids.take(division.completions))
    assert prepared.prompt_ids.equals(tables.prompt_ids.take(division.prompts))
    np.testing.assert_array_equal(prepared.text, tables.text[division.completions])
    # Pairs keep their completions, and stand by prompt, first and second completion.
    np.testing.assert_array_equal(division.completions[prepared.pair_a], tables.pair_a[division.pairs])
    np.testing.assert_array_equal(division.completions[prepared.pair_b], tables.pair_b[division.pairs])
    np.testing.assert_array_equal(prepared.completion_prompt[prepared.pair_a], prepared.pair_prompt)
    keys = list(zip(prepared.pair_prompt, prepared.pair_a, prepared.pair_b, strict=True))
    assert keys == sorted(keys)
    assert (np.diff(prepared.split) >= 0).all()
    assert (np.diff(prepared.offsets) >= 2).all() if len(prepared.split) else True
    assert len(division.pairs) + division.crossing == len(tables.pair_a)


RECORDS = st.lists(
    st.one_of(
        st.builds(
            pair, st.sampled_from(["P", "Q", "R", "S"]), st.sampled_from("abcdef"), st.sampled_from("ghijkl")
        ),
        st.builds(lambda p, k: pair(p, f"x {k}", f"y {k}"), st.sampled_from(["P", "T"]), st.integers(0, 30)),
        st.builds(
            lambda p, k: ResponsesRecord(Turns(p), tuple(Turns(f"r {n}") for n in range(k)), None, None, "src"),
            st.sampled_from(["U", "V"]),
            st.integers(2, 5),
        ),
    ),
    min_size=12,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.integers(0, 50), st.sampled_from([0.05, 0.3, 1.0]))
def test_no_completion_is_on_both_sides_and_every_pair_is_accounted_for(records, salt, share):
    tables = stored(records)
    try:
        division = divide(tables, config(share=share), f"salt {salt}")
    except DataError:  # a side without any prompt; its own test is below
        return
    check(division, tables)


def test_prompts_go_by_their_hash_and_other_data_leave_them_where_they_are():
    few, more = stored(small(200)), stored(small(400))
    where = []
    for tables in (few, more):
        prepared = divide(tables, config(0.3, 0.1), "s").prepared
        where.append(dict(zip(prepared.prompt_ids.to_pylist(), prepared.split.tolist(), strict=True)))
    assert {identity: where[1][identity] for identity in where[0]} == where[0]
    assert len(set(where[0].values())) == 3


def test_another_salt_is_another_division_and_the_same_salt_the_same():
    tables = stored(small(300))
    first, again, other = (divide(tables, config(), salt) for salt in ("a", "a", "b"))
    np.testing.assert_array_equal(first.prompts, again.prompts)
    assert not np.array_equal(first.prompts, other.prompts)
    common = np.isin(
        first.prompts[first.prepared.prompts_of("test")], other.prompts[other.prepared.prompts_of("test")]
    )
    assert common.mean() == pytest.approx(0.4, abs=0.12)


def test_a_large_prompt_of_separate_pairs_is_on_both_sides_without_a_loss():
    tables = stored(small(100) + [pair("generic", f"x {k}", f"y {k}") for k in range(100)])
    division = divide(tables, config(), "s")
    check(division, tables)
    ids = division.prepared.prompt_ids.to_pylist()
    generic = tables.prompt_ids[int(division.divided[0])].as_py()
    assert (len(division.divided), ids.count(generic), division.crossing) == (1, 2, 0)
    in_test = [ids[row] for row in division.prepared.pair_prompt[division.prepared.pairs_of("test")]]
    assert in_test.count(generic) == pytest.approx(40, abs=15)


def test_a_large_prompt_in_which_all_is_compared_is_cut_completion_by_completion():
    dense = [pair("dense", f"a {i}", f"b {j}") for i in range(12) for j in range(12)]
    tables = stored(small(100) + dense)
    division = divide(tables, config(), "s")
    check(division, tables)
    # Of 24 completions about 40 % are in test: the pairs across the cut, about half, are left out and counted.
    assert 20 < division.crossing < 110
    assert len(division.prepared.prompt_ids) == 102


def test_a_prompt_at_the_largest_share_stays_whole():
    tables = stored(small(180) + [pair("tenth", f"x {k}", f"y {k}") for k in range(20)])
    assert not len(divide(tables, config(share=0.1), "s").divided)
    assert len(divide(tables, config(share=0.099), "s").divided) == 1


def test_a_small_prompt_stays_whole_however_large_its_share():
    tables = stored(small(40) + [pair("few", f"x {k}", f"y {k}") for k in range(19)])
    division = divide(tables, config(), "s")
    assert (len(division.divided), division.crossing) == (0, 0)


@pytest.mark.parametrize(
    ("count", "split", "message"),
    [
        (1, config(0.5), r"split is empty|no prompt is left for the pool"),
        (
            40,
            Split(val=0.1, test=0.9 - 1e-9, salt="s", per_seed=True, max_prompt_share=1),
            "left for the pool|empty",
        ),
    ],
)
def test_a_division_without_a_pool_or_with_an_empty_split_is_refused(count, split, message):
    with pytest.raises(DataError, match=message):
        divide(stored(small(count)), split, "s")

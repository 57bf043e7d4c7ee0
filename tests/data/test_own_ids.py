"""Ids that rows came with: numbered without regard to their order, and looked up again for any pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.config.data import Leaks, Split
from prefloop.data.compared import own_ids
from prefloop.data.own_ids import OwnIds, lists_of
from prefloop.data.prepare import prepare
from prefloop.data.records import PairRecord, Record, ResponsesRecord
from prefloop.errors import StateError
from prefloop.io.arrays import read_table
from prefloop.io.hashing import completion_id, pair_id, prompt_id
from prefloop.messages.message import Turns

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)


@given(st.lists(IDS, max_size=12))
def test_ids_are_numbered_in_alphabetical_order(came: list[str]) -> None:
    kept = OwnIds()
    assert [kept.add(own_id) for own_id in came] == list(range(len(came)))
    numbers, ids = kept.sorted()
    assert ids.to_pylist() == sorted(set(came))
    assert [ids[int(number)].as_py() for number in numbers] == came


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), unique=True).map(sorted), st.data())
def test_a_part_of_the_lists_is_the_lists_of_a_part(named: list[tuple[int, int]], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, 10))
    stop = data.draw(st.integers(start, 10))
    numbered = np.array(named, dtype=np.int64).reshape(-1, 2)
    lists = lists_of(numbered, pa.array([*"abcde"], pa.large_string()), slice(start, stop))
    assert lists.to_pylist() == [["abcde"[k] for row, k in named if row == n] for n in range(start, stop)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records: list[Record] = [
        PairRecord(Turns("P"), Turns("x"), Turns("y"), None, "src", id="007"),
        PairRecord(Turns("P"), Turns("y"), Turns("x"), "a", "src", id="second"),
        PairRecord(Turns("P"), Turns("x"), Turns("z"), None, "src"),
        ResponsesRecord(Turns("Q"), (Turns("x"), Turns("y"), Turns("z")), None, None, "src", ids=("q-1",)),
    ]
    folder = tmp_path_factory.mktemp("ids") / "prepared"
    split = Split(val=0, test=0, salt="s", per_seed=True, max_prompt_share=1)
    prepare(records, split, folder, Leaks(similarity=0.8, most=0))
    return folder


def asked(*pairs: tuple[str, str, str]) -> pa.Table:
    prompts = [prompt_id(prompt) for prompt, _, _ in pairs]
    ids = [
        pair_id(completion_id(identity, a), completion_id(identity, b))
        for identity, (_, a, b) in zip(prompts, pairs, strict=True)
    ]
    return pa.table({"pair_id": pa.array(ids, pa.string()), "prompt_id": pa.array(prompts, pa.string())})


def test_listed_pairs_have_their_rows_ids_and_formed_ones_their_prompts(prepared: Path) -> None:
    pairs = asked(("Q", "x", "y"), ("P", "y", "x"), ("P", "x", "z"), ("Q", "z", "y"), ("P", "x", "y"))
    assert own_ids(prepared, pairs) == [["q-1"], ["007", "second"], [], ["q-1"], ["007", "second"]]
    assert own_ids(prepared, pairs.slice(0, 0)) == []
    prompts = read_table(prepared / "prompts.parquet").to_pylist()
    assert {row["prompt"]: row["ids"] for row in prompts} == {"P": ["007", "second"], "Q": ["q-1"]}


def test_a_pair_of_other_data_has_none_and_missing_tables_are_named(prepared: Path, tmp_path: Path) -> None:
    assert own_ids(prepared, asked(("R", "x", "y"))) == [[]]
    with pytest.raises(StateError, match=r"pairs.parquet is missing"):
        own_ids(tmp_path, asked(("R", "x", "y")))

from __future__ import annotations

import random
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.config.data import Leaks, Split
from prefloop.data.prepare import prepare
from prefloop.data.prepared import STORED, load_prepared
from prefloop.data.records import PairRecord, Record, ResponsesRecord
from prefloop.io.hashing import completion_id, pair_id, prompt_id
from prefloop.messages.message import Turns

SPLIT = Split(val=0, test=0, salt="s", max_prompt_share=0.5, per_seed=True)
LEAKS = Leaks(similarity=0.8, most=2)
TEXTS = st.sampled_from(["x", "y", "z", "ü", "x ", "long " * 20]).map(Turns)
PROMPTS = st.sampled_from([f"prompt {k}" for k in range(5)]).map(Turns)
FIXED = st.sampled_from([None, None, "pool", "val", "test", "ood"])
SOURCES = st.sampled_from(["b.jsonl", "a.jsonl"])
NAMES = st.sampled_from([None, "m", "n"])
OWN_IDS = st.sampled_from([None, "007", "7", "ünï 1", "10", "\ud800"])

PAIRS = st.builds(
    PairRecord,
    prompt=PROMPTS,
    completion_a=TEXTS,
    completion_b=TEXTS,
    verdict=st.sampled_from(["a", "b", "tie", None]),
    source=SOURCES,
    split=FIXED,
    model_a=NAMES,
    model_b=NAMES,
    annotator=NAMES,
    id=OWN_IDS,
)


@st.composite
def responses(draw: st.DrawFn) -> ResponsesRecord:
    texts = draw(st.lists(TEXTS, min_size=1, max_size=4))
    scores = st.lists(st.floats(-1e6, 1e6), min_size=len(texts), max_size=len(texts))
    models = st.lists(st.sampled_from(["m", "n"]), min_size=len(texts), max_size=len(texts))
    return ResponsesRecord(
        draw(PROMPTS),
        tuple(texts),
        draw(st.none() | scores.map(tuple)),
        draw(st.none() | models.map(tuple)),
        draw(SOURCES),
        draw(FIXED),
        ids=tuple(draw(st.lists(OWN_IDS.filter(bool), max_size=2))),  # type: ignore[arg-type]
    )


# A prompt of its own for the pool and one for ood: neither can be left empty.
BASE: list[Record] = [
    PairRecord(Turns(f"only {s}"), Turns("x"), Turns("y"), "a", "a.jsonl", s) for s in ("pool", "ood")
]  # type: ignore[arg-type]
RECORDS = st.lists(PAIRS | responses(), max_size=25).map(lambda records: BASE + records)


def swapped(record: Record) -> Record:
    if isinstance(record, ResponsesRecord):
        return record
    return PairRecord(
        prompt=record.prompt,
        completion_a=record.completion_b,
        completion_b=record.completion_a,
        verdict={"a": "b", "b": "a", "tie": "tie", None: None}[record.verdict],  # type: ignore[arg-type]
        source=record.source,
        split=record.split,
        model_a=record.model_b,
        model_b=record.model_a,
        annotator=record.annotator,
        id=record.id,
    )


def outputs(records: list[Record], check: bool = False) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "prepared"
        prepare(records, SPLIT, folder, LEAKS)
        if check:
            check_tables(folder)
            check_ids(folder, records)
            check_answered(folder)
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def check_tables(folder: Path) -> None:
    tables = {
        n: pq.read_table(folder / f"{n}.parquet").to_pylist()
        for n in ("prompts", "completions", "pairs", "oracle")
    }
    prompts = {row["prompt_id"]: row for row in tables["prompts"]}
    completions = {row["completion_id"]: row for row in tables["completions"]}
    assert len(prompts) == len(tables["prompts"])
    assert len(completions) == len(tables["completions"])
    assert len({row["pair_id"] for row in tables["pairs"]}) == len(tables["pairs"])
    assert all(identity == prompt_id(row["prompt"]) for identity, row in prompts.items())
    assert all(identity == completion_id(row["prompt_id"], row["text"]) for identity, row in completions.items())
    for row in tables["pairs"]:
        a, b = completions[row["completion_a"]], completions[row["completion_b"]]
        assert row["completion_a"] < row["completion_b"]
        assert a["prompt_id"] == b["prompt_id"] == row["prompt_id"]
        assert row["pair_id"] == pair_id(row["completion_a"], row["completion_b"])
    known = {"pair": {row["pair_id"] for row in tables["pairs"]}, "completion": set(completions)}
    assert all(row["id"] in known[row["kind"]] and row["prompt_id"] in prompts for row in tables["oracle"])
    keys = [(STORED.index(row["split"]), row["prompt_id"]) for row in tables["prompts"]]
    assert keys == sorted(keys)
    row_of = {identity: number for number, identity in enumerate(prompts)}
    keys = [(row_of[row["prompt_id"]], row["completion_id"]) for row in tables["completions"]]
    assert keys == sorted(keys)
    assert min(load_prepared(folder).offsets[1:] - load_prepared(folder).offsets[:-1]) >= 2


def check_ids(folder: Path, records: list[Record]) -> None:
    """Every pair and prompt has the ids of its rows, those that another split's prompt keeps out left out."""
    prompts, pairs = (pq.read_table(folder / f"{name}.parquet").to_pylist() for name in ("prompts", "pairs"))
    split_of = {row["prompt_id"]: row["split"] for row in prompts}
    ids: dict[str, set[str]] = {row["prompt_id"]: set() for row in prompts}
    ids |= {row["pair_id"]: set() for row in pairs}
    for record in records:
        prompt = prompt_id(record.prompt.plain)
        if record.split not in (None, split_of.get(prompt)):
            continue
        keys = [prompt]
        if isinstance(record, PairRecord):
            if record.completion_a == record.completion_b:
                continue
            sides = (completion_id(prompt, turns.plain) for turns in (record.completion_a, record.completion_b))
            keys.append(pair_id(*sides))
        named = record.ids if isinstance(record, ResponsesRecord) else [record.id]
        for key in keys:
            ids.get(key, set()).update(own_id.replace("\ud800", "?") for own_id in named if own_id)
    assert {row["prompt_id"]: row["ids"] for row in prompts} | {row["pair_id"]: row["ids"] for row in pairs} == {
        key: sorted(named) for key, named in ids.items()
    }


def check_answered(folder: Path) -> None:
    """A completion is answered if a verdict compares it, or if it is one of several scored ones of its prompt."""
    completions, pairs, oracle = (
        pq.read_table(folder / f"{name}.parquet").to_pylist() for name in ("completions", "pairs", "oracle")
    )
    judged = {row["id"] for row in oracle if row["kind"] == "pair"}
    expected = {
        row[side] for row in pairs if row["pair_id"] in judged for side in ("completion_a", "completion_b")
    }
    scored = [row for row in oracle if row["kind"] == "completion"]
    counts = Counter(row["prompt_id"] for row in scored)
    expected |= {row["id"] for row in scored if counts[row["prompt_id"]] > 1}
    assert {row["completion_id"] for row in completions if row["answered"]} == expected


@settings(max_examples=60, deadline=None)
@given(RECORDS)
def test_ids_order_and_references_hold(records: list[Record]) -> None:
    outputs(records, check=True)


@settings(max_examples=40, deadline=None)
@given(RECORDS, st.randoms(use_true_random=False), st.data())
def test_neither_the_order_of_rows_nor_that_of_answers_matters(
    records: list[Record], shuffler: random.Random, data: st.DataObject
) -> None:
    other = [swapped(record) if data.draw(st.booleans()) else record for record in records]
    shuffler.shuffle(other)
    assert outputs(other) == outputs(records)


@settings(max_examples=25, deadline=None)
@given(RECORDS)
def test_copied_rows_change_nothing_but_their_count(records: list[Record]) -> None:
    once, twice = outputs(records), outputs(records + records)
    assert once.pop("report.json") != twice.pop("report.json")
    assert once == twice

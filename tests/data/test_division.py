"""Divisions of the stored tables: nothing on both sides, nothing lost without being counted."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.config.data import Leaks, Split
from prefloop.data.division import Division, Usable, divide
from prefloop.data.prepare import prepare
from prefloop.data.prepared import AUTO, POOL, SPLITS, Prepared, load_prepared
from prefloop.data.records import PairRecord, Record, ResponsesRecord
from prefloop.errors import DataError
from prefloop.labels.verdicts import Word
from prefloop.messages.message import Turns
from tests.evaluation.downstream.tables import make_prepared

OPEN = Split(val=0, test=0, salt="s", per_seed=True, max_prompt_share=1)
LEAKS = Leaks(similarity=0.8, most=0)


def config(test: float = 0.4, val: float = 0.0, share: float = 0.1) -> Split:
    return Split(val=val, test=test, salt="s", per_seed=True, max_prompt_share=share)


def stored(records: list[Record]) -> Prepared:
    with tempfile.TemporaryDirectory() as folder:
        prepare(records, OPEN, Path(folder) / "prepared", LEAKS)
        return load_prepared(Path(folder) / "prepared")


def pair(prompt: str, a: str, b: str, verdict: Word | None = "a") -> PairRecord:
    return PairRecord(Turns(prompt), Turns(a), Turns(b), verdict, "src")


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


@st.composite
def answered_in_part(draw: st.DrawFn) -> Prepared:
    """Tables of prompts, some of which ask the same question, with listed pairs and without, answered anywhere."""
    sizes = draw(st.lists(st.integers(2, 60), min_size=4, max_size=12))
    starts = np.cumsum([0, *sizes])
    listed = [
        (starts[q] + 2 * k, starts[q] + 2 * k + 1)
        for q, size in enumerate(sizes)
        for k in range(draw(st.integers(0, size // 2)))
    ]
    tables = make_prepared(sizes, listed=listed)
    share, rng = draw(st.sampled_from([0.0, 0.02, 0.3, 1.0])), np.random.default_rng(draw(st.integers(0, 99)))
    questions = [f"n{draw(st.integers(0, q))}" for q in range(len(sizes))]
    return replace(
        tables,
        split=np.full(len(sizes), AUTO, dtype=np.int8),
        normal_ids=pa.array(questions),
        answered=rng.random(len(tables.completion_ids)) < share,
    )


def divided(tables: Prepared, salt: int, usable: Usable | None = None) -> Division | None:
    try:
        return divide(tables, config(), str(salt), usable)
    except DataError:  # a side without any prompt; its own test is below
        return None


@settings(max_examples=60, deadline=None)
@given(answered_in_part(), st.integers(0, 50))
def test_what_cannot_be_scored_is_in_the_pool_and_the_rest_where_it_was(tables, salt):
    division, before = divided(tables, salt), divided(replace(tables, answered=all_of(tables)), salt)
    if division is None or before is None:
        return
    check(division, tables)
    sides, earlier = side_of(division), side_of(before)
    questions = tables.normal_ids.to_pylist()
    # A question is scored in any of its spellings, or in none.
    scored = {questions[prompt] for prompt in tables.completion_prompt[tables.answered]}
    cut = set(division.divided.tolist())
    columns = (tables.completion_ids.to_pylist(), tables.completion_prompt.tolist(), tables.answered.tolist())
    for identity, prompt, has_answer in zip(*columns, strict=True):
        if questions[prompt] not in scored:
            assert sides[identity] == {"pool"}
        elif identity in sides and identity in earlier and (has_answer or prompt not in cut):
            assert sides[identity] == earlier[identity]
    assert {questions[prompt] for prompt in division.prompts[division.prepared.split != POOL]} <= scored


@settings(max_examples=60, deadline=None)
@given(answered_in_part(), st.integers(0, 50))
def test_a_simulated_run_divides_as_if_every_prompt_had_an_answer(tables, salt):
    usable = Usable(tables.answered, tables.answered[tables.pair_a] & tables.answered[tables.pair_b])
    division, same = (divided(of, salt, usable) for of in (tables, replace(tables, answered=all_of(tables))))
    assert (division is None) == (same is None)
    if division is not None and same is not None:
        np.testing.assert_array_equal(division.completions, same.completions)
        np.testing.assert_array_equal(division.prepared.split, same.prepared.split)


def all_of(tables: Prepared) -> np.ndarray:
    return np.ones_like(tables.answered)


@pytest.mark.parametrize(("verdict", "scores"), [("b", (3, 1)), ("tie", (0, 0)), ("both_bad", (-1, 2))])
def test_a_division_goes_by_an_answers_being_there_and_not_by_what_it_says(verdict, scores):
    def tables(word, said):
        records = small(20) + [pair(f"p {k}", "x", "y", word if k % 3 else None) for k in range(40)]
        records += [responses(f"r {k}", said if k % 2 else (*said[:1], None)) for k in range(40)]
        return stored(records)

    first, second = divide(tables("a", (1, 2)), config(), "s"), divide(tables(verdict, scores), config(), "s")
    np.testing.assert_array_equal(first.completions, second.completions)
    np.testing.assert_array_equal(first.prepared.split, second.prepared.split)


def responses(prompt: str, scores: tuple[float | None, ...]) -> Record:
    return ResponsesRecord(Turns(prompt), (Turns("x"), Turns("y")), scores, None, "src")


def test_an_unlabelled_pool_has_no_test_and_loses_no_pair():
    generic = [pair("generic", f"x {k}", f"y {k}", None) for k in range(40)]
    records = [pair(f"prompt {k}", f"yes {k}", f"no {k}", None) for k in range(300)] + generic
    division = divide(stored(records), config(0.25, 0.1), "s")
    prepared = division.prepared
    assert prepared.pairs_of("pool") == slice(0, 340)
    assert (len(division.divided), division.crossing) == (0, 0)


def test_a_few_labels_divide_the_labelled_prompts_alone():
    records = [pair(f"prompt {k}", f"yes {k}", f"no {k}", "b" if k < 200 else None) for k in range(1000)]
    tables = stored(records)
    division = divide(tables, config(0.25), "s")
    tested = division.prompts[division.prepared.prompts_of("test")]
    assert 30 < len(tested) < 70
    answered_prompts = set(tables.completion_prompt[tables.answered].tolist())
    assert set(tested.tolist()) <= answered_prompts


def test_of_a_large_prompt_that_is_labelled_in_part_only_labelled_pairs_are_in_the_test():
    large = [pair("generic", f"x {k}", f"y {k}", "a" if k < 100 else None) for k in range(200)]
    tables = stored(small(100) + large)
    division = divide(tables, config(0.4), "s")
    check(division, tables)
    assert (len(division.divided), division.crossing) == (1, 0)
    tested = division.completions[division.prepared.completions_of("test")]
    assert tables.answered[tested].all()
    assert len(tested) > 50


def test_an_empty_test_is_refused_where_all_have_answers_and_in_simulated_runs():
    never = config(1e-9)
    with pytest.raises(DataError, match="the test split is empty"):
        divide(stored(small(20)), never, "s")
    tables = stored([*small(20), pair("R", "x", "y", None)])
    usable = Usable(tables.answered, tables.answered[tables.pair_a])
    assert divide(tables, never, "s").prepared.prompts_of("pool") == slice(0, 21)
    with pytest.raises(DataError, match="the test split is empty"):
        divide(tables, never, "s", usable)

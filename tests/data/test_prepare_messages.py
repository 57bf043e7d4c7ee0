"""Prepared tables of conversations: messages beside plain forms, every vote, and one side for one question."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.config.data import Leaks, Split
from prefloop.data.prepare import prepare
from prefloop.data.prepared import load_prepared
from prefloop.data.records import PairRecord, Place, Record, ResponsesRecord, Unread
from prefloop.io.arrays import read_table
from prefloop.messages.message import Call, Message, Turns
from prefloop.oracle.answers import load_answers

OPEN = Split(val=0, test=0, salt="s", per_seed=True, max_prompt_share=1)
NO_LEAKS = Leaks(similarity=0.8, most=0)
TALK = Turns.prompt([Message("system", "Be brief."), Message("user", "Hi")])
CALLED = Turns.completion([Message("assistant", "", (Call("find", '{"q":"x"}'),)), Message("tool", "3")])


def pair(prompt: Turns | str, a: Turns | str, b: Turns | str, verdict: Any = "a", **more: Any) -> PairRecord:
    turns = [of if isinstance(of, Turns) else Turns(of) for of in (prompt, a, b)]
    return PairRecord(*turns, verdict, "src", more.pop("split", None), **more)


def run(records: list[Any], split: Split = OPEN) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    names = ("prompts", "completions", "pairs", "oracle", "votes")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "prepared"
        report = prepare(records, split, folder, NO_LEAKS)
        return report, {name: read_table(folder / f"{name}.parquet").to_pylist() for name in names}


def test_messages_stand_beside_the_plain_form() -> None:
    _, tables = run([pair(TALK, "x", CALLED), pair("plain", "x", "y")])
    prompts = {row["prompt"]: row["messages"] for row in tables["prompts"]}
    assert prompts == {TALK.plain: TALK.kept, "plain": None}
    answers = {row["text"]: row["messages"] for row in tables["completions"]}
    assert answers == {"x": None, "y": None, CALLED.plain: CALLED.kept}
    assert all(Turns.load(text, kept).kept == kept for text, kept in answers.items())


SPOKEN = st.sampled_from([None, "user", "assistant", "system"])


@st.composite
def ambiguous(draw: st.DrawFn) -> Turns:
    """One of two texts, as itself or as messages that a transcript of it may be."""
    plain, role = draw(st.sampled_from(["one", "two"])), draw(SPOKEN)
    return Turns(plain) if role is None else Turns(plain, (Message(role, plain),))


ROWS = st.one_of(
    st.builds(pair, ambiguous(), ambiguous(), ambiguous()),
    st.builds(
        lambda prompt, answers: ResponsesRecord(prompt, tuple(answers), None, None, "src"),
        ambiguous(),
        st.lists(ambiguous(), min_size=2, max_size=4),
    ),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(ROWS, max_size=8), st.randoms(use_true_random=False))
def test_one_text_has_the_same_messages_whatever_came_first(
    records: list[Record], shuffler: random.Random
) -> None:
    base: list[Record] = [pair("base", "x", "y")]
    other = list(records)
    shuffler.shuffle(other)
    first, second = run(base + records), run(other + base)
    assert first == second
    kept = {row["prompt"]: row["messages"] for row in first[1]["prompts"]}
    assert len(kept) == len(first[1]["prompts"])


def test_the_later_messages_of_a_text_are_left_out_and_counted() -> None:
    as_talk = Turns("x", (Message("user", "x"),))
    report, tables = run([pair("P", as_talk, "z"), pair("P", "x", "y"), pair("P", as_talk, "w")])
    assert report["dropped"]["ambiguous"] == 2
    assert {row["text"]: row["messages"] for row in tables["completions"]} == {"x": None, "y": None}
    report, _ = run([pair("P", as_talk, "x"), pair("P", "x", "x"), pair("P", "x", "y")])
    assert (report["dropped"]["ambiguous"], report["dropped"]["identical_answers"]) == (1, 1)


def test_what_the_reader_leaves_out_is_counted_by_reason() -> None:
    place = Place("f.jsonl", 3)
    report, _ = run([pair("P", "x", "y"), Unread("image", place), Unread("empty", place), Unread("image", place)])
    assert (report["unread"], report["rows"]) == ({"empty": 1, "image": 2}, 1)


def test_every_vote_is_kept(tmp_path: Path) -> None:
    records: list[Any] = [
        pair("P", "x", "y", "a", annotator="anna", strength=3.0),
        pair("P", "y", "x", "b", annotator="bert", strength=1.0),
        pair("P", "x", "y", "both_bad", annotator="carl"),
        pair("P", "x", "y", "skip", annotator="dora"),
        pair("P", "x", "y", "skip", annotator="dora"),
        pair("Q", "x", "y", "skip"),
        pair("R", "x", "y", "both_bad"),
    ]
    report, tables = run(records)
    votes = [(row["annotator"], row["strength"]) for row in tables["votes"] if row["verdict"] in ("a", "b")]
    assert sorted(votes) == [("anna", 3.0), ("bert", 1.0)]
    assert sorted(row["verdict"] for row in tables["votes"])[-4:] == ["both_bad", "both_bad", "skip", "skip"]
    assert report["hidden_answers"]["pairs"] == 2
    assert report["hidden_answers"]["pairs_both_bad"] == 2
    by_strength = {row["strength"]: row for row in tables["oracle"]}
    assert sorted(by_strength[2.0][name] for name in ("votes_a", "votes_b")) == [0, 2]
    assert (by_strength[2.0]["votes_both_bad"], by_strength[None]["votes_both_bad"]) == (1, 1)
    prepare(records, OPEN, tmp_path / "p", NO_LEAKS)
    answers = load_answers(tmp_path / "p", load_prepared(tmp_path / "p"))
    assert sorted(answers.votes.sum(axis=1).tolist()) == [0, 1, 3]


SPELLINGS = ["What is{} tea?", " What\nis{} tea?", "What is\u200b{} tea?", "What\u00a0is{}\r\ntea? "]


def test_one_question_is_on_one_side_however_it_is_spelled() -> None:
    split = Split(val=0.2, test=0.4, salt="s", per_seed=True, max_prompt_share=1)
    records: list[Any] = [
        pair(spelling.format(f" {k}"), f"yes {k} {n}", "no")
        for k in range(40)
        for n, spelling in enumerate(SPELLINGS)
    ]
    # A transcript and a conversation ask the same as the text.
    talk = Message("user", "What is 0 tea?")
    records.append(pair(Turns("Human: What is 0 tea?\n\nAssistant:", (talk,)), "maybe", "no"))
    report, _ = run(records, split)
    assert report["moved"]["prompts_in_several_spellings"] == 161
    assert report["leaks"]["prompts"]["in_pool"] == 0
    assert report["splits"]["test"]["prompts"] > 20


def test_a_fixed_split_holds_for_all_spellings() -> None:
    first, *others = (spelling.format("") for spelling in SPELLINGS)
    records = [pair("base", "x", "y", split="pool"), pair(first, "x", "y", split="test")]
    records += [
        pair(others[0], "x", "y", split="pool"),
        pair(others[1], "x", "y"),
        pair(others[2], "x", "y", split="ood"),
    ]
    records.append(pair("far", "x", "y", split="ood"))
    report, tables = run(records)
    splits = {row["prompt"]: row["split"] for row in tables["prompts"]}
    assert splits == {"base": "pool", "far": "ood", first: "test", others[1]: "test"}
    assert report["dropped"]["rows_in_another_split"] == 2

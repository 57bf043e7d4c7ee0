"""What the pool holds of the test: counted by hand, and near-duplicates against all pairs of texts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.config.data import Leaks, Split
from prefloop.data.leaks import near_duplicates, normalised, shingles, similarity
from prefloop.data.prepare import prepare
from prefloop.data.records import PairRecord, Record, ResponsesRecord
from prefloop.messages.message import Turns
from tests.worlds import make_params

SPLIT = make_params().data.split.model_copy(update={"val": 0.0, "test": 0.0})
LEAKS = Leaks(similarity=0.8, most=1000)
TEXT = st.lists(st.sampled_from("abcd"), min_size=1, max_size=12).map(" ".join)


def pair(prompt: str, a: str, b: str, split: Any = "pool") -> PairRecord:
    return PairRecord(Turns(prompt), Turns(a), Turns(b), "a", "s", split)


def report(folder: Path, records: list[Record], leaks: Leaks = LEAKS, split: Split = SPLIT) -> dict[str, Any]:
    return prepare(records, split, folder / "prepared", leaks)


def words(seed: int, count: int) -> str:
    return " ".join(f"w{n}" for n in np.random.default_rng(seed).integers(0, 10_000, count))


def test_counts_by_hand(tmp_path: Path) -> None:
    records = [
        pair("How  ARE you?", "fine, thank you", "bad"),
        pair("pool only", "shared text", "another"),
        pair("how are\u200b you?", "quite well", "poorly", "test"),
        pair("test only", "shared text", "something else", "test"),
        pair("test also", "one more", "and another", "test"),
    ]
    found = report(tmp_path, records)["leaks"]
    assert found["prompts"] == {"test": 3, "in_pool": 1, "divided": 0, "near": {"looked_at": 2, "found": 0}}
    assert found["completions"] == {"test": 6, "in_pool": 1, "near": {"looked_at": 5, "found": 0}}
    assert found["test_pairs"] == {"test": 3, "with_text_in_pool": 1, "share": round(1 / 3, 6)}


def test_near_duplicates_are_found_in_prompts_and_completions(tmp_path: Path) -> None:
    prompt, text = words(0, 40), words(1, 40)
    records = [
        pair(prompt, text, "no"),
        pair(f"{prompt} indeed", f"{text} indeed", "never", "test"),
        pair(words(2, 40), words(3, 40), words(4, 40), "test"),
    ]
    found = report(tmp_path, records)["leaks"]
    assert found["prompts"]["near"] == {"looked_at": 2, "found": 1}
    assert found["completions"]["near"] == {"looked_at": 4, "found": 1}
    assert found["prompts"]["in_pool"] == found["completions"]["in_pool"] == 0


def test_a_prompt_divided_by_completion_is_named_so(tmp_path: Path) -> None:
    records: list[Record] = [pair("generic", f"yes {k}", f"no {k}", None) for k in range(60)]
    records += [pair(f"rare {k}", f"y {k}", f"n {k}", None) for k in range(40)]
    split = SPLIT.model_copy(update={"test": 0.4, "max_prompt_share": 0.3})
    found = report(tmp_path, records, split=split)
    assert len(found["divided"]["prompts"]) == 1
    assert (found["leaks"]["prompts"]["in_pool"], found["leaks"]["prompts"]["divided"]) == (1, 1)
    assert found["leaks"]["completions"]["in_pool"] == 0


@pytest.mark.parametrize("most", [0, 3])
def test_at_most_so_many_test_texts_are_looked_at_and_always_the_same(tmp_path: Path, most: int) -> None:
    pool = [pair(words(k, 30), words(100 + k, 30), "no") for k in range(8)]
    test = [pair(f"{words(k, 30)} too", f"{words(100 + k, 30)} too", "no", "test") for k in range(8)]
    found = report(tmp_path / "a", [*pool, *test], Leaks(similarity=0.8, most=most))["leaks"]
    again = report(tmp_path / "b", [*test, *pool], Leaks(similarity=0.8, most=most))["leaks"]
    assert found == again
    for kind in ("prompts", "completions"):
        assert found[kind]["near"] == (None if most == 0 else {"looked_at": 3, "found": 3})


def test_without_a_test_split_there_is_nothing_to_leak(tmp_path: Path) -> None:
    found = report(tmp_path, [pair("p", "x", "y")])["leaks"]
    assert found["test_pairs"] == {"test": 0, "with_text_in_pool": 0, "share": None}
    assert found["completions"] == {"test": 0, "in_pool": 0, "near": {"looked_at": 0, "found": 0}}


@given(st.lists(TEXT, max_size=8), st.lists(TEXT, max_size=8), st.sampled_from([0.3, 0.5, 0.8, 1.0]))
@settings(max_examples=80, deadline=None)
def test_what_is_found_is_right_and_equal_texts_always_are(
    texts: list[str], pool: list[str], least: float
) -> None:
    found = near_duplicates(texts, pool, least)
    right = {n for n, text in enumerate(texts) if any(similarity(text, own) >= least for own in pool)}
    assert found <= right
    assert found >= {n for n, text in enumerate(texts) if text in pool}


@pytest.mark.parametrize("least", [0.5, 0.8, 0.9])
def test_nearly_all_near_duplicates_are_found(least: float) -> None:
    rng = np.random.default_rng(0)
    pool, texts = [words(seed, 60) for seed in range(400)], []
    for text in pool:
        changed = text.split()
        for place in rng.integers(0, 60, rng.integers(0, 8)):
            changed[place] = "other"
        texts.append(" ".join(changed))
    right = {n for n, text in enumerate(texts) if similarity(text, pool[n]) >= least}
    assert 20 < len(right) < 400
    found = near_duplicates(texts, pool, least)
    assert found <= right
    assert len(found) >= 0.97 * len(right)


@given(st.text(), st.sampled_from(["\u200b", "\ufeff", "\u00ad", "\x00"]), st.data())
def test_what_no_reader_sees_changes_no_normalised_text(text: str, invisible: str, data: st.DataObject) -> None:
    once = normalised(text)
    assert normalised(once) == once
    assert normalised(f"  {text}\n") == once
    assert normalised(invisible + text) == once
    place = data.draw(st.integers(0, len("plain words")))
    assert normalised("plain words"[:place] + invisible + "plain words"[place:]) == "plain words"


def test_forms_case_and_white_space_fold() -> None:
    assert normalised("Ｆｕｌｌ\u3000ＷＩＤＴＨ") == "full width"
    assert normalised("Cafe\u0301") == normalised("CAFÉ")
    assert normalised("STRASSE") == normalised("straße")
    assert normalised("e\u200d\u0301") == "é"
    assert normalised("a\tb\r\n c") == "a b c"


def test_shingles_are_runs_of_three_words() -> None:
    assert shingles("to be, or not") == {"to be or", "be or not"}
    assert shingles("hello there") == {"hello there"}
    assert shingles("?!") == {"?!"}
    assert similarity("to be or not", "to be or so") == pytest.approx(1 / 3)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_concentration_is_the_divergence_of_pairs_from_prompts(tmp_path_factory: Any, counts: list[int]) -> None:
    records: list[Record] = [
        pair(f"p{q}", f"x{q}", f"y{k}") for q, count in enumerate(counts) for k in range(count)
    ]
    found = report(tmp_path_factory.mktemp("c"), records, Leaks(similarity=0.8, most=0))["concentration"]
    share = np.array(counts) / sum(counts)
    assert found["kl"] == pytest.approx(float((share * np.log(share * len(share))).sum()), abs=1e-6)
    assert found["effective_prompts"] == pytest.approx(len(share) * math.exp(-found["kl"]), abs=1e-3)
    assert found["largest_share"] == pytest.approx(share.max(), abs=1e-6)
    assert (found["prompts"], found["pairs"]) == (len(counts), sum(counts))
    assert 0 <= found["moved"] <= 1 - 1 / len(share)
    if len(set(counts)) == 1:
        assert found["kl"] == found["moved"] == 0
        assert "next to nothing to gain" in found["meaning"]


def test_answers_without_listed_pairs_count_with_all_their_pairs(tmp_path: Path) -> None:
    records: list[Record] = [
        ResponsesRecord(Turns("four"), tuple(map(Turns, "abcd")), None, None, "s", "pool"),
        ResponsesRecord(Turns("two"), tuple(map(Turns, "ef")), None, None, "s", "pool"),
    ]
    found = report(tmp_path, records)["concentration"]
    assert (found["pairs"], found["largest_share"]) == (7, round(6 / 7, 6))
    assert "can gain where every prompt counts the same" in found["meaning"]

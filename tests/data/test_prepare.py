from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from prefloop.config.data import Leaks, Split, SplitName
from prefloop.data.prepare import prepare
from prefloop.data.prepared import load_prepared
from prefloop.data.records import PairRecord, Record, ResponsesRecord
from prefloop.errors import DataError
from prefloop.io.hashing import completion_id, pair_id, prompt_id
from prefloop.labels.verdicts import Compared
from prefloop.messages.message import Turns

TABLES = ("prompts", "completions", "pairs", "oracle", "votes")
NO_SPLIT = Split(val=0, test=0, salt="s", per_seed=True, max_prompt_share=1)
LEAKS = Leaks(similarity=0.8, most=100)


def pair(
    prompt: str, a: str, b: str, verdict: Compared | None = "a", split: SplitName | None = None, **more: Any
) -> PairRecord:
    return PairRecord(Turns(prompt), Turns(a), Turns(b), verdict, "src", split, **more)


def responses(prompt: str, *texts: str, **more: Any) -> ResponsesRecord:
    options = {"scores": None, "models": None, "source": "src", **more}
    return ResponsesRecord(Turns(prompt), tuple(map(Turns, texts)), **options)


def run(
    folder: Path, records: Iterable[Record], split: Split = NO_SPLIT
) -> tuple[dict[str, Any], dict[str, list]]:
    report = prepare(records, split, folder / "prepared", LEAKS)
    tables = {name: pq.read_table(folder / "prepared" / f"{name}.parquet").to_pylist() for name in TABLES}
    load_prepared(folder / "prepared")
    return report, tables


def many(count: int, start: int = 0, **more: Any) -> list[Record]:
    return [pair(f"prompt {k}", f"yes {k}", f"no {k}", **more) for k in range(start, start + count)]


def test_ids_and_votes_follow_the_smaller_id(tmp_path: Path) -> None:
    _, tables = run(tmp_path, [pair("P", "x", "y", "a")])
    p = prompt_id("P")
    x, y = completion_id(p, "x"), completion_id(p, "y")
    assert tables["prompts"] == [
        {"prompt_id": p, "prompt": "P", "messages": None, "normal_id": None, "split": "auto", "source": "src"}
        | {"ids": []}
    ]
    assert [row["completion_id"] for row in tables["completions"]] == sorted([x, y])
    (listed,) = tables["pairs"]
    assert (listed["completion_a"], listed["completion_b"]) == (min(x, y), max(x, y))
    assert listed["pair_id"] == pair_id(x, y)
    (hidden,) = tables["oracle"]
    assert (hidden["kind"], hidden["id"], hidden["score"]) == ("pair", pair_id(x, y), None)
    assert (hidden["votes_a"], hidden["votes_b"]) == ((1, 0) if x < y else (0, 1))


def test_copied_rows_are_one_vote_and_other_annotators_are_more(tmp_path: Path) -> None:
    records = [
        pair("P", "x", "y", "a"),
        pair("P", "x", "y", "a"),
        pair("P", "y", "x", "b"),
        pair("P", "x", "y", "a", annotator="anna"),
        pair("P", "x", "y", "a", annotator="bert"),
        pair("P", "x", "y", "a", annotator="bert"),
        pair("P", "x", "y", "b"),
        pair("P", "x", "y", "tie"),
        pair("P", "x", "y", None),
    ]
    report, tables = run(tmp_path, records)
    (hidden,) = tables["oracle"]
    assert sorted([hidden["votes_a"], hidden["votes_b"]]) == [1, 3]
    assert hidden["votes_tie"] == 1
    assert (len(tables["pairs"]), report["dropped"]["duplicate_rows"]) == (1, 3)
    assert report["merged"]["repeated_pairs"] == 5
    assert report["hidden_answers"] == {
        "pairs": 1,
        "pairs_with_tie": 1,
        "pairs_both_bad": 0,
        "pairs_with_conflict": 1,
        "completions_scored": 0,
    }


def test_pairs_without_verdict_are_listed_but_have_no_hidden_answer(tmp_path: Path) -> None:
    report, tables = run(tmp_path, [pair("P", "x", "y", None)])
    assert (len(tables["pairs"]), tables["oracle"]) == (1, [])
    assert report["splits"]["pool"]["pairs_judged"] == 0


def test_identical_and_empty_answers_are_dropped_and_counted(tmp_path: Path) -> None:
    records = [
        pair("P", "x", "y"),
        pair("P", "x", "x"),
        pair("R", "", "x"),
        pair(" ", "x", "y"),
        responses("S", "x", ""),
        responses("T", "x", "x"),
    ]
    report, tables = run(tmp_path, records)
    assert [row["prompt"] for row in tables["prompts"]] == ["P"]
    assert report["rows"] == 6
    assert report["dropped"]["identical_answers"] == 1
    assert report["dropped"]["empty_answers"] == 2
    assert report["dropped"]["empty_prompts"] == 1
    assert report["dropped"]["prompts_with_one_answer"] == 2


def test_repeated_texts_merge_with_averaged_scores_and_all_models(tmp_path: Path) -> None:
    records = [
        responses("P", "x", "x", "y", scores=(1.0, 2.0, 5.0), models=("n", "m", "m")),
        responses("P", "y", "x", "x", scores=(5.0, 2.0, 1.0), models=("m", "m", "n")),
        responses("P", "x", "z", scores=(6.0, 0.0)),
    ]
    report, tables = run(tmp_path, records)
    p = prompt_id("P")
    scores = {row["id"]: row["score"] for row in tables["oracle"]}
    assert scores == {completion_id(p, "x"): 3.0, completion_id(p, "y"): 5.0, completion_id(p, "z"): 0.0}
    assert {row["text"]: row["models"] for row in tables["completions"]} == {"x": ["m", "n"], "y": ["m"], "z": []}
    assert (report["dropped"]["duplicate_rows"], report["merged"]["repeated_answers"], tables["pairs"]) == (
        1,
        2,
        [],
    )


def test_models_of_pairs_are_kept(tmp_path: Path) -> None:
    _, tables = run(tmp_path, [pair("P", "x", "y", model_a="m"), pair("P", "x", "z", model_a="n", model_b="m")])
    assert {row["text"]: row["models"] for row in tables["completions"]} == {"x": ["m", "n"], "y": [], "z": ["m"]}


def test_prompts_are_divided_by_hash_with_the_given_shares(tmp_path: Path) -> None:
    report, tables = run(
        tmp_path, many(2000), Split(val=0.1, test=0.3, salt="s", per_seed=True, max_prompt_share=0.05)
    )
    counts = {name: split["prompts"] for name, split in report["splits"].items()}
    assert abs(counts["test"] - 600) < 70
    assert abs(counts["val"] - 200) < 45
    assert sum(counts.values()) == len(tables["pairs"]) == 2000
    other, _ = run(tmp_path, many(2000), Split(val=0, test=0.3, salt="t", per_seed=True, max_prompt_share=0.05))
    assert other["splits"]["test"]["prompts"] != counts["test"] or other["splits"] != report["splits"]


def test_stored_tables_know_no_division(tmp_path: Path) -> None:
    records = many(30) + many(5, start=30, split="ood")
    _, tables = run(tmp_path, records, Split(val=0.1, test=0.3, salt="s", per_seed=True, max_prompt_share=0.05))
    _, other = run(tmp_path, records, Split(val=0.0, test=0.5, salt="t", per_seed=False, max_prompt_share=0.9))
    assert tables == other
    assert [row["split"] for row in tables["prompts"]] == ["ood"] * 5 + ["auto"] * 30


def test_the_report_names_the_prompts_that_are_cut_in_two(tmp_path: Path) -> None:
    big = [f"big {k}" for k in range(8)]
    records = many(100) + [pair(prompt, f"x {j}", f"y {j}") for prompt in big for j in range(20)]
    split = Split(val=0, test=0.5, salt="s", per_seed=True, max_prompt_share=0.05)
    report, _ = run(tmp_path, records, split)
    assert {entry["prompt_id"] for entry in report["divided"]["prompts"]} == {prompt_id(prompt) for prompt in big}
    assert report["divided"]["prompts"][0]["share"] == pytest.approx(20 / 260, abs=1e-6)
    # No two of a prompt's pairs share a completion, so nothing has to be left out.
    assert report["divided"]["pairs_left_out"] == 0
    assert sum(split["pairs"] for split in report["splits"].values()) == 260
    assert sum(split["prompts"] for split in report["splits"].values()) == 100 + 2 * len(big)


def test_the_test_split_keeps_a_prompt_that_the_pool_has_too(tmp_path: Path) -> None:
    records = [
        *many(2, split="pool"),
        *many(1, start=2, split="ood"),
        pair("shared", "x", "y", "a", "pool"),
        pair("shared", "x", "z", "a", "test"),
        pair("shared", "x", "w", "a", "ood"),
        pair("shared", "x", "v", "a"),
    ]
    report, tables = run(tmp_path, records)
    shared = prompt_id("shared")
    assert next(row["split"] for row in tables["prompts"] if row["prompt_id"] == shared) == "test"
    texts = {row["text"] for row in tables["completions"] if row["prompt_id"] == shared}
    assert texts == {"x", "z", "v"}
    assert report["dropped"]["rows_in_another_split"] == 2
    assert report["moved"]["prompts_in_several_splits"] == 1


def test_a_prompt_of_the_other_data_is_not_out_of_distribution(tmp_path: Path) -> None:
    records = [*many(3), *many(5, split="ood")]
    report, tables = run(tmp_path, records)
    assert report["splits"]["ood"]["prompts"] == 2
    assert report["moved"]["prompts_in_several_splits"] == 3
    assert [row["split"] for row in tables["prompts"]] == ["ood"] * 2 + ["auto"] * 3


@pytest.mark.parametrize(
    ("records", "split", "message"),
    [
        ([], NO_SPLIT, "got 0 rows"),
        ([pair("P", "x", "x")], NO_SPLIT, "got 1 rows, none of which leaves a prompt with two different answers"),
        (
            many(1),
            Split(val=0, test=0.5, salt="s", per_seed=True, max_prompt_share=0.05),
            r"test split is empty.*hold 1 prompts",
        ),
        (
            many(9, split="pool"),
            Split(val=0.1, test=0, salt="s", per_seed=True, max_prompt_share=1),
            "val split is empty",
        ),
        (many(9, split="test"), NO_SPLIT, "no prompt is left for the pool"),
        (many(9) + many(4, split="ood"), NO_SPLIT, "the ood split is empty"),
    ],
)
def test_a_wanted_split_that_stays_empty_is_an_error(
    tmp_path: Path, records: list[Record], split: Split, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        run(tmp_path, records, split)
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_the_previous_tables_untouched(tmp_path: Path) -> None:
    run(tmp_path, many(3))
    before = {path.name: path.read_bytes() for path in (tmp_path / "prepared").iterdir()}

    def broken() -> Iterable[Record]:
        yield from many(2)
        raise DataError("row 3 is malformed")

    with pytest.raises(DataError, match="row 3"):
        prepare(broken(), NO_SPLIT, tmp_path / "prepared", LEAKS)
    assert {path.name: path.read_bytes() for path in (tmp_path / "prepared").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["prepared"]

"""Every preset on rows of its published schema, with invented texts: the right prompt, answers and verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefloop.config.columns import Columns
from prefloop.config.presets import presets
from prefloop.data.readers import Meaning, read_file
from prefloop.data.records import PairRecord, ResponsesRecord

Q, A, B = "Name a fruit.", "A pear.", "A chair."


def told(answer: str, question: str = Q) -> list[dict[str, Any]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def parts(answer: str) -> list[dict[str, Any]]:
    return [
        {"role": turn["role"], "content": [{"type": "text", "text": turn["content"], "image": None}]}
        for turn in told(answer)
    ]


MODELS = {"model_a": "m", "model_b": "n"}
INFO = {"id": "t3", "post": Q, "title": "T", "subreddit": "r", "site": None, "article": None}
ARENA = {
    "question_id": "q",
    **MODELS,
    "winner": "model_b",
    "judge": "u1",
    "turn": 1,
    "conversation_a": told(A),
    "conversation_b": told(B),
    "language": "English",
    "tstamp": 1.0,
}
# Preset: a row, and its verdict with strength.
PAIRS: dict[str, tuple[dict[str, Any], str, float | None]] = {
    "hh": (
        {"chosen": f"\n\nHuman: {Q}\n\nAssistant: {A}", "rejected": f"\n\nHuman: {Q}\n\nAssistant: {B}"},
        "a",
        None,
    ),
    "tldr": (
        {
            "info": INFO,
            "summaries": [{"text": f" {A}", "policy": "m", "note": None}, {"text": B, "policy": "n", "note": "x"}],
            "choice": 1,
            "worker": "w",
            "batch": "b",
            "split": "train",
            "extra": {"confidence": None},
        },
        "b",
        None,
    ),
    "cnn_dm": (
        {
            "info": {**INFO, "post": None, "article": Q},
            "summaries": {"text": [A, B], "policy": ["m", "n"], "note": [None, None]},
            "choice": 0,
            "worker": "w",
        },
        "a",
        None,
    ),
    "ultrafeedback_binarized": (
        {
            "prompt": Q,
            "prompt_id": "p",
            "chosen": told(A),
            "rejected": told(B),
            "messages": told(A),
            "score_chosen": 8.5,
            "score_rejected": 6.0,
        },
        "a",
        2.5,
    ),
    "helpsteer2_preference": (
        {
            "split": "train",
            "prompt": Q,
            "response_1": A,
            "response_2": B,
            "preference_strength": -2,
            "preference_statement": "x",
            "preference_elaboration": "y",
        },
        "a",
        2.0,
    ),
    "helpsteer3": (
        {
            "domain": "general",
            "language": "english",
            "context": told(A)[:1],
            "response1": A,
            "response2": B,
            "overall_preference": 3,
            "individual_preference": [{"score": 3, "reasoning": "r", "feedback1": "f", "feedback2": "g"}],
        },
        "b",
        3.0,
    ),
    "shp": (
        {
            "post_id": "x",
            "domain": "askculinary_train",
            "upvote_ratio": 0.98,
            "history": Q,
            "c_root_id_A": "c",
            "c_root_id_B": "d",
            "score_A": 340,
            "score_B": 166,
            "human_ref_A": A,
            "human_ref_B": B,
            "labels": 1,
            "seconds_difference": 1.0,
            "score_ratio": 2.048,
        },
        "a",
        2.048,
    ),
    "pku_saferlhf": (
        {
            "prompt": Q,
            "response_0": A,
            "response_1": B,
            "prompt_source": "s",
            "response_0_source": "m",
            "response_1_source": "n",
            "is_response_0_safe": True,
            "is_response_1_safe": False,
            "better_response_id": 1,
            "safer_response_id": 0,
        },
        "b",
        None,
    ),
    "webgpt": (
        {
            "question": {"dataset": "eli5", "id": "1", "full_text": Q},
            "quotes_0": {"title": [], "extract": []},
            "answer_0": A,
            "tokens_0": {"prefix": [1], "completion": [2]},
            "score_0": -0.5,
            "quotes_1": {"title": [], "extract": []},
            "answer_1": B,
            "tokens_1": {"prefix": [1], "completion": [2]},
            "score_1": 0.5,
        },
        "b",
        0.5,
    ),
    "arena_33k": (ARENA, "b", None),
    "mt_bench_human": (
        {
            **ARENA,
            "conversation_a": told(A) + told("More.", "And?"),
            "conversation_b": told(B) + told("No.", "And?"),
        },
        "b",
        None,
    ),
    "arena_140k": (
        {
            "id": "1",
            **MODELS,
            "winner": "both_bad",
            "evaluation_session_id": "s",
            "evaluation_order": 1,
            "conversation_a": parts(A),
            "conversation_b": parts(B),
            "full_conversation": [],
            "language": "en",
            "is_code": False,
        },
        "both_bad",
        None,
    ),
    "arena_kaggle": (
        {
            "id": 1,
            **MODELS,
            "prompt": orjson.dumps([Q]).decode(),
            "response_a": orjson.dumps([A]).decode(),
            "response_b": orjson.dumps([B]).decode(),
            "winner_model_a": 0,
            "winner_model_b": 0,
            "winner_tie": 1,
        },
        "tie",
        None,
    ),
    "orca_dpo": ({"system": "", "question": Q, "chosen": A, "rejected": B}, "a", None),
    "skywork": ({"chosen": told(A), "rejected": told(B), "source": "magpie"}, "a", None),
    "tulu3": (
        {
            "id": "1",
            "source": "s",
            "prompt": Q,
            "chosen": told(A),
            "rejected": told(B),
            "chosen_rating": 4.0,
            "rejected_rating": 2.0,
            "chosen_model": "m",
            "rejected_model": "n",
        },
        "a",
        None,
    ),
    "stack_exchange_paired": (
        {"qid": 1, "question": Q, "date": "d", "metadata": [], "response_j": A, "response_k": B},
        "a",
        None,
    ),
    "alpaca": ({"instruction": "Name a", "input": "fruit.", "chosen": A, "rejected": B}, "a", None),
    "label_studio": (
        {
            "id": 1,
            "data": {"prompt": Q, "answer1": A, "answer2": B},
            "annotations": [
                {
                    "completed_by": {"id": 2, "email": "x@example.org"},
                    "result": [
                        {"type": "textarea", "value": {"text": ["why"]}},
                        {"type": "pairwise", "value": {"selected": "right"}},
                    ],
                    "was_cancelled": False,
                }
            ],
        },
        "b",
        None,
    ),
    "argilla_2": (
        {
            "id": "r",
            "fields": {"prompt": Q, "response_a": A, "response_b": B},
            "responses": {"preference": [{"value": ["response_b", "response_a"], "user_id": "u"}]},
            "suggestions": {},
            "metadata": {},
        },
        "b",
        None,
    ),
    "argilla_1": (
        {
            "fields": {"prompt": Q, "response_1": A, "response_2": B},
            "responses": [
                {
                    "user_id": "u",
                    "status": "submitted",
                    "values": {
                        "rank": {"value": [{"rank": 2, "value": "response_1"}, {"rank": 1, "value": "response_2"}]}
                    },
                }
            ],
        },
        "b",
        None,
    ),
}
MESSAGE = {"lang": "en", "deleted": False, "review_result": True}
TREE = {
    "message_tree_id": "t",
    "tree_state": "ready_for_export",
    "prompt": {
        **MESSAGE,
        "message_id": "t",
        "text": Q,
        "role": "prompter",
        "replies": [
            {**MESSAGE, "text": B, "role": "assistant", "rank": 1, "replies": []},
            {**MESSAGE, "text": A, "role": "assistant", "rank": 0, "replies": []},
        ],
    },
}
# Preset: rows of which the first answer that is read is A and the second is B, A better.
MANY: dict[str, list[dict[str, Any]]] = {
    "ultrafeedback": [
        {
            "source": "s",
            "instruction": Q,
            "models": ["m", "n"],
            "completions": [
                {"response": A, "model": "m", "fine-grained_score": 4.5, "overall_score": 10.0},
                {"response": B, "model": "n", "fine-grained_score": None, "overall_score": 3.0},
            ],
            "correct_answers": ["None"],
            "incorrect_answers": ["None"],
        }
    ],
    "helpsteer2": [
        {
            "prompt": Q,
            "response": answer,
            "helpfulness": score,
            "correctness": 1,
            "coherence": 1,
            "complexity": 1,
            "verbosity": 1,
        }
        for answer, score in ((A, 4), (B, 1))
    ],
    "nectar": [
        {
            "prompt": f"\n\nHuman: {Q}\n\nAssistant: ",
            "answers": [{"answer": A, "model": "m", "rank": 1.0}, {"answer": B, "model": "n", "rank": 2.0}],
            "turns": 1,
            "num_responses": 2,
            "source": ["s"],
            "good_natured": True,
        }
    ],
    "stack_exchange": [
        {
            "qid": 1,
            "question": Q,
            "answers": [
                {"answer_id": 1, "author": "x", "pm_score": 5, "selected": True, "text": A},
                {"answer_id": 2, "author": "y", "pm_score": 1, "selected": False, "text": B},
            ],
            "date": "d",
            "metadata": ["m"],
        }
    ],
    "oasst_messages": [
        {
            "message_id": "1",
            "parent_id": None,
            "text": Q,
            "role": "prompter",
            "rank": None,
            "message_tree_id": "1",
        },
        {"message_id": "2", "parent_id": "1", "text": A, "role": "assistant", "rank": 0, "message_tree_id": "1"},
        {"message_id": "3", "parent_id": "1", "text": B, "role": "assistant", "rank": 1, "message_tree_id": "1"},
    ],
}


def jsonl(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def only(path: Path, preset: str | None = None) -> Any:
    (record,) = read_file(path, Meaning(Columns(preset=preset))).records()
    return record


def check_pair(record: Any, verdict: str, strength: float | None) -> None:
    assert isinstance(record, PairRecord), record
    asked = [message.content for message in record.prompt.as_prompt()]
    assert asked in ([Q], ["Name a\nfruit."])
    answers = [turns.as_completion()[-1].content for turns in (record.completion_a, record.completion_b)]
    assert (answers, record.verdict, record.strength) == ([A, B], verdict, strength)


def test_every_preset_is_tried() -> None:
    assert {*PAIRS, *MANY, "oasst_trees"} == set(presets())


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_by_name_and_by_their_columns(tmp_path: Path, name: str) -> None:
    row, verdict, strength = PAIRS[name]
    path = jsonl(tmp_path / "x.jsonl", row)
    check_pair(only(path, name), verdict, strength)
    check_pair(only(path), verdict, strength)


@pytest.mark.parametrize("name", MANY)
def test_several_answers_by_name_and_by_their_columns(tmp_path: Path, name: str) -> None:
    path = jsonl(tmp_path / "x.jsonl", *MANY[name])
    for preset in (name, None):
        record = only(path, preset)
        assert isinstance(record, ResponsesRecord)
        assert [message.content for message in record.prompt.as_prompt()] == [Q]
        assert [turns.plain for turns in record.completions] == [A, B]
        assert record.scores is not None
        assert record.scores[0] > record.scores[1]  # type: ignore[operator]


def test_a_tree_gives_the_answers_with_their_ranks(tmp_path: Path) -> None:
    record = only(jsonl(tmp_path / "x.jsonl", TREE))
    assert [turns.plain for turns in record.completions] == [B, A]
    assert record.scores == (-1, 0)


@pytest.mark.parametrize(
    "name", ["webgpt", "helpsteer3", "arena_33k", "tldr", "argilla_1", "nectar", "ultrafeedback"]
)
def test_what_datasets_writes_is_read(tmp_path: Path, name: str) -> None:
    from datasets import Dataset

    rows = MANY.get(name) or [PAIRS[name][0]]
    Dataset.from_list(rows).to_parquet(tmp_path / "x.parquet")
    record = only(tmp_path / "x.parquet")
    if name in PAIRS:
        check_pair(record, *PAIRS[name][1:])
    else:
        assert [turns.plain for turns in record.completions] == [A, B]


def test_rounds_become_a_conversation(tmp_path: Path) -> None:
    row = {
        **PAIRS["arena_kaggle"][0],
        "prompt": '["Tea?", "Milk?"]',
        "response_a": '["Yes.", "A drop."]',
        "response_b": '["Yes.", "No."]',
    }
    record = only(jsonl(tmp_path / "x.jsonl", row))
    assert [message.content for message in record.prompt.as_prompt()] == ["Tea?", "Yes.", "Milk?"]
    assert (record.completion_a.plain, record.completion_b.plain) == ("A drop.", "No.")


def test_columns_in_parquet_that_are_structs_of_lists(tmp_path: Path) -> None:
    row = {"prompt": Q, "answers": {"text": [A, B], "score": [2, 1]}}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "x.parquet")
    columns = Columns(prompt="prompt", completions="answers[].text", scores="answers[].score")
    (record,) = read_file(tmp_path / "x.parquet", Meaning(columns)).records()
    assert isinstance(record, ResponsesRecord)
    assert (record.completions[1].plain, record.scores) == (B, (2, 1))

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefloop.config.data import Hub
from prefloop.data.hub import read_hub
from prefloop.data.readers import Meaning
from prefloop.data.records import PairRecord, Record, ResponsesRecord, Unread
from prefloop.errors import DataError

SUMMARIES = pa.schema(
    [
        (
            "info",
            pa.struct([(name, pa.string()) for name in ("id", "post", "title", "subreddit", "site", "article")]),
        ),
        ("summaries", pa.list_(pa.struct([(name, pa.string()) for name in ("text", "policy", "note")]))),
        ("choice", pa.int32()),
        ("worker", pa.string()),
    ]
)


def summary_row(post: str | None, article: str | None, choice: int) -> dict[str, Any]:
    return {
        "info": {"id": "1", "post": post, "title": "T", "subreddit": "r", "site": None, "article": article},
        "summaries": [
            {"text": " one", "policy": "sup", "note": None},
            {"text": " two", "policy": "ref", "note": None},
        ],
        "choice": choice,
        "worker": "w1",
    }


def write_parquet(folder: Path, **splits: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        pq.write_table(pa.Table.from_pylist(rows, SUMMARIES), folder / f"{split}.parquet")
    return folder


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def read(preset: str, path: Path) -> list[Record]:
    return list(read_hub(Hub(preset=preset, path=path, revision=None), Meaning()))  # type: ignore[arg-type]


@pytest.fixture
def summaries(tmp_path: Path) -> Path:
    news = summary_row(None, "News.", 0)
    return write_parquet(
        tmp_path / "tldr", train=[summary_row("Post.", None, 1)], validation=[summary_row("Other.", None, 0), news]
    )


def test_tldr_trains_on_train_and_tests_on_validation_posts(summaries: Path) -> None:
    first, second = read("tldr", summaries)
    assert isinstance(first, PairRecord)
    assert (first.prompt.plain, first.completion_a.plain, first.completion_b.plain, first.verdict) == (
        "Post.",
        "one",
        "two",
        "b",
    )
    assert (first.split, second.split, second.prompt.plain) == ("pool", "test", "Other.")
    assert (first.model_a, first.annotator, first.source) == ("sup", "w1", "tldr")


def test_cnn_dm_adds_the_articles_out_of_distribution(summaries: Path) -> None:
    records = read("cnn_dm", summaries)
    assert [(record.prompt.plain, record.split) for record in records] == [
        ("Post.", "pool"),
        ("Other.", "test"),
        ("News.", "ood"),
    ]


def test_hh_transcripts_from_a_folder(tmp_path: Path) -> None:
    start = "\n\nHuman: Hi\n\nAssistant:"
    row = {"chosen": f"{start} A.", "rejected": f"{start} B."}
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_bytes(orjson.dumps(row) + b"\n")
    records = read("hh", tmp_path)
    assert [(r.prompt.plain, r.completion_a.plain, r.verdict, r.split) for r in records] == [  # type: ignore[union-attr]
        ("Human: Hi\n\nAssistant:", "A.", "a", split) for split in ("pool", "test")
    ]


def test_ultrafeedback_from_one_file_is_divided_by_prompt(tmp_path: Path) -> None:
    answers = [
        {"response": "x", "model": "m", "fine-grained_score": 4.5, "overall_score": 10.0},
        {"response": "y", "model": "n", "fine-grained_score": None, "overall_score": 3.0},
        {"response": "z", "model": "o", "fine-grained_score": None, "overall_score": None},
    ]
    path = tmp_path / "any.jsonl"
    path.write_bytes(orjson.dumps({"instruction": "Do.", "completions": answers}) + b"\n")
    left_out, record = read("ultrafeedback", path)
    assert isinstance(left_out, Unread)
    assert left_out.reason == "no_score"
    assert isinstance(record, ResponsesRecord)
    assert (tuple(of.plain for of in record.completions), record.scores, record.models) == (
        ("x", "y"),
        (4.5, 3.0),
        ("m", "n"),
    )
    assert record.split is None


def test_another_schema_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(orjson.dumps({"question": "Q"}) + b"\n")
    for preset in ("tldr", "hh", "ultrafeedback"):
        with pytest.raises(DataError, match=r"x\.jsonl \(all\), row 1.*question.*expected"):
            read(preset, path)


def test_a_missing_or_damaged_copy_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.hub\.path: got .*missing.*does not exist"):
        read("hh", tmp_path / "missing")
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(DataError, match="neither JSON nor a table"):
        read("hh", tmp_path / "x.txt")
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match="neither JSON nor a table"):
        read("hh", tmp_path / "x.parquet")


def test_offline_the_message_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=r"cannot read the data set Anthropic/hh-rlhf.*data\.hub\.path"):
        list(read_hub(Hub(preset="hh", path=None, revision=None), Meaning()))

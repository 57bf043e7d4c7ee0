from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefloop.dpo.config import Prompts
from prefloop.dpo.prompt_set import load_prompts, load_texts
from prefloop.dpo.prompt_sources import beginning
from prefloop.dpo.prompts import write_prompts
from prefloop.errors import ConfigError, DataError
from prefloop.io.hashing import prompt_id

BASE: dict[str, Any] = {
    "source": "example",
    "files": (),
    "hub": {"preset": "imdb", "path": None, "revision": None},
    "example": {"seed": 0, "prompts": 60, "texts": 200},
    "prefix_words": None,
    "test": 0.4,
    "salt": "s",
}
Row = dict[str, str]


def config(**changes: Any) -> Prompts:
    return Prompts.model_validate(BASE | changes)


def from_files(*files: Path, **changes: Any) -> Prompts:
    return config(source="files", files=files, **changes)


def write_jsonl(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def numbered(count: int, prefix: str = "") -> list[Row]:
    return [{"prompt": f"{prefix}Prompt {k}", "text": f"{prefix}Prompt {k} goes on."} for k in range(count)]


WORDS = st.lists(st.sampled_from(["ab", "c", "déf", "g\th", "i."]), min_size=1, max_size=6).map(" ".join)
ROWS = st.lists(st.fixed_dictionaries({"prompt": WORDS}, optional={"text": WORDS}), min_size=12, max_size=30)


@given(rows=ROWS, order=st.randoms(use_true_random=False))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_splits_are_disjoint_and_the_order_of_rows_does_not_matter(
    tmp_path: Path, rows: list[Row], order: random.Random
) -> None:
    given_ = from_files(write_jsonl(tmp_path / "a.jsonl", rows + numbered(30)))
    report = write_prompts(given_, tmp_path / "out")
    first = content(tmp_path / "out")
    shuffled = rows + numbered(30)
    order.shuffle(shuffled)
    write_jsonl(tmp_path / "a.jsonl", shuffled)
    write_prompts(given_, tmp_path / "out")
    assert content(tmp_path / "out") == first
    check_output(tmp_path / "out", shuffled, report)


def check_output(folder: Path, rows: list[Row], report: dict[str, Any]) -> None:
    prompts = load_prompts(folder)
    assert sorted(prompts.texts) == sorted({row["prompt"] for row in rows})
    assert prompts.ids == [prompt_id(text) for text in prompts.texts]
    assert (report["pool"], report["test"]) == (len(prompts.pool), len(prompts.test))
    for split in (prompts.pool, prompts.test):
        assert [prompts.ids[k] for k in split] == sorted(prompts.ids[k] for k in split)
    train, test = load_texts(folder, "train"), load_texts(folder, "test")
    held_out = {prompts.texts[k] for k in prompts.test}
    assert len({*train, *test}) == len(train) + len(test)
    assert {*test} == {row["text"] for row in rows if "text" in row and row["prompt"] in held_out}
    assert {*train, *test} == {row["text"] for row in rows if "text" in row}


def test_a_text_that_stands_with_a_test_prompt_is_never_trained_on(tmp_path: Path) -> None:
    rows = [{"prompt": f"Prompt {k}", "text": "The same text."} for k in range(30)]
    write_prompts(from_files(write_jsonl(tmp_path / "a.jsonl", rows)), tmp_path / "out")
    assert load_texts(tmp_path / "out", "train") == []
    assert load_texts(tmp_path / "out", "test") == ["The same text."]


def test_prompts_alone_are_enough(tmp_path: Path) -> None:
    rows = [{"prompt": row["prompt"]} for row in numbered(30)]
    report = write_prompts(from_files(write_jsonl(tmp_path / "a.jsonl", rows)), tmp_path / "out")
    assert report["texts"] == {"train": 0, "test": 0}
    assert load_texts(tmp_path / "out", "train") == []


def test_a_system_prompt_in_a_column_of_its_own_belongs_to_the_prompt(tmp_path: Path) -> None:
    rows = [{"system": "Be brief.", "prompt": f"P{k}"} for k in range(30)]
    for path in (write_jsonl(tmp_path / "x.jsonl", rows), tmp_path / "x.parquet"):
        (tmp_path / "x.parquet").write_bytes(_parquet(rows))
        write_prompts(from_files(path), tmp_path / "out")
        prompts = pq.read_table(tmp_path / "out/prompts.parquet")["prompt"].to_pylist()
        assert all(prompt.startswith("System: Be brief.\n\nUser: P") for prompt in prompts)


def test_another_salt_gives_another_split(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", numbered(50))
    splits = []
    for salt in ("s", "t"):
        write_prompts(from_files(path, salt=salt), tmp_path / salt)
        prompts = load_prompts(tmp_path / salt)
        splits.append({prompts.texts[k] for k in prompts.test})
    assert splits[0] != splits[1]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers(1, 5), st.integers(0, 5))
def test_a_beginning_is_a_fixed_number_of_words(text: str, shortest: int, more: int) -> None:
    found = beginning(text, (shortest, shortest + more), "s")
    words = re.findall(r"\S+", text)
    assert found == beginning(text, (shortest, shortest + more), "s")
    assert beginning(text, None, "s") == text
    if words:
        assert text.lstrip().startswith(found)
        assert re.findall(r"\S+", found) == words[: len(re.findall(r"\S+", found))]
        assert min(shortest, len(words)) <= len(re.findall(r"\S+", found)) <= shortest + more


def test_beginnings_of_texts_have_all_lengths() -> None:
    lengths = {len(beginning(f"{k} b c d e f g", (2, 4), "s").split()) for k in range(100)}
    assert lengths == {2, 3, 4}


def _csv(rows: list[Row]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _jsonl(rows: list[Row]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _parquet(rows: list[Row]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


FORMATS: dict[str, Callable[[list[Row]], bytes]] = {
    "x.jsonl": _jsonl,
    "x.jsonl.gz": lambda rows: gzip.compress(_jsonl(rows)),
    "x.parquet": _parquet,
    "x.csv": _csv,
}


@pytest.mark.parametrize("fields", [("prompt",), ("text",), ("prompt", "text")])
def test_all_formats_give_the_same_bytes(tmp_path: Path, fields: tuple[str, ...]) -> None:
    rows = [{field: row[field] for field in fields} | {"other": "x"} for row in numbered(40, 'a, "b" ')]
    outputs = []
    for name, write in FORMATS.items():
        (tmp_path / name).write_bytes(write(rows))
        write_prompts(from_files(tmp_path / name, prefix_words=(2, 5)), tmp_path / "out")
        outputs.append(content(tmp_path / "out"))
    assert all(output == outputs[0] for output in outputs)


def test_several_files_and_rows_are_counted(tmp_path: Path) -> None:
    paths = [write_jsonl(tmp_path / f"{k}.jsonl", numbered(30)) for k in range(2)]
    report = write_prompts(from_files(*paths), tmp_path / "out")
    assert (report["rows"], report["prompts"], report["repeated_prompts"]) == (60, 30, 30)
    assert report["repeated_texts"] == 30


BAD: list[tuple[Any, str]] = [
    (
        {"prompt": "  "},
        r"x\.jsonl, row 31, field 'prompt': got '  ', expected a prompt that can be used \(empty\)",
    ),
    ({"prompt": 3}, r"row 31, field 'prompt': got 3, expected a text, or messages"),
    ({"prompt": "P", "text": ""}, r"row 31, field 'text': got '', expected a text that is not empty"),
    ({"question": "P"}, r"row 31, field 'prompt': got nothing .*expected a prompt, or a field text"),
    ({"text": "Whole."}, r"row 31, field 'prompt': got nothing .*set prompts\.prefix_words"),
    ([1], r"row 31, field '\(line\)'.*one JSON object a line"),
]


@pytest.mark.parametrize(("row", "message"), BAD)
def test_a_bad_row_is_named_and_the_old_output_stays(tmp_path: Path, row: Any, message: str) -> None:
    path = write_jsonl(tmp_path / "x.jsonl", numbered(30))
    write_prompts(from_files(path), tmp_path / "out")
    before = content(tmp_path / "out")
    write_jsonl(path, [*numbered(30), row])
    with pytest.raises(DataError, match=message):
        write_prompts(from_files(path), tmp_path / "out")
    assert content(tmp_path / "out") == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_unusable_files_are_named(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match=r"prompts\.files: empty"):
        write_prompts(from_files(), out)
    with pytest.raises(DataError, match=r"absent\.jsonl is no file: check prompts\.files"):
        write_prompts(from_files(tmp_path / "absent.jsonl"), out)
    with pytest.raises(DataError, match="got no rows"):
        write_prompts(from_files(write_jsonl(tmp_path / "x.jsonl", [])), out)
    (tmp_path / "x.parquet").write_bytes(_parquet([{"question": "P"}]))
    with pytest.raises(DataError, match=r"got the fields question; expected prompt or text"):
        write_prompts(from_files(tmp_path / "x.parquet"), out)


@pytest.mark.parametrize("test", [0.0001, 0.9999])
def test_an_empty_split_is_an_error(tmp_path: Path, test: float) -> None:
    path = write_jsonl(tmp_path / "x.jsonl", numbered(10))
    with pytest.raises(
        DataError, match=r"10 distinct prompts: (10|0) for the pool and (0|10) to test.*prompts\.test"
    ):
        write_prompts(from_files(path, test=test), tmp_path / "out")


def test_the_example_needs_nothing(tmp_path: Path) -> None:
    report = write_prompts(config(), tmp_path / "out")
    assert (report["rows"], report["prompts"], report["pool"] + report["test"]) == (200, 60, 60)
    train = load_texts(tmp_path / "out", "train")
    prompts = load_prompts(tmp_path / "out")
    assert not any(text.startswith(prompts.texts[k]) for text in train for k in prompts.test)


@pytest.fixture
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def hub(preset: str, path: Path | None, **changes: Any) -> Prompts:
    return config(source="hub", hub={"preset": preset, "path": path, "revision": None}, **changes)


@pytest.mark.usefixtures("_cache_of_its_own")
def test_imdb_reviews_begin_with_their_prompts(tmp_path: Path) -> None:
    (tmp_path / "imdb").mkdir()
    for split, sign in (("train", "+"), ("test", "-"), ("unsupervised", "?")):
        rows = [{"text": f"{sign} {k} film of the year, really.", "label": 0} for k in range(15)]
        (tmp_path / "imdb" / f"{split}.parquet").write_bytes(_parquet(rows))  # type: ignore[arg-type]
    write_prompts(hub("imdb", tmp_path / "imdb", prefix_words=(3, 5)), tmp_path / "out")
    prompts = load_prompts(tmp_path / "out")
    texts = load_texts(tmp_path / "out", "train") + load_texts(tmp_path / "out", "test")
    assert len(texts) == len(prompts.texts) == 30
    assert all(sum(text.startswith(f"{prompt} ") for text in texts) == 1 for prompt in prompts.texts)
    with pytest.raises(DataError, match=r"row 1, field 'prompt'.*prompts\.prefix_words"):
        write_prompts(hub("imdb", tmp_path / "imdb"), tmp_path / "out")


@pytest.mark.usefixtures("_cache_of_its_own")
def test_tldr_posts_are_prompts_and_summaries_end_the_texts(tmp_path: Path) -> None:
    rows = [{"prompt": f"POST: {k}\n\nTL;DR:", "completion": f" Short {k}."} for k in range(30)]
    path = write_jsonl(tmp_path / "tldr.jsonl", rows)
    write_prompts(hub("tldr", path), tmp_path / "out")
    assert sorted(load_prompts(tmp_path / "out").texts) == sorted(row["prompt"] for row in rows)
    texts = load_texts(tmp_path / "out", "train") + load_texts(tmp_path / "out", "test")
    assert sorted(texts) == sorted(row["prompt"] + row["completion"] for row in rows)


@pytest.mark.usefixtures("_cache_of_its_own")
def test_another_schema_or_a_missing_copy_is_named(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "x.jsonl", [{"question": "Q"}])
    for preset, field in (("imdb", "text"), ("tldr", "prompt")):
        with pytest.raises(DataError, match=rf"x\.jsonl \(all\), row 1, field '{field}': got nothing"):
            write_prompts(hub(preset, path), tmp_path / "out")
    with pytest.raises(DataError, match=r"prompts\.hub\.path: got .*does not exist"):
        write_prompts(hub("tldr", tmp_path / "missing"), tmp_path / "out")


def test_offline_the_message_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=r"cannot read the data set stanfordnlp/imdb.*prompts\.hub\.path"):
        write_prompts(hub("imdb", None), tmp_path / "out")

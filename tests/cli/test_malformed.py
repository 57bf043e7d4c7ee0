"""Data, options, parameters and models that are wrong: one clear message, and nothing is damaged."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import rows
from tests.cli.malformed import JSONL, bench, changed, edited, is_one_error, lines
from tests.cli.test_bench import outputs

FILES: dict[str, tuple[str, bytes, str]] = {
    "wrong fields": ("x.jsonl", b'{"question": "a", "answer": "b"}\n', "row 1: got the fields question, answer; "),
    "bad JSON": ("x.jsonl", lines([*JSONL[:4], b'{"prompt": "q', *JSONL[5:]]), "row 5, field '(line)': got "),
    "infinite score": (
        "x.jsonl",
        b'{"prompt": "q", "completions": ["a", "b"], "scores": [1.0, Infinity]}\n',
        "row 1, field 'scores[1]': got inf, expected a finite number",
    ),
    "empty answers": (
        "x.jsonl",
        lines(
            [
                json.dumps(row | ({"completion_b": " "} if n % 9 == 0 else {})).encode()
                for n, row in enumerate(rows())
            ]
        ),
        "got 10 of 90 rows that cannot be used (10 empty; the first: row 1: empty",
    ),
    "label outside the set": ("x.jsonl", lines(changed(0, label="up")), "row 1, field 'label': got 'up'"),
    "missing field": ("x.jsonl", lines([*JSONL, b'{"prompt": "q"}']), "row 91, field 'completion_a': got nothing"),
    "identical answers": (
        "x.jsonl",
        lines([json.dumps(row | {"completion_a": "x", "completion_b": "x"}).encode() for row in rows()]),
        "got 90 rows, none of which leaves a prompt with two different answers",
    ),
    "truncated gzip": ("x.jsonl.gz", gzip.compress(lines(JSONL))[:-300], "got 'a truncated or damaged gzip file"),
    "not UTF-8": ("x.jsonl", lines([*JSONL[:2], b'{"prompt": "caf\xe9"}']), "row 3, field '(line)': got b'\\xe9"),
    "damaged parquet": ("x.parquet", b"PAR1" + bytes(200) + b"PAR1", "got a damaged or unknown Parquet file"),
    "ragged CSV": ("x.csv", b"prompt,completion_a,completion_b\nq,a\n", "row 1, field '(row)': got '2 cells'"),
    "empty file": ("x.jsonl", b"", "got no rows, expected at least one"),
    "web page": ("x.jsonl", b"<!DOCTYPE html>\n<html><body>Not found</body></html>\n", "HTML"),
    "pointer": ("x.parquet", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "LFS"),
}


@pytest.mark.parametrize("kind", FILES)
def test_bad_data(prefloop, done, params, tmp_path, kind):
    name, content, expected = FILES[kind]
    path = tmp_path / name
    path.write_bytes(content)
    before = outputs(done)
    outcome = bench(prefloop, done, params, path)
    assert outcome.code == 1
    is_one_error(outcome, expected)
    assert name in outcome.err or kind == "identical answers"
    assert outputs(done) == before
    assert prefloop("data", "check", path).code == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--rounds", 60), "the budget is 362 labels, but after 8 initial ones the pool has 41 comparisons"),
        (("--policies", "random,bal_pn"), "benchmark.policies: unknown policy 'bal_pn'; known: bal_pm, bal_pm_kl"),
        (("--policies", "random,random"), "an entry stands twice"),
        (("--where", "domain"), "data.files.0.where: got 'domain'; expected FIELD=VALUE"),
        (("--ood", "nowhere.jsonl"), "nowhere.jsonl is missing: give an existing preference file"),
    ],
    ids=str,
)
def test_wrong_options(prefloop, done, data, params, options, expected):
    before = outputs(done)
    outcome = bench(prefloop, done, params, data, *options)
    assert outcome.code == 2
    is_one_error(outcome, expected)
    assert outputs(done) == before


@pytest.mark.parametrize("options", [("--where", "domain=sport"), ("--where", "topic=news")], ids=str)
def test_a_filter_that_lets_nothing_through(prefloop, done, data, params, options):
    before = outputs(done)
    outcome = bench(prefloop, done, params, data, *options)
    assert outcome.code == 1
    is_one_error(outcome, f"the filter {options[1]} lets nothing through")
    assert outputs(done) == before


def test_missing_data(prefloop, done, params):
    before = outputs(done)
    outcome = bench(prefloop, done, params, Path("nowhere.jsonl"))
    assert outcome.code == 2
    is_one_error(outcome, "nowhere.jsonl is missing")
    assert outputs(done) == before


PARAMETERS: dict[str, tuple[str, Any, int, str]] = {
    "misspelt": ("embed.max_lenght", 3, 2, "embed.max_lenght: unknown key (did you mean 'max_length'?)"),
    "out of range": ("oracle.flip_rate", 0.9, 2, "oracle.flip_rate: got 0.9; input should be less"),
    "missing model": ("embed.model", "./no/model", 1, "embed.model: there is no folder ./no/model"),
    "offline hub id": ("embed.model", "nobody/nothing", 1, "'nobody/nothing' is neither all-MiniLM-L6-v2"),
    "too long for the model": ("embed.max_length", 500, 2, "embed.max_length: got 500, but the model has 64"),
    "no such GPU to embed on": ("embed.device", "cuda:77", 2, "device cuda:77: "),
    "no such GPU to train on": ("benchmark.device", "cuda:77", 2, "device cuda:77: "),
}


@pytest.mark.parametrize("kind", PARAMETERS)
def test_bad_parameters(prefloop, done, data, params, tmp_path, monkeypatch, kind):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    dotted, value, code, expected = PARAMETERS[kind]
    before = outputs(done)
    outcome = bench(prefloop, done, edited(params, tmp_path / "p.yaml", dotted, value), data)
    assert outcome.code == code
    is_one_error(outcome, expected)
    assert outputs(done) == before


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, "is missing: run in the folder"), ("a: [", "is not valid YAML"), ("", "got None; ")],
)
def test_a_parameter_file_that_is_none(prefloop, done, data, tmp_path, content, expected):
    path = tmp_path / "p.yaml"
    if content is not None:
        path.write_text(content)
    outcome = bench(prefloop, done, path, data)
    assert outcome.code == 2
    is_one_error(outcome, expected)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_model(prefloop, done, data, params, bert, tmp_path, name):
    model = tmp_path / "model"
    shutil.copytree(bert, model)
    (model / name).write_bytes((model / name).read_bytes()[:100])
    before = outputs(done)
    outcome = bench(prefloop, done, edited(params, tmp_path / "p.yaml", "embed.model", str(model)), data)
    assert outcome.code == 1
    is_one_error(outcome, "embed.model: model cannot be loaded")
    assert outputs(done) == before

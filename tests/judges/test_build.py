"""From parameters to who answers."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from prefloop.errors import ConfigError, DataError, StateError
from prefloop.judges.build import build_judge, build_oracle, name_oracle
from prefloop.judges.kinds import KINDS, PLAIN, Judge, Oracle
from prefloop.labels.verdicts import A, B
from tests.judges.helpers import PAIRS, Comparison, check_oracle, verdicts
from tests.judges.server import honest, serving
from tests.judges.test_endpoint import config as endpoint
from tests.worlds import ROOT

SENTIMENT = [Comparison("p", "good and happy", "bad and sad"), Comparison("p", "awful", "lovely")]


def judge(**values):
    return TypeAdapter(Judge).validate_python(values)


def oracle(judge, **changes):
    return Oracle(judge=judge, **{"flip_rate": 0, "position_bias": 0, "failure_rate": 0, "salt": "s"} | changes)


@pytest.mark.parametrize("kind", ["vader", "textblob", "word_list", "coin"])
def test_free_kinds(kind, tmp_path):
    (tmp_path / "w.txt").write_text("good\t3\nbad\t-2\nawful\t-3\nlovely\t1\n")
    config = judge(kind=kind, **({"path": tmp_path / "w.txt"} if kind == "word_list" else {}))
    built = build_judge(config, tmp_path / "log.jsonl")
    came = check_oracle(built, SENTIMENT)
    assert came == [A, B] or kind == "coin"
    assert built.name.split(":")[0] == kind
    assert check_oracle(build_oracle(oracle(config), tmp_path / "log.jsonl"), SENTIMENT) == came
    flipped = verdicts(build_oracle(oracle(config, flip_rate=0.5), tmp_path / "log.jsonl"), PAIRS)
    assert kind != "coin" or flipped != verdicts(built, PAIRS)
    assert not (tmp_path / "log.jsonl").exists()


def test_every_kind_of_the_parameters_is_built():
    tags = {kind.model_fields["kind"].annotation.__args__[0] for kind in Judge.__origin__.__args__}
    assert tags == set(KINDS)


def test_paid_answers_are_kept_without_the_noise(tmp_path, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "k")
    log, pairs = tmp_path / "log.jsonl", [Comparison(f"p{n}", f"x {n % 5}", f"y {n % 3}") for n in range(20)]
    with serving(honest) as served:
        config = endpoint(served.url)
        true = verdicts(build_judge(config, log), pairs)
        assert len(served.asked) == 40
        noisy = build_oracle(oracle(config, flip_rate=0.5, failure_rate=0.3, position_bias=0.3), log)
        assert noisy.paid
        assert verdicts(noisy, pairs) != true
        assert verdicts(build_judge(config, log), pairs) == true
        assert len(served.asked) == 40
    assert "k" not in {word.strip('"') for word in log.read_text().split()}


def test_who_labels_is_named_by_the_user():
    vader, coin = oracle(judge(kind="vader"), flip_rate=0.1), judge(kind="coin")
    # The packaged example, by its own oracle.
    assert name_oracle(None, vader, options=[], from_file=False) == vader
    assert name_oracle(None, vader, options=["--model"], from_file=True) == vader
    for options, from_file in ((["--model"], False), ([], True)):
        assert name_oracle("coin", vader, options=options, from_file=from_file) == oracle(coin, flip_rate=0.1)
    with pytest.raises(ConfigError, match=r"--model and --prompts: nothing says who labels.*\(vader\)"):
        name_oracle(None, vader, options=["--model", "--prompts"], from_file=False)
    with pytest.raises(ConfigError, match=f"--oracle: got lottery, expected {', '.join(PLAIN)}; endpoint"):
        name_oracle("lottery", vader, options=[], from_file=False)


def test_paid_answers_below_the_folders_former_name_are_not_forgotten(tmp_path, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "k")
    log, former = tmp_path / "dpo" / "verdicts.jsonl", tmp_path / "align" / "verdicts.jsonl"
    former.parent.mkdir()
    former.touch()
    build_judge(endpoint("http://127.0.0.1:9/v1"), log)
    former.write_text("{}\n")
    with pytest.raises(StateError, match=r"holds answers that were paid for.*append it to .*dpo/verdicts\.jsonl"):
        build_judge(endpoint("http://127.0.0.1:9/v1"), log)
    build_judge(judge(kind="coin"), log)
    build_judge(endpoint("http://127.0.0.1:9/v1"), tmp_path / "elsewhere" / "verdicts.jsonl")


def test_what_is_missing_is_said_at_once(tmp_path, monkeypatch):
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    with pytest.raises(ConfigError, match="JUDGE_KEY"):
        build_oracle(oracle(endpoint("http://127.0.0.1:9/v1")), tmp_path)
    with pytest.raises(DataError, match="is no file: set the judge's path"):
        build_judge(judge(kind="word_list", path=tmp_path / "none"), tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"url": "api.openai.com/v1"}, {"url": "ftp://x/v1"}, {"url": "https://me:sk-1@x/v1"},
        {"url": "http://x/v1?key=1"}, {"key_variable": "sk-proj-123"}, {"key_variable": ""}, {"model": ""},
        {"rubric": "{prompt} {first}"}, {"rubric": "{prompt} {first} {second} {second}"}, {"parallel": 0},
        {"max_tokens": 0}, {"temperature": -1.0}, {"timeout_s": 0.0}, {"retries": -1},
        {"timeout_s": float("inf")}, {"max_reply_bytes": 10}, {"url": "http://x y/v1"}, {"url": "http://x:99999/v1"},
    ],
)  # fmt: skip
def test_wrong_parameters_of_an_endpoint(change):
    with pytest.raises(ValidationError):
        endpoint(change.pop("url", "http://x/v1"), **change)


def test_building_imports_nothing_heavy():
    heavy = ("torch", "transformers", "httpx2", "textblob", "nltk", "vaderSentiment")
    code = f"import sys, prefloop.judges.build; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

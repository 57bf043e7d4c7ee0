"""The whole way to a real server on this machine, which answers well, badly, late or not at all."""

from __future__ import annotations

import logging
import socket
import threading

import pytest

from prefloop.errors import ConfigError, ModelError
from prefloop.judges.endpoint import Endpoint
from prefloop.judges.kinds import Endpoint as Config
from prefloop.labels.comparison import Answer, Comparison
from prefloop.labels.verdicts import TIE, A, B
from tests.judges.helpers import check_oracle
from tests.judges.server import RUBRIC, completion, error, honest, serving, slow

SECRET = "sk-secret-0123456789"
PAIRS = [Comparison(f"prompt {n // 2}", f"left {n * 7 % 5}", f"right {n * 3 % 4}") for n in range(12)]


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-service")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-another-service")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-another-service")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/another-service")
    monkeypatch.setenv("JUDGE_KEY", SECRET)


def config(url, **changes):
    values = {
        "kind": "endpoint", "url": url, "model": "judge-1", "key_variable": "JUDGE_KEY", "rubric": RUBRIC,
        "max_tokens": 4, "temperature": 0.0, "timeout_s": 5.0, "max_reply_bytes": 65536, "retries": 1,
        "parallel": 3,
    }  # fmt: skip
    return Config.model_validate(values | changes)


def ask(say, pairs=PAIRS[:1], **changes):
    with serving(say) as served:
        return Endpoint(config(served.url, **changes)).ask(pairs), served


def better(c):
    left, right = (int(t.rsplit(" ", 1)[1]) for t in (c.a, c.b))
    return A if left > right else B if right > left else TIE


def test_an_honest_judge():
    with serving(honest) as served:
        judge = Endpoint(config(served.url))
        assert check_oracle(judge, PAIRS) == [better(c) for c in PAIRS]
        assert judge.paid
        answers = judge.ask(PAIRS)
        assert set(answers) <= {Answer(v, None, 2, 24) for v in (A, B, TIE)}


def test_the_name_under_which_answers_were_paid_for_stays():
    judge = Endpoint(config("http://x/v1"))
    assert judge.name == "endpoint:judge-1:e1b1adf27781"
    same = config("http://x/v1", timeout_s=1.0, max_reply_bytes=4096, retries=9, parallel=1, key_variable=None)
    assert Endpoint(same).name == judge.name


def test_what_is_sent_is_the_question_in_both_orders_and_nothing_else():
    _, served = ask(honest, PAIRS)
    shown = [asked.texts for asked in served.asked]
    assert len(set(shown)) == len(shown) == 2 * len(PAIRS)
    assert {(c.prompt, c.a, c.b) for c in PAIRS} | {(c.prompt, c.b, c.a) for c in PAIRS} == set(shown)
    for asked in served.asked:
        assert asked.path == "/v1/chat/completions"
        assert asked.body == {
            "model": "judge-1", "max_tokens": 4, "temperature": 0.0, "messages": [
                {"role": "user", "content": asked.body["messages"][0]["content"]},
            ],
        }  # fmt: skip
        assert asked.headers["authorization"] == f"Bearer {SECRET}"
        assert "another-service" not in str(asked.headers)


def test_the_same_pair_is_sent_the_same_way_whichever_is_called_a():
    sent = [
        ask(honest, [c], parallel=1)[1].asked for c in (PAIRS[1], Comparison("prompt 0", PAIRS[1].b, PAIRS[1].a))
    ]
    assert [a.body for a in sent[0]] == [a.body for a in sent[1]]


def test_without_a_key_none_is_sent_and_null_settings_are_left_out():
    answers, served = ask(honest, key_variable=None, max_tokens=None, temperature=None)
    assert answers[0].verdict == better(PAIRS[0])
    assert not {"authorization", "openai-organization", "openai-project"} & {
        k.lower() for k in served.asked[0].headers
    }
    assert sorted(served.asked[0].body) == ["messages", "model"]


@pytest.mark.parametrize("value", [None, "", " "])
def test_a_missing_key_is_named_and_nothing_is_asked(monkeypatch, value):
    monkeypatch.delenv("JUDGE_KEY") if value is None else monkeypatch.setenv("JUDGE_KEY", value)
    with pytest.raises(
        ConfigError, match=r"variable JUDGE_KEY is not set.*export JUDGE_KEY=.*key_variable to null"
    ):
        Endpoint(config("http://127.0.0.1:9/v1"))


def test_equal_completions_are_a_tie_that_nobody_is_asked_about():
    answers, served = ask(honest, [Comparison("p", "x 1", "x 1")])
    assert answers == [Answer(TIE, None, 0, 0)]
    assert served.asked == []


@pytest.mark.parametrize(("letter", "word"), [("A", "first"), ("B", "second")])
def test_a_judge_that_looks_at_the_place_alone_says_tie(letter, word):
    answers, _ = ask(lambda *_: completion(letter), PAIRS)
    assert set(answers) == {Answer(TIE, f"'{word}' in both orders", 2, 24)}


def test_ties():
    assert ask(lambda *_: completion("C"))[0] == [Answer(TIE, None, 2, 24)]
    once = ask(lambda _, number: completion("CA"[number]))[0]
    assert once == [Answer(TIE, "a tie in one order only", 2, 24)]


@pytest.mark.parametrize("bad", ["", None, "D", "A or B", "The first one.", {"x": 1}])
@pytest.mark.parametrize("when", [0, 1])
def test_half_an_answer_is_none(bad, when):
    answers, served = ask(lambda asked, number: completion(bad) if number == when else honest(asked, number))
    assert answers[0].verdict is None
    assert answers[0].reason
    assert (answers[0].calls, answers[0].tokens) == (when + 1, 12 * (when + 1))
    assert len(served.asked) == when + 1


@pytest.mark.parametrize(
    "said",
    [(200, b"<html>Welcome</html>", {"Content-Type": "text/html"}), (200, b"{", {}), (200, b"", {}),
     {"choices": []}, (200, b'"A"', {"Content-Type": "text/plain"}), (204, b"", {})],
)  # fmt: skip
def test_what_is_no_chat_completion_is_no_answer(said):
    answers, _ = ask(lambda *_: said)
    assert answers[0].verdict is None
    assert "no JSON" in answers[0].reason or "no chat completion" in answers[0].reason


def test_one_failure_changes_no_other_verdict():
    def say(asked, number):
        return completion("?") if asked.texts[0] == "prompt 2" else honest(asked, number)

    answers, _ = ask(say, PAIRS)
    assert [a.verdict for a in answers] == [None if c.prompt == "prompt 2" else better(c) for c in PAIRS]


# ------------------------------------------------------------------ services that fail


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again_and_counted(status):
    answers, served = ask(lambda a, number: error(status) if number in (0, 2) else honest(a, number))
    assert answers == [Answer(better(PAIRS[0]), None, 4, 24)]
    assert len(served.asked) == 4


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_lasting_failure_is_no_answer_and_counted(status):
    answers, served = ask(lambda *_: error(status, f"busy, {SECRET}"), PAIRS[:2], retries=2)
    assert [(a.verdict, a.calls, a.tokens) for a in answers] == [(None, 3, 0)] * 2
    assert all(str(status) in a.reason and "busy, (the key)" in a.reason for a in answers)
    assert len(served.asked) == 6


def test_retry_after_is_heeded():
    stamps = []

    def say(asked, number):
        import time

        stamps.append(time.monotonic())
        return (429, {}, {"Retry-After": "0.3"}) if number == 0 else honest(asked, number)

    assert ask(say)[0][0].calls == 3
    assert stamps[1] - stamps[0] >= 0.3


def test_a_late_answer_is_none():
    answers, _ = ask(slow(0.6, honest), timeout_s=0.1, retries=0)
    assert answers == [Answer(None, "no whole answer within 0.1 s (timeout_s)", 1, 0)]


def test_a_refused_connection_is_no_answer():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    answer = Endpoint(config(url, retries=0)).ask(PAIRS[:1])[0]
    assert (answer.verdict, answer.calls) == (None, 1)
    assert answer.reason.startswith("no connection (")


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        (error(401, f"Incorrect key {SECRET}"), r"Incorrect key \(the key\).*check the key in the variable"),
        (error(403), "check the key"),
        (error(404, code="model_not_found"), r"check url \(it mostly ends in /v1\) and model"),
        (error(404), "check url"),
        (error(405), "check url"),
        (error(402), "has no credit: top it up.*answers so far are kept"),
        (error(429, code="insufficient_quota"), "has no credit"),
        (error(400, param="model"), "check model, max_tokens and temperature; null leaves"),
        (error(400, code="unsupported_parameter"), "check model, max_tokens"),
    ],
)
def test_where_nothing_can_work_it_stops_at_once(said, remedy):
    with serving(lambda *_: said) as served:
        with pytest.raises(ModelError, match=rf"http://127.*, model judge-1: .*{remedy}") as caught:
            Endpoint(config(served.url, parallel=1)).ask(PAIRS)
        assert len(served.asked) <= 2
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "facts", [{"code": "context_length_exceeded", "param": "messages"}, {"code": "content_filter"}]
)
def test_a_pair_that_is_refused_for_itself_is_no_answer(facts):
    answers, served = ask(
        lambda a, n: error(400, "too long", **facts) if n == 0 else honest(a, n), PAIRS[:3], parallel=1
    )
    assert [a.verdict for a in answers] == [None, better(PAIRS[1]), better(PAIRS[2])]
    assert "too long" in answers[0].reason
    assert len(served.asked) == 5


def test_what_came_before_the_stop_was_handed_over():
    kept = {}
    with (
        serving(lambda a, number: error(401) if number >= 6 else honest(a, number)) as served,
        pytest.raises(ModelError),
    ):
        Endpoint(config(served.url, parallel=1)).ask(PAIRS, kept.__setitem__)
    assert {n: a.verdict for n, a in kept.items()} == {n: better(PAIRS[n]) for n in range(3)}


def test_so_many_at_once_and_handed_over_by_one_thread():
    threads = set()
    with serving(slow(0.02, honest)) as served:
        judge = Endpoint(config(served.url, parallel=4))
        judge.ask(PAIRS, lambda *_: threads.add(threading.get_ident()))
    assert served.most_at_once == 4
    assert threads == {threading.get_ident()}


def test_an_error_while_keeping_stops_the_asking():
    def full(*_):
        raise OSError("disk full")

    with serving(honest) as served:
        with pytest.raises(OSError, match="disk full"):
            Endpoint(config(served.url, parallel=1)).ask(PAIRS, full)
        assert len(served.asked) == 2


def test_the_name_says_who_answers(caplog):
    first = Endpoint(config("http://h/v1"))
    assert first.name == Endpoint(config("http://h/v1/", timeout_s=1.0, retries=0, parallel=1)).name
    changes = [
        {"model": "x"},
        {"rubric": RUBRIC + " "},
        {"max_tokens": None},
        {"temperature": 1.0},
        {"url": "http://i/v1"},
    ]
    assert len({Endpoint(config(c.pop("url", "http://h/v1"), **c)).name for c in changes} | {first.name}) == 6
    assert first.name.startswith("endpoint:judge-1:")


def test_the_key_is_in_no_log(caplog):
    with caplog.at_level(logging.DEBUG):
        answers, _ = ask(lambda a, n: error(500) if n == 0 else honest(a, n))
    assert answers[0].calls == 3
    assert SECRET not in caplog.text

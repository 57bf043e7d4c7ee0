from __future__ import annotations

import json

import pytest

from prefloop.judges.redaction import shown
from prefloop.judges.reply import Refusal, read_refusal, read_reply
from prefloop.labels.verdicts import A
from tests.judges.server import completion


def reply(body, content_type="application/json"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_reply(data, content_type, 3, lambda text, limit: shown(text, None, limit))


def test_a_reply_counts_calls_and_tokens():
    assert (reply(completion("A", 12)).verdict, reply(completion("A", 12)).tokens) == (A, 12)
    assert reply(completion("B", None)).tokens == 0
    assert reply(completion("B") | {"usage": {"prompt_tokens": 5, "completion_tokens": 2}}).tokens == 7
    assert reply(completion("B") | {"usage": {"prompt_tokens": 5, "total_tokens": None}}).tokens == 5
    assert reply(completion("B") | {"usage": None}).tokens == 0
    assert reply(completion("B")).calls == 3
    assert reply(completion("B")).reason is None
    assert reply(completion("D", 12)).tokens == 12


@pytest.mark.parametrize("bad", [True, 1.5, "12", -1, [], 10**9])
@pytest.mark.parametrize("name", ["total_tokens", "prompt_tokens", "completion_tokens"])
def test_what_is_no_count_of_tokens_is_no_answer(bad, name):
    came = reply(completion("A") | {"usage": {name: bad}})
    assert (came.verdict, came.tokens) == (None, 0)
    assert came.reason == f"usage that can't be: {name} is no whole number from 0 to 100000000"


@pytest.mark.parametrize("kind", ["", "application/json", "Application/JSON; charset=utf-8", "application/x+json"])
def test_json_may_be_called_so(kind):
    assert reply(completion("A"), kind).verdict == A


@pytest.mark.parametrize("end", [None, "stop", "eos_token", "stop_sequence", "end_turn"])
def test_an_answer_may_end_so(end):
    assert reply(completion("A", finish_reason=end)).verdict == A


@pytest.mark.parametrize("text", ["I think A", "x" * 300, "\x1b[31mA", "A\n\u202eB"])
def test_a_reason_shows_what_came_in_short(text):
    came = reply(completion(text))
    assert came.reason.startswith("no single letter A, B or C: '")
    assert came.reason.isprintable()
    assert len(came.reason) < 150


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"", Refusal("", "", "")),
        (b"<html>", Refusal("<html>", "", "")),
        (b"\xff", Refusal("\ufffd", "", "")),
        (b'{"error": {"message": "m", "code": "c", "param": "p"}}', Refusal("m", "c", "p")),
        (b'{"error": {"message": "m", "code": 5, "param": ["model"]}}', Refusal("m", "5", "")),
        (b'{"error": "m"}', Refusal("m", "", "")),
        (b'{"message": "m", "code": "c"}', Refusal("m", "c", "")),
        (b'"m"', Refusal("m", "", "")),
        (b'{"error": null}', Refusal('{"error": null}', "", "")),
        (b'{"detail": "m"}', Refusal('{"detail": "m"}', "", "")),
    ],
)
def test_an_error_is_read_in_whatever_form(body, refusal):
    assert read_refusal(body) == refusal

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.judges.rubric import fill_in, read_letter, read_reply
from prefloop.labels.verdicts import TIE, A, B
from tests.judges.server import completion


@pytest.mark.parametrize(
    "form", ["{}", " {}\n", "{}.", '"{}"', "'{}'", "`{}`", "“{}”", '"{}."', '"{}".', "\t{}. "]
)
@pytest.mark.parametrize(("letter", "verdict"), [("A", A), ("b", B), ("C", TIE), ("a", A)])
def test_a_single_letter_is_an_answer(form, letter, verdict):
    assert read_letter(form.format(letter)) == verdict


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", '""', "D", "AB", "A B", "A or B", "A.B", "A..", "(A)", "**A**", "[A]", '{"answer": "A"}',
     "Answer: A", "A is better.", "first", "1", "\"A'", '"A', "'A", '""A""', "<think>A</think>A", "\uff21",
     "\u00aa", "\u0410", "A,", "A!", "\x00A", "AA", "I cannot answer", "Both", "None"],
)  # fmt: skip
def test_nothing_else_is(text):
    assert read_letter(text) is None


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_only_texts_around_one_letter_are_answers(text):
    if read_letter(text) is not None:
        assert [c for c in text.lower() if c.isalnum()] in (["a"], ["b"], ["c"])


@settings(max_examples=100, deadline=None)
@given(st.text(), st.text(), st.text())
def test_texts_are_shown_as_they_are(prompt, first, second):
    assert fill_in("{{x} {prompt}|{second}|{first} 100%", prompt, first, second) == (
        f"{{{{x}} {prompt}|{second}|{first} 100%"
    )


def test_places_in_texts_are_no_places():
    assert (
        fill_in("{prompt}-{first}-{second}", "{first}", "{second}", "\\1{prompt}")
        == "{first}-{second}-\\1{prompt}"
    )


def reply(body):
    return read_reply(body if isinstance(body, str) else json.dumps(body), 3)


def test_a_reply_counts_calls_and_tokens():
    assert (reply(completion("A", 12)).verdict, reply(completion("A", 12)).tokens) == (A, 12)
    assert reply(completion("B", None)).tokens == 0
    assert reply(completion("B") | {"usage": {"prompt_tokens": 5, "completion_tokens": 2}}).tokens == 7
    assert reply(completion("B") | {"usage": None}).tokens == 0
    assert reply(completion("B") | {"usage": {"total_tokens": "many", "prompt_tokens": True}}).tokens == 0
    assert reply(completion("B")).calls == 3
    assert reply(completion("B")).reason is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "no JSON: ''"),
        ("<html>Welcome</html>", "no JSON: '<html>Welcome</html>'"),
        ("null", "no chat completion"),
        ('"A"', "no chat completion"),
        ({"choices": []}, "no chat completion"),
        ({"choices": None}, "no chat completion"),
        ({"choices": ["A"]}, "no chat completion"),
        ({"choices": [{"message": None}]}, "no chat completion"),
        ({"choices": [{"text": "A"}]}, "no chat completion"),
        (completion(None), "an empty answer (finish_reason: stop)"),
        (completion("", finish_reason="length"), "an empty answer (finish_reason: length)"),
        (completion(" \n"), "an empty answer"),
        (completion("I think A"), "no single letter A, B or C: 'I think A' (finish_reason: stop)"),
        (completion("x" * 300), "no single letter A, B or C: 'xxxx"),
        (completion(["A"]), "no single letter A, B or C"),
        (completion(1), "no single letter A, B or C"),
    ],
)
def test_what_is_no_answer(body, reason):
    came = reply(body)
    assert came.verdict is None
    assert came.reason.startswith(reason)
    assert len(came.reason) < 150

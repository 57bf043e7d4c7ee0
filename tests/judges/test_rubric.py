from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.judges.rubric import fill_in, read_letter
from prefloop.labels.verdicts import TIE, A, B


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

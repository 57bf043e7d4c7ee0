from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prefloop.data.spelling import normal_form

ODD = st.text(
    st.sampled_from(
        "aÅ é" + "\u0301\u034f\u00a0\u200b\u200d\ufe0f\u3164\u115f\uffa0\ufeff\u2028"
        "\x00\x1f\t\r\n\u1100\u1161\uac00ﬁ\u00ad"
    )
)


@given(st.text(st.characters(exclude_categories=["Cs"])) | ODD)
@example("a\u0301\u034f\u0323")
def test_the_normal_form_is_its_own(text: str) -> None:
    once = normal_form(text)
    assert normal_form(once) == once
    assert unicodedata.is_normalized("NFKC", once)


@pytest.mark.parametrize(
    "other",
    [
        " Where is the café ? ",
        "Where is\r\nthe  café ?",
        "Where is the cafe\u0301 ?",
        "Where\u00a0is\u2003the café\u3000?",
        "\ufeffWhere is the ca\u00adfé\u200b ?",
        "Where\x00 is\u2060 the café\ufe0f ?\u200e",
        "Where is the café ？",
        "Where\x85is\x0bthe\x1ccafé ?",
    ],
)
def test_spellings_of_one_question(other: str) -> None:
    assert normal_form(other) == normal_form("Where is the café ?")


def test_case_words_and_signs_are_left_alone() -> None:
    texts = ["Who is who?", "who is who?", "Who is who", "Whois who?", "Who is whó?"]
    assert len({normal_form(text) for text in texts}) == len(texts)
    assert normal_form("Plain text, as it is.") == "Plain text, as it is."

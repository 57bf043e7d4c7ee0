"""Prompts as messages: what was rendered on reading comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.data.readers.conversation import render, split_texts
from prefloop.data.readers.row import Row
from prefloop.exchange.turns import messages_of

ROW = Row("x.jsonl", 1, {})
CONTENT = st.text(min_size=1).filter(str.strip)
PLAIN = CONTENT.filter(
    lambda text: not any(f"{head}:" in text for head in ("System", "User", "Assistant", "Tool"))
)


def user(text):
    return {"role": "user", "content": text}


@given(st.booleans(), st.lists(st.tuples(PLAIN, PLAIN), max_size=3), PLAIN)
def test_a_conversation_comes_back_whole(system, exchanges, last):
    messages = [{"role": "system", "content": "be brief"}] if system else []
    for question, answer in exchanges:
        messages += [user(question), {"role": "assistant", "content": answer}]
    messages.append(user(last))
    assert messages_of(render(messages, ROW, "prompt")) == messages


@given(
    st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), CONTENT), min_size=1, max_size=4)
)
def test_no_word_is_lost_or_moved(turns):
    text = render([{"role": role, "content": content} for role, content in turns], ROW, "prompt")
    messages = messages_of(text)
    assert messages == [user(text)] or render(messages, ROW, "prompt") == text
    assert all(message["content"].strip() for message in messages)


@given(PLAIN)
def test_a_plain_text_is_one_message(text):
    assert messages_of(text) == [user(text)]


def test_a_transcript_comes_back_without_the_open_turn():
    start = "\n\nHuman: hi\n\nAssistant: hello\n\nHuman: and now?\n\nAssistant:"
    prompt, _, _ = split_texts(f"{start} yes", f"{start} no")
    assert messages_of(prompt) == [user("hi"), {"role": "assistant", "content": "hello"}, user("and now?")]
    assert messages_of("Human: hi\n\nAssistant:") == [user("hi")]


@pytest.mark.parametrize(
    "text",
    [
        "User: only one",
        "Say\n\nUser: a\n\nAssistant: b\n\nUser: c",
        "Assistant: a\n\nUser: b",
        "User: a\n\nAssistant: b",
        "User: a\n\nUser: ",
        "Explain this.\n\nAssistant:",
        "Human: \n\nAssistant:",
    ],
)
def test_what_is_no_whole_conversation_stays_a_text(text):
    assert messages_of(text) == [user(text)]

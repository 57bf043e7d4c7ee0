from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.messages.errors import MessageError, Unusable
from prefloop.messages.message import Message, Turns
from prefloop.messages.normalise import read_completion, read_messages, read_prompt
from prefloop.messages.split import reconcile, split_conversations
from tests.messages.dialects import DIALECTS, TRANSCRIPTS, answers, conversations

Conversation = tuple[Message, ...]


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=30)
@given(prompt=conversations(), first=answers(), second=answers())
def test_every_dialect_says_the_same(
    dialect: str, prompt: Conversation, first: Conversation, second: Conversation
) -> None:
    write = DIALECTS[dialect]
    assert read_messages(write(prompt), {}) == prompt
    assert read_prompt(write(prompt), {}) == Turns.prompt(prompt)
    assert read_completion(write(first), {}) == Turns.completion(first)
    meant = Turns.prompt(prompt), Turns.completion(first), Turns.completion(second)
    assert reconcile(write(prompt), write(first), write(second), {}) == meant
    if first[0] != second[0]:
        assert reconcile(write(prompt), write(prompt + first), write(prompt + second), {}) == meant
        assert split_conversations(write(prompt + first), write(prompt + second), {}) == meant


@settings(max_examples=30)
@given(
    st.sampled_from(sorted(DIALECTS)),
    st.sampled_from(sorted(DIALECTS)),
    conversations(),
    answers(),
    answers(),
)
def test_both_answers_may_speak_different_dialects(
    one: str, other: str, prompt: Conversation, first: Conversation, second: Conversation
) -> None:
    if first[0] == second[0]:
        second = (Message("assistant", second[0].content + " indeed"), *second[1:])
    read = reconcile(prompt[-1].content, DIALECTS[one](prompt + first), DIALECTS[other](prompt + second), {})
    assert read == (Turns.prompt(prompt), Turns.completion(first), Turns.completion(second))


@pytest.mark.parametrize("dialect", TRANSCRIPTS)
@settings(max_examples=30)
@given(prompt=conversations(calls=False), first=answers(calls=False), second=answers(calls=False))
def test_every_transcript_says_what_its_messages_say(
    dialect: str, prompt: Conversation, first: Conversation, second: Conversation
) -> None:
    if first[0] == second[0]:
        second = (Message("assistant", second[0].content + " indeed"), *second[1:])
    write = TRANSCRIPTS[dialect]
    one, other = write(prompt + first), write(prompt + second)
    read = split_conversations(one, other, {})
    assert read[0].as_prompt() == prompt
    assert [turns.as_completion() for turns in read[1:]] == [first, second]
    assert one.strip().startswith(read[0].plain)
    assert one.strip().endswith(read[1].plain)
    assert other.strip().endswith(read[2].plain)
    # Beside the same prompt as messages or as the same kind of transcript, they mean the same.
    beside = reconcile(DIALECTS["openai"](prompt), one, other, {})
    assert [beside[0].as_prompt(), *(t.as_completion() for t in beside[1:])] == [prompt, first, second]
    apart = reconcile(read[0].plain, read[1].plain, read[2].plain, {})
    assert [apart[0].as_prompt(), *(t.as_completion() for t in apart[1:])] == [prompt, first, second]


@settings(max_examples=30)
@given(conversations(), answers())
def test_tables_give_back_what_they_keep(prompt: Conversation, answer: Conversation) -> None:
    for turns in (Turns.prompt(prompt), Turns.completion(answer)):
        assert Turns.load(turns.plain, turns.kept) == turns


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_text_is_read_without_a_decision(first: str, second: str) -> None:
    for asked in (None, "Why so?"):
        try:
            read = reconcile(asked, first, second, {}) if asked else split_conversations(first, second, {})
            prompt, one, other = read
        except (MessageError, Unusable):
            continue
        assert prompt.plain.strip()
        assert one.plain.strip()
        assert other.plain.strip()
        assert one.plain in first
        assert other.plain in second

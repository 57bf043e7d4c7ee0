from __future__ import annotations

from typing import Any

import pytest

from prefloop.messages.errors import MessageError, Unusable
from prefloop.messages.message import Message, Turns
from prefloop.messages.split import join_system, read_answer, reconcile, split_conversations

Q, MORE = {"role": "user", "content": "Tea?"}, {"role": "user", "content": "Milk?"}
YES, NO = {"role": "assistant", "content": "Yes."}, {"role": "assistant", "content": "No."}
SYSTEM = {"role": "system", "content": "Be kind."}

# What two texts share, and what each says after it.
TEXTS: dict[str, tuple[str, str, tuple[str, str, str]]] = {
    "one goes on": ("Q: colour? A: red", "Q: colour? A: red and blue", ("Q: colour? A:", "red", "red and blue")),
    "the same word after the label": ("Q: why? A: It is", "Q: why? A: It was", ("Q: why? A:", "It is", "It was")),
    "a sentence": ("Name one. Pear", "Name one. Plum", ("Name one.", "Pear", "Plum")),
    "equal": ("Name one. Pear", "Name one. Pear", ("Name one.", "Pear", "Pear")),
    "a question": ("What is it? The pear", "What is it? The plum", ("What is it?", "The pear", "The plum")),
    "a line": ("Name a fruit\nPear", "Name a fruit\nPlum", ("Name a fruit", "Pear", "Plum")),
    "a summary": (
        "Long post TL;DR: It is x",
        "Long post TL;DR: It is y",
        ("Long post TL;DR:", "It is x", "It is y"),
    ),
    "Chinese": (
        "问题：天？答案：因为气。",
        "问题：天？答案：因为海。",
        ("问题：天？答案：", "因为气。", "因为海。"),
    ),
    "Japanese": ("空はなぜ青い？光。", "空はなぜ青い？海。", ("空はなぜ青い？", "光。", "海。")),
    "Chinese verse": ("写诗：月亮", "写诗：太阳", ("写诗：", "月亮", "太阳")),
    "quoted": ("It says\n\nAssistant: a", "It says\n\nAssistant: b", ("It says\n\nAssistant:", "a", "b")),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_divided_where_a_sentence_ends(name: str) -> None:
    first, second, meant = TEXTS[name]
    assert split_conversations(first, second, {}) == tuple(map(Turns, meant))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The Danube.", "The Rhine."),
        ("Eleven is one.", "Nine would do."),
        ("Yes. The Danube", "Yes. The Rhine"),
        ("1. Tea", "1. Milk"),
        ("Answer: tea", "Answer: milk"),
        ("天空是蓝色的", "天空是黑色的"),
        ("x" * 40, "x" * 39 + "y"),
    ],
)
def test_a_prompt_that_would_be_a_guess_is_refused(first: str, second: str) -> None:
    with pytest.raises(MessageError, match="column with the prompt"):
        split_conversations(first, second, {})


UNUSABLE: list[tuple[Any, Any, str]] = [
    ("\n\nHuman: Tea?\n\nAssistant: Yes.", "\n\nHuman: Coffee?\n\nAssistant: No.", "no_common_prompt"),
    ("### Human: Tea?\n### Assistant: a", "### Human: Milk?\n### Assistant: a", "no_common_prompt"),
    ([Q, YES], [MORE, YES], "no_common_prompt"),
    ([Q, YES, Q, YES], [Q, YES, MORE, YES], "no_common_prompt"),
    ([SYSTEM, Q, YES], [Q, NO], "no_common_prompt"),
    ("Human: Tea?\n\nAssistant: Yes.", "Human: Tea?\n\nAssistant:", "empty"),
    ("<|user|>\nTea?</s>\n<|assistant|>\na</s>", "<|user|>\nTea?</s>\n<|assistant|>\n</s>", "empty"),
    ("Human: Tea?\n\nAssistant:\n\nHuman: a\n\nAssistant: b", "Human: Tea?\n\nAssistant: c", "empty"),
    ([Q, YES], [Q], "empty"),
    ([Q, YES], None, "empty"),
    ("Pear", "Pear", "identical"),
]


@pytest.mark.parametrize(("first", "second", "reason"), UNUSABLE)
def test_what_is_of_no_use_has_a_reason(first: Any, second: Any, reason: str) -> None:
    for pair in ((first, second), (second, first)):
        with pytest.raises(Unusable) as caught:
            split_conversations(*pair, {})
        assert caught.value.reason == reason


def test_answers_are_rendered_alike_whatever_their_length() -> None:
    prompt, one, other = split_conversations([Q, YES], [Q, YES, MORE, NO], {})
    assert (prompt, one) == (Turns("Tea?"), Turns("Yes."))
    assert other.plain == "Yes.\n\nUser: Milk?\n\nAssistant: No."


def test_answers_that_differ_in_a_tools_reply_begin_with_the_call() -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"name": "f", "arguments": {}}]}
    dry, wet = ({"role": "tool", "content": text} for text in ("dry", "wet"))
    prompt, one, other = split_conversations([Q, call, dry, YES], [Q, call, wet, NO], {})
    assert (prompt.plain, one.plain) == ("Tea?", "[f({})]\n\nTool: dry\n\nAssistant: Yes.")
    assert [message.role for message in other.as_completion()] == ["assistant", "tool", "assistant"]


HH, BOTH = "\n\nHuman: Tea?\n\nAssistant:", (Turns("Yes."), Turns("No."))
RECONCILED: dict[str, tuple[Any, Any, Any, Turns]] = {
    "texts": ("Tea?", "Yes.", "No.", Turns("Tea?")),
    "answers as messages": ("Tea?", [YES], NO, Turns("Tea?")),
    "one as messages": ([Q], "Yes.", [NO], Turns("Tea?")),
    "whole conversations": ("Tea?", [Q, YES], [Q, NO], Turns("Tea?")),
    "one whole conversation": ("Tea?", [Q, YES], "No.", Turns("Tea?")),
    "system in the prompt only": (
        [SYSTEM, Q],
        [Q, YES],
        [Q, NO],
        Turns.prompt([Message("system", "Be kind."), Message("user", "Tea?")]),
    ),
    "system in the answers only": (
        "Tea?",
        [SYSTEM, Q, YES],
        [SYSTEM, Q, NO],
        Turns.prompt([Message("system", "Be kind."), Message("user", "Tea?")]),
    ),
    "the last question": (
        "Milk?",
        [Q, NO, MORE, YES],
        [Q, NO, MORE, NO],
        Turns.prompt([Message("user", "Tea?"), Message("assistant", "No."), Message("user", "Milk?")]),
    ),
    "texts that repeat it": (
        "Do you take tea?",
        "Do you take tea?\nYes.",
        "Do you take tea?\nNo.",
        Turns("Do you take tea?"),
    ),
    "transcripts": ("Tea?", f"{HH} Yes.", f"{HH} No.", Turns(HH.strip(), (Message("user", "Tea?"),))),
    "a transcript as prompt": (HH, "Yes.", "No.", Turns(HH, (Message("user", "Tea?"),))),
    "headings on both sides": (
        "Human: Tea?",
        "Assistant: Yes.",
        "Assistant: No.",
        Turns("Human: Tea?", (Message("user", "Tea?"),)),
    ),
    "a transcript repeated": (HH, f"{HH} Yes.", f"{HH} No.", Turns(HH, (Message("user", "Tea?"),))),
}


@pytest.mark.parametrize("name", RECONCILED)
def test_a_prompt_beside_answers_that_may_repeat_it(name: str) -> None:
    prompt, first, second, meant = RECONCILED[name]
    assert reconcile(prompt, first, second, {}) == (meant, *BOTH)


def test_answers_that_greet_back_or_quote_stay_whole() -> None:
    for prompt, first, second in (
        ("Hello", "Hello there", "Hello friend"),
        ("Write a dialogue.", "User: a\nAssistant: b", "User: c\nAssistant: d"),
        ("Tea?", '{"tea": 1}', "[1, 2]"),
    ):
        assert reconcile(prompt, first, second, {}) == (Turns(prompt), Turns(first), Turns(second))


@pytest.mark.parametrize(
    ("prompt", "first", "second", "part"),
    [
        ("Coffee?", [Q, YES], [Q, NO], None),
        ([{"role": "system", "content": "Be rude."}, Q], [SYSTEM, Q, YES], [SYSTEM, Q, NO], None),
        ("Coffee?", [Q, YES], "No.", "first"),
        ("Tea?", "Yes.", [{"role": "elf", "content": "No."}], "second"),
        ([{"role": "elf", "content": "Tea?"}], "Yes.", "No.", "prompt"),
    ],
)
def test_contradictions_are_refused(prompt: Any, first: Any, second: Any, part: str | None) -> None:
    with pytest.raises(MessageError) as caught:
        reconcile(prompt, first, second, {})
    assert caught.value.part == part


def test_turns_after_an_answer_to_a_transcript_are_messages() -> None:
    prompt, *_ = reconcile(HH, "a", "b", {})
    answer = read_answer(prompt, "Yes.\n\nHuman: Milk?\n\nAssistant: No.\n\nModel: T5", {})
    meant = (Message("assistant", "Yes."), Message("user", "Milk?"), Message("assistant", "No.\n\nModel: T5"))
    assert answer.as_completion() == meant


def test_a_system_prompt_beside_belongs_to_the_prompt() -> None:
    joined = join_system("Be kind.", Turns("Tea?"))
    assert joined.as_prompt() == (Message("system", "Be kind."), Message("user", "Tea?"))
    assert join_system("Be kind.", joined) == joined
    assert join_system(" ", joined) == join_system(None, joined) == joined
    with pytest.raises(MessageError):
        join_system("Be rude.", joined)


@pytest.mark.parametrize(
    "pair", ['{{"question": "Tea? ", "answer": "{}"}}', '["Tea? ", "{}"]', "{{'q': 'Tea?', 'a': '{}'}}"]
)
def test_data_stored_as_text_is_no_prompt_with_answers(pair: str) -> None:
    with pytest.raises(MessageError, match="data stored as text"):
        split_conversations(pair.format("Yes."), pair.format("No."), {})


def test_labels_of_answers_and_repeated_prompts_without_spaces() -> None:
    asked, one, other = split_conversations("សំណួរ៖ ខៀវ?ចម្លើយ៖ខៀវ", "សំណួរ៖ ខៀវ?ចម្លើយ៖ស", {})
    assert (asked.plain, one.plain, other.plain) == ("សំណួរ៖ ខៀវ?ចម្លើយ៖", "ខៀវ", "ស")
    asked, one, other = reconcile("绿茶好喝吗？", "绿茶好喝吗？好。", "绿茶好喝吗？不好。", {})
    assert (asked.plain, one.plain, other.plain) == ("绿茶好喝吗？", "好。", "不好。")

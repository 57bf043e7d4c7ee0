from pathlib import Path

import pytest
from transformers import AutoTokenizer

from prefloop.embed.texts import TextEncoder
from prefloop.errors import ConfigError
from prefloop.messages.message import Turns

TEMPLATE = "Q: {prompt}\nA: {completion}"


def encoder(model: Path, max_length: int = 32, template: str = TEMPLATE) -> TextEncoder:
    return TextEncoder(AutoTokenizer.from_pretrained(model), template, max_length)


def as_bytes(text: str) -> tuple[int, ...]:
    alphabet = sorted(_byte_letters())
    return tuple(alphabet.index({" ": "Ġ", "\n": "Ċ"}.get(letter, letter)) for letter in text)


def _byte_letters() -> list[str]:
    from tokenizers import pre_tokenizers

    return list(pre_tokenizers.ByteLevel.alphabet())


def test_plain_template_and_special_tokens(bert: Path) -> None:
    texts = encoder(bert)
    plain = texts.tokenizer(["Q: a b\nA: c"], truncation=False)["input_ids"][0]
    assert texts.answers([Turns("a b")], [Turns("c")]) == [tuple(plain)]
    assert texts.prompts([Turns("a b")]) == [tuple(texts.tokenizer("Q: a b\nA: ", truncation=False)["input_ids"])]
    assert texts.frame.head[0] == texts.tokenizer.cls_token_id
    assert texts.frame.tail == (texts.tokenizer.sep_token_id,)
    assert not texts.is_chat


def test_a_length_stored_with_the_tokenizer_does_not_cut(bert: Path) -> None:
    assert len(encoder(bert).prompts([Turns("a " * 100)])[0]) > 100


def test_chat_template_puts_prompt_and_answer_in_their_roles(chat_llama: Path) -> None:
    texts = encoder(chat_llama)
    assert texts.is_chat
    assert texts.answers([Turns("hi")], [Turns("yes")]) == [as_bytes("<user>hi</s><assistant>yes</s>")]
    assert texts.prompts([Turns("hi")]) == [as_bytes("<user>hi</s><assistant>")]
    assert texts.frame.head == as_bytes("<user>")
    assert texts.frame.tail == as_bytes("</s>")


def test_braces_in_texts_are_text(llama: Path) -> None:
    texts = encoder(llama, template="{prompt}|{completion}")
    assert texts.answers([Turns("{completion}")], [Turns("{prompt} {0}")]) == [
        as_bytes("{completion}|{prompt} {0}")
    ]


def test_a_text_without_tokens_gets_one(llama: Path) -> None:
    assert encoder(llama, template="{prompt}{completion}").prompts([Turns("")]) == [(0,)]


def test_a_template_longer_than_the_length_is_refused(chat_llama: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected at least 14"):
        encoder(chat_llama, max_length=12)

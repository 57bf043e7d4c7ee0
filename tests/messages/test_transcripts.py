from __future__ import annotations

import pytest

from prefloop.messages.errors import MessageError
from prefloop.messages.message import Message
from prefloop.messages.normalise import read_completion, read_prompt

VICUNA = "A chat between a curious user and an assistant. The assistant is polite."
ALPACA = "Below is an instruction that describes a task. Write a response."
SYSTEM, TEA = Message("system", "Be kind."), Message("user", "Tea?")
TWO = (TEA, Message("assistant", "Yes."), Message("user", "Milk?"))

PROMPTS: dict[str, tuple[str, tuple[Message, ...]]] = {
    "llama 2": ("<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nTea? [/INST]", (SYSTEM, TEA)),
    "mistral": ("<s>[INST] Tea? [/INST] Yes.</s>[INST] Milk? [/INST]", TWO),
    "llama 2, turns": ("<s>[INST] Tea? [/INST] Yes. </s><s>[INST] Milk? [/INST]", TWO),
    "llama 3": (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nTea?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        (SYSTEM, TEA),
    ),
    "phi": ("<|user|>\nTea?<|end|>\n<|assistant|>", (TEA,)),
    "open assistant": ("<|prompter|>Tea?<|endoftext|><|assistant|>", (TEA,)),
    "gemma": ("<bos><start_of_turn>user\nTea?<end_of_turn>\n<start_of_turn>model\n", (TEA,)),
    "deepseek": ("<｜begin▁of▁sentence｜><｜User｜>Tea?<｜Assistant｜>", (TEA,)),
    "vicuna": (
        f"{VICUNA} USER: Tea? ASSISTANT: Yes.</s>USER: Milk? ASSISTANT:",
        (Message("system", VICUNA), *TWO),
    ),
    "alpaca": (
        f"{ALPACA}\n\n### Instruction:\nTea?\n\n### Input:\nx\n\n### Response:\n",
        (Message("system", ALPACA), Message("user", "Tea?\n\n### Input:\nx")),
    ),
    "guanaco": ("### Human: Tea?### Assistant: Yes.### Human: Milk?### Assistant:", TWO),
    "prefloop's own": ("System: Be kind.\n\nUser: Tea?", (SYSTEM, TEA)),
    "an empty system prompt": ("<|system|>\n</s>\n<|user|>\nTea?</s>\n<|assistant|>\n", (TEA,)),
    "hashes without a colon": ("### User\nTea?\n\n### Assistant\nYes.\n\n### User\nMilk?\n\n### Assistant", TWO),
    "tags": ("<user>Tea?</user>\n<assistant>Yes.</assistant>\n<user>Milk?</user>\n<assistant>", TWO),
    "tags with a colon": ("<human>: Tea?\n<bot>: Yes.\n<human>: Milk?\n<bot>:", TWO),
    "bold, on lines of their own": ("**User**\nTea?\n\n**Assistant**\nYes.\n\n**User**\nMilk?", TWO),
    "internlm": ("<|User|>:Tea?<eoh>\n<|Bot|>:Yes.<eoa>\n<|User|>:Milk?<eoh>\n<|Bot|>:", TWO),
    "openchat": (
        "GPT4 Correct User: Tea?<|end_of_turn|>GPT4 Correct Assistant: Yes.<|end_of_turn|>"
        "GPT4 Correct User: Milk?<|end_of_turn|>GPT4 Correct Assistant:",
        TWO,
    ),
    "Chinese": ("用户：Tea?\n助手：Yes.\n用户：Milk?\n助手：", TWO),
    "Japanese": ("ユーザー：Tea?\nアシスタント：Yes.\nユーザー：Milk?\nアシスタント：", TWO),
    "windows": ("Human: Tea?\r\n\r\nAssistant: Yes.\r\n\r\nHuman: Milk?\r\n\r\nAssistant:", TWO),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_markers(name: str) -> None:
    text, messages = PROMPTS[name]
    read = read_prompt(text, {})
    assert (read.plain, read.as_prompt()) == (text, messages)


def test_tokens_of_a_template_that_name_an_unknown_role_are_an_error() -> None:
    text = "<|im_start|>elf\nTea?<|im_end|>\n<|im_start|>assistant\n"
    with pytest.raises(MessageError, match=r"data\.roles"):
        read_prompt(text, {})
    assert read_prompt(text, {"elf": "user"}).as_prompt() == (TEA,)


def test_a_completion_may_begin_with_the_token_of_its_turn() -> None:
    read = read_completion("<|im_start|>assistant\nYes.<|im_end|>", {})
    assert read.as_completion() == (Message("assistant", "Yes."),)

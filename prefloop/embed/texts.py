"""Prompts and answers as token sequences: messages by the chat template, or plain forms by a plain one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefloop.embed.windows import Frame, Ids, shared_prefix
from prefloop.errors import ConfigError, ModelError
from prefloop.messages.message import Message, Turns, as_dicts

# Fewer tokens than this beside head and tail carry no text worth a vector.
_MIN_ROOM = 4


class TextEncoder:
    """Renders prompts and answers as one text and tokenises it; a chat template gets them as messages.

    Prompt and answer are tokenised together, as any user of the tokenizer would do it. The border
    between them is found afterwards: what a sequence shares with the prompt's own sequence is the
    prompt, the rest is the answer. A token that straddles the border thus counts as answer, and
    special tokens stand where the tokenizer (or the chat template) puts them.
    """

    def __init__(self, tokenizer: Any, template: str, max_length: int) -> None:
        self.tokenizer = tokenizer
        self._chat: str | None = getattr(tokenizer, "chat_template", None)
        self._before, rest = template.split("{prompt}")
        self._between = rest.removesuffix("{completion}")
        self.template = self._chat if self._chat is not None else template
        self.frame = self._find_frame(max_length)

    @property
    def is_chat(self) -> bool:
        """Whether the tokenizer's own chat template is used."""
        return self._chat is not None

    def prompts(self, prompts: Sequence[Turns]) -> list[Ids]:
        """Tokenise prompts alone: the template's part before the answer (the chat's generation prompt)."""
        if self.is_chat:
            chats = (prompt.as_prompt() for prompt in prompts)
            return self._ids([self._render(chat, add_generation_prompt=True) for chat in chats])
        return self._ids([self._before + prompt.plain + self._between for prompt in prompts])

    def answers(self, prompts: Sequence[Turns], answers: Sequence[Turns]) -> list[Ids]:
        """Tokenise each prompt with its answer; both lists have one entry per answer."""
        pairs = zip(prompts, answers, strict=True)
        if self.is_chat:
            chats = (prompt.as_prompt() + answer.as_completion() for prompt, answer in pairs)
            return self._ids([self._render(chat, add_generation_prompt=False) for chat in chats])
        return self._ids([self._before + prompt.plain + self._between + answer.plain for prompt, answer in pairs])

    def _render(self, messages: Sequence[Message], add_generation_prompt: bool) -> str:
        try:
            text: str = self.tokenizer.apply_chat_template(
                as_dicts(messages), tokenize=False, add_generation_prompt=add_generation_prompt
            )
        except Exception as error:  # a template is a program and may raise anything
            raise ModelError(
                f"the model's chat template refuses {_named(messages)} ({' '.join(str(error).split())[:200]}): "
                "use another model, or remove its chat template so that embed.template is used"
            ) from None
        return text

    def _ids(self, texts: list[str]) -> list[Ids]:
        # A chat template writes its own special tokens.
        encoded = self.tokenizer(
            texts,
            add_special_tokens=not self.is_chat,
            truncation=False,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        # A text without any token (empty, and no special tokens) still needs one to have a hidden state.
        return [tuple(ids) or (self._filler(),) for ids in encoded["input_ids"]]

    def _filler(self) -> int:
        names = ("bos_token_id", "cls_token_id", "eos_token_id", "pad_token_id")
        ids = (getattr(self.tokenizer, name, None) for name in names)
        return next((int(token) for token in ids if token is not None), 0)

    def _find_frame(self, max_length: int) -> Frame:
        # Two probes that differ in prompt and answer share exactly what surrounds every text.
        probes = [Turns("a"), Turns("b")]
        one, other = self.answers(probes, probes)
        head: Ids = one[: shared_prefix(one, other)] if one != other else ()
        tail: Ids = one[len(one) - shared_prefix(one[::-1], other[::-1]) :] if one != other else ()
        if max_length < len(head) + len(tail) + _MIN_ROOM:
            raise ConfigError(
                f"embed.max_length: got {max_length}, but the template and special tokens take "
                f"{len(head) + len(tail)}; expected at least {len(head) + len(tail) + _MIN_ROOM}"
            )
        return Frame(head, tail, max_length)


def _named(messages: Sequence[Message]) -> str:
    """What a conversation is made of, for a message."""
    roles = ", ".join(message.role for message in messages)
    calls = " (with tool calls)" if any(message.calls for message in messages) else ""
    return f"messages of these roles, in this order: {roles}{calls}"

"""Transcripts: texts that hold a conversation between markers, as messages and their places in the text.

A text is a transcript when it begins with a marker and people speak in turn after it; a text that quotes a
transcript, or tells of a marker, is a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from prefloop.messages.dialects import DIALECTS, SPECIAL, Dialect
from prefloop.messages.errors import Unusable
from prefloop.messages.message import Message, Role, Turns
from prefloop.messages.roles import role_of

_LLAMA_SYSTEM = re.compile(r"<<SYS>>(.*?)<</SYS>>(.*)", re.DOTALL)
_INST: dict[str, Role] = {"[INST]": "user", "[/INST]": "assistant"}


@dataclass(frozen=True, slots=True)
class Spoken:
    """A transcript, divided.

    Attributes:
        text: the whole, without white space around it.
        dialect: how its turns are marked.
        messages: what is said, white space around each removed; an empty last one is the assistant's, to come.
        bodies: where in the text each message's content begins, right after its marker.
    """

    text: str
    dialect: Dialect
    messages: tuple[Message, ...]
    bodies: tuple[int, ...]

    def prompt(self, count: int) -> Turns:
        """The first messages as a prompt, whose plain form ends after the marker of the next one."""
        end = self.bodies[count] if count < len(self.bodies) else len(self.text)
        return Turns(self.text[:end].strip(), self.messages[:count])

    def completion(self, count: int) -> Turns:
        """What comes after the first messages.

        Raises:
            Unusable: the next message is empty.
        """
        plain = self.text[self.bodies[count] :].strip()
        rest = self.messages[count:]
        if not plain or not rest[0].content:
            raise Unusable("empty")
        return _turns(plain, rest)

    def as_prompt(self) -> tuple[Message, ...]:
        """All messages: an empty last one is the answer's place."""
        return self.messages if self.messages[-1].content else self.messages[:-1]

    @property
    def asks(self) -> bool:
        """Whether the whole can be a prompt: headings in words that end with an answer are more likely a text."""
        return not self.dialect.is_words or self.as_prompt()[-1].role != "assistant"


def may_be_special(text: str) -> bool:
    """Whether a text begins as some transcript does; quick."""
    return SPECIAL.match(text.lstrip() if text[:1].isspace() else text) is not None


def read_transcript(text: str, roles: Mapping[str, Role]) -> Spoken | None:
    """A text as a transcript, None where it is none.

    Raises:
        MessageError: a token of a chat template names a role that is not known.
        Unusable: a turn before the last is empty.
    """
    text = text.strip()
    for dialect in DIALECTS:
        if dialect.begins.match(text):
            spoken = _divide(text, dialect, roles)
            if spoken is not None and spoken.messages and _is_plausible(spoken):
                _check_turns(spoken)
                return spoken
    return None


def spoken_by_assistant(text: str, roles: Mapping[str, Role]) -> Turns | None:
    """A completion that begins with the token of the assistant's turn; None for any other text."""
    for dialect in DIALECTS:
        if not dialect.is_words and dialect.begins.match(text.strip()):
            spoken = _divide(text.strip(), dialect, roles)
            if spoken is not None and spoken.messages and spoken.messages[0].role == "assistant":
                return _turns(text, spoken.messages) if spoken.messages[0].content else None
    return None


def go_on(prompt: str, completion: str, roles: Mapping[str, Role]) -> Turns | None:
    """A completion of a prompt that is a transcript: further turns in it are messages; None where prompt is none.

    Raises:
        Unusable: the completion is empty.
    """
    spoken = read_transcript(prompt, roles) if may_be_special(prompt) else None
    if spoken is None:
        return None
    said = completion.strip()
    if not said:
        raise Unusable("empty")
    begins = spoken.dialect.begins.match(said)
    if begins is not None and _role(begins, spoken.dialect, roles) == "assistant":
        return _completed(completion, said, spoken.dialect, roles)
    marker = spoken.dialect.marker.search(said)
    # A heading of the assistant's of this dialect goes before, so that its own turns are found.
    heading = _assistant_marker(spoken)
    if heading is None or marker is None:
        return _turns(completion, (Message("assistant", _content(said, spoken.dialect)),))
    return _completed(completion, f"{heading}\n{said}", spoken.dialect, roles)


def _completed(plain: str, text: str, dialect: Dialect, roles: Mapping[str, Role]) -> Turns:
    answer = _divide(text, dialect, roles)
    if answer is None or not answer.messages or not answer.messages[0].content:
        raise Unusable("empty")
    return _turns(plain, answer.messages)


def _assistant_marker(spoken: Spoken) -> str | None:
    markers = spoken.dialect.marker.finditer(spoken.text)
    return next((m.group().strip() for m in markers if _role(m, spoken.dialect, {}) == "assistant"), None)


def _turns(plain: str, messages: tuple[Message, ...]) -> Turns:
    """A completion, without an empty last turn: a marker after which nobody said anything."""
    if len(messages) > 1 and not messages[-1].content:
        messages = messages[:-1]
    is_text = messages == (Message("assistant", plain.strip()),)
    return Turns(plain) if is_text else Turns(plain, messages)


def _divide(text: str, dialect: Dialect, roles: Mapping[str, Role]) -> Spoken | None:
    markers = _markers(text, dialect, roles)
    if not markers:
        return None
    ends = [marker.start() for marker in markers[1:]] + [len(text)]
    messages: list[Message] = []
    bodies: list[int] = []
    if dialect.is_words and markers[0].groupdict().get("preamble"):
        messages.append(Message("system", markers[0]["preamble"].strip()))
        bodies.append(0)
    for marker, end in zip(markers, ends, strict=True):
        role = _role(marker, dialect, roles)
        content = _content(text[marker.end() : end], dialect)
        system = _LLAMA_SYSTEM.fullmatch(content) if marker["role"] == "[INST]" else None
        if system is not None:
            if system[1].strip():
                messages.append(Message("system", system[1].strip()))
                bodies.append(marker.end())
            content = system[2].strip()
        if role == "system" and not content:
            continue
        messages.append(Message(role, content))
        bodies.append(marker.end())
    return Spoken(text, dialect, tuple(messages), tuple(bodies))


def _markers(text: str, dialect: Dialect, roles: Mapping[str, Role]) -> list[re.Match[str]]:
    """The markers of turns; of headings in words those of one name a role, the system's only at the beginning."""
    first = dialect.begins.match(text)
    markers = [*([first] if first else []), *dialect.marker.finditer(text, first.end() if first else 0)]
    if not dialect.is_words:
        return markers
    names: dict[Role, str] = {}
    kept: list[re.Match[str]] = []
    for marker in markers:
        role, name = _role(marker, dialect, roles), marker["role"]
        if names.setdefault(role, name) == name and (role != "system" or not kept):
            kept.append(marker)
    return kept


def _role(marker: re.Match[str], dialect: Dialect, roles: Mapping[str, Role]) -> Role:
    name = marker["role"].strip()
    return _INST.get(name) or role_of(name, {} if dialect.is_words else roles, f"[{marker.start()}]")


def _content(text: str, dialect: Dialect) -> str:
    text = text.strip()
    while text.endswith(dialect.closes):
        text = next(text.removesuffix(token) for token in dialect.closes if text.endswith(token)).rstrip()
    return text


def _is_plausible(spoken: Spoken) -> bool:
    """Whether people speak in turn, the user first, strictly where markers are words."""
    asked = [message.role for message in spoken.messages]
    after_system = asked[1:] if asked[0] == "system" else asked
    if not after_system or after_system[0] != "user" or "system" in after_system:
        return False
    if not spoken.dialect.is_words:
        is_closed = spoken.text[spoken.bodies[-1] :].find("<") >= 0 or "\n" in spoken.text
        return len(asked) > 1 or is_closed
    return len(asked) > 1 and all(x != y for x, y in pairwise(after_system))


def _check_turns(spoken: Spoken) -> None:
    for place, message in enumerate(spoken.messages[:-1]):
        if not message.content and message.role != "tool":
            raise Unusable("empty", f"[{place}]")
    if not spoken.messages[-1].content and spoken.messages[-1].role == "user" and len(spoken.messages) == 1:
        raise Unusable("empty", "[0]")

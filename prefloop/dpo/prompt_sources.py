"""Sources of prompts and texts: the generated example world, files, or the hub."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from prefloop.data.containers import KINDS, read_rows
from prefloop.data.readers.names import system_column
from prefloop.data.row import Row
from prefloop.dpo.config import Prompts
from prefloop.dpo.example import generate_stories
from prefloop.dpo.hub import read_rows as read_hub_rows
from prefloop.errors import ConfigError, DataError
from prefloop.io.hashing import unit_interval
from prefloop.messages.message import Turns

_WORD = re.compile(r"\S+")
_FIELDS = ("prompt", "text")


@dataclass(frozen=True, slots=True)
class PromptRow:
    """One prompt, and perhaps a whole text that goes with it.

    Attributes:
        prompt: never empty; of messages, all of them.
        text: for language modelling, or None.
    """

    prompt: Turns
    text: str | None


def read_prompts(config: Prompts) -> Iterator[PromptRow]:
    """Yield the rows of the configured source.

    Args:
        config: section `prompts`; paths are taken from the working folder.

    Raises:
        ConfigError: no files.
        DataError: missing or malformed data, naming file, row, field, what came and what was expected.
    """
    return SOURCES[config.source](config)


def beginning(text: str, words: tuple[int, int] | None, salt: str) -> str:
    """The first k words of a text, k in `words` fixed by the text's hash; all of it where `words` is None."""
    if words is None:
        return text
    shortest, longest = words
    count = shortest + int(unit_interval(salt, "prefix", text) * (longest - shortest + 1))
    matches = list(islice(_WORD.finditer(text), count))
    return text[matches[0].start() : matches[-1].end()] if matches else text


def _from_example(config: Prompts) -> Iterator[PromptRow]:
    for prompt, text in generate_stories(config.example):
        yield PromptRow(Turns(beginning(prompt, config.prefix_words, config.salt)), text)


def _from_files(config: Prompts) -> Iterator[PromptRow]:
    if not config.files:
        raise ConfigError(f"prompts.files: empty; expected at least one file ({KINDS}), or prompts.source example")
    for path in config.files:
        yield from _from_file(path, config)


def _from_file(path: Path, config: Prompts) -> Iterator[PromptRow]:
    if not path.exists():
        raise DataError(f"{path} is no file: check prompts.files, relative to the folder you run from")
    empty = True
    for number, values in read_rows(path, lambda names: _pick(path, names)):
        if isinstance(values, DataError):
            raise values
        empty = False
        yield _parse(Row(str(path), number, values), config)
    if empty:
        raise DataError(f"{path}: got no rows, expected at least one")


def _pick(path: Path, names: Sequence[str]) -> list[str]:
    wanted = [name for name in names if name in _FIELDS]
    if not wanted:
        raise DataError(f"{path}: got the fields {', '.join(names)}; expected {' or '.join(_FIELDS)}, or both")
    system = system_column(tuple(names))
    return wanted if system is None else [*wanted, system]


def _parse(row: Row, config: Prompts) -> PromptRow:
    has_prompt, has_text = (_is_there(row.values, field) for field in _FIELDS)
    if not has_prompt and not has_text:
        raise row.error("prompt", "a prompt, or a field text")
    text = row.text("text") if has_text else None
    if not has_prompt and config.prefix_words is None:
        raise row.error(
            "prompt", "a prompt; or set prompts.prefix_words, such as [8, 16], to take the beginning of the text"
        )
    prompt = row.with_system(row.prompt("prompt")) if has_prompt else Turns(str(text))
    if prompt.messages is None:
        prompt = Turns(beginning(prompt.plain, config.prefix_words, config.salt))
    return PromptRow(prompt, text)


def _is_there(values: Mapping[str, Any], field: str) -> bool:
    return values.get(field) is not None


def _from_hub(config: Prompts) -> Iterator[PromptRow]:
    for row in read_hub_rows(config.hub):
        yield _parse(row, config)


SOURCES: dict[str, Callable[[Prompts], Iterator[PromptRow]]] = {
    "example": _from_example,
    "files": _from_files,
    "hub": _from_hub,
}

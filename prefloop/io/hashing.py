"""Content hashes: ids of texts and pairs, digests of files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

_BLOCK = 1 << 20


def text_id(*parts: str) -> str:
    """Return 32 hex digits that depend on every part and on where one part ends (BLAKE2b-128)."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(_with_length(part))
    return digest.hexdigest()


def prompt_id(prompt: str) -> str:
    """Id of a prompt: depends on its text alone."""
    return text_id("prompt", prompt)


def completion_id(prompt_id_: str, text: str) -> str:
    """Id of a completion: its prompt's id and its text, never the name of the model behind it."""
    return text_id("completion", prompt_id_, text)


def pair_id(completion_1: str, completion_2: str) -> str:
    """Id of an unordered pair of completions, from their two ids in sorted order."""
    first, second = sorted((completion_1, completion_2))
    return text_id("pair", first, second)


def pair_ids(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """`pair_id` of many pairs whose first id is the lower one; about four times as fast."""
    blake2b, word = hashlib.blake2b, _with_length("pair")
    return [
        blake2b(word + _with_length(a) + _with_length(b), digest_size=16).hexdigest()
        for a, b in zip(first, second, strict=True)
    ]


def _with_length(part: str) -> bytes:
    data = part.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "little") + data


def unit_interval(*parts: str) -> float:
    """Return a number in [0, 1) fixed by the parts: a salted hash, for splits and oracle noise."""
    return int(text_id(*parts)[:13], 16) / float(1 << 52)


def bytes_digest(content: bytes) -> str:
    """BLAKE2b-128 of some bytes."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def file_digest(path: Path) -> str:
    """BLAKE2b-128 of a file's content, read in blocks."""
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()

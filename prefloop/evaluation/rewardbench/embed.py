"""Vectors of completions that stand in no prepared table, made as the stage embed makes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from prefloop.embed.cache import VectorCache, open_cache
from prefloop.embed.encoder import Encoder
from prefloop.embed.pipeline import fill, report_cuts
from prefloop.embed.prepared import Texts, tokenise
from prefloop.embed.settings import cache_folder, vector_settings
from prefloop.io.hashing import completion_id, prompt_id
from prefloop.messages.message import Turns


class Answered(Protocol):
    """A prompt with completions."""

    @property
    def prompt(self) -> Turns:
        """What is answered."""

    @property
    def completions(self) -> tuple[Turns, ...]:
        """The answers."""


def embed_items(items: Sequence[Answered], encoder: Encoder, cache: Path) -> np.ndarray:
    """Embed all completions of all items, with a cache that is opened for them; see `embed_answers`.

    Raises:
        ModelError: NaN or infinity in a vector.
        StateError: a cache in use.
    """
    with open_cache(cache_folder(cache, vector_settings(encoder)), encoder.dim) as vectors:
        return embed_answers(items, encoder, vectors)


def embed_answers(items: Sequence[Answered], encoder: Encoder, vectors: VectorCache) -> np.ndarray:
    """Embed all completions of all items, each different text once.

    Items with the same prompt are taken together and put into the order that the stage prepare gives,
    so a completion gets the tokens that it would get in the pipeline, whatever the order of the file.

    Args:
        items: n rows.
        encoder: the model.
        vectors: an open cache; finished batches are kept there and found again.

    Returns:
        float32 [C, D], completions item by item.

    Raises:
        ModelError: NaN or infinity in a vector.
    """
    texts = _texts(items)
    sequences = tokenise(texts, encoder.texts, prompts_alone=False)
    report_cuts(sequences, len(texts.prompts), len(texts.completions))
    ids = texts.completion_ids.to_pylist()
    key_of = dict(zip(ids, sequences.completion_keys, strict=True))
    wanted = [
        completion_id(prompt_id(item.prompt.plain), turns.plain) for item in items for turns in item.completions
    ]

    def name_of(row: int) -> str:
        at = sequences.completion_keys.index(sequences.keys[row])
        return f"the completion that begins {texts.completions[at].as_py()[:60]!r}"

    fill(vectors, sequences, encoder, name_of)
    return np.concatenate(list(vectors.blocks([key_of[id_] for id_ in wanted])))


def _texts(items: Sequence[Answered]) -> Texts:
    answers: dict[str, dict[str, Turns]] = {}
    prompts = {prompt_id(item.prompt.plain): item.prompt for item in items}
    for item in items:
        id_ = prompt_id(item.prompt.plain)
        answers.setdefault(id_, {}).update((completion_id(id_, turns.plain), turns) for turns in item.completions)
    order = sorted(prompts)
    rows = [pair for id_ in order for pair in sorted(answers[id_].items())]
    sizes = [len(answers[id_]) for id_ in order]
    return Texts(
        prompt_ids=_column(order),
        prompts=_column([prompts[id_].plain for id_ in order]),
        completion_ids=_column([id_ for id_, _ in rows]),
        completions=_column([turns.plain for _, turns in rows]),
        prompt_messages=_column([prompts[id_].kept for id_ in order]),
        completion_messages=_column([turns.kept for _, turns in rows]),
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
    )


def _column(values: Sequence[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.large_string())])

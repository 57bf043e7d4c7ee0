"""Stage `embed`: prepared tables in, features and their manifest out, vectors cached on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from prefloop.config.data import Embed
from prefloop.embed.cache import VectorCache, open_cache
from prefloop.embed.check import check_vectors, near_prompts
from prefloop.embed.encoder import Encoder
from prefloop.embed.features import COMPLETIONS, MANIFEST, PROMPTS, TARGET, ids_digest, load_features
from prefloop.embed.load import load_encoder
from prefloop.embed.plan import plan
from prefloop.embed.prepared import Sequences, Texts, read_questions, read_texts, tokenise
from prefloop.embed.settings import cache_folder, vector_settings
from prefloop.errors import ModelError
from prefloop.io.atomic import atomic_folder
from prefloop.io.blocks import write_blocks
from prefloop.io.json import write_json
from prefloop.progress import Progress

log = logging.getLogger("prefloop")


def embed_prepared(prepared: Path, features: Path, cache: Path, config: Embed) -> dict[str, Any]:
    """Embed all completions and prompts of the prepared tables.

    Args:
        prepared: folder of prompts.parquet and completions.parquet.
        features: folder to write, whole or not at all (see `prefloop.embed.features`).
        cache: folder of the vector caches, one below it per model and settings.
        config: section `embed`.

    Returns:
        The manifest.

    Raises:
        StateError: damaged tables, or a cache in use.
        ModelError: a model that cannot be loaded, that gives vectors which are of no use as numbers, or the same
            vector to most answers.
        ConfigError: a length or device that is not possible.
    """
    texts = read_texts(prepared)
    encoder = load_encoder(config)
    settings = vector_settings(encoder)
    sequences = tokenise(texts, encoder.texts)
    report_cuts(sequences, len(texts.prompts), len(texts.completions))
    with open_cache(cache_folder(cache, settings), encoder.dim) as vectors:
        fill(vectors, sequences, encoder, lambda row: _first_id(texts, sequences, row))
        with atomic_folder(features) as folder:
            manifest = _manifest(texts, sequences, encoder, settings)
            n_prompts = len(texts.prompts) - texts.targets
            parts = [(COMPLETIONS, sequences.completion_keys), (PROMPTS, sequences.prompt_keys[:n_prompts])]
            parts += [(TARGET, sequences.prompt_keys[n_prompts:])] * (texts.targets > 0)
            for name, keys in parts:
                shape = (len(keys), encoder.dim)
                manifest[f"{Path(name).stem}_digest"] = write_blocks(
                    folder / name, shape, "<f4", vectors.blocks(keys)
                )
            write_json(folder / MANIFEST, manifest)
            written = load_features(folder)
            manifest["vectors"] = check_vectors(written, texts.offsets[: n_prompts + 1], encoder.source.name)
            manifest["near_prompts"] = near_prompts(written.prompts, *read_questions(prepared))
            write_json(folder / MANIFEST, manifest)
    return manifest


def fill(cache: VectorCache, sequences: Sequences, encoder: Encoder, name_of: Callable[[int], str]) -> None:
    """Embed what the cache lacks, batch by batch; each finished batch is kept at once.

    Args:
        cache: open for this model and these settings.
        sequences: the different token sequences.
        encoder: the model.
        name_of: the id to name in an error, from a sequence's number.

    Raises:
        ModelError: NaN or infinity in a vector.
    """
    lengths = sequences.lengths()
    # The plan does not look at the cache, so an interrupted run resumes with the same batches.
    batches = plan(lengths, encoder.config.batch_size)
    missing = np.array([key not in cache for key in sequences.keys], dtype=bool)
    log.info("embed: %d different texts, %d of them cached", len(missing), len(missing) - missing.sum())
    with Progress("embed", int(lengths[missing].sum()), "tok") as progress:
        for batch in batches:
            rows = batch[missing[batch]]
            if rows.size == 0:
                continue
            vectors = encoder.vectors([sequences.tokens_of(row) for row in rows])
            wrong = rows[~np.isfinite(vectors).all(axis=1)]
            if wrong.size:
                raise ModelError(
                    f"{encoder.source.name} gives NaN or infinity for {wrong.size} of {rows.size} texts "
                    f"(first: {name_of(int(wrong[0]))}): try embed.dtype float32, or another model"
                )
            cache.append([sequences.keys[row] for row in rows], vectors)
            progress.add(int(lengths[rows].sum()))


def _manifest(texts: Texts, sequences: Sequences, encoder: Encoder, settings: dict[str, Any]) -> dict[str, Any]:
    counts = sequences.counts
    return settings | {
        "model": encoder.source.name,
        "revision": encoder.source.revision,
        "max_length": encoder.config.max_length,
        "chat_template": encoder.texts.is_chat,
        "template": encoder.texts.template,
        "completions": len(texts.completions),
        "prompts": len(texts.prompts) - texts.targets,
        "target_prompts": texts.targets,
        "completion_ids": ids_digest(texts.completion_ids),
        "prompt_ids": ids_digest(texts.prompt_ids.slice(0, len(texts.prompts) - texts.targets)),
        "different_texts": len(sequences.keys),
        "truncated_prompts": counts["prompts_cut"],
        "completions_with_truncated_prompt": counts["prompt_cut"],
        "truncated_completions": counts["answer_cut"],
        "pairs_kept_apart": counts["pairs_saved"],
        "completions_with_equal_tokens": counts["same_tokens"],
    }


def report_cuts(sequences: Sequences, prompts: int, completions: int) -> None:
    """Log how many prompts and completions were cut, and how many the tokenizer does not tell apart."""
    counts = sequences.counts
    if counts["prompts_cut"]:
        log.info("embed: %d of %d prompts are cut from the left", counts["prompts_cut"], prompts)
    if counts["prompt_cut"]:
        log.info("embed: %d of %d completions lose part of their prompt", counts["prompt_cut"], completions)
    if counts["answer_cut"]:
        log.warning(
            "embed: %d of %d completions are longer than embed.max_length and cut (%d pairs kept apart)",
            *(counts["answer_cut"], completions, counts["pairs_saved"]),
        )
    if counts["same_tokens"]:
        log.warning(
            "embed: the tokenizer does not tell %d of %d completions from another answer to the same prompt",
            *(counts["same_tokens"], completions),
        )


def _first_id(texts: Texts, sequences: Sequences, row: int) -> str:
    key = sequences.keys[row]
    if key in sequences.prompt_keys:
        return f"prompt {texts.prompt_ids[sequences.prompt_keys.index(key)]}"
    return f"completion {texts.completion_ids[sequences.completion_keys.index(key)]}"

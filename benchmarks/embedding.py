"""Speed of embedding against a plain loop over the file: `python -m benchmarks.embedding [--texts N]`.

Both sides embed the same generated texts of mixed length with the same loaded model and the same
batch size, from strings to vectors, in turns. The plain loop takes the texts in file order and pads
each batch to its longest text. Ours includes its cache file and the hashing of tokens.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from prefloop.config import load_params, packaged_params
from prefloop.embed.cache import open_cache
from prefloop.embed.encoder import Encoder
from prefloop.embed.load import load_encoder
from prefloop.embed.pipeline import fill
from prefloop.embed.prepared import Texts, tokenise
from prefloop.rng import Stream, generator

WORDS = ["the", "a", "model", "answer", "of", "and", "is", "was", "good", "light", "city", "reason", "people"]
ANSWERS = 4  # per prompt


def generate(count: int) -> Texts:
    """Return prompts with four answers each; lengths are log-normal, and every text fits whole."""
    rng = generator(0, 0, Stream.EXAMPLE)
    prompts = [_text(rng, 2.8, 60) for _ in range(max(1, count // (ANSWERS + 1)))]
    answers = [_text(rng, 3.6, 180) for _ in range(ANSWERS * len(prompts))]
    return Texts(
        prompt_ids=pa.chunked_array([[f"p{row}" for row in range(len(prompts))]]),
        prompts=pa.chunked_array([prompts]),
        completion_ids=pa.chunked_array([[f"c{row}" for row in range(len(answers))]]),
        completions=pa.chunked_array([answers]),
        offsets=np.arange(len(prompts) + 1) * ANSWERS,
    )


def _text(rng: np.random.Generator, log_words: float, most: int) -> str:
    return " ".join(rng.choice(WORDS, max(1, min(most, int(rng.lognormal(log_words, 0.8))))))


def ours(texts: Texts, encoder: Encoder) -> np.ndarray:
    """Embed by the stage's own functions, with an empty cache; rows are completions, then prompts."""
    with tempfile.TemporaryDirectory() as folder:
        sequences = tokenise(texts, encoder.texts)
        with open_cache(Path(folder), encoder.dim) as cache:
            fill(cache, sequences, encoder, str)
            return np.concatenate(list(cache.blocks(sequences.completion_keys + sequences.prompt_keys)))


@torch.inference_mode()
def plain(texts: Texts, encoder: Encoder) -> np.ndarray:
    """Embed batch after batch in file order, as a plain transformers script does."""
    prompts = texts.prompts.to_pylist()
    answers = texts.completions.to_pylist()
    lines = [f"{prompts[row // ANSWERS]}\n{answer}" for row, answer in enumerate(answers)] + prompts
    tokenizer, model = encoder.texts.tokenizer, encoder.model
    found = []
    for first in range(0, len(lines), encoder.config.batch_size):
        batch = lines[first : first + encoder.config.batch_size]
        limit = encoder.config.max_length
        fed = tokenizer(batch, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        hidden = model(**fed.to(encoder.device)).last_hidden_state
        mask = fed["attention_mask"].unsqueeze(-1)
        mean = (hidden * mask).sum(1) / mask.sum(1)
        found.append(torch.nn.functional.normalize(mean, dim=1).cpu().numpy())
    return np.concatenate(found)


def measure(count: int, repeats: int) -> dict[str, object]:
    """Time both sides in turns and compare their vectors."""
    encoder = load_encoder(load_params(packaged_params()).embed)
    texts = generate(count)
    total = len(texts.prompts) + len(texts.completions)
    sequences = tokenise(texts, encoder.texts)
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    vectors: dict[str, np.ndarray] = {}
    for _ in range(repeats):
        for name, side in (("ours", ours), ("plain", plain)):
            start = time.perf_counter()
            vectors[name] = side(texts, encoder)
            seconds[name].append(time.perf_counter() - start)
    return {
        "texts": total,
        "different_texts": len(sequences.keys),
        "cut_texts": sequences.counts["answer_cut"] + sequences.counts["prompt_cut"],
        "tokens_mean": float(sequences.lengths().mean()),
        "tokens_max": int(sequences.lengths().max()),
        "batch_size": encoder.config.batch_size,
        "threads": torch.get_num_threads(),
        "device": str(encoder.device),
        "ours_texts_per_s": [total / s for s in seconds["ours"]],
        "plain_texts_per_s": [total / s for s in seconds["plain"]],
        "ratio": float(np.median(np.array(seconds["plain"]) / np.array(seconds["ours"]))),
        "ratio_target": 1.5,
        "max_abs_difference": float(np.abs(vectors["ours"] - vectors["plain"]).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=1000, help="generated texts, prompts included")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side, in turns")
    options = parser.parse_args()
    print(json.dumps(measure(options.texts, options.repeats), indent=1))


if __name__ == "__main__":
    main()

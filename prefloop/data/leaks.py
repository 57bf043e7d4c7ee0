"""What the pool holds of the test: the same prompts and texts, and near-duplicates."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasketch import MinHash, MinHashLSH

from prefloop.config.data import Leaks
from prefloop.data.division import Division
from prefloop.rng import Stream, generator

# Words of a shingle; a shorter text is one shingle.
_WORDS = 3
# Hash functions of a sketch, and the least chance that a pair of texts at the very threshold becomes a candidate;
# standard errors by which a sketch may underrate a candidate.
_FUNCTIONS, _CHANCE, _ERRORS = 128, 0.99, 4
_ROWS = 1 << 14
# Unicode categories of characters that show nothing: control and format.
_INVISIBLE = {"Cc", "Cf"}


def find_leaks(folder: Path, division: Division, config: Leaks) -> dict[str, Any]:
    """Count what the pool of a division holds of its test.

    Nothing is removed: a test text that the pool holds measures memory as well as what was learnt, and a reader of
    the scores should know how many there are.

    Args:
        folder: holds prompts.parquet and completions.parquet.
        division: pool and test.
        config: section `data.leaks`.

    Returns:
        prompts: `test`, different prompts of the test, equal but for case, white space and invisible characters
            counted once; `in_pool` of them; `divided` of these, cut in two by completion, so that no completion
            is on both sides; `near`: near-duplicates of pool prompts among the others.
        completions: `test`, different texts of the test's completions; `in_pool` of them, under any prompt;
            `near`: near-duplicates of pool texts among the others.
        test_pairs: `test`, listed pairs of the test; `with_text_in_pool` of them, and their `share`, None
            without pairs.
        Where `near` is a dictionary, it has `looked_at`, the texts that were compared, and `found`; None where
        `most` is 0.
    """
    return {
        "prompts": _prompts(folder / "prompts.parquet", division, config),
        **_completions(folder / "completions.parquet", division, config),
    }


def _prompts(path: Path, division: Division, config: Leaks) -> dict[str, Any]:
    rows = {side: np.sort(division.prompts[division.prepared.prompts_of(side)]) for side in ("pool", "test")}
    test = dict.fromkeys(map(normalised, _texts(path, "prompt", rows["test"])))
    both = {text for text in map(normalised, _texts(path, "prompt", rows["pool"])) if text in test}
    cut = np.intersect1d(np.intersect1d(rows["pool"], rows["test"]), division.divided)
    other = [text for text in test if text not in both]
    return {
        "test": len(test),
        "in_pool": len(both),
        "divided": len(set(map(normalised, _texts(path, "prompt", cut)))),
        "near": _near(other, map(normalised, _texts(path, "prompt", rows["pool"])), config, 1),
    }


def _completions(path: Path, division: Division, config: Leaks) -> dict[str, Any]:
    prepared = division.prepared
    pool, test = (prepared.completions_of(side) for side in ("pool", "test"))
    pool_texts, pool_rows = np.unique(prepared.text[pool], return_index=True)
    test_texts, test_rows = np.unique(prepared.text[test], return_index=True)
    in_pool = np.isin(test_texts, pool_texts)
    leaked = np.isin(prepared.text, pool_texts)
    pairs = prepared.pairs_of("test")
    touched = leaked[prepared.pair_a[pairs]] | leaked[prepared.pair_b[pairs]]
    other = np.sort(division.completions[test][test_rows[~in_pool]])
    pool_stored = np.sort(division.completions[pool][pool_rows])
    texts = map(normalised, _texts(path, "text", _part(other, config.most, 2)))
    near = _near(list(texts), map(normalised, _texts(path, "text", pool_stored)), config, 2)
    return {
        "completions": {"test": len(test_texts), "in_pool": int(in_pool.sum()), "near": near},
        "test_pairs": {
            "test": len(touched),
            "with_text_in_pool": int(touched.sum()),
            "share": round(float(touched.mean()), 6) if len(touched) else None,
        },
    }


def normalised(text: str) -> str:
    """The text as far as a reader sees it: NFKC, case folded, white space collapsed, nothing invisible.

    Source: the Unicode standard, section 3.13, D146 (compatibility caseless match); annex 15 (NFKC).
    """
    # White space first: what is left and not printable is rare.
    text = " ".join(text.split())
    if not text.isprintable():
        text = "".join(c for c in text if unicodedata.category(c) not in _INVISIBLE)
    if not text.isascii():
        folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", text).casefold())
        text = unicodedata.normalize("NFKC", folded.casefold())
    return " ".join(text.casefold().split())


_word = re.compile(r"\w+").findall


def shingles(text: str) -> set[str]:
    """Runs of three words of a normalised text; all of a shorter one, and of one without any word."""
    words = _word(text) or [text]
    return {" ".join(words[k : k + _WORDS]) for k in range(max(1, len(words) - _WORDS + 1))}


def similarity(text: str, other: str) -> float:
    """Jaccard similarity of two normalised texts' shingles: common ones over all, 0 to 1."""
    one, two = shingles(text), shingles(other)
    return len(one & two) / len(one | two)


def near_duplicates(texts: list[str], pool: Iterable[str], least: float) -> set[int]:
    """Find the texts for which the pool holds one of at least a similarity.

    Sketches find candidates, shingles decide: what is found is right, and a few are missed. Time grows with the
    number of texts plus that of the pool, memory with the texts alone.

    Args:
        texts: normalised.
        pool: normalised, read once.
        least: Jaccard similarity of word shingles, above 0 to 1.

    Returns:
        Numbers of the texts found.

    Source: Broder 1997 (min-wise hashing); Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3.
    """
    seed = int(generator(0, 0, Stream.LEAKS, 3).integers(1 << 31))
    sketch = MinHash(_FUNCTIONS, seed=seed, hashfunc=zlib.crc32)
    index = MinHashLSH(num_perm=_FUNCTIONS, params=_bands(least))
    values = np.zeros((len(texts), _FUNCTIONS), dtype=np.uint32)
    for number, text in enumerate(texts):
        index.insert(number, _draw(sketch, text), check_duplication=False)
        values[number] = sketch.hashvalues
    # Values agree with the probability that is the similarity; no more than a few standard errors below.
    agreeing = least - _ERRORS * np.sqrt(least * (1 - least) / _FUNCTIONS)
    near: set[int] = set()
    for text in pool:
        candidates = [number for number in index.query(_draw(sketch, text)) if number not in near]
        likely = (values[candidates] == sketch.hashvalues).mean(axis=1) >= agreeing if candidates else []
        rows = [number for number, is_likely in zip(candidates, likely, strict=True) if is_likely]
        near.update(number for number in rows if similarity(texts[number], text) >= least)
    return near


def _draw(sketch: MinHash, text: str) -> MinHash:
    """The one sketch, now of another text: the index keeps its bands, not the object."""
    sketch.clear()
    sketch.update_batch([shingle.encode() for shingle in shingles(text)])
    return sketch


def _bands(least: float) -> tuple[int, int]:
    """Bands of a sketch and values in each: the longest bands that still find a pair at the threshold.

    Two texts of similarity s agree in a band of r values with probability s^r, so in one of b bands with
    1 - (1 - s^r)^b.
    """
    lengths = range(1, _FUNCTIONS // 2 + 1)
    enough = [r for r in lengths if 1 - (1 - least**r) ** (_FUNCTIONS // r) >= _CHANCE]
    rows = max(enough, default=1)
    return _FUNCTIONS // rows, rows


def _near(texts: list[str], pool: Iterable[str], config: Leaks, what: int) -> dict[str, int] | None:
    if not config.most:
        return None
    chosen = [texts[row] for row in _part(np.arange(len(texts)), config.most, what)]
    return {"looked_at": len(chosen), "found": len(near_duplicates(chosen, pool, config.similarity))}


def _part(rows: np.ndarray, most: int, what: int) -> np.ndarray:
    """A random part of some rows, in their order; all where they are few enough."""
    if len(rows) <= most:
        return rows
    return np.sort(generator(0, 0, Stream.LEAKS, what).choice(rows, most, replace=False))


def _texts(path: Path, column: str, rows: np.ndarray) -> Iterator[str]:
    """Texts of some rows of a table, int64 and ascending, a few thousand in memory."""
    start = 0
    with pq.ParquetFile(path) as table:
        for batch in table.iter_batches(_ROWS, columns=[column]):
            first, last = np.searchsorted(rows, [start, start + len(batch)])
            yield from batch[0].take(pa.array(rows[first:last] - start)).to_pylist()
            start += len(batch)

"""Checks of vectors before anything is learnt from them: of use as numbers, and telling answers apart."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.embed.features import Features
from prefloop.errors import ModelError

log = logging.getLogger("prefloop")

_ROWS = 1 << 14
# Longer vectors overflow float32 where squares are summed over members and dimensions.
_LONGEST = 1e6
# Share of pairs with equal vectors above which nothing can be learnt, and above which a reader should know.
_USELESS, _MANY = 0.5, 0.01
# Cosine above which two prompts say nearly the same, and prompts looked at: rows are in the order of a hash, so
# that every k-th one is a random sample.
NEAR = 0.98
_LOOKED_AT = 1000


def check_vectors(features: Features, offsets: np.ndarray, model: str) -> dict[str, Any]:
    """Check all vectors, and count the answers that have the vector of another answer to their prompt.

    Args:
        features: of all completions and prompts.
        offsets: int64 [Q + 1], completions of each prompt.
        model: the encoder's name, for messages.

    Returns:
        shortest, longest: Euclidean lengths of the vectors; equal_pairs: the share of pairs of answers to one
        prompt, neighbours in the table, whose vectors are equal.

    Raises:
        ModelError: a number that is not finite, a vector too long to compute with, or an encoder that does not
            tell answers apart.
    """
    shortest, longest = np.inf, 0.0
    arrays = {"completions": features.completions, "prompts": features.prompts, "target prompts": features.target}
    for name, array in arrays.items():
        for first in range(0, 0 if array is None else len(array), _ROWS):
            norms = np.linalg.norm(np.asarray(array[first : first + _ROWS], dtype=np.float64), axis=1)  # type: ignore[index]
            wrong = np.flatnonzero(~(norms <= _LONGEST))
            if wrong.size:
                raise ModelError(
                    f"{model}: the vector of row {first + wrong[0]} of the {name} has length {norms[wrong[0]]:g}; "
                    f"expected a finite one of at most {_LONGEST:g}: set embed.normalise to true, try embed.dtype "
                    "float32, or another model"
                )
            shortest, longest = min(shortest, float(norms.min())), max(longest, float(norms.max()))
    share = _equal_pairs(features.completions, offsets)
    if share > _USELESS:
        raise ModelError(
            f"{model} gives both answers the same vector in {share:.1%} of the pairs, so nothing can be learnt "
            f"from them; expected at most {_USELESS:.0%}: use another model, another embed.pooling, or a larger "
            "embed.max_length"
        )
    if share > _MANY:
        log.warning("embed: in %.1f%% of the pairs both answers have the same vector", 100 * share)
    return {"shortest": round(shortest, 6), "longest": round(longest, 6), "equal_pairs": round(share, 6)}


def near_prompts(vectors: np.ndarray, splits: pa.Array, questions: pa.Array) -> dict[str, Any]:
    """Count the prompts that can be tested and say nearly the same as another question that can be in the pool.

    Args:
        vectors: float32 [Q, D] of the prompts.
        splits: [Q] names; `auto` may become either.
        questions: [Q] ids of the prompts' normal forms; spellings of one question are always on one side.

    Returns:
        cosine (the least), looked_at (a sample where there are more than a thousand), found.
    """
    names = np.array(splits.to_pylist())
    question = np.unique(questions.to_pylist(), return_inverse=True)[1]
    tested = np.flatnonzero(np.isin(names, ("test", "val", "auto")))
    tested = tested[:: max(1, -(-len(tested) // _LOOKED_AT))]
    wanted = _unit(vectors[tested])
    best = np.full(len(tested), -1.0, dtype=np.float32)
    pool = np.flatnonzero(np.isin(names, ("pool", "auto")))
    for first in range(0, len(pool), _ROWS):
        rows = pool[first : first + _ROWS]
        cosines = wanted @ _unit(vectors[rows]).T
        cosines[question[tested][:, None] == question[rows]] = -1.0
        best = np.maximum(best, cosines.max(axis=1, initial=-1.0))
    count = int((best >= NEAR).sum())
    if count:
        log.warning(
            "embed: %d of %d prompts looked at say nearly the same as another one (cosine at least %g): a test "
            "may hold what the pool has taught",
            *(count, len(tested), NEAR),
        )
    return {"cosine": NEAR, "looked_at": len(tested), "found": count}


def _unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def _equal_pairs(vectors: np.ndarray, offsets: np.ndarray) -> float:
    is_first = np.zeros(len(vectors) + 1, dtype=bool)
    is_first[offsets] = True
    second = np.flatnonzero(~is_first[1:-1]) + 1
    equal = sum(
        int((vectors[rows] == vectors[rows - 1]).all(axis=1).sum())
        for rows in (second[first : first + _ROWS] for first in range(0, len(second), _ROWS))
    )
    return equal / len(second) if len(second) else 0.0

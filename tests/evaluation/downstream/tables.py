"""Prepared tables made directly from arrays: ragged prompts, scores with gaps, several models."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from prefloop.data.pairs import Pairs
from prefloop.data.prepared import SPLITS, Models, Prepared


def make_prepared(sizes, split=None, models=None, listed=()):
    """Tables of prompts with `sizes` completions; split, models (names per completion), listed pairs."""
    sizes = np.asarray(sizes)
    count = int(sizes.sum())
    models = models or [[] for _ in range(count)]
    names = sorted({name for of_one in models for name in of_one})
    prompt = np.repeat(np.arange(len(sizes)), sizes)
    a, b = np.array(listed, dtype=np.int64).reshape(-1, 2).T
    return Prepared(
        prompt_ids=pa.array([f"q{n}" for n in range(len(sizes))]),
        normal_ids=pa.array([f"q{n}" for n in range(len(sizes))]),
        completion_ids=pa.array([f"c{n}" for n in range(count)]),
        split=np.array([SPLITS.index(name) for name in split or ["pool"] * len(sizes)], dtype=np.int8),
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        completion_prompt=prompt,
        characters=np.ones(count, dtype=np.int32),
        text=np.arange(count, dtype=np.int32),
        models=Models(
            np.concatenate([[0], np.cumsum([len(of_one) for of_one in models])]).astype(np.int64),
            np.array([names.index(name) for of_one in models for name in of_one], dtype=np.int32),
            names,
        ),
        answered=np.ones(count, dtype=bool),
        pair_a=a,
        pair_b=b,
        pair_prompt=prompt[a],
    )


def all_pairs(prepared):
    """Every pair of every prompt."""
    found = [
        (a, b, q)
        for q in range(len(prepared.prompt_ids))
        for a in range(prepared.offsets[q], prepared.offsets[q + 1])
        for b in range(a + 1, prepared.offsets[q + 1])
    ]
    return Pairs(*np.array(found, dtype=np.int64).reshape(-1, 3).T)


# A score may be unknown, and repeats so that there are ties.
SCORE = st.one_of(st.just(np.nan), st.sampled_from([0.0, 1.0, 2.5]), st.floats(-4, 4))


@st.composite
def scored_tables(draw, largest=5):
    """(prepared, scores): pool prompts, then test and ood prompts; a prompt may have one completion or none."""
    sizes = draw(st.lists(st.integers(0, largest), min_size=3, max_size=8))
    outside = draw(st.integers(1, len(sizes) - 1))
    split = ["pool"] * (len(sizes) - outside) + ["test"] * outside
    if outside > 1 and draw(st.booleans()):
        split[-1] = "ood"
    scores = draw(st.lists(SCORE, min_size=sum(sizes), max_size=sum(sizes)))
    prepared = make_prepared(sizes, split)
    pairs = [(int(a), int(b)) for a, b in zip(all_pairs(prepared).a, all_pairs(prepared).b, strict=True)]
    # Some prompts, of the pool or not, have listed pairs only some of which carry votes.
    listed = sorted(draw(st.sets(st.sampled_from(pairs), max_size=3))) if pairs else []
    return make_prepared(sizes, split, listed=listed), np.array(scores, dtype=np.float64)

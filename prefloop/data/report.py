"""Counts of everything that preparation dropped, merged and moved."""

from __future__ import annotations

from typing import Any

import numpy as np

from prefloop.data.arrange import Arranged
from prefloop.data.collect import Collected
from prefloop.data.prepared import SPLITS
from prefloop.data.splits import POOL, Assignment
from prefloop.data.texts import hex_ids


def report(data: Collected, assigned: Assignment, rows: Arranged) -> dict[str, Any]:
    """Summarise one preparation.

    Returns:
        rows: input rows read, each of which is dropped, merged or kept.
        dropped: rows with an empty prompt or answer (of K responses: answers), pairs of identical answers,
            rows that repeat another, rows whose prompt another split keeps, prompts with a single answer.
        merged: answers of one prompt with the same text; further verdicts on a pair already there.
        moved: prompts whose hash named another split than the pool, but with too many pairs to divide;
            prompts that stood in several splits and now stand in one.
        oversized: prompts with too large a share of the pairs, the largest first.
        hidden_answers: pairs with votes, with a tie among them, with votes for both answers; scored answers.
        splits: prompts, completions and pairs of each split, and how many have a hidden answer.
        sources: names of the data sets or files.
    """
    kept = int(assigned.keep_pairs.sum())
    return {
        "rows": data.counts["rows"],
        "dropped": {
            "empty_prompts": data.counts["empty_prompt"],
            "empty_answers": data.counts["empty_answer"],
            "identical_answers": data.counts["identical_answers"],
            "duplicate_rows": data.counts["duplicate_rows"] + rows.duplicate_rows,
            "rows_in_another_split": int((~assigned.keep_pairs).sum()) + _leaking_answers(data, assigned),
            "prompts_with_one_answer": rows.single_answer,
        },
        "merged": {
            "repeated_answers": rows.merged_answers,
            "repeated_pairs": kept - rows.duplicate_rows - len(rows.pair_a),
        },
        "moved": {
            "oversized_prompts_to_pool": int((assigned.hashed != POOL).sum()),
            "prompts_in_several_splits": int(assigned.several.sum()),
        },
        "oversized": _oversized(data, assigned),
        "hidden_answers": _hidden_answers(rows),
        "splits": {name: _split_counts(rows, code) for code, name in enumerate(SPLITS)},
        "sources": sorted(data.sources),
    }


def _leaking_answers(data: Collected, assigned: Assignment) -> int:
    return int((~assigned.keep_mentions & data.mentions.listed).sum())


def _oversized(data: Collected, assigned: Assignment) -> list[dict[str, Any]]:
    ids = hex_ids(data.prompts.digests()[assigned.oversized]).to_pylist()
    listed = [
        {"prompt_id": identity, "share": round(share, 6), "hashed_to": SPLITS[hashed]}
        for identity, share, hashed in zip(ids, assigned.share.tolist(), assigned.hashed.tolist(), strict=True)
    ]
    return sorted(listed, key=lambda entry: (-entry["share"], entry["prompt_id"]))


def _hidden_answers(rows: Arranged) -> dict[str, int]:
    return {
        "pairs": int((rows.votes.sum(axis=1) > 0).sum()),
        "pairs_with_tie": int((rows.votes[:, 2] > 0).sum()),
        "pairs_with_conflict": int(((rows.votes[:, 0] > 0) & (rows.votes[:, 1] > 0)).sum()),
        "completions_scored": int((~np.isnan(rows.score)).sum()),
    }


def _split_counts(rows: Arranged, code: int) -> dict[str, int]:
    completions = rows.prompt_split[rows.completion_prompt] == code
    pairs = completions[rows.pair_a]
    return {
        "prompts": int((rows.prompt_split == code).sum()),
        "completions": int(completions.sum()),
        "pairs": int(pairs.sum()),
        "pairs_judged": int((rows.votes.sum(axis=1)[pairs] > 0).sum()),
        "completions_scored": int((~np.isnan(rows.score[completions])).sum()),
    }

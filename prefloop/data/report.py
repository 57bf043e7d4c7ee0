"""Counts of everything that preparation dropped, merged and moved."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import entr

from prefloop.data.arrange import Arranged
from prefloop.data.collect import Collected
from prefloop.data.division import Division, pair_shares
from prefloop.data.prepared import SPLITS, Prepared
from prefloop.data.splits import Assignment
from prefloop.labels.verdicts import BOTH_BAD, SKIP, TIE

# Labels that a choice of prompts moves, below which there is nothing to speak of: a share.
_FEW = 0.05


def report(
    data: Collected, assigned: Assignment, rows: Arranged, stored: Prepared, division: Division
) -> dict[str, Any]:
    """Summarise one preparation, and the division that the campaign will have.

    Returns:
        rows: input rows read as records, each of which is dropped, merged or kept.
        dropped: rows with an empty prompt or answer (of K responses: answers), pairs of identical answers,
            rows that repeat another, rows whose prompt another split keeps, prompts with a single answer;
            `ambiguous`: rows (of K responses: answers) with a text that came with other messages too, which stand
            for it.
        unread: what the reader has left out, by reason.
        merged: answers of one prompt with the same text; further verdicts on a pair already there.
        moved: prompts that stood in several splits and now stand in one; and prompts that stand in another
            spelling too (white space, Unicode form, invisible characters), on the same side.
        divided: prompts with too large a share of the pairs, which are cut in two by completion, the largest
            first, and the listed pairs that a cut leaves out.
        hidden_answers: pairs with votes, with a tie among them, with votes for both answers; scored answers.
        splits: prompts, completions and pairs of each split, and how many have a hidden answer; a prompt that is
            cut in two counts on both sides.
        sources: names of the data sets or files.
        concentration: how unevenly the pool's pairs are spread over its prompts, see `concentration`.
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
            "ambiguous": data.counts["ambiguous"],
        },
        "unread": dict(sorted(data.unread.items())),
        "merged": {
            "repeated_answers": rows.merged_answers,
            "repeated_pairs": kept - rows.duplicate_rows - len(rows.pair_a),
        },
        "moved": {
            "prompts_in_several_splits": int(assigned.several.sum()),
            "prompts_in_several_spellings": _respelled(assigned.question[rows.prompts]),
        },
        "divided": {"prompts": _divided(stored, division), "pairs_left_out": division.crossing},
        "hidden_answers": _hidden_answers(rows),
        "splits": {name: _split_counts(rows, division, name) for name in SPLITS},
        "sources": sorted(data.sources),
        "concentration": concentration(division.prepared),
    }


def _respelled(question: np.ndarray) -> int:
    """Prompts whose question another prompt asks too."""
    counts = np.unique(question, return_counts=True)[1]
    return int(counts[counts > 1].sum())


def concentration(prepared: Prepared) -> dict[str, Any]:
    """How far pairs drawn at random are from prompts drawn at random, in the pool.

    A prompt's pairs are its listed ones, or all pairs of its answers where it lists none.

    Args:
        prepared: a division's tables, with a pool.

    Returns:
        prompts, pairs: of the pool.
        kl: divergence of the pairs' shares from equal shares, nats, 0 to ln prompts.
        effective_prompts: exp of the shares' entropy, 1 to prompts.
        largest_share: of one prompt.
        moved: share of random labels that lie elsewhere if every prompt gets equally many (total variation).
        meaning: the same in words.
    """
    prompts = prepared.prompts_of("pool")
    listed = np.bincount(prepared.pair_prompt, minlength=len(prepared.prompt_ids))[prompts]
    sizes = np.diff(prepared.offsets)[prompts]
    pairs = np.where(listed > 0, listed, sizes * (sizes - 1) // 2)
    share = pairs / pairs.sum()
    entropy = float(entr(share).sum())
    moved = float(np.abs(share - 1 / len(share)).sum() / 2)
    measured = {
        "prompts": len(share),
        "pairs": int(pairs.sum()),
        # Rounding may leave equal shares a hair below zero.
        "kl": round(max(float(np.log(len(share))) - entropy, 0.0), 6),
        "effective_prompts": round(float(np.exp(entropy)), 3),
        "largest_share": round(float(share.max()), 6),
        "moved": round(moved, 6),
    }
    return measured | {"meaning": _meaning(moved, measured["effective_prompts"], len(share))}


def _meaning(moved: float, effective: float, prompts: int) -> str:
    spread = f"The pool's pairs are spread as if over {effective:.0f} equal prompts of {prompts}"
    if moved < _FEW:
        return (
            f"{spread}: drawing prompts instead of pairs would move {moved:.1%} of the labels, so a choice among "
            "prompts has next to nothing to gain."
        )
    return (
        f"{spread}: drawing prompts instead of pairs would move {moved:.1%} of the labels, so a choice among "
        "prompts can gain where every prompt counts the same (data.target), and lose where every pair does."
    )


def _leaking_answers(data: Collected, assigned: Assignment) -> int:
    return int((~assigned.keep_mentions & data.mentions.listed).sum())


def _divided(stored: Prepared, division: Division) -> list[dict[str, Any]]:
    ids = stored.prompt_ids.take(division.divided).to_pylist()
    shares = pair_shares(stored)[division.divided].tolist()
    listed = [{"prompt_id": of, "share": round(share, 6)} for of, share in zip(ids, shares, strict=True)]
    return sorted(listed, key=lambda entry: (-entry["share"], entry["prompt_id"]))


def _hidden_answers(rows: Arranged) -> dict[str, int]:
    return {
        "pairs": int(rows.votes[:, :SKIP].any(axis=1).sum()),
        "pairs_with_tie": int((rows.votes[:, TIE] > 0).sum()),
        "pairs_both_bad": int((rows.votes[:, BOTH_BAD] > 0).sum()),
        "pairs_with_conflict": int(((rows.votes[:, 0] > 0) & (rows.votes[:, 1] > 0)).sum()),
        "completions_scored": int((~np.isnan(rows.score)).sum()),
    }


def _split_counts(rows: Arranged, division: Division, split: str) -> dict[str, int]:
    prepared = division.prepared
    prompts, completions, pairs = (
        of(split) for of in (prepared.prompts_of, prepared.completions_of, prepared.pairs_of)
    )
    judged = rows.votes[division.pairs[pairs], :SKIP].any(axis=1)
    return {
        "prompts": prompts.stop - prompts.start,
        "completions": completions.stop - completions.start,
        "pairs": pairs.stop - pairs.start,
        "pairs_judged": int(judged.sum()),
        "completions_scored": int((~np.isnan(rows.score[division.completions[completions]])).sum()),
    }

"""Division of the stored tables among pool, val and test: drawn when a run starts, by a salted hash."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from prefloop.config.data import Split
from prefloop.data.prepared import AUTO, POOL, SPLITS, STORED, TEST, VAL, Prepared
from prefloop.errors import DataError
from prefloop.io.hashing import unit_interval

_LEFT_OUT = np.int8(-1)
# Listed pairs that a prompt needs before it is cut: in a tiny set each prompt has a large share, and a cut would
# leave little of it.
_LEAST_CUT = 20


@dataclass(frozen=True)
class Division:
    """One division of the stored tables.

    Attributes:
        prepared: the rows as a run sees them, split by split; no prompt is `auto`.
        prompts: int64 [Q], stored row of each prompt; one that is cut in two stands twice.
        completions: int64 [C], stored row of each completion.
        pairs: int64 [N], stored row of each listed pair.
        divided: int64, stored rows of the prompts that are cut in two, ascending.
        crossing: listed pairs left out because the division cuts between their completions.
    """

    prepared: Prepared
    prompts: np.ndarray
    completions: np.ndarray
    pairs: np.ndarray
    divided: np.ndarray
    crossing: int


@dataclass(frozen=True)
class Usable:
    """What of the stored tables a pool may hold; the other splits hold all.

    Attributes:
        completions: bool [C].
        pairs: bool [N], listed pairs; both completions of one are usable.
    """

    completions: np.ndarray
    pairs: np.ndarray


def divide(stored: Prepared, config: Split, salt: str, usable: Usable | None = None) -> Division:
    """Put every prompt without a fixed split into pool, val or test.

    A prompt goes by the hash of its normal form, so that all spellings of a question are on one side. One with
    more than `max_prompt_share` of all listed pairs of such prompts (and with twenty at least) is cut in two or
    three by completion, so that pool and test both have it and no completion stands on both sides.
    What is compared with each other stays together where that is possible: a prompt falls into groups of
    completions that no pair joins; a group with more than a tenth of the prompt's pairs is cut completion by
    completion, and pairs across the cut are left out.

    A campaign keeps in its pool what no model can be scored on: a prompt none of whose spellings has an answer,
    and of a prompt that is cut the groups without one. So an unlabelled pool is offered whole. That depends on an
    answer's being there, never on what it says.

    Args:
        stored: the prepared tables.
        config: section `data.split`: shares and the largest share of one prompt.
        salt: another one gives another division.
        usable: what the pool may hold: of a simulated run, what can be answered; None for a campaign, whose pool
            holds all.

    Raises:
        DataError: no pool, or a wanted split that stays empty though every prompt has an answer or must have one.
    """
    answered = stored.answered if usable is None else np.ones_like(stored.answered)
    can_score = _can_score(stored, answered)
    large = oversized(stored, config)
    large = large[can_score[large]]
    split = stored.split.astype(np.int8)
    auto = np.flatnonzero(split == AUTO)
    split[auto] = np.where(can_score[auto], _by_hash(stored.normal_ids, auto, config, salt), POOL)
    side = split[stored.completion_prompt]
    for prompt in large:
        span = slice(int(stored.offsets[prompt]), int(stored.offsets[prompt + 1]))
        side[span] = _cut(stored, int(prompt), answered, config, salt)
    together = side[stored.pair_a] == side[stored.pair_b]
    crossing = int((~together).sum())
    if usable is not None:
        together &= usable.pairs | (side[stored.pair_a] != POOL)
        side = np.where((side == POOL) & ~usable.completions, _LEFT_OUT, side)
    division = _arranged(stored, side, together, large, crossing)
    _check(division, stored, config, bool(can_score[np.isin(stored.split, (POOL, AUTO))].all()))
    return division


def oversized(stored: Prepared, config: Split) -> np.ndarray:
    """Stored rows of the prompts that are too large to be on one side, int64, ascending."""
    counts = np.bincount(stored.pair_prompt, minlength=len(stored.prompt_ids))
    return np.flatnonzero((pair_shares(stored) > config.max_prompt_share) & (counts >= _LEAST_CUT))


def pair_shares(stored: Prepared) -> np.ndarray:
    """Share of each prompt in the listed pairs of all prompts without a fixed split, float64 [Q]."""
    counts = np.bincount(stored.pair_prompt, minlength=len(stored.prompt_ids)) * (stored.split == AUTO)
    return counts / max(counts.sum(), 1)


def _can_score(stored: Prepared, answered: np.ndarray) -> np.ndarray:
    """Whether a prompt has a completion with an answer, in any of its question's spellings, bool [Q]."""
    has_answer = np.bincount(stored.completion_prompt, weights=answered, minlength=len(stored.prompt_ids))
    question = stored.normal_ids.dictionary_encode().indices.to_numpy()
    return (np.bincount(question, weights=has_answer) > 0)[question]


def _by_hash(ids: pa.Array, rows: np.ndarray, config: Split, salt: str) -> np.ndarray:
    u = np.array([unit_interval(salt, identity) for identity in ids.take(pa.array(rows)).to_pylist()])
    return np.where(u < config.test, TEST, np.where(u < config.test + config.val, VAL, POOL)).astype(np.int8)


def _cut(stored: Prepared, prompt: int, answered: np.ndarray, config: Split, salt: str) -> np.ndarray:
    """Side of each completion of one prompt, int8: the hash of its group, or its own in a large group.

    What has no answer, bool [C] over all completions, is in the pool.
    """
    start, stop = int(stored.offsets[prompt]), int(stored.offsets[prompt + 1])
    first, last = np.searchsorted(stored.pair_prompt, [prompt, prompt + 1])
    a, b = stored.pair_a[first:last] - start, stored.pair_b[first:last] - start
    count = stop - start
    _, group = connected_components(coo_array((np.ones(len(a), bool), (a, b)), (count, count)), directed=False)
    pairs = np.bincount(group[a], minlength=group.max() + 1)
    # A group is named by its first completion; a large one falls apart into its completions.
    leader = np.full(len(pairs), count)
    np.minimum.at(leader, group, np.arange(count))
    is_large = pairs > len(a) / 10
    named = np.where(is_large[group], np.arange(count), leader[group])
    leaders, inverse = np.unique(named, return_inverse=True)
    has_answer = np.bincount(inverse, weights=answered[start:stop]) > 0
    return np.where(has_answer, _by_hash(stored.completion_ids, start + leaders, config, salt), POOL)[inverse]


def _arranged(
    stored: Prepared, side: np.ndarray, together: np.ndarray, divided: np.ndarray, crossing: int
) -> Division:
    """The tables in the order of the splits, from every completion's side int8 [C] and the pairs that stay."""
    total = len(stored.prompt_ids)
    side = _without_idle_parts(stored, side, together, divided)
    completions = np.flatnonzero(side != _LEFT_OUT)
    key = side[completions].astype(np.int64) * total + stored.completion_prompt[completions]
    order = np.argsort(key, kind="stable")
    completions, key = completions[order], key[order]
    keys, prompt_of = np.unique(key, return_inverse=True)
    prompts, row = keys % total, np.empty(len(side), dtype=np.int64)
    row[completions] = np.arange(len(completions))
    pairs = np.flatnonzero(together)
    pairs = pairs[np.argsort(prompt_of[row[stored.pair_a[pairs]]], kind="stable")]
    prepared = Prepared(
        prompt_ids=stored.prompt_ids.take(pa.array(prompts)),
        normal_ids=stored.normal_ids.take(pa.array(prompts)),
        completion_ids=stored.completion_ids.take(pa.array(completions)),
        split=(keys // total).astype(np.int8),
        offsets=np.concatenate([[0], np.cumsum(np.bincount(prompt_of, minlength=len(keys)))]),
        completion_prompt=prompt_of,
        characters=stored.characters[completions],
        text=stored.text[completions],
        models=stored.models.take(completions),
        answered=stored.answered[completions],
        pair_a=row[stored.pair_a[pairs]],
        pair_b=row[stored.pair_b[pairs]],
        pair_prompt=prompt_of[row[stored.pair_a[pairs]]],
    )
    return Division(prepared, prompts, completions, pairs, divided, crossing)


def _without_idle_parts(
    stored: Prepared, side: np.ndarray, together: np.ndarray, divided: np.ndarray
) -> np.ndarray:
    """Leave out what a cut has left without any comparison: a part of a prompt in which no pair remains."""
    if not len(divided):
        return side
    total = len(stored.prompt_ids)
    key = np.where(side == _LEFT_OUT, 0, side).astype(np.int64) * total + stored.completion_prompt
    alive = np.isin(key, np.unique(key[stored.pair_a[together]]))
    of_divided = np.isin(stored.completion_prompt, divided)
    return np.where(of_divided & ~alive, _LEFT_OUT, side)


def _check(division: Division, stored: Prepared, config: Split, all_can_score: bool) -> None:
    counts = np.bincount(division.prepared.split, minlength=len(SPLITS))
    held = f"the data hold {len(stored.prompt_ids)} prompts: " + ", ".join(
        f"{name} {count}" for name, count in zip(SPLITS, counts.tolist(), strict=False)
    )
    if not counts[POOL]:
        raise DataError(f"no prompt is left for the pool; {held}. Add data for the pool or lower data.split.test")
    for code, share in ((TEST, config.test), (VAL, config.val)):
        name = STORED[code]
        if share > 0 and not counts[code] and all_can_score:
            raise DataError(
                f"the {name} split is empty though data.split.{name} is {share:g}; {held}. Add prompts, give a "
                f"file with split {name}, or set data.split.{name} to 0"
            )

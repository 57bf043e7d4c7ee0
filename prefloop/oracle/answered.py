"""The part of a pool that a simulated annotator can answer; what nobody has judged is left out of its runs."""

from __future__ import annotations

import logging

import numpy as np

from prefloop.data.division import Usable
from prefloop.data.prepared import AUTO, POOL, Prepared
from prefloop.errors import DataError
from prefloop.oracle.answers import Answers

log = logging.getLogger("prefloop")


def answered(stored: Prepared, answers: Answers) -> Usable:
    """What can be answered: listed pairs with a verdict or two scores, and completions with a score elsewhere.

    A prompt offers its listed pairs, if it has any, else pairs of its completions. Of a prompt that lists pairs
    and has no answer to any, nothing is usable; nor is a lone completion that is left of several.

    Args:
        stored: the prepared tables.
        answers: their hidden answers.
    """
    scored = np.isfinite(answers.scores)
    pairs = answers.votes.any(axis=1) | (scored[stored.pair_a] & scored[stored.pair_b])
    count = len(stored.prompt_ids)
    is_listed = np.bincount(stored.pair_prompt, minlength=count) > 0
    is_answered = np.bincount(stored.pair_prompt, weights=pairs, minlength=count) > 0
    left = np.bincount(stored.completion_prompt, weights=scored, minlength=count)
    of_responses = (left >= 2) | (left == np.diff(stored.offsets))
    by_prompt = np.where(is_listed, is_answered, of_responses)[stored.completion_prompt]
    return Usable(by_prompt & (scored | is_listed[stored.completion_prompt]), pairs)


def check_answered(stored: Prepared, usable: Usable) -> None:
    """Refuse a pool that nobody has judged, and say what of a pool is left out of simulated runs.

    Raises:
        DataError: no answer at all.
    """
    prompts = np.flatnonzero((stored.split == POOL) | (stored.split == AUTO))
    is_pool = np.isin(stored.completion_prompt, prompts)
    of_pool = is_pool[stored.pair_a]
    if not (usable.completions & is_pool).any():
        raise DataError(
            f"none of the {int(of_pool.sum())} listed pairs and {int(is_pool.sum())} completions has an answer, a "
            "label or scores; simulated runs have no hidden answer to give: for unlabelled pools use the campaign"
        )
    pairs, completions = int((of_pool & ~usable.pairs).sum()), int((is_pool & ~usable.completions).sum())
    if pairs or completions:
        log.warning(
            "simulated runs use the labelled part of the data: left out are %d of %d listed pairs, which nobody "
            "has judged, and %d of %d completions that stand in no judged comparison",
            pairs,
            int(of_pool.sum()),
            completions,
            int(is_pool.sum()),
        )

"""From collected rows to the final rows: what is kept, in which order, with which votes and scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.data.collect import NONE, Collected, Mentions, PairRows
from prefloop.data.splits import Assignment
from prefloop.data.texts import sort_keys
from prefloop.labels.verdicts import COMPARED


@dataclass(frozen=True)
class Arranged:
    """The final tables as arrays; "row" is the final row, "collected" the row in the order of reading.

    Attributes:
        prompts: int64 [Q], collected row of each prompt.
        prompt_split: int8 [Q], index into SPLITS.
        prompt_source: int32 [Q], rank of its source's name.
        completions: int64 [C], collected row of each completion.
        completion_prompt: int64 [C], prompt row.
        completion_models: int64 [m, 2], completion row and rank of the model's name, sorted, distinct.
        score: float64 [C], mean hidden score, NaN where there is none.
        pair_a, pair_b: int64 [N], completion rows.
        votes: int32 [N, 3], votes for a, b and tie.
        duplicate_rows: rows that repeat pair, verdict and annotator of another row.
        merged_answers: answers that repeat the text of another answer to the same prompt.
        single_answer: prompts dropped because a single answer makes no pair.
    """

    prompts: np.ndarray
    prompt_split: np.ndarray
    prompt_source: np.ndarray
    completions: np.ndarray
    completion_prompt: np.ndarray
    completion_models: np.ndarray
    score: np.ndarray
    pair_a: np.ndarray
    pair_b: np.ndarray
    votes: np.ndarray
    duplicate_rows: int
    merged_answers: int
    single_answer: int


def arrange(data: Collected, assigned: Assignment) -> Arranged:
    """Drop rows that leak, merge what repeats, and put everything into its final order."""
    pairs, mentions = data.pairs.where(assigned.keep_pairs), data.mentions.where(assigned.keep_mentions)
    mention_prompt = data.completion_prompt[mentions.completion]
    used = np.zeros(len(data.completions), dtype=bool)
    used[pairs.first] = used[pairs.second] = True
    used[mentions.completion[mentions.listed]] = True
    answers = np.bincount(data.completion_prompt[used], minlength=len(data.prompts))

    prompts = np.flatnonzero(answers > 1)
    low, high = sort_keys(data.prompts.digests()[prompts])
    prompts = prompts[np.lexsort((low, high, assigned.split[prompts]))]
    prompt_row = _inverse(prompts, len(data.prompts))

    completions = np.flatnonzero(used & (prompt_row[data.completion_prompt] != NONE))
    low, high = sort_keys(data.completions.digests()[completions])
    completions = completions[np.lexsort((low, high, prompt_row[data.completion_prompt[completions]]))]
    completion_row = _inverse(completions, len(data.completions))

    pair_a, pair_b, votes, duplicates = _count_votes(pairs, completion_row)
    source = _first_source(data, pairs, mentions, mention_prompt)
    listed = mentions.completion[mentions.listed]
    return Arranged(
        prompts=prompts,
        prompt_split=assigned.split[prompts],
        prompt_source=source[prompts],
        completions=completions,
        completion_prompt=prompt_row[data.completion_prompt[completions]],
        completion_models=_models(mentions, completion_row, ranks(data.models)),
        score=_mean_scores(mentions, completion_row, len(completions)),
        pair_a=pair_a,
        pair_b=pair_b,
        votes=votes,
        duplicate_rows=duplicates,
        merged_answers=len(listed) - len(np.unique(listed)),
        single_answer=int((answers == 1).sum()),
    )


def ranks(names: list[str]) -> np.ndarray:
    """Rank of each name in alphabetical order, int32: numbers that do not depend on the order of rows."""
    rank = np.empty(len(names), dtype=np.int32)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return rank


def _inverse(rows: np.ndarray, size: int) -> np.ndarray:
    inverse = np.full(size, NONE, dtype=np.int64)
    inverse[rows] = np.arange(len(rows))
    return inverse


def _count_votes(pairs: PairRows, row: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    # Completion rows grow with prompt and id, so that sorting by them sorts by (prompt, a, b) and a < b.
    order = np.lexsort((pairs.annotator, pairs.verdict, row[pairs.second], row[pairs.first]))
    pairs = pairs.where(order)
    a, b = row[pairs.first], row[pairs.second]
    new_pair = np.ones(len(order), dtype=bool)
    new_pair[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    new_vote = new_pair.copy()
    new_vote[1:] |= (pairs.verdict[1:] != pairs.verdict[:-1]) | (pairs.annotator[1:] != pairs.annotator[:-1])
    votes = np.zeros((int(new_pair.sum()), len(COMPARED)), dtype=np.int32)
    counted = new_vote & (pairs.verdict != NONE)
    np.add.at(votes, (np.cumsum(new_pair)[counted] - 1, pairs.verdict[counted]), 1)
    return a[new_pair], b[new_pair], votes, int((~new_vote).sum())


def _first_source(data: Collected, pairs: PairRows, mentions: Mentions, mention_prompt: np.ndarray) -> np.ndarray:
    rank = ranks(data.sources)
    source = np.full(len(data.prompts), len(rank), dtype=np.int32)
    np.minimum.at(source, pairs.prompt, rank[pairs.source])
    np.minimum.at(source, mention_prompt, rank[mentions.source])
    return source


def _models(mentions: Mentions, row: np.ndarray, rank: np.ndarray) -> np.ndarray:
    named = mentions.where(mentions.model != NONE)
    table = np.stack([row[named.completion], rank[named.model].astype(np.int64)], axis=1)
    return np.unique(table[table[:, 0] != NONE], axis=0)


def _mean_scores(mentions: Mentions, row: np.ndarray, size: int) -> np.ndarray:
    scored = mentions.where(mentions.listed & ~np.isnan(mentions.score) & (row[mentions.completion] != NONE))
    # Summed in the order of the values: the mean must not depend on the order of rows.
    order = np.lexsort((scored.score, row[scored.completion]))
    completion, score = row[scored.completion][order], scored.score[order]
    count = np.bincount(completion, minlength=size)
    total = np.bincount(completion, weights=score, minlength=size)
    return np.divide(total, count, out=np.full(size, np.nan), where=count > 0)

"""From collected rows to the final rows: what is kept, in which order, with which votes and scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.data.collect import NONE, Collected, Mentions, PairRows
from prefloop.data.splits import Assignment
from prefloop.data.texts import sort_keys
from prefloop.labels.verdicts import SKIP, WORDS


@dataclass(frozen=True)
class Votes:
    """Distinct verdicts on listed pairs, in the order of pair, word, annotator and strength.

    Attributes:
        pair: int64 [V], row of the listed pair.
        verdict: int8 [V], index into WORDS.
        annotator: int32 [V], rank of the name, or NONE.
        strength: float64 [V], or NONE.
        source: int32 [V], rank of the source's name, the first where several say the same.
    """

    pair: np.ndarray
    verdict: np.ndarray
    annotator: np.ndarray
    strength: np.ndarray
    source: np.ndarray


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
        votes: int32 [N, 5], how many said each of WORDS.
        given: the votes themselves.
        answered: bool [C], whether a verdict compares it, or a score that another of the prompt has too.
        pair_own_ids, prompt_own_ids: int64 [m, 2], row and number of the user's id, sorted, distinct; those of a
            prompt are those of all its rows.
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
    given: Votes
    answered: np.ndarray
    pair_own_ids: np.ndarray
    prompt_own_ids: np.ndarray
    duplicate_rows: int
    merged_answers: int
    single_answer: int


def arrange(data: Collected, assigned: Assignment) -> Arranged:
    """Drop rows that leak, merge what repeats, and put everything into its final order."""
    pairs, mentions = data.pairs.where(assigned.keep_pairs), data.mentions.where(assigned.keep_mentions)
    called = data.called.where(assigned.keep_called)
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

    completion_prompt = prompt_row[data.completion_prompt[completions]]
    pair_a, pair_b, given, pair_own_ids, duplicates = _take_votes(data, pairs, completion_row)
    votes, score = _count_votes(given, len(pair_a)), _mean_scores(mentions, completion_row, len(completions))
    prompt_of_id = prompt_row[np.concatenate([pairs.prompt, called.prompt])]
    source = _first_source(data, pairs, mentions)
    listed = mentions.completion[mentions.listed]
    return Arranged(
        prompts=prompts,
        prompt_split=assigned.split[prompts],
        prompt_source=source[prompts],
        completions=completions,
        completion_prompt=completion_prompt,
        completion_models=_models(mentions, completion_row, ranks(data.models)),
        score=score,
        pair_a=pair_a,
        pair_b=pair_b,
        votes=votes,
        given=given,
        answered=_answered(completion_prompt, score, pair_a, pair_b, votes),
        pair_own_ids=pair_own_ids,
        prompt_own_ids=_numbered(prompt_of_id, np.concatenate([pairs.own_id, called.own_id]), len(data.own_ids)),
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


def _take_votes(
    data: Collected, pairs: PairRows, row: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Votes, np.ndarray, int]:
    """Completion rows a and b of the distinct pairs, their votes and own ids, and how many rows repeat another."""
    source = ranks(data.sources)[pairs.source]
    annotator = np.append(ranks(data.annotators), NONE)[pairs.annotator]
    # Completion rows grow with prompt and id, so that sorting by them sorts by (prompt, a, b) and a < b.
    order = np.lexsort((source, pairs.strength, annotator, pairs.verdict, row[pairs.second], row[pairs.first]))
    pairs, source, annotator = pairs.where(order), source[order], annotator[order]
    a, b = row[pairs.first], row[pairs.second]
    new_pair = np.ones(len(order), dtype=bool)
    new_pair[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    new_vote = new_pair.copy()
    for column in (pairs.verdict, annotator, pairs.strength):
        new_vote[1:] |= column[1:] != column[:-1]
    given = new_vote & (pairs.verdict != NONE)
    pair = np.cumsum(new_pair) - 1
    votes = Votes(*(column[given] for column in (pair, pairs.verdict, annotator, pairs.strength, source)))
    own_ids = _numbered(pair, pairs.own_id, len(data.own_ids))
    return a[new_pair], b[new_pair], votes, own_ids, int((~new_vote).sum())


def _numbered(rows: np.ndarray, own_id: np.ndarray, count: int) -> np.ndarray:
    """Row and number of each id, int64 [m, 2], sorted and distinct; what was dropped or has no id is left out."""
    has_id = (rows != NONE) & (own_id != NONE)
    keys = np.unique(rows[has_id] * count + own_id[has_id])
    return np.stack(np.divmod(keys, max(count, 1)), axis=1)


def _answered(
    prompt: np.ndarray, score: np.ndarray, pair_a: np.ndarray, pair_b: np.ndarray, votes: np.ndarray
) -> np.ndarray:
    judged, scored = votes[:, :SKIP].any(axis=1), ~np.isnan(score)
    answered = scored & (np.bincount(prompt, weights=scored) > 1)[prompt]
    answered[pair_a[judged]] = answered[pair_b[judged]] = True
    return answered


def _count_votes(given: Votes, pairs: int) -> np.ndarray:
    votes = np.zeros((pairs, len(WORDS)), dtype=np.int32)
    np.add.at(votes, (given.pair, given.verdict), 1)
    return votes


def _first_source(data: Collected, pairs: PairRows, mentions: Mentions) -> np.ndarray:
    rank = ranks(data.sources)
    source = np.full(len(data.prompts), len(rank), dtype=np.int32)
    np.minimum.at(source, pairs.prompt, rank[pairs.source])
    np.minimum.at(source, mentions.prompt, rank[mentions.source])
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

"""Evaluation on held-out prompts: win rates against the start model by two judges, and KL divergence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from prefloop.dpo.config import Evaluation
from prefloop.dpo.language_model import LanguageModel
from prefloop.dpo.problem import Problem
from prefloop.dpo.sampling import Completion
from prefloop.errors import ModelError
from prefloop.labels.comparison import Annotator, Answer, Comparison
from prefloop.labels.verdicts import TIE, A, B
from prefloop.rng import Stream

# Samples of a test prompt: the start model's, the policy's, and one more where the temperature is not 1.
_START, _POLICY, _AT_ONE = 0, 1, 2


@dataclass(frozen=True)
class Evaluated:
    """One policy on the Q evaluated prompts.

    Attributes:
        completions: the policy's, token ids.
        oracle, judge: float64 [Q], 1 where the policy's is better than the start model's, .5 a tie, 0; NaN = no
            answer.
        kl: float64 [Q], KL divergence of the next token from the reference, summed along a completion at
            temperature 1, nats; its mean is an unbiased estimate of the divergence of whole completions.
        calls, tokens: what both took, in requests and tokens.
    """

    completions: list[tuple[int, ...]]
    oracle: np.ndarray
    judge: np.ndarray
    kl: np.ndarray
    calls: int = 0
    tokens: int = 0


class Evaluator:
    """Evaluates policies of one seed on the same prompts with the same random numbers.

    Args:
        problem: prompts and the reference.
        config: section `evaluation`.
        oracle: the training oracle without its noise.
        judge: the one that never trains.
        seed: the run's seed.
        start: what `start_completions` gave.
    """

    def __init__(
        self,
        problem: Problem,
        config: Evaluation,
        oracle: Annotator,
        judge: Annotator,
        seed: int,
        start: Sequence[tuple[int, ...]],
    ) -> None:
        self._problem, self._config, self._seed = problem, config, seed
        self._oracle, self._judge = oracle, judge
        self.prompts = evaluated_prompts(problem, config)
        self.start_texts = [problem.text(tokens) for tokens in start]

    def __call__(self, policy: LanguageModel) -> Evaluated:
        """Write with the policy, compare with the start model's completions, measure the distance."""
        temperature = self._config.temperature
        wrote = _write(self._problem, self._config, policy, self._seed, _POLICY, temperature)
        at_one = wrote
        if temperature != 1:
            at_one = _write(self._problem, self._config, policy, self._seed, _AT_ONE, 1.0)
        kl = self._problem.divergence(policy, self.prompts, [completion.tokens for completion in at_one])
        texts = [self._problem.text(completion.tokens) for completion in wrote]
        oracle, judge = (self._answers(by, texts) for by in (self._oracle, self._judge))
        return Evaluated(
            completions=[completion.tokens for completion in wrote],
            oracle=_wins(oracle),
            judge=_wins(judge),
            kl=kl,
            calls=sum(answer.calls for answer in [*oracle, *judge]),
            tokens=sum(answer.tokens for answer in [*oracle, *judge]),
        )

    def _answers(self, by: Annotator, texts: Sequence[str]) -> list[Answer]:
        """What a judge says of each text against the start model's; what it does not answer is asked again.

        Raises:
            ModelError: a judge that answers nothing.
        """
        prompts = [self._problem.prompts.texts[number] for number in self.prompts]
        answers = [_ALIKE] * len(texts)
        # Equal texts are a tie, and nobody needs to be asked.
        both = zip(texts, self.start_texts, strict=True)
        rows = [row for row, (text, start_text) in enumerate(both) if text != start_text]
        for attempt in range(_TRIES):
            asked = [Comparison(prompts[row], texts[row], self.start_texts[row]) for row in rows]
            for row, answer in zip(rows, by.ask(asked), strict=True):
                answers[row] = answer.after(answers[row])
            unanswered = [row for row in rows if answers[row].verdict is None]
            if attempt == 0 and len(unanswered) == len(rows) >= _SILENT:
                raise ModelError(
                    f"the judge {by.name} answered none of {len(rows)} evaluated comparisons "
                    f"({answers[rows[0]].reason}); finished rounds are kept: mend it, then run the same command "
                    "again"
                )
            rows = unanswered
            if not rows:
                break
        return answers


_ALIKE = Answer(TIE, calls=0)
# Times that an evaluated comparison is asked, and how many in vain show a judge out of order.
_TRIES, _SILENT = 3, 10


def _wins(answers: Sequence[Answer]) -> np.ndarray:
    return np.array([np.nan if answer.verdict is None else _WIN[answer.verdict] for answer in answers])


_WIN = {A: 1.0, TIE: 0.5, B: 0.0}


def evaluated_prompts(problem: Problem, config: Evaluation) -> list[int]:
    """Numbers of the evaluated prompts, the same in every run."""
    return list(problem.prompts.test)[: config.prompts]


def start_completions(problem: Problem, config: Evaluation, seed: int) -> list[tuple[int, ...]]:
    """What the start model writes on the evaluated prompts: the same in every round and policy of a seed."""
    wrote = _write(problem, config, problem.reference, seed, _START, config.temperature)
    return [completion.tokens for completion in wrote]


def _write(
    problem: Problem, config: Evaluation, author: LanguageModel, seed: int, sample: int, temperature: float
) -> list[Completion]:
    keys = [(number, sample) for number in evaluated_prompts(problem, config)]
    # Round 0 always: every round, and every policy of a seed, is evaluated with the same random numbers.
    return problem.write(author, keys, seed, 0, Stream.EVALUATE, temperature)


def distinct(completions: Sequence[tuple[int, ...]], n: int) -> float:
    """Share of different ones among all n-grams of tokens of all completions; 0 where there are none.

    Source: Li et al. 2016 (arXiv 1510.03055), distinct-n.
    """
    grams = [gram for tokens in completions for gram in _grams(tokens, n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def _grams(tokens: tuple[int, ...], n: int) -> list[tuple[int, ...]]:
    return list(pairwise(tokens)) if n == 2 else [tokens[k : k + n] for k in range(len(tokens) - n + 1)]


def summarise(evaluated: Evaluated) -> dict[str, float | int | None]:
    """The round's numbers of an evaluation, as columns of rounds.parquet; a win rate without answers is None."""
    numbers: dict[str, float | int | None] = {}
    for name, wins in (("oracle", evaluated.oracle), ("judge", evaluated.judge)):
        unjudged = int(np.isnan(wins).sum())
        numbers[f"unjudged_{name}"] = unjudged
        numbers[f"win_{name}"] = float(np.nanmean(wins)) if unjudged < len(wins) else None
    return numbers | {
        "eval_calls": evaluated.calls,
        "eval_tokens": evaluated.tokens,
        "kl": float(evaluated.kl.mean()),
        "length": float(np.mean([len(tokens) for tokens in evaluated.completions])),
        "distinct_1": distinct(evaluated.completions, 1),
        "distinct_2": distinct(evaluated.completions, 2),
    }

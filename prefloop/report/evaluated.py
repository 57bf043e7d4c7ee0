"""Evaluation data of a comparison: each seed's own division of the data, read again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from prefloop.config.data import Data
from prefloop.data.prepared import Prepared
from prefloop.oracle.answered import answered
from prefloop.oracle.answers import Answers
from prefloop.oracle.evaluated_pairs import EvalSet
from prefloop.oracle.hidden import hidden_of
from prefloop.pool.evaluate import evaluated_prompts
from prefloop.pool.problem import Inputs, Problem, divided
from prefloop.report.judged import Judgeable
from prefloop.report.runs import Evaluated


@dataclass(frozen=True)
class Evaluation:
    """What every seed is evaluated on.

    Attributes:
        splits: by split and seed; without the splits that a seed has no pair of.
        test: what each seed's retrained models are judged on; without the seeds that have no test pair.
        first: the tables of the first seed, for the sizes that the report states.
    """

    splits: dict[str, dict[int, Evaluated]]
    test: dict[int, Judgeable]
    first: Prepared


def evaluate_seeds(inputs: Inputs, stored: Answers, data: Data, seeds: Iterable[int]) -> Evaluation:
    """Divide the inputs as the runs of these seeds did, and weigh their evaluated prompts for the target.

    Args:
        inputs: everything, undivided.
        stored: hidden answers by stored rows.
        data: section `data`: how a seed is divided, and the target.
        seeds: at least one.
    """
    splits: dict[str, dict[int, Evaluated]] = {}
    test: dict[int, Judgeable] = {}
    tables, usable = [], answered(inputs.stored, stored)
    for seed in seeds:
        problem = divided(inputs, data, seed, usable)
        hidden = hidden_of(problem, stored)
        tables.append(problem.prepared)
        for split, pairs in hidden.evaluation.items():
            splits.setdefault(split, {})[seed] = _evaluated(problem, pairs)
        if "test" in hidden.evaluation:
            test[seed] = Judgeable(problem.prepared, splits["test"][seed], hidden.answers.scores)
    shared = {split: by_seed for split, by_seed in splits.items() if len(by_seed) == len(tables)}
    return Evaluation(shared, test, tables[0])


def _evaluated(problem: Problem, pairs: EvalSet) -> Evaluated:
    weight = np.zeros(len(problem.prepared.prompt_ids))
    rows, weights = evaluated_prompts(problem, pairs)
    weight[rows] = weights
    return Evaluated(pairs, problem.prepared.completions_of("pool").stop, problem.division.prompts, weight)

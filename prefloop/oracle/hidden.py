"""Hidden side of a problem: for the simulated annotator and the evaluator, never for selection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prefloop.oracle.answers import Answers, load_answers
from prefloop.oracle.evaluated_pairs import EvalSet, evaluation_sets
from prefloop.pool.problem import Inputs, Problem


@dataclass(frozen=True)
class HiddenAnswers:
    """What only the simulated annotator and the evaluator may see.

    Attributes:
        answers: verdicts of listed pairs and scores of completions, by the rows of a division.
        evaluation: the pairs models are judged on, by split; empty without hidden answers.
    """

    answers: Answers
    evaluation: dict[str, EvalSet]


def load_hidden(prepared_folder: Path, inputs: Inputs) -> Answers:
    """Open the hidden answers of the stored tables.

    Raises:
        StateError: missing or damaged tables.
    """
    return load_answers(prepared_folder, inputs.stored)


def hidden_of(problem: Problem, stored: Answers) -> HiddenAnswers:
    """The hidden answers of one run's division.

    Args:
        problem: the division.
        stored: answers by stored rows.
    """
    answers = stored.take(problem.division.pairs, problem.division.completions)
    return HiddenAnswers(answers, evaluation_sets(problem.prepared, answers))

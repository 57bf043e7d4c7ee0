"""The hidden side of a problem: for the simulated annotator and the evaluator, never for selection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prefloop.data.prepared import Prepared
from prefloop.metrics.evaluation import EvalSet, evaluation_sets
from prefloop.oracle.answers import Answers, load_answers


@dataclass(frozen=True)
class HiddenAnswers:
    """What only the simulated annotator and the evaluator may see.

    Attributes:
        answers: verdicts of listed pairs and scores of completions.
        evaluation: the pairs models are judged on, by split; empty without hidden answers.
    """

    answers: Answers
    evaluation: dict[str, EvalSet]


def load_hidden(prepared_folder: Path, prepared: Prepared) -> HiddenAnswers:
    """Open the hidden answers of prepared tables.

    Raises:
        StateError: missing or damaged tables.
    """
    answers = load_answers(prepared_folder, prepared)
    return HiddenAnswers(answers, evaluation_sets(prepared, answers))

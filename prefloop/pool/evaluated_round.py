"""Record of a finished round: metrics outside the pool, and facts about what was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from prefloop.evaluation.downstream.chosen import choice_metrics
from prefloop.evaluation.metrics import METRICS, ROUNDS
from prefloop.labels.labelled import Labelled
from prefloop.labels.verdicts import is_decided
from prefloop.oracle.hidden import HiddenAnswers
from prefloop.pool.evaluate import labelled_metrics, outside_predictions, split_metrics
from prefloop.pool.problem import Problem
from prefloop.pool.record import RoundRecord
from prefloop.pool.steps import Batch
from prefloop.reward.registry import UncertaintyModel


@dataclass(frozen=True)
class NewRound:
    """What a round acquired.

    Attributes:
        number: the round.
        batch: the pairs, with the scores they were chosen by.
        verdicts: int8 [B], their answers.
        looked_at: int64, completion rows whose scores the pair rule read.
        annotation_calls: judgements over the run so far.
    """

    number: int
    batch: Batch
    verdicts: np.ndarray
    looked_at: np.ndarray
    annotation_calls: int


def evaluate_round(
    problem: Problem,
    hidden: HiddenAnswers,
    identity: dict[str, Any],
    model: UncertaintyModel,
    labelled: Labelled,
    new: NewRound,
) -> RoundRecord:
    """Judge a round's model and what the round chose, by the hidden answers.

    Args:
        problem: inputs.
        hidden: hidden answers and evaluation pairs.
        identity: policy, seed and n_val_labels, for the rows of the tables.
        model: trained on everything labelled so far, this round included.
        labelled: everything labelled so far.
        new: what this round acquired.
    """
    predictions = outside_predictions(problem, model)
    identity = {**identity, "round": new.number, "n_labels": len(labelled.pairs)}
    metrics = [
        {**identity, "split": split, "n_pairs": len(hidden.evaluation[split]), **values}
        for split, values in split_metrics(problem, predictions, hidden.evaluation).items()
    ]
    if acquired := labelled_metrics(problem, model, labelled):
        metrics.append({**identity, "split": "acquired", **acquired})
    facts = {
        **identity,
        "n_ties": _ties(labelled.verdicts),
        "n_prompts": len(np.unique(labelled.pairs.prompt)),
        "batch_ties": _ties(new.verdicts),
        "annotation_calls": new.annotation_calls,
        **choice_metrics(hidden.answers.scores, problem.prepared, new.batch.pairs),
        **_selection_facts(new.batch),
        "temperature": float(model.temperature),
        "epochs": float(model.epochs.mean()),
    }
    return RoundRecord(
        *(new.number, new.batch, new.verdicts, new.looked_at, predictions),
        facts=ROUNDS.row(facts),
        metrics=[METRICS.row(row) for row in metrics],
    )


def _ties(verdicts: np.ndarray) -> int:
    return int((~is_decided(verdicts)).sum())


def _selection_facts(batch: Batch) -> dict[str, float | None]:
    chosen = batch.selection
    facts = {
        "score_uncertainty": None if chosen.uncertainty is None else float(chosen.uncertainty.mean()),
        "score_entropy": None if chosen.entropy is None else float(chosen.entropy.mean()),
        "entropy_ratio": None,
    }
    if chosen.uncertainty is not None and chosen.entropy is not None and chosen.uncertainty.any():
        weighted = np.abs(chosen.scores - chosen.uncertainty).mean()
        facts["entropy_ratio"] = float(weighted / chosen.uncertainty.mean())
    return facts

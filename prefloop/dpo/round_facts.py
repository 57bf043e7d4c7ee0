"""Costs and statistics of a round's labels: a part of its row of rounds.parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from prefloop.dpo.asking import LabelledPair, RoundLabels
from prefloop.dpo.roundview import RoundDesk
from prefloop.dpo.scores import implicit_reward
from prefloop.labels.verdicts import A, is_decided


def label_facts(
    labels: RoundLabels, before: Mapping[str, Any] | None, desk: RoundDesk, beta: float
) -> dict[str, Any]:
    """Counts so far, what was written in this round, and what the implicit reward thought of its labels.

    Args:
        labels: the round's labels.
        before: the row of the round before, or None.
        desk: what was written.
        beta: DPO's beta.
    """
    new = {
        "n_labels": len(labels.labelled),
        "n_ties": int((~is_decided(_verdicts(labels.labelled))).sum()),
        "n_no_answer": len(labels.unanswered),
        "n_calls": labels.calls,
        "n_tokens": labels.tokens,
    }
    return {
        **{name: count + (before[name] if before else 0) for name, count in new.items()},
        "written": desk.written,
        "sampled": desk.sampled,
        "dropped": desk.dropped,
        "certainty": _mean(np.abs(_margins(labels.labelled, beta))),
        "agreement": _agreement(labels.labelled, beta),
    }


def round_line(facts: Mapping[str, Any], seconds: float) -> str:
    """One line about a finished round.

    Args:
        facts: its row of rounds.parquet.
        seconds: how long it took.
    """
    wins = (facts["win_oracle"], facts["win_judge"])
    oracle, judge = ("–" if win is None else f"{win:.3f}" for win in wins)
    return (
        f"{facts['policy']}-{facts['seed']} round {facts['round']}: {facts['n_labels']} labels, win rate {oracle} "
        f"(judge {judge}), KL {facts['kl']:.2f} nats, {seconds:.1f} s"
    )


def _margins(labelled: Sequence[LabelledPair], beta: float) -> np.ndarray:
    """r_a - r_b of the implicit reward before the round's training, float64 [n]."""
    log_policy = np.array([label.pair.log_policy for label in labelled]).reshape(-1, 2)
    log_reference = np.array([label.pair.log_reference for label in labelled]).reshape(-1, 2)
    rewards = implicit_reward(log_policy, log_reference, beta)
    return rewards[:, 0] - rewards[:, 1]


def _agreement(labelled: Sequence[LabelledPair], beta: float) -> float | None:
    margins = _margins(labelled, beta)
    verdicts = _verdicts(labelled)
    counted = is_decided(verdicts) & (margins != 0)
    return _mean(((margins > 0) == (verdicts == A))[counted])


def _verdicts(labelled: Sequence[LabelledPair]) -> np.ndarray:
    return np.array([label.verdict for label in labelled], dtype=np.int64)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None

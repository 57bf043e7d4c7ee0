"""The comparison itself: every policy against the reference, with paired bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from prefloop.config.model import Compare
from prefloop.report.choices import compare_choices
from prefloop.report.curves import Curves, draw, matching, paired, rise, told_apart, verdict
from prefloop.report.numbers import Saving
from prefloop.report.outcome_results import Outcomes
from prefloop.report.results import PolicyResult, Savings, SplitSize
from prefloop.report.runs import Runs, SplitScores

_METRICS = ("log_likelihood", "accuracy")


@dataclass(frozen=True)
class DataFacts:
    """What was compared on, and what sort of policies were compared.

    Attributes:
        dataset: name of the data.
        splits: size of each split.
        controls: policies that differ from the reference by their random stream alone.
        ceilings: policies that read the judge's scores before they choose.
        ablations: (policy, the same policy without its uncertainty).
    """

    dataset: str
    splits: dict[str, SplitSize]
    controls: frozenset[str]
    ceilings: frozenset[str]
    ablations: tuple[tuple[str, str], ...]


def resample(scores: Mapping[str, SplitScores], config: Compare) -> dict[str, dict[str, Curves]]:
    """Mean curves with replicates, by split and metric."""
    return {
        split: {metric: draw(getattr(of_split, metric), config) for metric in _METRICS}
        for split, of_split in scores.items()
    }


def compare_runs(
    runs: Runs,
    scores: Mapping[str, SplitScores],
    curves: dict[str, dict[str, Curves]],
    outcomes: Outcomes | None,
    config: Compare,
    facts: DataFacts,
) -> Savings:
    """Compare every policy with the reference on the test split.

    Args:
        runs: the runs.
        scores: scores by split, "test" among them.
        curves: the same, resampled.
        outcomes: what fresh models made of the labels.
        config: reference, resamples, confidence.
        facts: about the data and the policies.

    Returns:
        The content of savings.json.
    """
    test = curves["test"]["log_likelihood"]
    reference = runs.policies.index(config.reference)
    gain = rise(test, reference, config.confidence)
    return Savings(
        dataset=facts.dataset,
        splits=facts.splits,
        evaluated={split: int(of.accuracy.pairs.sum()) for split, of in scores.items()},
        reference=config.reference,
        seeds=list(runs.seeds),
        n_labels=runs.n_labels.tolist(),
        n_val_labels=runs.n_val_labels,
        confidence=config.confidence,
        resamples=config.resamples,
        interval_covers=_covered(runs, scores["test"]),
        target=gain.value,
        reference_gain=gain,
        policies={
            policy: _result(runs, curves, row, reference, config, facts)
            for row, policy in enumerate(runs.policies)
        },
        outcomes=outcomes,
        choices=compare_choices(runs, config.confidence),
        note=None,
    )


def _covered(runs: Runs, test: SplitScores) -> list[str]:
    sources = {"seeds": len(runs.seeds), "test prompts": len(test.accuracy.pairs)}
    return [source for source, count in sources.items() if count > 1]


def _result(
    runs: Runs,
    curves: dict[str, dict[str, Curves]],
    row: int,
    reference: int,
    config: Compare,
    facts: DataFacts,
) -> PolicyResult:
    policy, confidence = runs.policies[row], config.confidence
    test = curves["test"]["log_likelihood"]
    area = paired(test.heights(runs.n_labels), row, reference, confidence)

    def needed(labels: np.ndarray) -> Saving:
        return matching(test, row, reference, labels, confidence, told_apart(area))

    return PolicyResult(
        **needed(runs.n_labels).model_dump(),
        with_validation=needed(runs.n_labels + runs.n_val_labels) if runs.n_val_labels else None,
        area=area,
        final={
            split: {metric: paired(of.last(), row, reference, confidence) for metric, of in metrics.items()}
            for split, metrics in curves.items()
        },
        verdict="reference" if row == reference else verdict(area),
        control=policy in facts.controls,
        ceiling=policy in facts.ceilings,
        ties=_at_the_end(runs, policy, "n_ties"),
        prompts=_at_the_end(runs, policy, "n_prompts"),
    )


def _at_the_end(runs: Runs, policy: str, column: str) -> float:
    rounds = runs.rounds
    last = pc.equal(rounds["round"], pc.max(rounds["round"]))
    rows = rounds.filter(pc.and_(last, pc.equal(rounds["policy"], policy)))
    return float(np.mean(rows[column].to_numpy()))

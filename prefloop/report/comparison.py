"""The comparison itself: every policy against the reference, with paired bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from prefloop.config.model import Compare
from prefloop.report.bootstrap import PromptSums, replicate_means
from prefloop.report.results import Difference, PolicyResult, Saving, Savings, SplitSize, Verdict
from prefloop.report.runs import Runs, SplitScores
from prefloop.report.savings import area, difference, labels_to_reach, saving
from prefloop.rng import Stream, generator

_METRICS = ("log_likelihood", "accuracy")


@dataclass(frozen=True)
class Curves:
    """Mean curves of one metric on one split: the estimate [P, R] and its replicates [B, P, R]."""

    mean: np.ndarray
    replicates: np.ndarray


@dataclass(frozen=True)
class DataFacts:
    """What was compared on: the data's name, the size of each split, the controls among the policies."""

    dataset: str
    splits: dict[str, SplitSize]
    controls: frozenset[str]


def resample(scores: Mapping[str, SplitScores], config: Compare) -> dict[str, dict[str, Curves]]:
    """Mean curves with replicates, by split and metric.

    Each starts from the same seed: replicate b moves all splits and metrics by the same seeds, and
    both metrics of a split by the same prompts.
    """

    def draw(sums: PromptSums) -> Curves:
        rng = generator(config.seed, 0, Stream.BOOTSTRAP)
        return Curves(sums.mean(), replicate_means(sums, config.resamples, rng))

    return {
        split: {metric: draw(getattr(of_split, metric)) for metric in _METRICS}
        for split, of_split in scores.items()
    }


def compare_runs(
    runs: Runs,
    scores: Mapping[str, SplitScores],
    curves: dict[str, dict[str, Curves]],
    config: Compare,
    facts: DataFacts,
) -> Savings:
    """Compare every policy with the reference on the test split.

    Args:
        runs: the runs.
        scores: scores by split, "test" among them.
        curves: the same, resampled.
        config: reference, resamples, confidence.
        facts: name and size of the data.

    Returns:
        The content of savings.json.
    """
    test = curves["test"]["log_likelihood"]
    reference = runs.policies.index(config.reference)
    first, last = test.mean[reference, [0, -1]]
    gain = test.replicates[:, reference, -1] - test.replicates[:, reference, 0]
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
        target=float(last),
        reference_gain=difference(float(last), float(first), gain, config.confidence),
        policies={
            policy: _result(runs, curves, row, reference, config, facts)
            for row, policy in enumerate(runs.policies)
        },
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
    policy = runs.policies[row]
    test = curves["test"]["log_likelihood"]
    areas = Curves(area(test.mean, runs.n_labels), area(test.replicates, runs.n_labels))
    area_ = _paired(areas, row, reference, config)
    told_apart = area_.low > 0 or area_.high < 0
    alone = _saving(test, row, reference, runs.n_labels, config, told_apart)
    with_validation = _saving(test, row, reference, runs.n_labels + runs.n_val_labels, config, told_apart)
    return PolicyResult(
        **alone.model_dump(),
        with_validation=with_validation if runs.n_val_labels else None,
        area=area_,
        final={
            split: {metric: _paired(_last(of), row, reference, config) for metric, of in metrics.items()}
            for split, metrics in curves.items()
        },
        verdict="reference" if row == reference else _verdict(area_),
        control=policy in facts.controls,
        ties=_at_the_end(runs, policy, "n_ties"),
        prompts=_at_the_end(runs, policy, "n_prompts"),
    )


def _saving(
    test: Curves, row: int, reference: int, labels: np.ndarray, config: Compare, told_apart: bool
) -> Saving:
    # Each replicate has its own target: the reference's final value is as uncertain as any other.
    needed = labels_to_reach(test.mean[row], labels, test.mean[reference, -1])
    gaps = test.replicates[:, row] - test.replicates[:, reference, -1:]
    found = saving(float(needed), gaps, labels, config.confidence)
    # One lucky last round is no saving: where the whole curves can't be told apart, zero stays possible.
    if not told_apart and found.saved_low is not None and found.saved_low > 0:
        return found.model_copy(update={"saved_low": 0.0})
    return found


def _paired(curves: Curves, row: int, reference: int, config: Compare) -> Difference:
    replicates = curves.replicates[:, row] - curves.replicates[:, reference]
    return difference(float(curves.mean[row]), float(curves.mean[reference]), replicates, config.confidence)


def _last(curves: Curves) -> Curves:
    return Curves(curves.mean[..., -1], curves.replicates[..., -1])


def _verdict(area_: Difference) -> Verdict:
    if area_.low == area_.high:  # one seed and one test prompt: nothing could be resampled
        return "no difference"
    if area_.low > 0:
        return "better"
    return "worse" if area_.high < 0 else "no difference"


def _at_the_end(runs: Runs, policy: str, column: str) -> float:
    rounds = runs.rounds
    last = pc.equal(rounds["round"], pc.max(rounds["round"]))
    rows = rounds.filter(pc.and_(last, pc.equal(rounds["policy"], policy)))
    return float(np.mean(rows[column].to_numpy()))

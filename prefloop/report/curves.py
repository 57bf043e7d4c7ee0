"""Mean curves with bootstrap replicates, and one policy's against the reference's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.config.model import Compare
from prefloop.report.bootstrap import PromptSums, replicate_means
from prefloop.report.numbers import Difference, Saving, Verdict
from prefloop.report.savings import area, difference, labels_to_reach, saving
from prefloop.rng import Stream, generator


@dataclass(frozen=True)
class Curves:
    """Mean curves of one metric on one split: the estimate [P, R] and its replicates [B, P, R]."""

    mean: np.ndarray
    replicates: np.ndarray

    def at(self, round_: int) -> Curves:
        """The values after one round: [P] and [B, P]."""
        return Curves(self.mean[..., round_], self.replicates[..., round_])

    def last(self) -> Curves:
        """The values at the end: [P] and [B, P]."""
        return self.at(-1)

    def since(self, round_: int) -> Curves:
        """The curves without the rounds before."""
        return Curves(self.mean[..., round_:], self.replicates[..., round_:])

    def heights(self, n_labels: np.ndarray) -> Curves:
        """The mean heights: [P] and [B, P]."""
        return Curves(area(self.mean, n_labels), area(self.replicates, n_labels))


def draw(sums: PromptSums, config: Compare) -> Curves:
    """Mean curves with replicates; each metric starts from the same seed.

    So replicate b moves all metrics by the same seeds, and those on the same prompts by the same prompts.
    """
    rng = generator(config.seed, 0, Stream.BOOTSTRAP)
    return Curves(sums.mean(), replicate_means(sums, config.resamples, rng))


def paired(values: Curves, row: int, other: int, confidence: float) -> Difference:
    """One policy's number with its difference from another's; `values` are [P] and [B, P]."""
    replicates = values.replicates[:, row] - values.replicates[:, other]
    return difference(float(values.mean[row]), float(values.mean[other]), replicates, confidence)


def paired_by_round(curves: Curves, row: int, other: int, confidence: float) -> list[Difference]:
    """The same for every round."""
    return [paired(curves.at(r), row, other, confidence) for r in range(curves.mean.shape[-1])]


def rise(curves: Curves, row: int, confidence: float) -> Difference:
    """One policy's number at the end with its difference from the one at the beginning."""
    replicates = curves.replicates[:, row, -1] - curves.replicates[:, row, 0]
    return difference(float(curves.mean[row, -1]), float(curves.mean[row, 0]), replicates, confidence)


def told_apart(of: Difference) -> bool:
    """Whether the interval of a difference excludes zero."""
    return of.low > 0 or of.high < 0


def verdict(of: Difference) -> Verdict:
    """What the interval of a difference says, where more is better."""
    if of.low == of.high:  # one seed and one test prompt: nothing could be resampled
        return "no difference"
    if of.low > 0:
        return "better"
    return "worse" if of.high < 0 else "no difference"


def matching(
    curves: Curves, row: int, reference: int, labels: np.ndarray, confidence: float, apart: bool
) -> Saving:
    """Labels one policy needs to match the reference's end.

    Args:
        curves: of all policies.
        row, reference: which policy, against which.
        labels: [R], the grid.
        confidence: coverage of the interval.
        apart: whether the two curves as a whole can be told apart.
    """
    # Each replicate has its own target: the reference's final value is as uncertain as any other.
    needed = labels_to_reach(curves.mean[row], labels, curves.mean[reference, -1])
    gaps = curves.replicates[:, row] - curves.replicates[:, reference, -1:]
    found = saving(float(needed), gaps, labels, confidence)
    # One lucky last round is no saving: where the whole curves can't be told apart, zero stays possible.
    if not apart and found.saved_low is not None and found.saved_low > 0:
        return found.model_copy(update={"saved_low": 0.0})
    return found

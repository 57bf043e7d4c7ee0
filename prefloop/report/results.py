"""The content of savings.json, typed: written by `compare`, read by the report, the terminal and MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from prefloop.report.answer import Finding
from prefloop.report.numbers import Conclusion, Difference, Duel, Result
from prefloop.report.outcome_results import Choices, Outcomes


class View(Result):
    """One policy's test log-likelihood under weights of prompts other than the target's, nats.

    Attributes:
        area: normalised AUC of the curve, and the difference from the pooled random's. Its interval is as wide as
            those of the verdicts (all policies together), so that no view contradicts them.
        final: the same after the last round, one interval by itself.
    """

    area: Difference
    final: Difference


class PolicyResult(Duel):
    """All that the comparison says about one policy, by test log-likelihood unless said otherwise.

    Attributes:
        ood: the same duels on the out-of-distribution split; null without one.
        final: split, then log_likelihood (nats) or accuracy, after the last round, against the pooled random:
            intervals of one number each, not simultaneous.
        views: prompts (each counts once), pairs (as often as the split has pairs of it) and largest (the prompt
            with the most pairs alone; null where no seed evaluates it).
        control: true for one of the pooled random streams, compared with the other: the noise of the comparison.
        model_free: true where it needs no model.
        oracle_upper_bound: true for a rule that reads the judge's scores before it chooses, so no
            campaign can run it.
        ties: labels that were ties, mean over seeds; they cost a label and train nothing.
        prompts: distinct prompts acquired by the end, mean over seeds.
    """

    ood: Duel | None
    final: dict[str, dict[str, Difference]]
    views: dict[str, View | None]
    control: bool
    model_free: bool
    oracle_upper_bound: bool
    ties: float
    prompts: float


class SplitSize(Result):
    """Size of one split of the data."""

    prompts: int
    completions: int
    pairs: int


class Savings(Result):
    """A whole comparison: the content of savings.json.

    Attributes:
        dataset: name of the data.
        data_target: the declared target (`data.target`), by which prompts are weighted in all scores.
        splits: size of each split; `pairs` are the listed ones.
        evaluated: pairs that a seed is evaluated on by split (ties left out), the mean over seeds.
        reference: name that stands for the pooled random streams.
        streams: the streams that are pooled.
        seeds: seeds of the runs.
        n_labels: labels after each round, the grid of all curves.
        n_val_labels: validation labels, counted apart.
        confidence: coverage of the intervals: of one, or where said so of all at once.
        resamples: replicates for the simultaneous level.
        interval_covers: what the intervals account for; empty where nothing varies.
        target: the reference's final mean test log-likelihood, nats.
        reference_gain: the reference's final minus its first mean test log-likelihood, nats.
        conclusive: whether the comparison can conclude anything by the test log-likelihood.
        reasons: why not, in words.
        conclusions: the same and more by split, test and ood.
        finding: the answer and the advice, in a sentence each and as data; null where there is nothing to compare.
        outcomes: retrained models on each policy's labels; null where there is nothing to compare.
        choices: which pairs each policy had compared.
        note: why there is nothing to compare; null where there is.
    """

    dataset: str
    data_target: Literal["prompts", "pairs", "file"]
    splits: dict[str, SplitSize]
    evaluated: dict[str, int]
    reference: str
    streams: list[str]
    seeds: list[int]
    n_labels: list[int]
    n_val_labels: int
    confidence: float
    resamples: int
    interval_covers: list[str]
    target: float | None
    reference_gain: Difference | None
    conclusive: bool
    reasons: list[str]
    conclusions: dict[str, Conclusion]
    finding: Finding | None
    policies: dict[str, PolicyResult]
    outcomes: Outcomes | None
    choices: dict[str, Choices]
    note: str | None

    @property
    def budget(self) -> int:
        """Labels of the last round, or 0 without runs."""
        return self.n_labels[-1] if self.n_labels else 0


def read_savings(path: Path) -> Savings:
    """Read a savings.json.

    Raises:
        StateError: missing, damaged, or of another version.
    """
    return Savings.read(path)

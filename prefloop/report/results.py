"""The content of savings.json, typed: written by `compare`, read by the report, the terminal and MLflow."""

from __future__ import annotations

from pathlib import Path

from prefloop.report.numbers import Difference, Result, Saving, Verdict
from prefloop.report.outcome_results import Choices, Outcomes


class PolicyResult(Saving):
    """All that the comparison says about one policy.

    Attributes:
        with_validation: the saving with validation labels added on both sides; null where there are none.
        area: mean height of the test log-likelihood curve (area over the range of labels), nats.
        final: split, then log_likelihood (nats) or accuracy, after the last round.
        verdict: by the interval of the area's difference.
        control: true for another random stream, whose saving shows the noise of the comparison.
        ceiling: true for a rule that reads the judge's scores before it chooses: no campaign can run it.
        ties: labels that were ties, mean over seeds; they cost a label and train nothing.
        prompts: distinct prompts acquired by the end, mean over seeds.
    """

    with_validation: Saving | None
    area: Difference
    final: dict[str, dict[str, Difference]]
    verdict: Verdict
    control: bool
    ceiling: bool
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
        splits: size of each split; `pairs` are the listed ones.
        evaluated: pairs that each split is evaluated on (ties left out).
        reference: the policy that others are measured against.
        seeds: seeds of the runs.
        n_labels: labels after each round, the grid of all curves.
        n_val_labels: validation labels, counted apart.
        target: the reference's final mean test log-likelihood, nats.
        reference_gain: the reference's final minus its first mean test log-likelihood, nats.
        interval_covers: what the intervals account for; empty where nothing could be resampled.
        outcomes: fresh models on each policy's labels; null where there is nothing to compare.
        choices: which pairs each policy had compared.
        note: why there is nothing to compare; null where there is.
    """

    dataset: str
    splits: dict[str, SplitSize]
    evaluated: dict[str, int]
    reference: str
    seeds: list[int]
    n_labels: list[int]
    n_val_labels: int
    confidence: float
    resamples: int
    interval_covers: list[str]
    target: float | None
    reference_gain: Difference | None
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

"""Numbers of a comparison with their intervals, typed as they stand in its JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from prefloop.errors import StateError
from prefloop.io.json import read_json

Verdict = Literal["reference", "better", "worse", "no difference", "cannot tell"]


class Result(BaseModel):
    """A comparison's JSON file, or a part of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a whole file.

        Raises:
            StateError: missing, damaged, or of another version.
        """
        try:
            return cls.model_validate(read_json(path))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"])
            raise StateError(
                f"{path} is not this version's ({place}: {first['msg']}): run the stage compare again"
            ) from None


class Saving(Result):
    """Labels that one policy saves against another, all null where the comparison cannot tell.

    Attributes:
        efficiency: the label-efficiency factor f: after the labels that both share, one label by the policy
            does what f labels by the baseline do.
        saved: 1 - 1 / f, the share of the baseline's labels that the policy does without, counted after the
            shared ones; negative where it needs more.
        saved_low, saved_high: bounds of the interval, which holds 0 exactly where no verdict is given.
        beyond: the data end before the estimate: the truth is more extreme than `saved`.
        open_low, open_high: the same of the bounds.
        labels_to_target: labels at which the best value so far of the policy's mean curve reaches the
            baseline's final one; biased low, as one lucky round suffices. Null = never, or cannot tell.
        never: that value is not reached within the budget.
    """

    efficiency: float | None
    saved: float | None
    saved_low: float | None
    saved_high: float | None
    beyond: bool
    open_low: bool
    open_high: bool
    labels_to_target: float | None
    never: bool

    @property
    def told(self) -> bool:
        """Whether anything is said: an interval that is open on both sides holds all that the data can show."""
        return self.saved is not None and not (self.open_low and self.open_high)


class Difference(Result):
    """A number of one policy and its paired difference from a baseline's, with the interval.

    The bounds are null where neither seeds nor prompts say how uncertain it is.
    """

    value: float
    difference: float
    low: float | None
    high: float | None


class Against(Result):
    """One policy against one baseline.

    Attributes:
        baseline: its name.
        area: normalised AUC of the policy and its difference from the baseline's; the interval holds
            for all policies and baselines of the comparison at once.
        verdict: by that interval.
        saving: labels saved, at the same level.
    """

    baseline: str
    area: Difference
    verdict: Verdict
    saving: Saving


class Duel(Result):
    """One policy against random, and against the best that needs no model.

    Attributes:
        area: its normalised AUC, and the simultaneous difference from the pooled random's.
        against_random: null for the pooled random itself.
        against_best: against the highest curve of those that need no model; null for that one itself.
    """

    area: Difference
    against_random: Against | None
    against_best: Against | None

    @property
    def primary(self) -> Against | None:
        """What a reader takes home: against the best without a model, or against random for that one."""
        return self.against_best or self.against_random

    @property
    def saved(self) -> float | None:
        """Labels saved against the better of those that need no model; None where nothing can be told."""
        primary = self.primary
        return primary.saving.saved if primary is not None and primary.saving.told else None

    @property
    def verdict(self) -> Verdict:
        """Against the pooled random."""
        return "reference" if self.against_random is None else self.against_random.verdict

    @property
    def saving(self) -> Saving | None:
        """Against the pooled random."""
        return None if self.against_random is None else self.against_random.saving


class Conclusion(Result):
    """Whether a comparison can conclude anything by one outcome.

    Attributes:
        conclusive: if not, every saving is null and every verdict "cannot tell".
        reasons: why not, in words.
        best_baseline: the highest curve of those that need no model.
        level: two-sided level of each of the simultaneous intervals.
        reference_rise: the pooled random's last value, and its difference from the first.
    """

    conclusive: bool
    reasons: list[str]
    best_baseline: str
    level: float
    reference_rise: Difference


class Estimate(Result):
    """A mean over seeds with its interval; bounds are null for a single seed."""

    value: float
    low: float | None
    high: float | None

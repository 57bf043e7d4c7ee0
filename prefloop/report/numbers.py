"""Numbers of a comparison with their intervals, typed as they stand in its JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from prefloop.errors import StateError
from prefloop.io.documents import read_json

Verdict = Literal["reference", "better", "worse", "no difference"]


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
    """Labels one policy needs to reach the reference's final mean value.

    Attributes:
        labels_to_target: labels, interpolated; null = never within the budget.
        never: true where the target is never reached.
        saved: 1 - labels_to_target / the reference's budget; null = never.
        saved_low, saved_high: bounds of the interval; null = never, which counts below every number.
        never_share: share of the bootstrap replicates that never reach the target.
    """

    labels_to_target: float | None
    never: bool
    saved: float | None
    saved_low: float | None
    saved_high: float | None
    never_share: float


class Difference(Result):
    """A number of one policy and its paired difference from the reference's, with the interval."""

    value: float
    difference: float
    low: float
    high: float


class Estimate(Result):
    """A mean over seeds with its interval; bounds are null for a single seed."""

    value: float
    low: float | None
    high: float | None

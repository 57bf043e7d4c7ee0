"""Conclusiveness of a comparison by one of its curves, and the reasons where it concludes nothing."""

from __future__ import annotations

import numpy as np

from prefloop.report.curves import Curves, rise, value_at
from prefloop.report.numbers import Conclusion, Difference, Estimate


def conclude(
    curves: Curves,
    reference: np.ndarray,
    min_seeds: int,
    seeds: int,
    floor: float | None,
    blind: bool,
    must_rise: bool,
    best: str,
    level: float,
) -> Conclusion:
    """Ask whether the reference learns anything that others could learn faster.

    Args:
        curves: of all streams.
        reference: float64 [P], the streams that are averaged for the reference.
        min_seeds: seeds that a verdict needs at least.
        seeds: seeds there are.
        floor: what a coin toss gives; None where the curve has no such value.
        blind: whether all predictions are those of a coin toss.
        must_rise: whether a reference that learns rises from the curve's first point to its last.
        best, level: handed on.
    """
    gain = rise(curves, reference)
    end = value_at(curves, reference, curves.only(-1))
    reasons = why_not(
        gain if must_rise and len(curves.n_labels) > 1 else None, end, min_seeds, seeds, floor, blind
    )
    return Conclusion(
        conclusive=not reasons, reasons=reasons, best_baseline=best, level=level, reference_rise=gain
    )


def why_not(
    gain: Difference | None,
    end: Estimate,
    min_seeds: int,
    seeds: int,
    floor: float | None,
    blind: bool,
) -> list[str]:
    """Reasons why nothing can be concluded; none where something can.

    Args:
        gain: the reference's rise from the first to the last point; None where it need not rise.
        end: its last value.
        min_seeds, seeds, floor, blind: as in `conclude`.
    """
    reasons = []
    if seeds < min_seeds:
        reasons.append(f"{_count(seeds)}: the luck of a run needs at least {min_seeds}")
    if blind:
        return [*reasons, "the features do not tell the answers apart: every prediction is a coin toss"]
    if floor is not None and (end.low is None or end.low <= floor):
        reasons.append(f"random's final value {end.value:.4f} is not clearly above a coin toss ({floor:.4f})")
    if gain is not None and (gain.low is None or gain.low <= 0):
        reasons.append(
            f"random does not clearly improve with labels ({gain.difference:+.4f} from the first to the last "
            "round)"
        )
    return reasons


def _count(seeds: int) -> str:
    return "one seed" if seeds == 1 else f"{seeds} seeds"

"""Number of further seeds that would decide a comparison, by the variance that was measured."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, stdtrit

from prefloop.report.curves import Curves
from prefloop.report.efficiency import shifted_weights

# The customary power of a planned study (Cohen 1988).
POWER = 0.8
# Nobody runs more seeds than this.
_MOST = 1000


def more_seeds(
    curves: Curves, policy_streams: np.ndarray, base: np.ndarray, seeds: int, worthwhile: float
) -> int | None:
    """Further seeds after which a worthwhile saving is either seen or ruled out.

    With S seeds the standard error of the difference of two curves is s(S). Its square
    shrinks as 1 / S but for what seeds share, because they are evaluated on the same prompts. Let d be the
    difference that a policy makes which saves just the worthwhile share of labels. The least S is taken with

        (t + z) s(S) <= d    and    t s(S) <= max(m, d - m)

    t and z being Student's quantile of the report's simultaneous level and the normal one of the power, m the
    measured difference. The first says that a policy which truly saves that share is called better, and one
    that saves nothing is seen not to save it, each with that power; the second that the measured difference,
    if it stays, is decided too.

    Args:
        curves: of all streams, at the simultaneous level.
        policy_streams, base: float64 [P], which streams are averaged for the policy and for its baseline.
        seeds: seeds there are.
        worthwhile: the smallest share of labels saved that is worth the trouble.

    Returns:
        At least 1; None where one seed says nothing of how runs vary, where the baseline does not rise, or
        where no number up to 1,000 would do: then what seeds share varies too much.
    """
    wanted = worthwhile_difference(curves, base, worthwhile)
    linear = curves.test(np.outer(policy_streams - base, curves.auc_weights)[None])
    if seeds < 2 or wanted <= 0:
        return None
    number = np.arange(seeds + 1, _MOST + 1)
    shared = max(float(linear.shared[0]), 0.0)
    errors = np.sqrt((float(linear.variance[0]) - shared) * seeds / number + shared)
    critical = -stdtrit(float(linear.df[0]) * number / seeds, curves.level / 2)
    measured = float(linear.value[0])
    powerful = (critical + ndtri(POWER)) * errors <= wanted
    decided = critical * errors <= max(measured, wanted - measured)
    enough = np.flatnonzero(powerful & decided)
    return int(number[enough[0]]) - seeds if len(enough) else None


def worthwhile_difference(curves: Curves, base: np.ndarray, worthwhile: float) -> float:
    """Normalised AUC of g(t0 + f (t - t0)) - g(t), g the baseline: of a policy that saves just this share.

    Args:
        curves: of all streams.
        base: float64 [P], the streams that are averaged for the baseline.
        worthwhile: share of labels saved, 1 - 1 / f.
    """
    factor = np.array([1 / (1 - worthwhile)])
    slow, fast = shifted_weights(curves.n_labels, curves.start, factor)
    return float((base @ curves.mean) @ (fast[0] - slow[0]))

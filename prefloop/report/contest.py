"""Duels of every policy with the pooled random and with the best that needs no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prefloop.config.shared import Compare
from prefloop.report.conclusion import conclude
from prefloop.report.curves import Curves, half_widths, paired, verdict
from prefloop.report.efficiency import efficiency, factors_of
from prefloop.report.multiplicity import joint_level
from prefloop.report.numbers import Against, Conclusion, Difference, Duel, Saving, Verdict
from prefloop.report.savings import labels_to_reach
from prefloop.rng import Stream, generator


@dataclass(frozen=True)
class Contest:
    """Who is compared with whom.

    Attributes:
        reference: name of the pooled random.
        rows: by policy, float64 [P]: the streams that are averaged for it, several for the pooled random.
        base: by policy, what "random" means for it: the pooled random; for one of its streams the others.
        model_free: policies other than the pooled random that need no model, without its streams.
    """

    reference: str
    rows: dict[str, np.ndarray]
    base: dict[str, np.ndarray]
    model_free: tuple[str, ...]

    def against(self, policy: str) -> dict[str, np.ndarray]:
        """Baselines of a policy by name, the pooled random first; none for the pooled random but the rest."""
        first: dict[str, np.ndarray] = {}
        if policy != self.reference:
            first[self.reference] = self.base[policy]
        for name in self.model_free:
            if name != policy:
                first[name] = self.rows[name]
        return first


@dataclass(frozen=True)
class Outcome:
    """Everything the contest says about one curve: whether it can conclude, and every policy's duels."""

    conclusion: Conclusion
    duels: dict[str, Duel]


NO_SAVING = Saving(
    efficiency=None,
    saved=None,
    saved_low=None,
    saved_high=None,
    beyond=False,
    open_low=False,
    open_high=False,
    labels_to_target=None,
    never=False,
)


def contest_of(policies: Sequence[str], reference: Sequence[str], model_free: frozenset[str]) -> Contest:
    """Pool the reference's streams into one policy, named by the first that ran.

    Args:
        policies: the streams, in the order of the curves.
        reference: names of the streams that are pooled; at least one ran.
        model_free: policies that need no model.
    """
    single: dict[str, np.ndarray] = dict(zip(policies, np.eye(len(policies)), strict=True))
    streams = [name for name in policies if name in reference]
    pooled: np.ndarray = np.mean([single[name] for name in streams], axis=0)
    name = next(name for name in reference if name in streams)
    base = dict.fromkeys(policies, pooled)
    for stream in streams:
        others = [single[other] for other in streams if other != stream]
        base[stream] = np.mean(others, axis=0) if others else pooled
    baselines = tuple(p for p in policies if p in model_free and p not in streams)
    return Contest(name, {**single, name: pooled}, {**base, name: pooled}, baselines)


def decide(
    contest: Contest,
    curves: Curves,
    config: Compare,
    seeds: int,
    floor: float | None,
    blind: bool,
    must_rise: bool,
) -> Outcome:
    """Let every policy meet its baselines on one curve.

    Args:
        contest: who meets whom.
        curves: of all streams.
        config: coverage, replicates, the least number of seeds.
        seeds: number of seeds.
        floor: what a coin toss gives; None where the curve has no such value.
        blind: whether all predictions are those of a coin toss.
        must_rise: whether a reference that learns rises from the curve's first point to its last; not where
            it is known to begin at `floor` and has learnt by the first point.
    """
    joint = curves.at_level(_level(contest, curves, config))
    reference_streams = contest.rows[contest.reference]
    best = _best(contest, curves)
    conclusion = conclude(
        curves, reference_streams, config.min_seeds, seeds, floor, blind, must_rise, best, joint.level
    )
    return Outcome(
        conclusion,
        {name: _duel(contest, name, joint, best, conclusion.conclusive) for name in contest.rows},
    )


def _level(contest: Contest, curves: Curves, config: Compare) -> float:
    rows = [contest.rows[name] - base for name in contest.rows for base in contest.against(name).values()]
    if not rows:
        return curves.level
    policies = np.array(rows)
    linear = curves.test(policies[:, :, None] * curves.auc_weights)
    rng = generator(config.seed, 0, Stream.BOOTSTRAP)
    return joint_level(linear, policies, 1 - curves.level, config.resamples, rng)


def _best(contest: Contest, curves: Curves) -> str:
    auc = curves.mean @ curves.auc_weights
    return max((contest.reference, *contest.model_free), key=lambda name: contest.rows[name] @ auc)


def _duel(contest: Contest, name: str, joint: Curves, best: str, conclusive: bool) -> Duel:
    policy_streams, base = contest.rows[name], contest.base[name]
    against = contest.against(name)
    met = {
        other: _against(joint, policy_streams, row, other, conclusive)
        for other, row in against.items()
        if other in (contest.reference, best)
    }
    return Duel(
        area=paired(joint, policy_streams, base, joint.auc_weights),
        against_random=met.get(contest.reference),
        against_best=met.get(best),
    )


def _against(joint: Curves, policy_streams: np.ndarray, base: np.ndarray, name: str, conclusive: bool) -> Against:
    area = paired(joint, policy_streams, base, joint.auc_weights)
    concluded: Verdict = verdict(area) if conclusive else "cannot tell"
    return Against(
        baseline=name,
        area=area,
        verdict=concluded,
        saving=_saving(joint, policy_streams, base, area) if conclusive else NO_SAVING,
    )


def _saving(joint: Curves, policy_streams: np.ndarray, base: np.ndarray, area: Difference) -> Saving:
    needed = float(labels_to_reach(policy_streams @ joint.mean, joint.n_labels, (base @ joint.mean)[-1]))
    target, never = needed if np.isfinite(needed) else None, bool(np.isinf(needed))
    if len(factors_of(joint.n_labels, joint.start)) == 1 or area.low is None:
        return NO_SAVING.model_copy(update={"labels_to_target": target, "never": never})

    def tested(of_own: np.ndarray, of_base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = policy_streams[:, None] * of_own[:, None] - base[:, None] * of_base[:, None]
        linear = joint.test(weights)
        return linear.value, half_widths(linear, joint.level)

    estimated = efficiency(joint.n_labels, joint.start, tested)
    return Saving(
        efficiency=estimated.value,
        saved=1 - 1 / estimated.value,
        saved_low=1 - 1 / estimated.low,
        saved_high=1 - 1 / estimated.high,
        beyond=estimated.beyond,
        open_low=estimated.open_low,
        open_high=estimated.open_high,
        labels_to_target=target,
        never=never,
    )

"""Advice of a campaign: whether to go on, stop, or ask more people about the same pairs, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from prefloop.campaign.audited import Audited
from prefloop.campaign.ceiling import Ceiling
from prefloop.campaign.curve import FEWEST_PROMPTS, Curve, Estimate
from prefloop.config.model import Stop

Say = Literal["go on", "stop", "more overlap", "too early"]

# Audit pairs with a prediction and a vote, and models that predicted them, before anything is said of the curve.
FEWEST_PAIRS, FEWEST_MODELS = 30, 2
# Labels that a gain is stated for.
LABELS = 100
# Probability that they are worth their price, below which to stop. Source: benchmarks/stopping.py, docs/maths.md.
UNLIKELY = 0.25


@dataclass(frozen=True)
class Advice:
    """What to do next.

    Attributes:
        say: in two words.
        sentence: what to do.
        why: reasons with figures.
    """

    say: Say
    sentence: str
    why: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """Where a campaign stands.

    Attributes:
        audit: the audit slice, as far as it has votes.
        curve: fitted to what of it a trained model predicted; None where there is nothing to fit.
        n_labels: labelled pairs.
        votes_per_pair: standing votes on a labelled pair, mean.
        ceiling: what the votes' own agreement allows; None where no pair has two votes.
        spent: the limits of the budget that cover no further comparison, in words.
        is_used_up: whether no pair is left that the campaign's policy may choose.
    """

    audit: Audited
    curve: Curve | None
    n_labels: int
    votes_per_pair: float
    ceiling: Ceiling | None
    spent: tuple[str, ...] = ()
    is_used_up: bool = False

    def gain(self, labels: float = LABELS) -> np.ndarray | None:
        """Replicates of what so many further labels add to the score, nats; None without a curve."""
        if self.curve is None or not self.n_labels:
            return None
        return self.curve.gain(self.n_labels, labels / self.votes_per_pair)

    @property
    def is_early(self) -> bool:
        """Whether the slice is too small to say anything."""
        return (
            self.curve is None
            or len(self.audit.predicted) < FEWEST_PAIRS
            or len(np.unique(self.audit.predicted.n_labels)) < FEWEST_MODELS
        )


def advise(standing: Standing, stop: Stop) -> Advice:
    """The rule: go on until it is unlikely that the next labels are worth their price, `stop.min_gain`.

    The expected gain alone would stop too early: it is looked at after every batch, and the first time that it
    falls below the price is bad luck more often than not.

    Args:
        standing: where the campaign stands.
        stop: section `campaign.stop`.
    """
    if standing.spent:
        return Advice("stop", f"Stop: {' and '.join(standing.spent)}.", _figures(standing, stop))
    if standing.is_used_up:
        return Advice(
            "stop", "Stop: every pair that the policy may choose has its labels.", _figures(standing, stop)
        )
    gain = standing.gain()
    if gain is None or standing.is_early:
        return Advice("too early", "Too early to tell: go on.", (_missing(standing.audit),))
    if (gain >= stop.min_gain).mean() >= UNLIKELY:
        likely = "are" if gain.mean() >= stop.min_gain else "may be"
        return Advice("go on", f"Go on: the next labels {likely} worth their price.", _figures(standing, stop))
    if _noise_is_the_limit(standing):
        sentence = (
            "Collect more overlap: ask more people about pairs that have a label, instead of about new pairs."
        )
        return Advice("more overlap", sentence, _figures(standing, stop))
    return Advice("stop", "Stop: the next labels are hardly worth their price.", _figures(standing, stop))


def _noise_is_the_limit(standing: Standing) -> bool:
    """Whether the model is more likely than not as good as the votes' own agreement allows."""
    if standing.ceiling is None or standing.curve is None:
        return False
    return float((standing.curve.at(standing.n_labels) >= standing.ceiling.score).mean()) > 0.5


def _figures(standing: Standing, stop: Stop) -> tuple[str, ...]:
    gain = standing.gain()
    if gain is None or standing.curve is None or standing.is_early:
        return (_missing(standing.audit),)
    said = [_gain(gain, stop)]
    score = Estimate.of(standing.curve.at(standing.n_labels), stop.confidence)
    if standing.ceiling is None:
        said.append(
            f"score {_interval(score)} nats on unseen pairs; how far disagreement of people limits it cannot be "
            "told: too few audit pairs have two votes (campaign.annotators_per_pair)"
        )
    else:
        ceiling = standing.ceiling
        said.append(
            f"score {_interval(score)} nats on unseen pairs; two votes on a pair agree in {ceiling.agreement:.0%} "
            f"({ceiling.pairs} pairs with two votes), with which about {ceiling.score:.3f} can be reached"
        )
    prompts = len(np.unique(standing.audit.predicted.prompt))
    if prompts < FEWEST_PROMPTS:
        said.append(
            f"the audit pairs are of {prompts} prompts: intervals say what other pairs of these would give, not "
            "what other prompts would"
        )
    return tuple(said)


def _gain(gain: np.ndarray, stop: Stop) -> str:
    estimate = Estimate.of(gain, stop.confidence)
    chance = float((gain >= stop.min_gain).mean())
    return (
        f"{LABELS} further labels add {estimate.value:.4f} nats ({stop.confidence:.0%} interval "
        f"{estimate.low:.4f} to {estimate.high:.4f}); their price is {stop.min_gain:g} (campaign.stop.min_gain), "
        f"and they are worth it with probability {chance:.0%}"
    )


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _missing(audit: Audited) -> str:
    if not len(audit):
        return "no audit pair has a vote: the curve rests on them alone (campaign.audit is their share of a batch)"
    seen = audit.predicted
    models = len(np.unique(seen.n_labels))
    return (
        f"{len(seen)} audit pairs have a vote and a prediction, by {models} models; at least {FEWEST_PAIRS}, by "
        f"{FEWEST_MODELS} models, are needed"
    )

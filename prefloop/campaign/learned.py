"""What a campaign has learned: its curve, the gain that further labels promise, and what to do next."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from scipy.special import stdtrit

from prefloop.campaign.audited import Audited
from prefloop.campaign.ceiling import noise_ceiling
from prefloop.campaign.curve import Curve, Estimate, draws_of, fit_curve
from prefloop.campaign.stopping import LABELS, Standing, advise
from prefloop.config.model import Campaign
from prefloop.evaluation.calibration import calibration_error

# Points of a drawn curve at most, audit pairs behind each at least, and places at which the fit is told.
_POINTS, _PAIRS, _PLACES = 12, 20, 40
# Accuracy and calibration are of the last models that predicted so many pairs.
_RECENT = 200


def learned(
    config: Campaign,
    audit: Audited,
    votes: np.ndarray,
    pairs: int,
    labels: int,
    spent: tuple[str, ...] = (),
    is_used_up: bool = False,
) -> dict[str, Any]:
    """Curve, gain and advice from the audit slice; ready for JSON.

    Args:
        config: section `campaign`.
        audit: the audit slice, as far as it has votes.
        votes: int64 [m, 3], votes that say how far people agree, see `noise_ceiling`.
        pairs: labelled pairs.
        labels: standing votes on them.
        spent: the limits of the budget that cover no further comparison, in words.
        is_used_up: whether no pair is left that the campaign's policy may choose.

    Returns:
        audit: pairs with votes, predicted (of them), and of the last 200 score and accuracy with intervals, ece
        and ece_floor; ceiling, as `Ceiling`, or None; curve: points (labelled pairs, audit pairs behind it, score
        and accuracy with interval) and line (the fit at some places, to one batch from now), both empty
        without two predictions; score, of today's model; gain: of the next batch, of `per` labels, and the
        probability that these are worth their price; advice: say, sentence, why. What cannot be told is None.
    """
    seen, level = audit.predicted, config.stop.confidence
    curve = fit_curve(seen, config.seed) if len(seen) > 1 else None
    standing = Standing(
        audit, curve, pairs, labels / pairs if pairs else 1.0, noise_ceiling(votes), spent, is_used_up
    )
    advice = advise(standing, config.stop)
    return {
        "audit": {"pairs": len(audit), "predicted": len(seen), **_recent(seen, level)},
        "ceiling": None if standing.ceiling is None else asdict(standing.ceiling),
        "curve": {
            "points": curve_points(seen, level),
            "line": [] if curve is None else _line(curve, seen, pairs + config.batch, level),
        },
        "score": None if curve is None or not pairs else asdict(Estimate.of(curve.at(pairs), level)),
        "gain": _gain(standing, config),
        "advice": {"say": advice.say, "sentence": advice.sentence, "why": list(advice.why)},
    }


def _gain(standing: Standing, config: Campaign) -> dict[str, Any] | None:
    hundred = standing.gain()
    if hundred is None or standing.curve is None:
        return None
    batch = standing.curve.gain(standing.n_labels, config.batch)
    level = config.stop.confidence
    return {
        "batch": asdict(Estimate.of(batch, level)),
        "labels": asdict(Estimate.of(hundred, level)),
        "per": LABELS,
        "worth": float((hundred >= config.stop.min_gain).mean()),
    }


def _recent(seen: Audited, level: float) -> dict[str, Any]:
    recent = seen.take(np.arange(len(seen))[-_RECENT:])
    if len(recent) < 2:
        return {"recent": 0, "score": None, "accuracy": None, "ece": None, "ece_floor": None}
    calibration = calibration_error(np.maximum(recent.probability, 1 - recent.probability), recent.correct)
    return {
        "recent": len(recent),
        "score": asdict(mean_of(recent.scores, recent.prompt, level)),
        "accuracy": asdict(mean_of(recent.correct, recent.prompt, level)),
        "ece": calibration.debiased,
        "ece_floor": calibration.floor,
    }


def curve_points(seen: Audited, level: float) -> list[dict[str, Any]]:
    """Mean scores along the campaign: consecutive models together, until enough pairs stand behind a point."""
    order = np.argsort(seen.n_labels, kind="stable")
    least = max(_PAIRS, -(-len(seen) // _POINTS))
    starts = np.searchsorted(seen.n_labels[order], np.unique(seen.n_labels))
    cuts = [0]
    for start in starts[1:].tolist():
        if start - cuts[-1] >= least and len(seen) - start >= least:
            cuts.append(start)
    parts = [seen.take(order[a:b]) for a, b in zip(cuts, [*cuts[1:], len(seen)], strict=True)]
    return [
        {
            "labels": float(part.n_labels.mean()),
            "pairs": len(part),
            "score": asdict(mean_of(part.scores, part.prompt, level)),
            "accuracy": asdict(mean_of(part.correct, part.prompt, level)),
        }
        for part in parts
        if len(part) > 1
    ]


def mean_of(values: np.ndarray, prompt: np.ndarray, level: float) -> Estimate:
    """A mean of two values or more with Student's interval, which counts pairs of one prompt as one draw.

    With few prompts each pair is a draw of its own, see `curve.draws_of`.
    """
    draw = draws_of(prompt)
    rest = np.bincount(draw, weights=values - values.mean())
    draws = len(np.unique(draw))
    error = np.sqrt((rest**2).sum() * draws / (draws - 1)) / len(values)
    half = float(stdtrit(draws - 1, (1 + level) / 2) * error)
    mean = float(values.mean())
    return Estimate(mean, mean - half, mean + half)


def _line(curve: Curve, seen: Audited, last: int, level: float) -> list[dict[str, float]]:
    places = np.linspace(max(int(seen.n_labels.min()), 1), max(last, int(seen.n_labels.max())), _PLACES)
    return [{"labels": float(n), **asdict(Estimate.of(curve.at(float(n)), level))} for n in places]

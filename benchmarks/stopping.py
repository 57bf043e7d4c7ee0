"""Stopping by replay: predicted against realised gain, and labels spent beyond the best stop, by rule.

python -m benchmarks.stopping --data DIR --out OUT [--write]

OUT holds campaigns that `benchmarks.recorded_campaigns` has recorded; --seeds records that many of each data
set of DIR first. At every round a rule sees what it would have seen then: the audit slice so far. The
continuation is known: every model's score on pairs of the pool that were set apart (truth `pool`) and on test
pairs, whose prompts have no label (`test`), smoothed over the rounds. The curve's prior is fitted to the other
data sets alone, and once more as shipped. The best stop has the highest score less the price of its labels; a
rule loses what its own stop has less. Policies and uncertainty models of one seed share slice and truth: intervals
take them together, and of a rule's loss a data set counts once, whatever its models. --write puts the result into
docs/results/campaign/stopping.json and the figure into docs/images. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import t

from benchmarks.recorded_campaigns import Recorded, read_all, record_missing
from prefloop.campaign.curve import PRIOR, Curve, Estimate, Prior, fit_curve
from prefloop.campaign.stopping import LABELS, UNLIKELY, Standing
from prefloop.io.atomic import write_bytes, write_text
from prefloop.report.figure import render

OURS = "ours"
PRICES = (0.001, 0.002, 0.005)
BUDGETS = (300, 600, 1200)
CONFIDENCE = 0.9
HORIZONS = (100, 400)
RESULTS = Path("docs/results/campaign/stopping.json")
FIGURE = Path("docs/images/stopping_calibration.png")
_EXPONENTS = np.geomspace(*PRIOR.exponent, 12)
Rule = Callable[["Replay", float], int]


@dataclass(frozen=True)
class Replay:
    """One campaign with what is known of it afterwards.

    Attributes:
        recorded: the campaign.
        curves: the fitted curve at each round, None while it is too early; with the prior of the other sets.
        shipped: the same with the prior as shipped.
        smooth: the true score by round, smoothed: a curve of the same kind through all rounds.
        raw: the true score by round.
    """

    recorded: Recorded
    curves: list[Curve | None]
    shipped: list[Curve | None]
    smooth: np.ndarray
    raw: np.ndarray

    @property
    def n(self) -> np.ndarray:
        """int64 [R], labelled pairs by round."""
        return self.recorded.n_labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=0, help="record so many seeds of every set first")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    record_missing(options.data, options.out, options.seeds)
    campaigns = read_all(options.out)
    draws = len({one.draw for one in campaigns})
    result: dict[str, Any] = {"campaigns": _counts(campaigns), "draws": draws, "confidence": CONFIDENCE}
    for truth in ("pool", "test"):
        replays = replay_all(campaigns, truth)
        result[truth] = {
            "gain": {name: gains(replays, name) for name in ("curves", "shipped")},
            "rules": {str(price): rules(replays, price) for price in PRICES},
        }
        if options.write and truth == "pool":
            write_bytes(FIGURE, figure(replays))
    if options.write:
        write_text(RESULTS, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def _counts(campaigns: list[Recorded]) -> dict[str, int]:
    return {name: sum(one.set == name for one in campaigns) for name in sorted({one.set for one in campaigns})}


def replay_all(campaigns: list[Recorded], truth: str) -> list[Replay]:
    """Every campaign, each with the prior that the other sets' true curves give."""
    slopes: dict[str, list[tuple[float, float]]] = {}
    for one in campaigns:
        expected = _smoothed(one.n_labels, own_expectation(one), None)[1]
        slopes.setdefault(one.set, []).append(
            (expected, _smoothed(one.n_labels, one.truth[truth], None)[1] - expected)
        )
    replays = []
    for one in campaigns:
        others = np.array(
            [np.mean(values, axis=0) for name, values in slopes.items() if name.partition("+")[0] != one.data]
        )
        means, spread = others.mean(axis=0).tolist(), np.maximum(others.std(axis=0, ddof=1), 0.01).tolist()
        prior = replace(PRIOR, expected=(means[0], spread[0]), surprise=(means[1], spread[1]))
        raw = one.truth[truth]
        curves, shipped = ([_fitted(one, r, p) for r in range(len(raw))] for p in (prior, PRIOR))
        replays.append(Replay(one, curves, shipped, _smoothed(one.n_labels, raw)[0], raw))
    return replays


def own_expectation(one: Recorded) -> np.ndarray:
    """float64 [R], the score that each model expects of itself on the pairs set apart."""
    p = one.apart_probability.clip(1e-7, 1 - 1e-7)
    values: np.ndarray = (p * np.log(p) + (1 - p) * np.log1p(-p)).mean(axis=1)
    return values


def _smoothed(n: np.ndarray, scores: np.ndarray, least: float | None = 0.0) -> tuple[np.ndarray, float]:
    """The least-squares curve through known scores, never falling, and its slope over log n at 100 labels.

    With `least` None it may fall.
    """
    best = (np.inf, scores, 0.0)
    for c in _EXPONENTS:
        shape = -np.expm1(-c * np.log(n / 100)) / c
        apart = shape - shape.mean()
        slope = float(apart @ scores / (apart @ apart))
        slope = slope if least is None else max(slope, least)
        values = scores.mean() + slope * apart
        best = min(best, (float(((scores - values) ** 2).sum()), values, slope), key=lambda one: one[0])
    return best[1], best[2]


def _fitted(one: Recorded, number: int, prior: Prior) -> Curve | None:
    """The curve that the campaign would have shown when the labels of round `number` were there."""
    audit = one.audit.take(one.audit.round <= number)
    seen = audit.predicted
    if not len(seen):
        return None
    curve = fit_curve(seen, one.seed, prior)
    return None if Standing(audit, curve, int(one.n_labels[number]), 1.0, None).is_early else curve


def gains(replays: list[Replay], which: str) -> dict[str, Any]:
    """Predicted against realised gains over some horizons, raw and smoothed: bias, error and coverage."""
    result = {}
    for horizon in HORIZONS:
        rows = _gain_rows(replays, which, horizon)
        predicted, low, high, smooth, raw, campaign = rows.T
        draw = np.array([replays[int(number)].recorded.draw for number in campaign])
        inside, inside_raw = ((low - 1e-9 <= true) & (true <= high + 1e-9) for true in (smooth, raw))
        result[str(horizon)] = {
            "decisions": len(rows),
            "draws": len(np.unique(draw)),
            "predicted": _mean(predicted, draw),
            "realised": _mean(raw, draw),
            "smoothed": _mean(smooth, draw),
            "bias": _mean(predicted - raw, draw),
            "bias_smoothed": _mean(predicted - smooth, draw),
            "mean_absolute_error_smoothed": _mean(np.abs(predicted - smooth), draw),
            "coverage": _mean(inside_raw.astype(float), draw),
            "coverage_smoothed": _mean(inside.astype(float), draw),
            "correlation_smoothed": round(float(np.corrcoef(predicted, smooth)[0, 1]), 3),
            "bins": _bins(predicted, smooth, raw),
        }
    return result


def _gain_rows(replays: list[Replay], which: str, horizon: int) -> np.ndarray:
    """Predicted gain, its interval, smoothed and raw realised gain, and the campaign, float64 [n, 6]."""
    rows = []
    for number, replay in enumerate(replays):
        later = np.searchsorted(replay.n, replay.n + horizon)
        for r, curve in enumerate(getattr(replay, which)):
            if curve is None or later[r] >= len(replay.n):
                continue
            n, to = float(replay.n[r]), later[r]
            gain = Estimate.of(curve.gain(n, float(replay.n[to]) - n), CONFIDENCE)
            smooth, raw = replay.smooth[to] - replay.smooth[r], replay.raw[to] - replay.raw[r]
            rows.append((gain.value, gain.low, gain.high, smooth, raw, number))
    return np.array(rows)


def _bins(predicted: np.ndarray, smooth: np.ndarray, raw: np.ndarray) -> list[dict[str, float]]:
    """Means of decisions with like predictions, five bins of as many each."""
    parts = np.array_split(np.argsort(predicted), 5)
    return [
        {
            "predicted": round(float(predicted[rows].mean()), 5),
            "realised": round(float(raw[rows].mean()), 5),
            "smoothed": round(float(smooth[rows].mean()), 5),
        }
        for rows in parts
    ]


def _mean(values: np.ndarray, draw: np.ndarray) -> list[float]:
    """Mean over decisions with a 95 % interval that takes those of a draw together."""
    groups = np.unique(draw, return_inverse=True)[1]
    rest = np.bincount(groups, weights=values - values.mean())
    count = len(rest)
    error = float(np.sqrt((rest**2).sum() * count / max(count - 1, 1)) / len(values))
    half = float(t.ppf(0.975, max(count - 1, 1))) * error
    mean = float(values.mean())
    return [round(value, 5) for value in (mean, mean - half, mean + half)]


def by_curve(replay: Replay, price: float, *, which: str, test: str) -> int:
    """Our rule, stop when 100 labels are unlikely to be worth their price, and two that ask for less and more."""
    for r, curve in enumerate(getattr(replay, which)):
        if curve is None:
            continue
        gain = curve.gain(float(replay.n[r]), LABELS)
        chance = (gain >= price).mean()
        worth = {"mean": gain.mean() >= price, "unlikely": chance >= UNLIKELY, "sure": chance >= 1 - CONFIDENCE}[
            test
        ]
        if not worth:
            return r
    return len(replay.n) - 1


def by_budget(replay: Replay, price: float, *, labels: int) -> int:
    """A fixed number of labels."""
    return min(int(np.searchsorted(replay.n, labels)), len(replay.n) - 1)


def by_stability(replay: Replay, price: float) -> int:
    """Stabilising predictions: kappa of successive models' choices, mean of the last three, is 0.99 or more.

    Source: Bloodgood and Vijay-Shanker 2009, A method for stopping active learning based on stabilizing
        predictions (CoNLL), with their cutoff and window; the stop set are the pairs set apart, without answers.
    """
    sides = replay.recorded.apart_probability > 0.5
    kappas = [_kappa(before, after) for before, after in pairwise(sides)]
    for r in range(3, len(replay.n)):
        if np.mean(kappas[r - 3 : r]) >= 0.99:
            return r
    return len(replay.n) - 1


def _kappa(before: np.ndarray, after: np.ndarray) -> float:
    chance = before.mean() * after.mean() + (1 - before.mean()) * (1 - after.mean())
    return float(((before == after).mean() - chance) / (1 - chance)) if chance < 1 else 1.0


def by_gradient(replay: Replay, price: float) -> int:
    """Performance convergence: the score that the models expect of themselves rises less than the price.

    The mean slope of the last three rounds, per 100 labels. Source: Laws and Schuetze 2008, Stopping criteria for
        active learning of named entity recognition (COLING); its threshold here is the price of the labels.
    """
    expected = own_expectation(replay.recorded)
    for r in range(3, len(replay.n)):
        if (expected[r] - expected[r - 3]) / (replay.n[r] - replay.n[r - 3]) * LABELS < price:
            return r
    return len(replay.n) - 1


RULES: dict[str, Rule] = {
    OURS: partial(by_curve, which="curves", test="unlikely"),
    "ours, shipped prior": partial(by_curve, which="shipped", test="unlikely"),
    "ours by the expected gain": partial(by_curve, which="curves", test="mean"),
    "ours at 1 in 10": partial(by_curve, which="curves", test="sure"),
    "stabilising predictions": by_stability,
    "performance gradient": by_gradient,
    **{f"{labels} labels": partial(by_budget, labels=labels) for labels in BUDGETS},
    "all labels": partial(by_budget, labels=10**9),
}


def rules(replays: list[Replay], price: float) -> dict[str, Any]:
    """By rule: labels beyond the best stop, signed (beyond) and absolute (apart), and nats that its stop loses.

    `ours_less` is what our rule loses more than another on the same campaigns, with intervals that hold together
    over the other rules (Bonferroni).
    """
    draws = [replay.recorded.draw for replay in replays]
    outcomes = {
        name: np.array([_outcome(replay, rule(replay, price), price) for replay in replays]).T
        for name, rule in RULES.items()
    }
    level = 0.05 / (len(RULES) - 1)
    result = {}
    for name, (beyond, loss) in outcomes.items():
        result[name] = {
            "beyond": _by_data(beyond, draws, digits=1),
            "apart": _by_data(np.abs(beyond), draws, digits=1),
            "loss": _by_data(loss, draws),
            "loss_by_set": _means(loss, np.array([replay.recorded.set for replay in replays])),
        }
        if name != OURS:
            result[name]["ours_less"] = _by_data(outcomes[OURS][1] - loss, draws, level)
    return result


def _outcome(replay: Replay, stop: int, price: float) -> tuple[float, float]:
    worth = replay.smooth - price * replay.n / LABELS
    best = int(worth.argmax())
    return float(replay.n[stop] - replay.n[best]), float(worth[best] - worth[stop])


def _by_data(values: np.ndarray, draws: list[str], level: float = 0.05, digits: int = 5) -> list[float]:
    """Mean over data sets, each counted alike, with an interval over the draws within them (Satterthwaite's t)."""
    of_draw = _means(values, np.array(draws))
    groups: dict[str, list[float]] = {}
    for draw, value in of_draw.items():
        groups.setdefault(draw.split()[0], []).append(value)
    mean = float(np.mean([np.mean(group) for group in groups.values()]))
    errors = np.array([np.var(group, ddof=1) / len(group) for group in groups.values()])
    spare = np.array([len(group) - 1 for group in groups.values()])
    freedom = errors.sum() ** 2 / max(float((errors**2 / spare).sum()), 1e-300)
    half = float(t.ppf(1 - level / 2, max(freedom, 1.0)) * np.sqrt(errors.sum()) / len(groups))
    return [round(value, digits) for value in (mean, mean - half, mean + half)]


def _means(values: np.ndarray, names: np.ndarray) -> dict[str, float]:
    return {str(name): float(values[names == name].mean()) for name in np.unique(names)}


def figure(replays: list[Replay]) -> bytes:
    """Predicted against realised gain of 100 and 400 labels; a dot a decision, a ring the mean of a fifth."""
    names = sorted({replay.recorded.data for replay in replays})
    colours = dict(zip(names, ("#D55E00", "#009E73", "#0072B2", "#CC79A7", "#E69F00"), strict=False))

    def draw(drawn: Figure) -> None:
        for axes, horizon in zip(drawn.subplots(1, 2), HORIZONS, strict=True):
            rows = _gain_rows(replays, "curves", horizon)
            sets = np.array([replays[int(number)].recorded.data for number in rows[:, 5]])
            for name in names:
                mine = rows[sets == name]
                axes.plot(mine[:, 0], mine[:, 4], ".", color=colours[name], markersize=3, alpha=0.45, label=name)
            means = _bins(rows[:, 0], rows[:, 3], rows[:, 4])
            x, y = ([one[key] for one in means] for key in ("predicted", "realised"))
            axes.plot(x, y, "o-", color="black", markerfacecolor="white", label="fifths")
            end = float(rows[:, 0].max()) * 1.1
            axes.plot([0, end], [0, end], color="#8C8C8C", linewidth=1, linestyle=(0, (3, 2)))
            axes.set_title(f"Gain of {horizon} labels", fontweight="bold")
            axes.set_xlabel("predicted from the audit slice, nats")
            axes.set_ylabel("realised, nats")
            axes.set_ylim(-0.03, 0.06)
        drawn.axes[1].legend(loc="upper left", markerscale=1.3)

    return render(draw, 9.5, 4.4)["png"]


if __name__ == "__main__":
    main()

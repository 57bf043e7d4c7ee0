"""What a report says where the truth is known: coverage, false verdicts, power, and labels saved.

Simulated scores of the tests (`tests/report/regimes.py`), the whole machinery of a report.
`python -m benchmarks.null_reports --reports 400` writes JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from prefloop.config.shared import Compare
from prefloop.report.contest import Contest, Outcome, contest_of, decide
from prefloop.report.curves import curves_of, paired, significant
from prefloop.report.numbers import Against
from prefloop.report.scores import Scores
from tests.report.regimes import LABELS, REGIMES, simulate_scores

CONFIG = Compare(
    reference=["random", "random_control"], min_seeds=3, worthwhile=0.2, resamples=1000, confidence=0.95, seed=0
)
BASELINES = ("random", "random_control", "random_prompts", "thinned")
NAMES = (*BASELINES, *(f"policy_{n}" for n in range(10)))
NULL = tuple(name for name in NAMES if name not in CONFIG.reference)


def contest(names: Sequence[str] = NAMES) -> Contest:
    """Two random streams, two further baselines without a model, and policies."""
    return contest_of(names, CONFIG.reference, frozenset(BASELINES))


def report(scores: Scores, who: Contest, seeds: int) -> Outcome:
    """What a report says about these scores."""
    curves = curves_of(scores, LABELS, float(LABELS[0]), CONFIG.confidence, (-np.inf, 0.0))
    return decide(who, curves, CONFIG, seeds, float(-np.log(2)), blind=False, must_rise=True)


def null_reports(regime: str, seeds: int, own_split: bool, times: int, wild: float) -> dict[str, float]:
    """Twelve policies of which none differs from random, report by report; the last may vary more than others."""
    rng = np.random.default_rng([seeds, own_split, list(REGIMES).index(regime)])
    saved: list[float] = []
    single: list[bool] = []
    wrong = silent = last = 0
    who = contest()
    for _ in range(times):
        scores = simulate_scores(rng, [1.0] * len(NAMES), seeds, REGIMES[regime], own_split, wild)
        of = report(scores, who, seeds)
        silent += not of.conclusion.conclusive
        duels = [of.duels[name].against_random for name in NULL]
        met = [duel for duel in duels if duel is not None]
        verdicts = [a.verdict for a in met] + [d.verdict for n in NULL if (d := of.duels[n].against_best)]
        wrong += any(verdict in ("better", "worse") for verdict in verdicts)
        last += any(a is not None and a.verdict in ("better", "worse") for a in _met(of, NULL[-1]))
        for against in met:
            if against.saving.saved is not None:
                saved.append(against.saving.saved)
        single += list(_single_covers(scores, who))
    return {
        "inconclusive": silent / times,
        "any_verdict": wrong / times,
        "last_verdict": last / times,
        "single_coverage": float(np.mean(single)),
        "median_saved": float(np.median(saved)),
        "iqr_low": float(np.quantile(saved, 0.25)),
        "iqr_high": float(np.quantile(saved, 0.75)),
    }


def _met(of: Outcome, name: str) -> tuple[Against | None, Against | None]:
    return of.duels[name].against_random, of.duels[name].against_best


def _single_covers(scores: Scores, who: Contest) -> Iterator[bool]:
    """Whether the interval of one difference by itself holds 0, policy by policy."""
    curves = curves_of(scores, LABELS, float(LABELS[0]), CONFIG.confidence, (-np.inf, 0.0))
    for name in NULL:
        yield not significant(paired(curves, who.rows[name], who.base[name], curves.auc_weights))


def true_savings(regime: str, seeds: int, own_split: bool, times: int) -> dict[str, Any]:
    """Four policies, of which three have a true label efficiency of 1.5, 2 and 0.6, against pooled random."""
    rng = np.random.default_rng([seeds, own_split, list(REGIMES).index(regime), 1])
    truth = {"saves_33": 1.5, "saves_50": 2.0, "needs_67_more": 0.6, "equal": 1.0}
    names = (*CONFIG.reference, *truth)
    who = contest_of(names, CONFIG.reference, frozenset(CONFIG.reference))
    found: dict[str, list[tuple[float, bool, bool]]] = {name: [] for name in truth}
    for _ in range(times):
        scores = simulate_scores(rng, [1.0, 1.0, *truth.values()], seeds, REGIMES[regime], own_split)
        of = report(scores, who, seeds)
        for name, efficiency in truth.items():
            duel = of.duels[name].against_random
            if duel is None or duel.saving.saved is None:
                continue
            saving, right = duel.saving, 1 - 1 / efficiency
            low = -np.inf if saving.open_low else saving.saved_low
            high = np.inf if saving.open_high else saving.saved_high
            assert low is not None
            assert high is not None
            assert saving.saved is not None
            found[name].append((saving.saved, low <= right <= high, duel.verdict == "better"))
    return {
        name: {
            "median_saved": float(np.median([of[0] for of in all_])),
            "coverage": float(np.mean([of[1] for of in all_])),
            "called_better": float(np.sum([of[2] for of in all_])) / times,
        }
        for name, all_ in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 6, 8, 10])
    help_ = "noise between runs of the last policy, in the others'"
    parser.add_argument("--wild", type=float, default=1.0, help=help_)
    parser.add_argument("--regimes", nargs="+", choices=list(REGIMES), default=list(REGIMES))
    options = parser.parse_args()
    results = [
        {"regime": regime, "seeds": seeds, "own_split": own_split}
        | null_reports(regime, seeds, own_split, options.reports, options.wild)
        | true_savings(regime, seeds, own_split, options.reports)
        for regime in options.regimes
        for seeds in options.seeds
        for own_split in (False, True)
    ]
    print(json.dumps({"reports": options.reports, "results": results}, indent=1))


if __name__ == "__main__":
    main()

"""Audit slice against the true score: bias of the prequential estimate, and how often intervals cover.

python -m benchmarks.audit --data DIR --out OUT [--seeds 4] [--write]

OUT holds campaigns that `benchmarks.recorded_campaigns` has recorded; --seeds records that many of each data
set of DIR first. A campaign's estimate is the mean over its audit pairs of the score by the model that had not
seen them. Two truths are the scores of the same models in the same mix on pairs of the pool that were set apart
(drawn as the slice is; their prompts may have labels) and on test pairs (their prompts have none). They are
samples too, so an interval covers where the difference is within both errors together. Reported for all audit
pairs, and for those whose prompt had no label yet. The curve's interval is held against the mean score of the
last four models. Policies and models of one seed share truth and slice: intervals of bias take them together.
Generated worlds, whose campaigns take half a second, show the same with --simulated seeds. --write puts the result
into docs/results/campaign/audit.json. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import t

from benchmarks.recorded_campaigns import Recorded, Setting, read_all, record_campaign, record_missing
from prefloop.campaign.curve import Estimate, fit_curve
from prefloop.campaign.learned import mean_of
from prefloop.io.atomic import write_text
from prefloop.oracle.hidden import load_hidden
from prefloop.pool.problem import load_inputs
from tests.worlds import make_params, make_world, pair_records

CONFIDENCE = 0.9
RESULTS = Path("docs/results/campaign/audit.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=0, help="record so many seeds of every set first")
    parser.add_argument("--simulated", type=int, default=40, help="seeds of each generated world")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    record_missing(options.data, options.out, options.seeds)
    campaigns = read_all(options.out)
    sets = sorted({one.set for one in campaigns})
    result = {
        "confidence": CONFIDENCE,
        "sets": {name: of_set([one for one in campaigns if one.set == name]) for name in sets},
        "all": of_set(campaigns),
        "simulated": simulated(options.simulated),
    }
    if options.write:
        write_text(RESULTS, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


@dataclass(frozen=True)
class Compared:
    """An estimate against a truth.

    Attributes:
        error: estimate less truth.
        inside: whether the difference is within both errors.
        pairs: audit pairs behind the estimate.
        draw: data and seed, which share slice and truth.
    """

    error: float
    inside: bool
    pairs: int
    draw: str


def simulated(seeds: int) -> dict[str, Any]:
    """The same on generated worlds, which are quick: prompts that come once, and 40 that recur."""
    params, setting, result = make_params(reward__kind="laplace"), Setting(60, 480, 0.33), {}
    with TemporaryDirectory() as folder:
        for name, prompts in (("prompts once", 3000), ("prompts recur", 40)):
            root = Path(folder, name)
            layout = make_world(root, pair_records(0, prompts=prompts, pairs=2600), params)
            inputs = load_inputs(layout, params)
            stored = load_hidden(layout.prepared, inputs)
            paths = [root / "campaigns" / f"thinned-{seed}.safetensors" for seed in range(seeds)]
            for seed, path in enumerate(paths):
                record_campaign(params, inputs, stored, "thinned", seed, setting, path)
            result[name] = of_set([Recorded.read(path) for path in paths])
    return result


def of_set(campaigns: list[Recorded]) -> dict[str, Any]:
    """Bias and coverage over some campaigns."""
    result: dict[str, Any] = {"campaigns": len(campaigns)}
    for truth in ("pool", "test"):
        for pairs in ("all pairs", "prompts without a label"):
            rows = [row for one in campaigns if (row := estimate(one, pairs, truth)) is not None]
            result[f"{pairs}, against {truth}"] = _summary(rows)
        result[f"curve at the end, against {truth}"] = _summary([at_the_end(one, truth) for one in campaigns])
    return result


def estimate(one: Recorded, pairs: str, truth: str) -> Compared | None:
    """The slice's mean against the truth; None where it has fewer than ten prompts."""
    seen = np.isfinite(one.audit.probability)
    if pairs != "all pairs":
        seen &= one.prompt_labels == 0
    audit = one.audit.take(np.flatnonzero(seen))
    if len(np.unique(audit.prompt)) < 10:
        return None
    told = mean_of(audit.scores, audit.prompt, CONFIDENCE)
    # The pairs of a round were predicted by the model of the round before.
    return _compared(one, told, truth, np.bincount(audit.round - 1, minlength=len(one.n_labels)), len(audit))


def at_the_end(one: Recorded, truth: str) -> Compared:
    """The fitted curve against the mean of the last four models, at their mean number of labels."""
    curve = fit_curve(one.audit.predicted, one.seed)
    told = Estimate.of(curve.at(float(one.n_labels[-4:].mean())), CONFIDENCE)
    last = (np.arange(len(one.n_labels)) >= len(one.n_labels) - 4).astype(np.float64)
    return _compared(one, told, truth, last, len(one.audit.predicted))


def _compared(one: Recorded, told: Estimate, truth: str, models: np.ndarray, pairs: int) -> Compared:
    """An estimate against the truth of models that weigh `models`, float64 [R]."""
    if truth == "pool":
        scores, prompt, weight = one.apart, one.apart_prompt, np.ones(len(one.apart_prompt))
    else:
        scores, prompt, weight = one.test, one.test_prompt, one.test_weight
    by_pair = models @ scores / models.sum()
    share = weight / weight.sum()
    true = float(share @ by_pair)
    rest = np.bincount(prompt, weights=share * (by_pair - true))
    prompts = len(np.unique(prompt))
    half = float(ndtri((1 + CONFIDENCE) / 2)) * float(np.sqrt((rest**2).sum() * prompts / max(prompts - 1, 1)))
    error = told.value - true
    reach = np.hypot((told.value - told.low) if error > 0 else (told.high - told.value), half)
    return Compared(error, abs(error) <= float(reach), pairs, one.draw)


def _summary(rows: list[Compared]) -> dict[str, Any] | None:
    """Bias and coverage with 95 % intervals over draws, each counted alike; None for fewer than two draws."""
    draws: dict[str, list[Compared]] = {}
    for row in rows:
        draws.setdefault(row.draw, []).append(row)
    if len(draws) < 2:
        return None
    return {
        "campaigns": len(rows),
        "draws": len(draws),
        "audit_pairs": round(float(np.mean([row.pairs for row in rows])), 1),
        "bias": _mean([float(np.mean([row.error for row in alike])) for alike in draws.values()]),
        "coverage": _share([float(np.mean([row.inside for row in alike])) for alike in draws.values()]),
    }


def _mean(values: list[float]) -> list[float]:
    """Mean and Student's interval."""
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
    half = float(t.ppf(0.975, len(values) - 1)) * error
    return [round(value, 4) for value in (mean, mean - half, mean + half)]


def _share(values: list[float]) -> list[float]:
    """Mean of shares and Wilson's interval, as if each draw were one yes or no: no narrower than it is."""
    share, count, z = float(np.mean(values)), len(values), float(ndtri(0.975))
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * float(np.sqrt(share * (1 - share) / count + (z / count) ** 2 / 4))
    return [round(value, 3) for value in (share, centre - half, centre + half)]


if __name__ == "__main__":
    main()

"""The uncertainty models on the same random labels, over several splits by prompt.

python -m benchmarks.uncertainty_models FOLDER... [--labels 160 640 1920] [--splits 4]

Each FOLDER holds `prepared` and `features` as the stages write them, or as `prefloop bench` leaves them. Prompts
are divided anew for each split; one with more than 5 % of the pairs stays in the pool. One JSON object a line and
setting: means over splits of the metrics of `prefloop.evaluation.predictive` and of the processor seconds
of a fit;
log-likelihood also of each split, to be compared pairwise.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prefloop.config import load_params, packaged_params
from prefloop.config.model import Reward
from prefloop.data.prepared import load_prepared
from prefloop.embed.features import check_ids, load_features
from prefloop.evaluation.predictive import pair_logits, predictive_metrics
from prefloop.labels.verdicts import TIE, A, majority
from prefloop.oracle.answers import load_answers
from prefloop.reward.inputs import Comparisons, FitInputs
from prefloop.reward.registry import fit_model

KINDS = ("mlp_ensemble", "anchored_ensemble", "laplace")
METRICS = ("log_likelihood", "accuracy", "ece", "spearman_error", "spearman_sigma", "epistemic", "sigma")
_LARGEST_SHARE = 0.05
_TEST = 0.25


@dataclass(frozen=True)
class Pairs:
    """Decided pairs: completion rows a and b, prompt rows, and whether a won; [n] each."""

    a: np.ndarray
    b: np.ndarray
    prompt: np.ndarray
    a_won: np.ndarray


def load(folder: Path) -> tuple[np.ndarray, Pairs]:
    """Features [C, D] and the decided pairs of one data set."""
    prepared, features = load_prepared(folder / "prepared"), load_features(folder / "features")
    check_ids(features, prepared)
    verdicts = majority(load_answers(folder / "prepared", prepared).votes)
    rows = np.flatnonzero(verdicts != TIE)
    pairs = Pairs(prepared.pair_a[rows], prepared.pair_b[rows], prepared.pair_prompt[rows], verdicts[rows] == A)
    return np.array(features.completions), pairs


def divide(pairs: Pairs, split: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of pool pairs, in the order in which they are labelled, and of test pairs."""
    rng = np.random.default_rng([split, 0])
    counts = np.bincount(pairs.prompt)
    small = np.flatnonzero((counts > 0) & (counts <= _LARGEST_SHARE * len(pairs.a)))
    test = np.isin(pairs.prompt, rng.permutation(small)[: round(_TEST * np.count_nonzero(counts))])
    return rng.permutation(np.flatnonzero(~test)), np.flatnonzero(test)


def moments(features: np.ndarray, pairs: Pairs, pool: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = np.unique([pairs.a[pool], pairs.b[pool]])
    return features[rows].mean(axis=0, dtype=np.float64), features[rows].std(axis=0, dtype=np.float64)


def score(reward: Reward, features: np.ndarray, pairs: Pairs, labels: int, split: int) -> dict[str, float] | None:
    """Metrics of one fit on the test pairs; None where the pool has too few."""
    pool, test = divide(pairs, split)
    if len(pool) < labels:
        return None
    bought = pool[:labels]
    a, b, won = pairs.a[bought], pairs.b[bought], pairs.a_won[bought]
    comparisons = Comparisons(np.where(won, a, b), np.where(won, b, a))
    known = moments(features, pairs, pool)
    inputs = FitInputs(features, comparisons, split, 0, None, lambda: known, torch.device("cpu"))
    start = time.process_time()
    model = fit_model(reward, inputs)
    seconds = time.process_time() - start
    logits = pair_logits(model.rewards(features), pairs.a[test], pairs.b[test])
    found = predictive_metrics(logits, pairs.a_won[test].astype(np.float64))
    extra = {"prior_deviation": _prior_deviation(model, known)} if reward.kind == "laplace" else {}
    return {name: float(found[name] or 0.0) for name in METRICS} | {"seconds": seconds} | extra


def _prior_deviation(model: Any, known: tuple[np.ndarray, np.ndarray]) -> float:
    """What the fitted prior gives the logit of two random completions as its deviation."""
    scaled = known[1] * model.scaling.scale.numpy()
    return float(np.sqrt(2 * (scaled**2).sum() / model.alpha))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--labels", type=int, nargs="+", default=[160, 640, 1920])
    parser.add_argument("--splits", type=int, default=4)
    parser.add_argument("--kinds", choices=KINDS, nargs="+", default=list(KINDS))
    parser.add_argument("--set", type=json.loads, default={}, help="JSON object: changed parameters of each kind.")
    arguments = parser.parse_args()
    packaged = load_params(packaged_params()).reward
    for folder in arguments.folders:
        features, pairs = load(folder)
        for labels in arguments.labels:
            for kind in arguments.kinds:
                changed = getattr(packaged, kind).model_copy(update=arguments.set)
                reward = packaged.model_copy(update={"kind": kind, kind: changed})
                scores = [score(reward, features, pairs, labels, s) for s in range(arguments.splits)]
                done = [found for found in scores if found is not None]
                if done:
                    means = {name: round(float(np.mean([one[name] for one in done])), 4) for name in done[0]}
                    about = {"data": str(folder), "labels": labels, "kind": kind, "splits": len(done)}
                    each = [round(one["log_likelihood"], 4) for one in done]
                    print(json.dumps(about | means | {"log_likelihood_of_each_split": each}), flush=True)


if __name__ == "__main__":
    main()

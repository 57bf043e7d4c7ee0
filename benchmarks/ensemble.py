"""Members trained as one batched program, against the same members one after another.

python -m benchmarks.ensemble [--kinds anchored_ensemble] [--labels 1600] [--dim 384]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.plain_members import anchored_members, mlp_members
from prefloop.config import load_params, packaged_params
from prefloop.config.model import Reward
from prefloop.reward.inputs import Comparisons, FitInputs
from prefloop.reward.mlp_ensemble import hold_out_members
from prefloop.reward.registry import UncertaintyModel, fit_model

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Kind:
    """One kind of model.

    Attributes:
        plain: trains its members one after another: their losses [M] and epochs.
        rows: comparisons on which that loss of a member is taken.
    """

    plain: Callable[[Any, FitInputs], tuple[np.ndarray, list[int]]]
    rows: Callable[[Any, FitInputs, int], np.ndarray]


def held_out(config: Any, inputs: FitInputs, member: int) -> np.ndarray:
    return np.flatnonzero(hold_out_members(config, inputs)[member])


KINDS = {
    "mlp_ensemble": Kind(mlp_members, held_out),
    "anchored_ensemble": Kind(anchored_members, lambda config, inputs, member: np.arange(len(inputs.comparisons))),
}


def losses_of(model: UncertaintyModel, config: Any, inputs: FitInputs, kind: Kind) -> np.ndarray:
    rewards, pairs = model.rewards(inputs.features).astype(np.float64), inputs.comparisons
    losses = []
    for member in range(config.members):
        rows = kind.rows(config, inputs, member)
        margin = rewards[member, pairs.winner[rows]] - rewards[member, pairs.loser[rows]]
        losses.append(np.logaddexp(0, -margin).mean())
    return np.array(losses)


def problem(labels: int, dim: int, standardise: bool) -> FitInputs:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2 * labels, dim)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    utility = features @ rng.standard_normal(dim) * 3
    if standardise:
        features = (features - features.mean(axis=0)) / features.std(axis=0)
    first, second = np.arange(labels), np.arange(labels, 2 * labels)
    wins = rng.random(labels) < 1 / (1 + np.exp(utility[second] - utility[first]))
    pairs = Comparisons(np.where(wins, first, second), np.where(wins, second, first))
    unused = np.zeros(dim), np.ones(dim)
    return FitInputs(features, pairs, 0, 0, None, moments=lambda: unused, device=CPU, groups=np.arange(labels))


def compare(reward: Reward, inputs: FitInputs, repeats: int) -> dict[str, object]:
    """Both in turns, so that a change of the machine's speed meets both; ratios pair by pair."""
    kind, config = KINDS[reward.kind], getattr(reward, reward.kind)
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        model = fit_model(reward, inputs)
        middle = time.perf_counter()
        losses, epochs = kind.plain(config, inputs)
        times.append((middle - start, time.perf_counter() - middle))
    ours, plain = np.array(times[1:]).T
    difference = np.abs(losses_of(model, config, inputs, kind) - losses).max()
    return {
        "batch_size": config.batch_size,
        "seconds": {"batched": float(np.median(ours)), "one_after_another": float(np.median(plain))},
        "ratio": {
            "median": float(np.median(plain / ours)),
            "min": float((plain / ours).min()),
            "max": float((plain / ours).max()),
        },
        "same_epochs": model.epochs.tolist() == epochs,
        "epochs": epochs,
        "largest_loss_difference": float(difference),
    }


def compare_kind(name: str, arguments: argparse.Namespace) -> dict[str, object]:
    reward = load_params(packaged_params()).reward
    config = getattr(reward, name)
    inputs = problem(arguments.labels, arguments.dim, config.standardise)
    sizes = []
    for size in arguments.batch_sizes:
        # `problem` has standardised already, so that both ways start from the same numbers.
        changed = config.model_copy(update={"batch_size": size, "standardise": False})
        of_size = reward.model_copy(update={"kind": name, name: changed})
        sizes.append(compare(of_size, inputs, arguments.repeats))
    return {"kind": name, "members": config.members, "batch_sizes": sizes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", choices=list(KINDS), nargs="+", default=list(KINDS))
    parser.add_argument("--labels", type=int, default=960)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[16, 32, 64])
    arguments = parser.parse_args()
    about = {"labels": arguments.labels, "dim": arguments.dim, "threads": torch.get_num_threads()}
    print(json.dumps({**about, "kinds": [compare_kind(name, arguments) for name in arguments.kinds]}, indent=1))


if __name__ == "__main__":
    main()

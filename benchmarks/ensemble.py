"""Members trained as one batched program, against the same members one after another.

python -m benchmarks.ensemble [--labels 1600] [--dim 384]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch
from torch.nn.functional import logsigmoid

from prefloop.config import load_params, packaged_params
from prefloop.config.model import MlpEnsemble
from prefloop.reward.comparisons import Comparisons
from prefloop.reward.mlp_ensemble import MlpEnsemble as MlpEnsembleModel
from prefloop.reward.mlp_ensemble import fit_mlp_ensemble, initial_network
from prefloop.rng import Stream, generator

CPU = torch.device("cpu")


def one_after_another(
    config: MlpEnsemble, features: np.ndarray, pairs: Comparisons
) -> tuple[np.ndarray, list[int]]:
    """What a plain implementation does: one torch.nn module, autograd and torch.optim.AdamW a member."""
    start = initial_network(config, features.shape[1], 0, 0, CPU)
    won, lost = torch.from_numpy(features[pairs.winner]), torch.from_numpy(features[pairs.loser])
    losses, epochs = [], []
    for member in range(config.members):
        layers = []
        for depth, weight in enumerate(start.weights):
            layer = torch.nn.Linear(weight.shape[1], weight.shape[2], bias=depth < len(start.biases))
            layer.weight.data = weight[member].T.clone()
            if depth < len(start.biases):
                layer.bias.data.zero_()
            layers += [layer, torch.nn.Tanh()]
        network = torch.nn.Sequential(*layers[:-1])
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        order = generator(0, 0, Stream.HOLDOUT, member).permutation(len(pairs))
        held = round(config.holdout * len(pairs))
        stop, train = torch.from_numpy(order[:held]), order[held:]
        shuffler = generator(0, 0, Stream.SHUFFLE, member)
        best, waited, done = float("inf"), 0, 0
        while done < config.max_epochs and waited < config.patience:
            rows = torch.from_numpy(train[shuffler.permutation(len(train))])
            for first in range(0, len(rows), config.batch_size):
                batch = rows[first : first + config.batch_size]
                optimiser.zero_grad()
                (-logsigmoid(network(won[batch]) - network(lost[batch])).mean()).backward()
                optimiser.step()
            with torch.no_grad():
                value = float(-logsigmoid(network(won[stop]) - network(lost[stop])).mean())
            done += 1
            best, waited = (value, 0) if value < best else (best, waited + 1)
        losses.append(best)
        epochs.append(done)
    return np.array(losses), epochs


def batched(config: MlpEnsemble, features: np.ndarray, pairs: Comparisons) -> MlpEnsembleModel:
    return fit_mlp_ensemble(
        config, features, pairs, seed=0, round_=0, validation=None, moments=lambda: None, device=CPU
    )


def held_out_losses(
    model: MlpEnsembleModel, config: MlpEnsemble, features: np.ndarray, pairs: Comparisons
) -> np.ndarray:
    rewards = model.rewards(features).astype(np.float64)
    losses = []
    for member in range(config.members):
        order = generator(0, 0, Stream.HOLDOUT, member).permutation(len(pairs))
        rows = order[: round(config.holdout * len(pairs))]
        margin = rewards[member, pairs.winner[rows]] - rewards[member, pairs.loser[rows]]
        losses.append(np.logaddexp(0, -margin).mean())
    return np.array(losses)


def problem(labels: int, dim: int) -> tuple[np.ndarray, Comparisons]:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2 * labels, dim)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    utility = features @ rng.standard_normal(dim) * 3
    first, second = np.arange(labels), np.arange(labels, 2 * labels)
    wins = rng.random(labels) < 1 / (1 + np.exp(utility[second] - utility[first]))
    return features, Comparisons(np.where(wins, first, second), np.where(wins, second, first))


def compare(config: MlpEnsemble, features: np.ndarray, pairs: Comparisons, repeats: int) -> dict[str, object]:
    """Both in turns, so that a change of the machine's speed meets both; ratios pair by pair."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        model = batched(config, features, pairs)
        middle = time.perf_counter()
        losses, epochs = one_after_another(config, features, pairs)
        times.append((middle - start, time.perf_counter() - middle))
    ours, plain = np.array(times[1:]).T
    difference = np.abs(held_out_losses(model, config, features, pairs) - losses).max()
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=960)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[16, 32, 64])
    arguments = parser.parse_args()
    config = load_params(packaged_params()).reward.mlp_ensemble
    features, pairs = problem(arguments.labels, arguments.dim)
    sizes = [
        compare(config.model_copy(update={"batch_size": size}), features, pairs, arguments.repeats)
        for size in arguments.batch_sizes
    ]
    about = {"labels": arguments.labels, "dim": arguments.dim, "members": config.members}
    print(json.dumps({**about, "threads": torch.get_num_threads(), "batch_sizes": sizes}, indent=1))


if __name__ == "__main__":
    main()

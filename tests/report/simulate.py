"""Finished runs without training: rewards that come closer to a hidden utility as labels grow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from prefloop.io.arrays import write_array, write_table
from prefloop.io.documents import write_json
from prefloop.metrics.evaluation import EvalSet
from prefloop.metrics.predictive import pair_logits, predictive_metrics

MEMBERS = 3


@dataclass(frozen=True)
class World:
    """Simulated evaluation data: pool completions come first, then those of test and ood."""

    first: int
    utility: np.ndarray
    sets: dict[str, EvalSet]


def make_world(prompts: int = 40, pairs: int = 3, seed: int = 0, ood: bool = True) -> World:
    """Test (and ood) splits with `pairs` pairs for each of `prompts` prompts."""
    rng = np.random.default_rng(seed)
    first, sets, start = 100, {}, 100
    for split in ("test", "ood") if ood else ("test",):
        rows = start + np.arange(prompts * pairs * 2).reshape(-1, 2)
        prompt = np.repeat(np.arange(prompts) + start, pairs)
        sets[split] = EvalSet(split, rows[:, 0], rows[:, 1], prompt, np.zeros(len(rows)))
        start = int(rows[-1, 1]) + 1
    utility = rng.normal(size=start - first)
    for split, pairs_ in sets.items():
        gap = utility[pairs_.a - first] - utility[pairs_.b - first]
        y = (rng.random(len(gap)) < 1 / (1 + np.exp(-2 * gap))).astype(np.float64)
        sets[split] = EvalSet(split, pairs_.a, pairs_.b, pairs_.prompt, y)
    return World(first, utility, sets)


def write_run(
    folder: Path,
    world: World,
    policy: str,
    seed: int,
    speed: float,
    rounds: int = 6,
    batch: int = 10,
    validation: int = 0,
    fingerprint: str = "f0",
) -> Path:
    """Write one run whose rewards learn the utility with the given speed."""
    rng = np.random.default_rng([seed, *policy.encode()])
    learnt = 1 - np.exp(-speed * np.arange(rounds) / rounds)
    shape = (rounds, MEMBERS, len(world.utility))
    noise = np.random.default_rng(seed).normal(size=shape) if rounds == 0 else rng.normal(size=shape)
    shared = np.random.default_rng(seed).normal(size=shape[1:])
    noise[0] = shared
    predictions = (learnt[:, None, None] * world.utility + 0.3 * noise).astype(np.float32)
    write_array(folder / "predictions.npy", predictions)
    _write_tables(folder, world, policy, seed, predictions, batch, validation)
    info = {
        "policy": policy,
        "seed": seed,
        "fingerprint": fingerprint,
        "dataset": "simulated",
        "budget": rounds * batch,
        "versions": {"torch": "2.13.0"},
        "parameters": {
            "benchmark": {"initial": batch, "batch": batch, "rounds": rounds, "validation": validation},
            "reward": {"kind": "mlp_ensemble", "mlp_ensemble": {"members": MEMBERS, "layers": [256, 64]}},
            "policy": {"pairs": {"rule": "auto"}, "batch": {"policy": policy}},
        },
    }
    write_json(folder / "run.json", info)
    return folder


def _write_tables(
    folder: Path, world: World, policy: str, seed: int, predictions: np.ndarray, batch: int, validation: int
) -> None:
    rounds, metrics = [], []
    for round_, rewards in enumerate(predictions):
        key = {"policy": policy, "seed": seed, "round": round_}
        labels = {"n_labels": (round_ + 1) * batch, "n_val_labels": validation}
        scored = (
            {} if policy == "random" or round_ == 0 else {"score_uncertainty": 0.01, "score_entropy": 0.1 / round_}
        )
        ratio = {"entropy_ratio": scored["score_entropy"] / scored["score_uncertainty"]} if scored else {}
        rounds.append(
            key
            | labels
            | {"n_ties": round_, "n_prompts": (round_ + 1) * batch - round_, "temperature": 1.0, "epochs": 4.0}
            | dict.fromkeys(("score_uncertainty", "score_entropy", "entropy_ratio"))
            | scored
            | ratio
        )
        for split, pairs in world.sets.items():
            logits = pair_logits(rewards, pairs.a - world.first, pairs.b - world.first)
            values = predictive_metrics(logits, pairs.y)
            metrics.append(key | labels | {"split": split, "n_pairs": len(pairs)} | values)
    write_table(folder / "rounds.parquet", pa.Table.from_pylist(rounds, schema=_rounds_schema()))
    write_table(folder / "metrics.parquet", pa.Table.from_pylist(metrics, schema=_metrics_schema()))
    write_table(folder / "acquired.parquet", _acquired(len(predictions), batch))


def _acquired(rounds: int, batch: int) -> pa.Table:
    rows = [
        {
            "round": round_,
            "order": order,
            "pair_id": f"pair-{round_}-{order}",
            "prompt_id": f"prompt-{order}",
            "completion_a": "x",
            "completion_b": "y",
            "verdict": "ab"[order % 2],
            "score": None,
            "uncertainty": None,
            "entropy": 0.5,
        }
        for round_ in range(rounds)
        for order in range(batch)
    ]
    return pa.Table.from_pylist(rows)


def _rounds_schema() -> pa.Schema:
    integers = ("seed", "round", "n_labels", "n_val_labels", "n_ties", "n_prompts")
    floats = ("score_uncertainty", "score_entropy", "entropy_ratio", "temperature", "epochs")
    return _schema(integers, floats)


def _metrics_schema() -> pa.Schema:
    integers = ("seed", "round", "n_labels", "n_val_labels", "n_pairs")
    floats = ("log_likelihood", "accuracy", "brier", "ece", "epistemic", "aleatoric", "predictive", "sigma")
    correlations = ("spearman_brier", "spearman_error", "spearman_sigma")
    return _schema(integers, (*floats, *correlations)).append(pa.field("split", pa.string()))


def _schema(integers: tuple[str, ...], floats: tuple[str, ...]) -> pa.Schema:
    fields = [("policy", pa.string()), *((name, pa.int64()) for name in integers)]
    return pa.schema(fields + [(name, pa.float64()) for name in floats])

"""Finished runs without training: rewards that come closer to a hidden utility as labels grow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from prefloop.data.prepared import SPLITS, Models, Prepared
from prefloop.evaluation.downstream.result import DownstreamPredictions
from prefloop.evaluation.downstream.score import downstream_rows
from prefloop.evaluation.metrics import DOWNSTREAM, METRICS, ROUNDS
from prefloop.evaluation.predictive import pair_logits, predictive_metrics
from prefloop.io.arrays import write_array, write_table
from prefloop.io.json import write_json
from prefloop.oracle.evaluated_pairs import EvalSet
from prefloop.report.judged import Judgeable
from prefloop.report.runs import Evaluated

MEMBERS = 3
SHARES = (0.25, 0.5, 1.0)
MODELS = ("strong", "weak")


@dataclass(frozen=True)
class World:
    """Simulated evaluation data: pool completions come first, then those of test and ood.

    `scores` are the hidden ones of all completions, equal to the utility, or NaN without scores.
    """

    first: int
    utility: np.ndarray
    sets: dict[str, EvalSet]
    prepared: Prepared
    scores: np.ndarray


def make_world(prompts: int = 40, pairs: int = 3, seed: int = 0, ood: bool = True, scored: bool = True) -> World:
    """Test (and ood) splits with `pairs` pairs for each of `prompts` prompts; a pool of 100 prompts."""
    rng = np.random.default_rng(seed)
    first, sets, start = 100, {}, 100
    splits = ("test", "ood") if ood else ("test",)
    for number, split in enumerate(splits):
        rows = start + np.arange(prompts * pairs * 2).reshape(-1, 2)
        prompt = np.repeat(np.arange(prompts) + first + number * prompts, pairs)
        sets[split] = EvalSet(split, rows[:, 0], rows[:, 1], prompt, np.zeros(len(rows)))
        start = int(rows[-1, 1]) + 1
    utility = rng.normal(size=start - first)
    for split, pairs_ in sets.items():
        gap = utility[pairs_.a - first] - utility[pairs_.b - first]
        y = (rng.random(len(gap)) < 1 / (1 + np.exp(-2 * gap))).astype(np.float64)
        sets[split] = EvalSet(split, pairs_.a, pairs_.b, pairs_.prompt, y)
    prepared = _prepared([1] * first + [2 * pairs] * prompts * len(splits), first, prompts, splits)
    scores = np.concatenate([np.zeros(first), utility]) if scored else np.full(start, np.nan)
    return World(first, utility, sets, prepared, scores)


def evaluated(world: World, split: str, seeds: Iterable[int]) -> dict[int, Evaluated]:
    """What every seed is evaluated on: one split that all share, prompts counting by their pairs."""
    pairs, prompts = world.sets[split], len(world.prepared.split)
    weight = np.bincount(pairs.prompt, minlength=prompts).astype(np.float64)
    return dict.fromkeys(seeds, Evaluated(pairs, world.first, np.arange(prompts), weight))


def judgeable(world: World, seeds: Iterable[int]) -> dict[int, Judgeable]:
    """What every seed's retrained models are judged on."""
    test = evaluated(world, "test", seeds)
    return {seed: Judgeable(world.prepared, of, world.scores) for seed, of in test.items()}


def _prepared(counts: list[int], first: int, prompts: int, splits: tuple[str, ...]) -> Prepared:
    offsets = np.concatenate([[0], np.cumsum(counts)])
    split = np.repeat([SPLITS.index(name) for name in ("pool", *splits)], [first] + [prompts] * len(splits))
    none, total = np.zeros(0, np.int64), int(offsets[-1])
    return Prepared(
        prompt_ids=pa.array([f"p{n}" for n in range(len(counts))]),
        normal_ids=pa.array([f"p{n}" for n in range(len(counts))]),
        completion_ids=pa.array([f"c{n}" for n in range(total)]),
        split=split.astype(np.int8),
        offsets=offsets,
        completion_prompt=np.repeat(np.arange(len(counts)), counts),
        characters=np.ones(total, np.int32),
        text=np.arange(total, dtype=np.int32),
        models=Models(np.zeros(total + 1, np.int64), none.astype(np.int32), []),
        answered=np.ones(total, bool),
        pair_a=none,
        pair_b=none,
        pair_prompt=none,
    )


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
    predicted = simulate_downstream(world, rng, speed, rounds * batch)
    write_downstream(folder, world, policy, seed, predicted)
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


def simulate_downstream(
    world: World, rng: np.random.Generator, speed: float, budget: int
) -> DownstreamPredictions:
    """Retrained models that come closer to the utility with the share of the budget, the less noisy the faster."""
    learnt = (1 - np.exp(-speed * np.array(SHARES)))[:, None]
    shape = (len(SHARES), MEMBERS, len(world.utility))
    # Mistakes are mostly those of all runs, as on hard test pairs; a few are a run's own.
    mistakes = np.random.default_rng(99).normal(size=shape[2]) + 0.15 * rng.normal(size=shape)
    rewards = learnt[..., None] * world.utility + 0.6 * mistakes
    n_labels = np.array([round(share * budget) for share in SHARES])
    # Not normalised: prompt by prompt, scoring does that.
    return DownstreamPredictions(SHARES, n_labels, rewards.astype(np.float32), 2 * rewards[:, 0])


def write_downstream(folder: Path, world: World, policy: str, seed: int, predicted: DownstreamPredictions) -> None:
    """Write what downstream evaluation leaves in a run's folder."""
    rows = downstream_rows(world.prepared, world.sets, world.scores, predicted)
    table = DOWNSTREAM.table({"policy": policy, "seed": seed, **row} for row in rows)
    write_table(folder / "downstream.parquet", table)
    write_array(folder / "downstream_rewards.npy", predicted.rewards)
    write_array(folder / "downstream_policy.npy", predicted.log_policy)


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
            | {"batch_ties": min(round_, 1), "annotation_calls": 2 * (round_ + 1) * batch}
            | _choice_facts(world, policy, seed, round_)
            | dict.fromkeys(("score_uncertainty", "score_entropy", "entropy_ratio"))
            | scored
            | ratio
        )
        for split, pairs in world.sets.items():
            logits = pair_logits(rewards, pairs.a - world.first, pairs.b - world.first)
            values = predictive_metrics(logits, pairs.y)
            metrics.append(key | labels | {"split": split, "n_pairs": len(pairs)} | values)
    write_table(folder / "rounds.parquet", ROUNDS.table(rounds))
    write_table(folder / "metrics.parquet", METRICS.table(metrics))
    write_table(folder / "acquired.parquet", _acquired(len(predictions), batch))
    write_table(folder / "models.parquet", _models(policy, seed, len(predictions)))


def _choice_facts(world: World, policy: str, seed: int, round_: int) -> dict[str, float | None]:
    names = ("gap", "winner_regret", "pair_regret", "best_hit")
    if np.isnan(world.scores).all():
        return dict.fromkeys(names)
    gap = 0.0 if round_ == 0 else 1.0 + len(policy) / 10 + seed / 100
    return dict(zip(names, (gap, 2.0 - gap / 4, 2.0 + gap / 4, 0.25), strict=True))


def _models(policy: str, seed: int, rounds: int) -> pa.Table:
    key = {"policy": policy, "seed": seed}
    rows = [
        key | {"round": round_, "model": model, "chosen": chosen, "rejected": 4 - chosen, "tied": 0}
        for round_ in range(rounds)
        for model, chosen in zip(MODELS, (3, 1) if round_ else (0, 4), strict=True)
    ]
    return pa.Table.from_pylist(rows)


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

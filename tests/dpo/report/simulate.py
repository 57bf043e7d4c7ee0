"""Finished runs of active DPO without a model: win rates that rise with labels, and a policy that only moves."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.dpo.metrics import ROUNDS
from prefloop.dpo.report.runs import DpoRuns
from prefloop.io.arrays import write_table
from prefloop.io.json import write_json

WORDS = ("a good day", "they went home, and it rained", 'she said "no"', "the end")


@dataclass(frozen=True)
class Kind:
    """How a simulated policy behaves.

    Attributes:
        speed: how fast it moves away from the start model by labels; 1 is random's.
        skill: win rate at a KL divergence, over random's there.
        rule: its acquisition rule.
    """

    speed: float = 1.0
    skill: float = 0.0
    rule: str = "random"


def reference_win(kl: np.ndarray) -> np.ndarray:
    """Win rate that random has at a KL divergence."""
    return 0.5 + 0.15 * np.sqrt(kl)


def simulate(
    kind: Kind,
    seed: int,
    number: int,
    rounds: int = 4,
    prompts: int = 150,
    noise: float = 0.01,
    ties: float = 0.1,
) -> dict[str, np.ndarray]:
    """Scores [R, Q] of one run by the columns of evaluation.parquet; round 0 is the start model.

    Args:
        kind: how the policy behaves.
        seed: the run's seed.
        number: tells this policy's noise from others'.
        rounds, prompts: sizes.
        noise: standard deviation of a seed's win rate.
        ties: share of ties.
    """
    rng = np.random.default_rng([number, seed])
    path = kind.speed * 2.0 * np.arange(rounds + 1) / rounds
    chance = reference_win(path) + kind.skill * (path > 0)
    hard = np.random.default_rng(7).normal(0, 0.15, prompts)  # prompts are hard or easy for all policies
    own = rng.normal(0, noise) * (path > 0)
    p = np.clip(chance[:, None] + own[:, None] + hard * (path > 0)[:, None], 0, 1)
    drawn = rng.random((2, rounds + 1, prompts))
    wins = np.where(drawn < ties, 0.5, (drawn < ties + (1 - ties) * p).astype(float))
    wins[:, 0] = 0.5
    ratio = path[:, None] + rng.normal(0, 0.3, (rounds + 1, prompts)) * (path > 0)[:, None]
    length = np.rint(24 + 4 * path[:, None] + rng.normal(0, 3, (rounds + 1, prompts))).clip(1)
    return {"oracle": wins[0], "judge": wins[1], "kl": ratio, "length": length}


def write_run(
    folder: Path,
    policy: str,
    seed: int,
    kind: Kind,
    scores: Mapping[str, np.ndarray] | None = None,
    batch: int = 16,
    fingerprint: str = "f0",
) -> Path:
    """Write the files of one run; `scores` as `simulate` gives them."""
    scores = simulate(kind, seed, number_of(policy)) if scores is None else scores
    write_table(folder / "rounds.parquet", rounds_table(policy, seed, scores, batch))
    write_table(folder / "evaluation.parquet", _evaluation(scores))
    write_table(folder / "pairs.parquet", _pairs(len(scores["oracle"]) - 1, batch))
    write_json(folder / "run.json", about(policy, seed, kind, fingerprint, batch, len(scores["oracle"]) - 1))
    return folder


def in_memory(scores: Mapping[tuple[str, int], Mapping[str, np.ndarray]]) -> DpoRuns:
    """What `load_runs` would give for runs of these scores, without the files."""
    policies = tuple(dict.fromkeys(policy for policy, _ in scores))
    seeds = tuple(dict.fromkeys(seed for _, seed in scores))
    names = {"oracle": "win_oracle", "judge": "win_judge", "kl": "kl", "length": "length"}
    stacked = {
        name: np.array([[scores[policy, seed][column] for seed in seeds] for policy in policies])
        for column, name in names.items()
    }
    tables = [rounds_table(*key, of, 16) for key, of in scores.items()]
    info = {key: about(*key, Kind(), "f0", 16, 4) for key in scores}
    labels = np.arange(stacked["kl"].shape[2]) * 16
    return DpoRuns(policies, seeds, info, pa.concat_tables(tables), labels, stacked)


def number_of(policy: str) -> int:
    """A number for each name, the same in every process."""
    return zlib.crc32(policy.encode())


def about(policy: str, seed: int, kind: Kind, fingerprint: str, batch: int, rounds: int) -> dict[str, Any]:
    """Content of run.json."""
    return {
        "policy": policy,
        "seed": seed,
        "fingerprint": fingerprint,
        "dataset": "simulated",
        "budget": batch * rounds,
        "start": "s0",
        "versions": {"torch": "2.13.0"},
        "parameters": {
            "start": {"source": "model", "model": "/somewhere/small-model"},
            "oracle": {
                "judge": {"kind": "vader"},
                "flip_rate": 0.0,
                "position_bias": 0.0,
                "failure_rate": 0.0,
                "salt": "prefloop",
            },
            "judge": {"kind": "word_list", "path": "/somewhere/words.txt"},
            "train": {"mode": "reset", "beta": 0.2},
            "run": {"batch": batch, "rounds": rounds, "device": "cpu", "threads": 1},
            "evaluation": {"prompts": 60, "temperature": 1.0},
            "policy": {"rule": kind.rule},
        },
    }


def rounds_table(policy: str, seed: int, scores: Mapping[str, np.ndarray], batch: int) -> pa.Table:
    """What rounds.parquet holds."""
    rows = []
    for round_ in range(len(scores["oracle"])):
        rng = np.random.default_rng([number_of(policy), seed, round_])
        none = dict.fromkeys(("loss_first", "loss_last", "certainty", "agreement"))
        later = {"loss_first": np.log(2), "loss_last": 0.69 - 0.05 * round_, "certainty": 0.1 * (round_ - 1)}
        rows.append(
            {"policy": policy, "seed": seed, "round": round_, "n_labels": round_ * batch, "n_ties": round_}
            | {"n_no_answer": seed % 2 * round_, "n_calls": round_ * batch + seed % 2 * round_, "n_tokens": 0}
            | {"written": 2 * batch * (round_ > 0), "sampled": 0, "dropped": round_ % 2}
            | (none | later if round_ else none)
            | ({"agreement": 0.5 + 0.05 * round_} if round_ > 1 else {})
            | {"win_oracle": _mean(scores["oracle"][round_]), "win_judge": _mean(scores["judge"][round_])}
            | {f"unjudged_{of}": int(np.isnan(scores[of][round_]).sum()) for of in ("oracle", "judge")}
            | {"eval_calls": 2 * len(scores["oracle"][round_]), "eval_tokens": 0}
            | {"kl": scores["kl"][round_].mean(), "length": scores["length"][round_].mean()}
            | {f"distinct_{n}": 0.2 * n - 0.01 * round_ + 0.005 * rng.normal() for n in (1, 2)}
            | {"reference": "r0"}
        )
    return ROUNDS.table(rows)


def _mean(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _evaluation(scores: Mapping[str, np.ndarray]) -> pa.Table:
    rounds, prompts = scores["oracle"].shape
    number = np.tile(np.arange(prompts), rounds)
    texts = {
        "prompt_id": [f"p{n}" for n in number],
        "prompt": [f"Once, {WORDS[n % 4]}" for n in number],
        "start_completion": [WORDS[n % 3] for n in number],
        "completion": [WORDS[n % 4] for n in number],
    }
    columns = {"round": pa.array(np.repeat(np.arange(rounds), prompts), pa.int32()), **texts}
    columns |= {name: pa.array(scores[name].ravel(), from_pandas=True) for name in ("oracle", "judge", "kl")}
    return pa.table(columns | {"length": pa.array(scores["length"].ravel().astype(np.int32))})


def _pairs(rounds: int, batch: int) -> pa.Table:
    rows = [
        {
            "round": round_,
            "order": order,
            "pair_id": f"{round_}-{order}",
            "prompt_id": f"q{order}",
            "prompt": "Once",
        }
        | {"completion_a": WORDS[0], "completion_b": WORDS[1], "verdict": ("a", "b", "tie")[order % 3]}
        | {f"log_{of}_{side}": -20.0 for of in ("policy", "reference") for side in "ab"}
        | {"certainty": 0.1 * round_}
        for round_ in range(1, rounds + 1)
        for order in range(batch)
    ]
    numbers = {"round": pa.int32(), "order": pa.int32()}
    table = pa.Table.from_pylist(rows)
    kinds = [(field.name, numbers.get(field.name, field.type)) for field in table.schema]
    return table.cast(pa.schema(kinds))

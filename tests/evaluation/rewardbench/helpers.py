"""RewardBench files of our own, and items for scoring."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from prefloop.evaluation.rewardbench import Item
from prefloop.messages.message import Turns

Row = dict[str, Any]

PAIR: Row = {
    "prompt": "Name a river.", "chosen": "The Danube.", "rejected": "A chair.", "subset": "donotanswer", "id": 7,
    "chosen_model": "m", "rejected_model": None,
}  # fmt: skip
FOUR: Row = {
    "id": "12", "prompt": "Name a metal.", "chosen": ["Iron."], "rejected": ["Wood.", "Rain.", "Milk."],
    "num_correct": 1, "num_incorrect": 3, "total_completions": 4, "subset": "Focus", "models": ["m", "n"],
    "additional_metadata": {"category": None},
}  # fmt: skip


def best_of(id_: str, subset: str, prompt: str, chosen: list[str], rejected: list[str]) -> Row:
    """A row of RewardBench 2."""
    sizes = {"num_correct": len(chosen), "num_incorrect": len(rejected)}
    total = {
        "total_completions": len(chosen) + len(rejected),
        "models": [],
        "additional_metadata": {"category": "x"},
    }
    return {
        "id": id_,
        "prompt": prompt,
        "chosen": chosen,
        "rejected": rejected,
        "subset": subset,
        **sizes,
        **total,
    }


def write(path: Path, rows: list[Row]) -> Path:
    """Write rows in the format that the file's name says."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    if path.name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.name.endswith(".gz"):
        path.write_bytes(gzip.compress(lines.encode()))
    else:
        path.write_text(lines if path.suffix == ".jsonl" else json.dumps(rows))
    return path


def item(subset: str, count: int, n_chosen: int = 1, id_: str = "0") -> Item:
    """An item with `count` completions, the first of them chosen."""
    return Item(id_, subset, Turns("p"), tuple(Turns(f"t{k}") for k in range(count)), n_chosen)


def members(means: list[float], spread: float = 0.25) -> np.ndarray:
    """Rewards [2, C] with these means and the unbiased deviation spread * sqrt(2)."""
    return np.array([np.array(means) - spread, np.array(means) + spread])

"""Small prepared worlds with vectors that carry the hidden utility, written by the real stages' code."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from prefloop.config import Params, parse_params
from prefloop.data.prepare import prepare
from prefloop.data.prepared import load_prepared
from prefloop.data.records import PairRecord, Record, ResponsesRecord
from prefloop.embed.features import ids_digest
from prefloop.io.arrays import read_table, write_array
from prefloop.io.json import write_json
from prefloop.io.layout import Layout
from prefloop.messages.message import Turns
from prefloop.neighbours.build import build_graph, save_graph
from prefloop.neighbours.restrict import poolable, widened
from prefloop.oracle.hidden import HiddenAnswers, hidden_of, load_hidden
from prefloop.pool.problem import Problem, divided, load_inputs

ROOT = Path(__file__).resolve().parents[1]
DIM = 8


@cache
def parameters(file: str) -> dict[str, Any]:
    """A parameter file of the repository, parsed once; copy it before a change."""
    content: dict[str, Any] = yaml.safe_load((ROOT / file).read_text())
    return content


def make_params(**changes: Any) -> Params:
    """The repository's parameters, shrunk; `changes` are dotted keys with __ for the dot."""
    content = copy.deepcopy(parameters("params.yaml"))
    small = {
        "benchmark__policies": ["random", "bal_pm"],
        "benchmark__seeds": [0, 1],
        "benchmark__initial": 8,
        "benchmark__batch": 6,
        "benchmark__rounds": 3,
        "benchmark__threads": 1,
        "benchmark__jobs": 1,
        "data__leaks__most": 0,
        "campaign__initial": 6,
        "campaign__batch": 5,
        "reward__mlp_ensemble__members": 3,
        "reward__mlp_ensemble__layers": [8],
        "reward__mlp_ensemble__max_epochs": 4,
        "neighbours__backend": "exact",
        "neighbours__k": 4,
        "compare__resamples": 100,
        "tracking__enabled": False,
    }
    for dotted, value in (small | changes).items():
        *path, last = dotted.split("__")
        section = content
        for step in path:
            section = section[step]
        section[last] = value
    return parse_params(content, "test parameters")


def pair_records(seed: int = 0, prompts: int = 40, pairs: int = 160, ties: float = 0.0) -> list[Record]:
    """Repeated prompts; the answer's number of 'good' words is its utility, with Bradley-Terry noise."""
    rng = np.random.default_rng(seed)
    records: list[Record] = []
    for number in range(pairs):
        prompt = int(prompts * rng.random() ** 2)
        words = rng.integers(0, 9, size=2)
        a, b = (f"answer {number}-{side} " + "good " * int(w) for side, w in zip("ab", words, strict=True))
        won = rng.random() < 1 / (1 + np.exp(float(words[1] - words[0])))
        verdict: Any = "tie" if rng.random() < ties else "a" if won else "b"
        split: Any = "ood" if prompt >= prompts - 4 else None
        records.append(PairRecord(Turns(f"question {prompt}"), Turns(a), Turns(b), verdict, "test", split))
    return records


def response_records(seed: int = 0, prompts: int = 30, k: int = 5, models: bool = False) -> list[Record]:
    """K scored completions per prompt; K differs between prompts. With `models`, each has a model's name."""
    rng = np.random.default_rng(seed)
    records: list[Record] = []
    for prompt in range(prompts):
        words = rng.integers(0, 9, size=k + prompt % 3)
        texts = tuple(Turns(f"answer {n} " + "good " * int(w)) for n, w in enumerate(words))
        names = tuple(f"model-{(n + prompt) % 8}" for n in range(len(words))) if models else None
        records.append(
            ResponsesRecord(Turns(f"question {prompt}"), texts, tuple(map(float, words)), names, "test")
        )
    return records


def make_world(root: Path, records: list[Record], params: Params) -> Layout:
    """Write prepared tables, features and neighbour lists below `root`."""
    layout = Layout.folder(root)
    prepare(records, params.data.split, layout.prepared, params.data.leaks)
    stored = load_prepared(layout.prepared)
    texts = read_table(layout.prepared / "completions.parquet", ["text"])["text"].to_pylist()
    prompts = read_table(layout.prepared / "prompts.parquet", ["prompt"])["prompt"].to_pylist()
    prompt_vectors = np.stack([_vector(prompt) for prompt in prompts])
    vectors = np.stack([_vector(text) for text in texts]) * 0.3
    vectors[:, 0] = [text.count("good") / 4 for text in texts]
    vectors[:, 1:] += prompt_vectors[stored.completion_prompt][:, 1:]
    manifest = {
        "dim": DIM,
        "completions": len(texts),
        "prompts": len(prompts),
        "completion_ids": ids_digest(stored.completion_ids),
        "prompt_ids": ids_digest(stored.prompt_ids),
        "model": "words",
    }
    write_array(layout.features / "completions.npy", vectors.astype(np.float32))
    write_array(layout.features / "prompts.npy", prompt_vectors.astype(np.float32))
    write_json(layout.features / "manifest.json", manifest)
    vectors_of_pools = prompt_vectors[poolable(stored)].astype(np.float32)
    graph, facts = build_graph(vectors_of_pools, widened(params.neighbours, params.data.split))
    save_graph(layout.neighbours, graph, facts)
    return layout


def _vector(text: str) -> np.ndarray:
    return np.random.default_rng(list(text.encode())).standard_normal(DIM)


def open_world(layout: Layout, params: Params, seed: int | None = 0) -> tuple[Problem, HiddenAnswers]:
    """A seed's division of a world (None: the campaign's), and its hidden answers."""
    inputs = load_inputs(layout, params)
    problem = divided(inputs, params.data, seed)
    return problem, hidden_of(problem, load_hidden(layout.prepared, inputs))

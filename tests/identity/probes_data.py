"""Probes of what runs read: prepared tables, vectors, neighbour lists, a division, weights of prompts."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from prefloop.config.data import Example, FileEntry, Leaks, Split
from prefloop.data.division import divide
from prefloop.data.example import generate_example
from prefloop.data.prepare import prepare
from prefloop.data.readers import Meaning, read_records
from prefloop.data.records import Record
from prefloop.embed.features import load_features
from prefloop.embed.pipeline import embed_prepared
from prefloop.io.arrays import read_table
from prefloop.io.json import read_json
from prefloop.messages.message import Turns
from prefloop.neighbours.build import build_graph
from prefloop.neighbours.graph import NeighbourGraph
from prefloop.neighbours.restrict import restrict, widened
from prefloop.target import density_weights, effective_size, label_weights
from tests.embed.conftest import write_bert
from tests.embed.helpers import embed_config, write_prepared
from tests.identity.guard import TRAINED, Probe
from tests.identity.worlds import scratch, undivided_tables
from tests.worlds import make_params

SPLIT = Split(val=0.1, test=0.3, salt="s", per_seed=True, max_prompt_share=0.1)


def data_probes() -> dict[str, Probe]:
    """Probes of the stages before the runs, and of what a run makes of their tables."""
    return {
        "prepare": Probe(_prepare),
        "embed": Probe(_embed, TRAINED),
        "neighbours": Probe(_neighbours),
        "division": Probe(_division),
        "target": Probe(_target),
    }


def _prepare() -> Any:
    """Tables of the generated examples and of files that repeat, contradict and tie; and what was searched."""
    pairs, responses = (
        list(
            generate_example(
                Example(
                    seed=1, form=form, pairs=100, prompts=25, zipf=1.1, ood_pairs=8, responses=4, temperature=0.7
                )
            )
        )
        for form in ("pairs", "responses")
    )
    entries = [FileEntry(path=Path("a.jsonl")), FileEntry(path=Path("b.jsonl"), split="test")]
    files = list(read_records(entries, _files(), Meaning()))
    sources = {"pairs": _split(pairs), "responses": _split(responses[:12]), "files": files}
    return {name: _tables(records, scratch(f"prepared-{name}")) for name, records in sources.items()}


def _split(records: list[Record]) -> list[Record]:
    """A third of the prompts in test, the others in the pool: no division decides."""
    splits = ("test", "pool", "pool")
    return [replace(of, split=of.split or splits[zlib.crc32(of.prompt.plain.encode()) % 3]) for of in records]


def _files() -> Path:
    folder = scratch("raw")
    folder.mkdir(exist_ok=True)
    rows = [
        {
            "id": n // 2,
            "prompt": f"question {n % 7}",
            "chosen": f"yes {n % 5}, of course",
            "rejected": f"no {n % 4}",
        }
        for n in range(24)
    ]
    rows += [{"prompt": "question 1", "chosen": "no 1", "rejected": "yes 1, of course"}] * 2
    talk = [{"role": "user", "content": "hello"}]
    both = (("good day", "go"), ("nice", "bad"))
    turns = [
        {
            "chosen": [*talk, {"role": "assistant", "content": good}],
            "rejected": [*talk, {"role": "assistant", "content": bad}],
        }
        for good, bad in both
    ]
    for name, lines in (("a.jsonl", rows), ("b.jsonl", turns)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in lines))
    return folder


def _tables(records: list[Record], folder: Path) -> Any:
    prepare(
        records,
        SPLIT.model_copy(update={"val": 0.0, "test": 0.0}),
        folder,
        Leaks(similarity=0.6, most=200),
        [Turns("a target's prompt"), Turns("another")],
    )
    tables = {path.stem: read_table(path) for path in sorted(folder.glob("*.parquet"))}
    return {"tables": tables, "report": read_json(folder / "report.json")}


def _embed() -> Any:
    """Vectors of short, long, repeated and empty texts by a tiny encoder, under several settings."""
    rng, root = np.random.default_rng(3), scratch("embed")

    def words(count: int) -> str:
        return " ".join(rng.choice(list("abcdefgh"), count))

    answers = {words(n): [words(int(m)) for m in (1, 7, 30, 60)] + ["a"] for n in (3, 9, 40)}
    model = write_bert(root / "tiny-bert")
    write_prepared(root / "prepared", answers)
    settings: dict[str, dict[str, object]] = {
        "mean": {},
        "last token": {"pooling": "last_token", "normalise": False, "template": "{prompt} b {completion}"},
    }
    found = {}
    for number, (name, changes) in enumerate(settings.items()):
        folder = root / str(number)
        embed_prepared(root / "prepared", folder / "f", folder / "cache", embed_config(model, **changes))
        features = load_features(folder / "f")
        counts = {key: value for key, value in features.manifest.items() if isinstance(value, int | bool)}
        found[name] = {"completions": features.completions, "prompts": features.prompts, "counts": counts}
    return found


def _neighbours() -> Any:
    """Exact and approximate lists with equal vectors and tied distances, and their restriction to a pool."""
    rng = np.random.default_rng(7)
    vectors = (rng.integers(-6, 7, (60, 4)) / 4).astype(np.float32)
    vectors[[9, 31]] = vectors[4]
    found: dict[str, Any] = {}
    for backend in ("exact", "hnsw"):
        config = make_params(neighbours__backend=backend, neighbours__device="cpu", neighbours__k=6).neighbours
        graph, facts = build_graph(vectors, widened(config, SPLIT))
        pool = np.flatnonzero(rng.permutation(60) < 40)
        found[backend] = [_lists(graph), _lists(restrict(graph, pool, vectors, config.k)), facts]
    return found


def _lists(graph: NeighbourGraph) -> dict[str, Any]:
    return {name: getattr(graph, name) for name in ("neighbours", "distances", "node_of_prompt", "first_prompt")}


def _division() -> Any:
    """Divisions of tables with a prompt so large that it is cut, and splits that are fixed; one answered in part."""
    stored = undivided_tables()
    in_part = replace(stored, answered=np.arange(len(stored.answered)) % 5 == 0)
    found = {}
    for salt, tables in ((SPLIT.salt_of(0), stored), (SPLIT.salt_of(1), stored), ("in part", in_part)):
        of = divide(tables, SPLIT, salt)
        rows = {name: getattr(of, name) for name in ("prompts", "completions", "pairs", "divided", "crossing")}
        found[salt] = rows | {"split": of.prepared.split, "pair_a": of.prepared.pair_a}
    return found


def _target() -> Any:
    """Weights of prompts by a target with ties and a clip that bites, and of labels that crowd on few prompts."""
    rng = np.random.default_rng(9)
    prompts = (rng.integers(-8, 9, (50, 3)) / 4).astype(np.float32)
    target = (rng.integers(0, 9, (30, 3)) / 4).astype(np.float32)
    dense = {f"{k}, {clip:g}": density_weights(prompts, target, k, clip, 1.0) for k, clip in ((3, 20.0), (8, 2.5))}
    prompt = rng.integers(0, 8, 30) ** 2
    labels = {f"balance {of:g}": label_weights(prompt, of) for of in (0.5, 1.0)}
    return {"prompts": dense, "labels": labels, "effective": [effective_size(of) for of in dense.values()]}

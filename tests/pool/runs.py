"""Simulated runs on small worlds, and what they leave, for the tests of this folder."""

from __future__ import annotations

import json

from prefloop.pool.benchmark import run_benchmark
from prefloop.pool.identity import Identity
from prefloop.rounds.store import LATEST
from tests.worlds import make_params, open_world

PARAMS = make_params()


# Rules that form pairs are shown responses with scores and models' names, the others listed pairs.
ON_RESPONSES = {name for name, policy in PARAMS.policies.items() if policy.pairs.rule not in ("auto", "given")}


def run(params, layout, name="bal_pm", seed=0, observe=None):
    problem, hidden = open_world(layout, params, seed)
    return run_benchmark(Identity(params, layout), problem, hidden, name, seed, observe or (lambda *_: None))


def digest(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def fits(layout, name="bal_pm", seed=0):
    """Rounds whose model was fitted, by the run's state in use."""
    folder = layout.state / "runs" / name / str(seed)
    lines = (folder / (folder / LATEST).read_text() / "log.jsonl").read_text().splitlines()
    return [line["round"] for line in map(json.loads, lines) if line["event"] == "fit"]

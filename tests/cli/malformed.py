"""What the tests of malformed input share: commands, their one message, and files changed in one place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

import stages.acquire
import stages.benchmark
import stages.compare
import stages.embed
import stages.evaluate
import stages.labels
import stages.neighbours
import stages.prepare
import stages.train
from prefloop.config import Params
from prefloop.io.layout import Layout
from tests.cli.conftest import MINI, rows
from tests.cli.test_bench import outputs

JSONL = [json.dumps(row).encode() for row in rows()]


def bench(prefloop, out: Path, params: Path, data: Path, *options: object):
    return prefloop("bench", "--data", data, "--out", out, "--params", params, *MINI, *options)


def results(out: Path) -> dict[str, bytes]:
    """Outputs but for the parameters, in which the place of the tracking store stands."""
    return {name: content for name, content in outputs(out).items() if name != "params.yaml"}


def is_one_error(outcome, expected: str) -> None:
    message = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert len(message) == 1, outcome.err
    assert expected in message[0]
    assert "Traceback" not in outcome.err
    assert outcome.out == ""


def changed(number: int, **fields: Any) -> list[bytes]:
    content = rows()
    content[number] |= fields
    return [json.dumps(row).encode() for row in content]


def lines(content: list[bytes]) -> bytes:
    return b"\n".join(content) + b"\n"


def edited(params: Path, path: Path, dotted: str, value: Any) -> Path:
    """A copy of a parameter file with one value changed."""
    content = yaml.safe_load(params.read_text())
    *steps, last = dotted.split(".")
    section = content
    for step in steps:
        section = section[step]
    section[last] = value
    path.write_text(yaml.safe_dump(content))
    return path


def benchmark(params: Params, layout: Layout) -> None:
    """The stage with another parameter, so that no run is up to date and the inputs are read."""
    oracle = params.oracle.model_copy(update={"salt": "other"})
    stages.benchmark.run(params.model_copy(update={"oracle": oracle}), layout)

"""A prepared world of K-response prompts with models, sources and conversations, and a run on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from prefloop.data.records import Record, ResponsesRecord
from prefloop.io.layout import Layout
from prefloop.messages.message import Message, Turns
from prefloop.pool.benchmark import run_benchmark
from prefloop.pool.identity import Identity
from tests.worlds import make_params, make_world, open_world, response_records

PARAMS = make_params()
TURNS = (Message("user", "hello"), Message("assistant", "hi there"))


def named_records() -> list[Record]:
    """Scored answers by named models, from two sources; every third prompt is a conversation.

    Two models write the same answer to each prompt, and texts hold what formats may trip over.
    """
    records: list[Record] = []
    for number, record in enumerate(response_records()):
        assert isinstance(record, ResponsesRecord)
        assert record.scores is not None
        texts = tuple(
            Turns(f'{text.plain}\n\t"{"ünï" * (n % 2)}" \u2028 {{}}') for n, text in enumerate(record.completions)
        )
        # As many ties as a pool of a few scores has.
        scores = tuple(score // 3 for score in record.scores)
        names = tuple(f"model-{n}" for n in range(len(texts)))
        records.append(
            replace(
                record,
                prompt=Turns.prompt([*TURNS, Message("user", record.prompt.plain)])
                if number % 3 == 0
                else record.prompt,
                completions=(*texts, texts[0]),
                scores=(*scores, scores[0]),
                models=(*names, "copycat"),
                source=f"source-{number % 2}",
                ids=(f"{number:03d}",),
            )
        )
    return records


def run(layout: Layout, policy: str = "random") -> Path:
    """Simulate one policy; return the run's folder."""
    problem, hidden = open_world(layout, PARAMS)
    return run_benchmark(Identity(PARAMS, layout), problem, hidden, policy, 0, lambda *_: None)


def named_world(root: Path) -> Layout:
    """A world of `named_records`."""
    return make_world(root, named_records(), PARAMS)

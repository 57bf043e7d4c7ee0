"""A campaign's folder with a batch of pairs without texts."""

from __future__ import annotations

import pyarrow as pa

from prefloop.desk import Desk
from prefloop.desk.people import People
from prefloop.desk.task import Given
from prefloop.io.arrays import write_table
from prefloop.io.hashing import pair_id
from prefloop.io.layout import Layout
from tests.worlds import make_params

MINUTE = 60.0


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


def pair(number):
    """Ids of a made-up pair."""
    a, b = f"{number:04d}-a", f"{number:04d}-b"
    ids = {"pair_id": pair_id(a, b), "prompt_id": f"p{number % 7}", "completion_a": a, "completion_b": b}
    return ids | {"round": 0}


def write_batch(layout, wanted):
    """A batch of pairs by number, each with the people wanted."""
    names = ["pair_id", "prompt_id", "completion_a", "completion_b", "round", "annotators"]
    rows = [pair(number) | {"annotators": people} for number, people in wanted.items()]
    types = [pa.string()] * 4 + [pa.int32()] * 2
    columns = [pa.array([row[name] for row in rows], type_) for name, type_ in zip(names, types, strict=True)]
    write_table(layout.batch, pa.table(columns, names))


def open_desk(root, clock, **changes):
    """The desk of a folder; lease of one minute unless told otherwise."""
    layout = Layout.folder(root)
    params = make_params(**({"page__lease_minutes": 1.0} | changes))
    return Desk(params, layout, People(layout.people), clock)


def given(lease, verdict="left", **changes):
    """An answer."""
    return Given(lease, verdict, changes.pop("duration_ms", 5000), **changes)

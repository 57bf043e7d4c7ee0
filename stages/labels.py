"""Stage labels: a snapshot of the label log and what it says by pair, for the later stages of the round."""

from __future__ import annotations

import sys

from prefloop.config import Params
from prefloop.data.prepared import load_prepared
from prefloop.io.layout import Layout
from prefloop.labels.table import take_snapshot
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Copy the log under the writers' lock, check it against the data, and aggregate its labels."""
    prepared = load_prepared(layout.prepared)
    take_snapshot(layout.labels, layout.label_snapshot, layout.label_table, params.labels, prepared)


if __name__ == "__main__":
    sys.exit(stage_main(run))

"""Stage `prepare`: from raw preferences to prompts, completions, pairs and hidden answers."""

from __future__ import annotations

import sys

from prefloop.config import Params
from prefloop.data.prepare import prepare
from prefloop.data.sources import load_records
from prefloop.io.layout import Layout
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Write `layout.prepared` from the configured source."""
    prepare(load_records(params.data), params.data.split, layout.prepared)


if __name__ == "__main__":
    sys.exit(stage_main(run))

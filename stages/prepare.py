"""Stage `prepare`: from raw preferences to prompts, completions, pairs and hidden answers."""

from __future__ import annotations

import sys

from prefloop.config import Params
from prefloop.data.prepare import prepare
from prefloop.data.sources import load_records
from prefloop.data.target_prompts import target_prompts
from prefloop.io.layout import Layout
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Write `layout.prepared` from the configured source."""
    data = params.data
    prepare(load_records(data), data.split, layout.prepared, data.leaks, target_prompts(data))


if __name__ == "__main__":
    sys.exit(stage_main(run))

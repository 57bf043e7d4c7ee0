"""Stage `prepare`: from raw preferences to prompts, completions, pairs and hidden answers."""

from __future__ import annotations

import sys

from prefloop.pool import bench
from stages._main import stage_main

run = bench.prepare


if __name__ == "__main__":
    sys.exit(stage_main(run))

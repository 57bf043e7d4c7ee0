"""Stage neighbours: nearest-neighbour lists of the prompts that can be in a pool."""

from __future__ import annotations

import sys

from prefloop.pool import bench
from stages._main import stage_main

run = bench.neighbours


if __name__ == "__main__":
    sys.exit(stage_main(run))

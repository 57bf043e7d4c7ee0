"""Stage embed: prepared texts to vectors."""

from __future__ import annotations

import sys

from prefloop.pool import bench
from stages._main import stage_main

run = bench.embed


if __name__ == "__main__":
    sys.exit(stage_main(run))

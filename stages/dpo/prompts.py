"""Stage prompts: raw texts to prompts, split into pool and test, and texts for the start model."""

from __future__ import annotations

import sys

from prefloop.dpo import bench
from stages.dpo._main import dpo_main

run = bench.prompts


if __name__ == "__main__":
    sys.exit(dpo_main(run))

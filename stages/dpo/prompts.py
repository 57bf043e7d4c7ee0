"""Stage prompts: raw texts to prompts, split into pool and test, and texts for the start model."""

from __future__ import annotations

import sys

from prefloop.dpo import bench
from prefloop.dpo.config import DpoParams
from prefloop.dpo.layout import DpoLayout
from stages._main import stage_main

run = bench.prompts


if __name__ == "__main__":
    sys.exit(stage_main(run, DpoParams, DpoLayout))

"""Stage sft: the start model, which is the reference of every round."""

from __future__ import annotations

import sys

from prefloop.dpo import bench
from stages.dpo._main import dpo_main

run = bench.start


if __name__ == "__main__":
    sys.exit(dpo_main(run))

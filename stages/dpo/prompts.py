"""Stage prompts: raw texts to prompts, split into pool and test, and texts for the start model."""

from __future__ import annotations

import sys

from prefloop.dpo.config import DpoParams
from prefloop.dpo.layout import DpoLayout
from prefloop.dpo.prompts import write_prompts
from stages._main import stage_main


def run(params: DpoParams, layout: DpoLayout) -> None:
    """Write the folder of prompts."""
    write_prompts(params.prompts, layout.prompts)


if __name__ == "__main__":
    sys.exit(stage_main(run, DpoParams, DpoLayout))

"""Stage prompts: raw texts to prompts, split into pool and test, and texts for the start model."""

from __future__ import annotations

import sys

from prefloop.align.config import AlignParams
from prefloop.align.layout import AlignLayout
from prefloop.align.prompts import write_prompts
from stages.align._main import align_main


def run(params: AlignParams, layout: AlignLayout) -> None:
    """Write the folder of prompts."""
    write_prompts(params.prompts, layout.prompts)


if __name__ == "__main__":
    sys.exit(align_main(run))

"""Stage sft: the start model, which is the reference of every round."""

from __future__ import annotations

import sys

from prefloop.align.config import AlignParams
from prefloop.align.layout import AlignLayout
from prefloop.align.start import write_start
from prefloop.device import set_threads
from stages.align._main import align_main


def run(params: AlignParams, layout: AlignLayout) -> None:
    """Pre-train, fine-tune or copy the start model into its folder."""
    set_threads(params.run.threads)
    write_start(params.start, layout.prompts, layout.start, params.run.device)


if __name__ == "__main__":
    sys.exit(align_main(run))

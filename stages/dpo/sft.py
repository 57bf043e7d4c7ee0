"""Stage sft: the start model, which is the reference of every round."""

from __future__ import annotations

import sys

from prefloop.device import set_threads
from prefloop.dpo.config import DpoParams
from prefloop.dpo.layout import DpoLayout
from prefloop.dpo.start import write_start
from stages._main import stage_main


def run(params: DpoParams, layout: DpoLayout) -> None:
    """Pre-train, fine-tune or copy the start model into its folder."""
    set_threads(params.run.threads)
    write_start(params.start, layout.prompts, layout.start, params.run.device)


if __name__ == "__main__":
    sys.exit(stage_main(run, DpoParams, DpoLayout))

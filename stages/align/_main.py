"""What every stage of active DPO does around its `run`: parameters, logging, errors, exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prefloop.align.config import AlignParams
from prefloop.align.layout import AlignLayout
from prefloop.align.load import load_align_params
from prefloop.errors import exit_code_of
from stages._main import configure_process

PARAMS = Path("align/params.yaml")


def align_main(run: Callable[[AlignParams, AlignLayout], object]) -> int:
    """Run one stage of the repository's workflow and return its exit code."""
    configure_process()
    return exit_code_of(lambda: run(load_align_params(PARAMS), AlignLayout.repository()))

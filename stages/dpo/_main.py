"""What every stage of active DPO does around its `run`: parameters, logging, errors, exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prefloop.dpo.config import DpoParams
from prefloop.dpo.layout import DpoLayout
from prefloop.dpo.load import load_dpo_params
from prefloop.errors import exit_code_of
from stages._main import configure_process

PARAMS = Path("dpo/params.yaml")


def dpo_main(run: Callable[[DpoParams, DpoLayout], object]) -> int:
    """Run one stage of the repository's workflow and return its exit code."""
    configure_process()
    return exit_code_of(lambda: run(load_dpo_params(PARAMS), DpoLayout.repository()))

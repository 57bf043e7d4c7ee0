"""What every stage does around its `run`: parameters, logging, errors, exit code."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from prefloop.config import Params, load_params
from prefloop.errors import exit_code_of
from prefloop.io.layout import Layout


def stage_main(run: Callable[[Params, Layout], object]) -> int:
    """Run one stage of the repository's workflow and return its exit code."""
    configure_process()
    return exit_code_of(lambda: run(load_params(Path("params.yaml")), Layout.repository()))


def configure_process() -> None:
    """Log to stderr; keep libraries quiet and off the network unless the user asked for it."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("prefloop").setLevel(logging.INFO)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

"""Frame of every stage: parameters, logging, errors, exit code around its `run`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, overload

from prefloop.campaign.graph import refuse_stale
from prefloop.config import Params
from prefloop.config.load import load_whole
from prefloop.errors import exit_code_of
from prefloop.io.layout import Layout, Runs
from prefloop.section import Whole

P = TypeVar("P", bound=Whole)
L = TypeVar("L", bound=Runs)


@overload
def stage_main(run: Callable[[Params, Layout], object]) -> int: ...


@overload
def stage_main(run: Callable[[P, L], object], params: type[P], layout: type[L]) -> int: ...


def stage_main(
    run: Callable[[Any, Any], object], params: type[Whole] = Params, layout: type[Runs] = Layout
) -> int:
    """Run one stage of a workflow of the repository and return its exit code.

    Args:
        run: what the stage does.
        params: model of the workflow's parameter file.
        layout: where its files lie.
    """
    configure_process()

    def stage() -> None:
        refuse_stale(Path())
        run(load_whole(Path(params.FILE), params), layout.repository())

    return exit_code_of(stage)


def configure_process() -> None:
    """Log to stderr; keep libraries quiet and off the network unless the user asked for it."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("prefloop").setLevel(logging.INFO)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

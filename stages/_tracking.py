"""How a single stage of the campaign reports its outputs to MLflow; never fatally. It knows no hidden answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prefloop.config.shared import Tracking
from prefloop.tracking.recorder import Recorder
from prefloop.tracking.tracker import Tracker


def tracked(config: Tracking, action: Callable[[Tracker], object]) -> None:
    """Do something with the tracker if tracking is on; a failure is a warning with its remedy."""
    Recorder(config, Path.cwd()).note(action)

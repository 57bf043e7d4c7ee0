"""How stages report their outputs to MLflow; never fatally. It knows nothing of hidden answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prefloop.config.model import Tracking
from prefloop.tracking.live import never_fatal
from prefloop.tracking.tracker import Tracker


def tracked(config: Tracking, action: Callable[[Tracker], object]) -> None:
    """Do something with the tracker if tracking is on; a failure is a warning with its remedy."""
    if not config.enabled:
        return
    with never_fatal():
        action(Tracker(config, Path.cwd()))

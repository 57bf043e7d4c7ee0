"""How stages report their outputs to MLflow; never fatally. It knows nothing of hidden answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prefloop.config import Params
from prefloop.tracking.live import never_fatal
from prefloop.tracking.tracker import Tracker


def tracked(params: Params, action: Callable[[Tracker], object]) -> None:
    """Do something with the tracker if tracking is on; a failure is a warning with its remedy."""
    if not params.tracking.enabled:
        return
    with never_fatal():
        action(Tracker(params.tracking, Path.cwd()))

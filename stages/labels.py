"""Stage labels: a snapshot of the label log, so that what later stages read is what was hashed."""

from __future__ import annotations

import sys

from prefloop.config import Params
from prefloop.io.layout import Layout
from prefloop.labels.log import snapshot
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Copy the log under the writers' lock."""
    snapshot(layout.labels, layout.label_snapshot)


if __name__ == "__main__":
    sys.exit(stage_main(run))

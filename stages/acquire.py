"""Stage acquire: what waits for a label, with a new batch behind it where little does, and the record of all."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from prefloop.campaign.batch import issue, open_batch
from prefloop.campaign.begun import issued_before
from prefloop.campaign.status import campaign_status
from prefloop.config import Params
from prefloop.io.arrays import write_table
from prefloop.io.layout import Layout
from prefloop.labels.table import read_label_table, warn_of_late_labels
from prefloop.pool.problem import divided, load_inputs
from prefloop.reward.registry import load_model
from prefloop.tracking.campaign import track_campaign_batches, track_campaign_status
from prefloop.tracking.recorder import tracked
from prefloop.tracking.tracker import Tracker
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Write record and batch; the record is kept by DVC (persist), and the batch is the part of it that waits."""
    problem = divided(load_inputs(layout, params), params.data, None)
    labels = read_label_table(layout.label_table)
    model, about = load_model(layout.campaign_model)
    before = issued_before(layout.issued, layout.batch, labels.pairs, params.campaign)
    issued = issue(params, problem, model, labels, before)
    write_table(layout.issued, issued)
    write_table(layout.batch, open_batch(problem, labels, issued))
    warn_of_late_labels(layout.labels, layout.label_snapshot)
    tracked(params.tracking, lambda tracker: _track(tracker, params, layout, about))


def _track(tracker: Tracker, params: Params, layout: Layout, about: dict[str, Any]) -> None:
    policy, seed = params.campaign.policy, params.campaign.seed
    track_campaign_batches(tracker, about, policy, seed, layout.issued)
    track_campaign_status(tracker, about, policy, seed, campaign_status(params, layout, datetime.now(UTC)))


if __name__ == "__main__":
    sys.exit(stage_main(run))

"""Stage acquire: the next batch to label, or the unlabelled rest of the last one."""

from __future__ import annotations

import sys

from prefloop.campaign.batch import campaign_labels, next_batch
from prefloop.config import Params
from prefloop.io.arrays import read_table, write_table
from prefloop.io.layout import Layout
from prefloop.labels.labelled import read_label_table, warn_of_late_labels
from prefloop.pool.problem import divided, load_inputs
from prefloop.reward.registry import load_model
from prefloop.tracking.campaign import track_campaign_batch
from prefloop.tracking.recorder import tracked
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Write the batch; the last one is kept by DVC (persist) so that its rest is asked first."""
    problem = divided(load_inputs(layout, params), params.data, None)
    labels = read_label_table(layout.label_table)
    model, about = load_model(layout.campaign_model)
    previous = read_table(layout.batch) if layout.batch.exists() else None
    labelled = campaign_labels(labels, problem)
    write_table(layout.batch, next_batch(params, problem, model, labelled, previous, labels.last_round + 1))
    warn_of_late_labels(layout.labels, layout.label_snapshot)
    chosen = params.campaign
    tracked(
        params.tracking,
        lambda tracker: track_campaign_batch(tracker, about, chosen.policy, chosen.seed, layout.batch),
    )


if __name__ == "__main__":
    sys.exit(stage_main(run))

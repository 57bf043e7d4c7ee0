"""Stage train: the uncertainty model on all labels so far."""

from __future__ import annotations

import logging
import sys

from prefloop.campaign.batch import about_model, campaign_labels, train
from prefloop.config import Params
from prefloop.io.layout import Layout
from prefloop.labels.disputes import Disputes
from prefloop.labels.table import read_label_table
from prefloop.pool.problem import divided, load_inputs
from prefloop.reward.registry import save_model
from stages._main import stage_main

log = logging.getLogger("prefloop")


def run(params: Params, layout: Layout) -> None:
    """Train from scratch on the snapshot and write the weights with encoder and parameters."""
    problem = divided(load_inputs(layout, params), params.data, None)
    labels = read_label_table(layout.label_table)
    if told := Disputes.of(labels.pairs).told(params.labels.aggregate):
        log.warning(told)
    model = train(params, problem, campaign_labels(labels, problem), max(labels.last_round, 0))
    save_model(layout.campaign_model, params.reward.kind, model, about_model(params, problem, labels.lines))


if __name__ == "__main__":
    sys.exit(stage_main(run))

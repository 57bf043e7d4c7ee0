"""Stage evaluate: the campaign's model on the test and out-of-distribution pairs."""

from __future__ import annotations

import sys

from prefloop.campaign.batch import campaign_labels
from prefloop.campaign.issued import words_of
from prefloop.config import Params
from prefloop.io.json import write_json
from prefloop.io.layout import Layout
from prefloop.labels.disputes import Disputes
from prefloop.labels.table import read_label_table
from prefloop.oracle.hidden import hidden_of, load_hidden
from prefloop.pool.evaluate import Said, evaluate_campaign
from prefloop.pool.problem import divided, load_inputs
from prefloop.reward.registry import load_model
from prefloop.tracking.campaign import track_campaign_metrics
from prefloop.tracking.recorder import tracked
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Evaluate the current model and write its metrics; without hidden answers they say so."""
    problem = divided(load_inputs(layout, params), params.data, None)
    model, about = load_model(layout.campaign_model)
    labels = read_label_table(layout.label_table)
    labelled = campaign_labels(labels, problem)
    evaluation = hidden_of(problem, load_hidden(layout.prepared, problem.inputs)).evaluation
    said = Said(words_of(labels.pairs), Disputes.of(labels.pairs).pairs)
    write_json(layout.campaign_metrics, evaluate_campaign(problem, evaluation, model, labelled, said))
    chosen, metrics = params.campaign, layout.campaign_metrics
    tracked(
        params.tracking,
        lambda tracker: track_campaign_metrics(tracker, about, chosen.policy, chosen.seed, metrics),
    )


if __name__ == "__main__":
    sys.exit(stage_main(run))

"""Rounds of a labelling campaign as `dvc repro` runs them, and labels given by hand."""

import stages.acquire
import stages.evaluate
import stages.labels
import stages.train
from prefloop.campaign.batch import campaign_labels
from prefloop.io.arrays import read_table
from prefloop.io.hashing import pair_id
from prefloop.labels.label import Label
from prefloop.labels.log import LabelLog
from prefloop.labels.table import current_labels
from tests.worlds import make_params, open_world

# By BAL-PM, whose batches show their terms; the default needs no model.
PARAMS = make_params(campaign__policy="bal_pm", campaign__cold_start="prompt_entropy")


def repro(layout, params=PARAMS):
    """One round as `dvc repro` runs it; returns the batch."""
    for stage in (stages.labels, stages.train, stages.evaluate, stages.acquire):
        stage.run(params, layout)
    return read_table(layout.batch).to_pylist()


def give(layout, rows, verdict="a", annotator="ann", **changes):
    labels = [
        Label(
            **{name: row[name] for name in ("pair_id", "prompt_id", "completion_a", "completion_b", "round")},
            annotator=annotator,
            verdict=verdict,
            timestamp="2024-01-01T00:00:00+00:00",
            source="human",
            **changes,
        )
        for row in rows
    ]
    LabelLog(layout.labels).append(labels)


def ids(batch):
    return [row["pair_id"] for row in batch]


def resolved(layout):
    problem, _ = open_world(layout, PARAMS, None)
    prepared, labelled = (
        problem.prepared,
        campaign_labels(current_labels(layout.labels, layout.label_table), problem),
    )
    names = prepared.completion_ids.to_pylist()
    pairs = [pair_id(names[a], names[b]) for a, b in zip(labelled.pairs.a, labelled.pairs.b, strict=True)]
    return dict(zip(pairs, labelled.verdicts.tolist(), strict=True))

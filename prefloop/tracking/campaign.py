"""The MLflow run of a labelling campaign: live from its stages, or rebuilt from its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefloop.config.model import Campaign
from prefloop.io.arrays import read_table
from prefloop.io.hashing import text_id
from prefloop.io.json import read_json, to_json
from prefloop.io.layout import Layout
from prefloop.reward.registry import load_model
from prefloop.tracking.names import flat
from prefloop.tracking.outputs import log_by_round, outputs_digest
from prefloop.tracking.simulated import round_metrics
from prefloop.tracking.tracker import RunSpec, Tracker


def campaign_spec(about: Mapping[str, Any], policy: str, seed: int) -> RunSpec:
    """One labelling campaign.

    Args:
        about: provenance of the campaign's weights: dataset, encoder, parameters.
        policy: the named policy that chooses the batches.
        seed: the campaign's seed.
    """
    identity = {name: about.get(name) for name in ("dataset", "encoder", "parameters")}
    about_campaign = {"kind": "campaign", "policy": policy, "seed": str(seed), "dataset": str(about["dataset"])}
    return RunSpec(
        key=f"campaign/{about['dataset']}/{policy}/{seed}",
        fingerprint=text_id(to_json(identity)),
        name=f"campaign {policy} on {about['dataset']}",
        params=about_campaign | flat(about["parameters"]),
    )


def track_campaign(tracker: Tracker, campaign: Campaign, layout: Layout) -> None:
    """Rebuild the MLflow run of a campaign from its outputs, as far as they are there."""
    if not layout.campaign_model.is_file():
        return
    _, about = load_model(layout.campaign_model)
    if layout.campaign_metrics.is_file():
        track_campaign_metrics(tracker, about, campaign.policy, campaign.seed, layout.campaign_metrics)
    if layout.batch.is_file():
        track_campaign_batch(tracker, about, campaign.policy, campaign.seed, layout.batch)


def track_campaign_metrics(
    tracker: Tracker, about: Mapping[str, Any], policy: str, seed: int, metrics: Path
) -> None:
    """Log a campaign's metrics at the number of labels so far.

    Args:
        tracker: the experiment.
        about: provenance of the campaign's weights.
        policy: the named policy that chooses the batches.
        seed: the campaign's seed.
        metrics: the campaign's metrics.json.
    """
    state = read_json(metrics)
    rows = [{"split": split, **values} for split, values in state.get("splits", {}).items()]
    counts = {name: float(state.get(name, 0)) for name in ("n_undecided", "n_disputed")}
    run = tracker.run(campaign_spec(about, policy, seed))
    values = round_metrics({}, rows) | counts
    digest = outputs_digest(metrics.parent, [metrics.name])
    run.once("prefloop.evaluation", digest, lambda: run.log_rounds([(int(state["n_labels"]), values)]))
    run.rest()


def track_campaign_batch(tracker: Tracker, about: Mapping[str, Any], policy: str, seed: int, batch: Path) -> None:
    """Keep a campaign's open batch as an artifact; arguments as above, `batch` is its batch.parquet."""
    run = tracker.run(campaign_spec(about, policy, seed))
    digest = outputs_digest(batch.parent, [batch.name])
    run.once("prefloop.batch", digest, lambda: log_by_round(run, "batches", read_table(batch)))
    run.rest()

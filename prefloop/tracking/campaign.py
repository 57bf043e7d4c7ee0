"""The MLflow run of a campaign, rebuilt from its outputs."""

from __future__ import annotations

from prefloop.config.model import Campaign
from prefloop.io.layout import Layout
from prefloop.reward.registry import load_model
from prefloop.tracking.outputs import track_campaign_batch, track_campaign_metrics
from prefloop.tracking.tracker import Tracker


def track_campaign(tracker: Tracker, of: Campaign, layout: Layout) -> None:
    """Rebuild the MLflow run of a campaign from its outputs, as far as they are there."""
    if not layout.campaign_model.is_file():
        return
    _, about = load_model(layout.campaign_model)
    if layout.campaign_metrics.is_file():
        track_campaign_metrics(tracker, about, of.policy, of.seed, layout.campaign_metrics)
    if layout.batch.is_file():
        track_campaign_batch(tracker, about, of.policy, of.seed, layout.batch)

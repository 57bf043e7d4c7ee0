"""The MLflow run of a labelling campaign: live from its stages, or rebuilt from its outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from prefloop.campaign.issued import ISSUED
from prefloop.campaign.status import campaign_status
from prefloop.config import Params
from prefloop.io.arrays import read_table
from prefloop.io.hashing import text_id
from prefloop.io.json import read_json, to_json
from prefloop.io.layout import Layout
from prefloop.reward.registry import load_model
from prefloop.tracking.names import flat
from prefloop.tracking.outputs import log_by_round, outputs_digest
from prefloop.tracking.simulated import round_metrics
from prefloop.tracking.tracker import RunSpec, Tracker
from prefloop.tracking.view import Board, value_ranges

# What of a campaign's status is logged; a source may be the name of a file, which MLflow refuses in a metric's.
STATUS = ("labels", "pairs", "spend", "agreement", "audit", "score", "gain")
_BY_SOURCE = "by_source"
# What the UI opens with where no runs were compared.
CAMPAIGN = Board(
    "campaign",
    tuple(
        f"campaign.{name}"
        for name in (
            *("score.value", "audit.accuracy.value", "gain.labels.value", "pairs.decided", "pairs.disputed"),
            *("agreement.audit.raw", "agreement.audit.alpha", "labels", "spend.money", "spend.hours"),
        )
    ),
)
# Columns of the batches in the UI; a list of members' logits is no cell of a table.
_SHOWN = [name for name in ISSUED.names if name != "member_logits"]


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
        tags={"policy": policy},
    )


def track_campaign(tracker: Tracker, params: Params, layout: Layout, now: datetime) -> None:
    """Rebuild the MLflow run of a campaign from its outputs, as far as they are there, and its status now."""
    if not layout.campaign_model.is_file():
        return
    campaign, (_, about) = params.campaign, load_model(layout.campaign_model)
    if layout.campaign_metrics.is_file():
        track_campaign_metrics(tracker, about, campaign.policy, campaign.seed, layout.campaign_metrics)
    if layout.issued.is_file():
        track_campaign_batches(tracker, about, campaign.policy, campaign.seed, layout.issued)
    status = campaign_status(params, layout, now)
    track_campaign_status(tracker, about, campaign.policy, campaign.seed, status)


def track_campaign_metrics(
    tracker: Tracker, about: Mapping[str, Any], policy: str, seed: int, metrics: Path
) -> None:
    """Log a campaign's metrics at the number of votes and rulings so far.

    A step of labelled pairs would hide what second votes and rulings have changed.

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
    run.once(
        "prefloop.evaluation",
        digest,
        lambda: run.log_rounds([(int(state.get("n_words", state["n_labels"])), values)]),
    )
    run.rest()


def track_campaign_batches(
    tracker: Tracker, about: Mapping[str, Any], policy: str, seed: int, issued: Path
) -> None:
    """Keep a campaign's batches as artifacts, one a round; arguments as above, `issued` is its issued.parquet."""
    run = tracker.run(campaign_spec(about, policy, seed))
    digest = outputs_digest(issued.parent, [issued.name])
    run.once("prefloop.batch", digest, lambda: log_by_round(run, "batches", read_table(issued, _SHOWN)))
    run.rest()


def track_campaign_status(
    tracker: Tracker, about: Mapping[str, Any], policy: str, seed: int, status: Mapping[str, Any]
) -> None:
    """Log where a campaign stands at the number of votes and rulings so far: labels, spend, agreement, gain.

    Args:
        tracker: the experiment.
        about: provenance of the campaign's weights.
        policy: the named policy that chooses the batches.
        seed: the campaign's seed.
        status: what `campaign_status` says; of it the sections of STATUS, as far as they are there.
    """
    run = tracker.run(campaign_spec(about, policy, seed))
    told = {name: status[name] for name in STATUS if name in status}
    numbers = numbers_in(told, "campaign.")
    run.log_rounds([(int(status["labels"] + status["pairs"]["ruled"]), numbers)])
    tracker.offer(str(about["dataset"]), CAMPAIGN, value_ranges([numbers], CAMPAIGN))
    run.rest()


def numbers_in(values: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The finite numbers of nested values by dotted name; of two in a list, an interval, `.low` and `.high`.

    Texts, longer lists and what is not known are left out.
    """
    numbers: dict[str, float] = {}
    for name, value in values.items():
        if name == _BY_SOURCE:
            continue
        if isinstance(value, Mapping):
            numbers |= numbers_in(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple) and len(value) == 2:
            numbers |= numbers_in(dict(zip(("low", "high"), value, strict=True)), f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            numbers[f"{prefix}{name}"] = float(value)
    return numbers

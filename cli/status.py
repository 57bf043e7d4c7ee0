"""`prefloop status`: where a labelling campaign stands, and whether to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli._common import DEFAULT_PARAMS, AsJson, ParamsFile, load, print_json, print_table


def status(
    params: ParamsFile = DEFAULT_PARAMS,
    png: Annotated[Path | None, typer.Option("--png", help="Write the learning curve as a picture.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show labels, spend, speed, agreement and the learning curve of a campaign, and whether to go on.

    The curve and the advice rest on the audit slice alone (campaign.audit).

    Example: prefloop status --png curve.png
    """
    from datetime import UTC, datetime

    from prefloop.campaign.status import campaign_status
    from prefloop.io.atomic import write_bytes
    from prefloop.io.layout import Layout

    loaded = load(params)
    layout = Layout.repository()
    told = campaign_status(loaded, layout, datetime.now(UTC))
    if not layout.prepared.is_dir():
        typer.echo(
            f"warning: {layout.prepared} is missing: no round was made yet, or the last one could not read the "
            "data; prefloop campaign run makes one, and says what is wrong",
            err=True,
        )
    if png is not None:
        from prefloop.campaign.curve_plot import curve_png

        write_bytes(png, curve_png(told, loaded.campaign.stop.confidence))
        typer.echo(f"learning curve: {png}", err=True)
    if as_json:
        print_json(told)
        return
    _print(told, loaded.campaign.stop.confidence)


def _print(told: dict[str, Any], confidence: float) -> None:
    from prefloop.campaign.terminal_curve import terminal_curve
    from prefloop.errors import shown

    facts = _facts(told)
    width = max(len(name) for name, _ in facts)
    for name, fact in facts:
        typer.echo(f"{name:<{width}}  {shown(fact)}")
    if told["annotators"]:
        print_table("Annotators", *_annotators(told["annotators"]))
    plot = terminal_curve(told["curve"])
    if plot:
        typer.echo(f"Score of unseen pairs (nats; ─ fit, ░ {confidence:.0%} interval, ● means of the audit slice)")
        typer.echo(plot)
    typer.echo(told["advice"]["sentence"])
    for reason in told["advice"]["why"]:
        typer.echo(f"  - {shown(reason)}")


def _round(told: dict[str, Any]) -> str:
    if told["round"] is None:
        return "-"
    others = told["waiting_for_others"]
    further = f" ({others} pairs have an answer and want a further person)" if others else ""
    return f"{told['round']}, {told['waiting']} verdicts wanted{further}"


def _facts(told: dict[str, Any]) -> list[list[str]]:
    pairs, spend, speed = told["pairs"], told["spend"], told["speed"]
    rows = [
        ["round", _round(told)],
        ["labels", f"{told['labels']} ({_counts(told['verdicts'])})"],
        [
            "pairs",
            f"{pairs['labelled']} labelled, {pairs['decided']} decided, {pairs['undecided']} undecided, "
            f"{pairs['disputed']} disputed",
        ],
        ["spent", f"{spend['labels']} labels, {spend['money']:g} {spend['currency']}, {spend['hours']:.1f} hours"],
        ["left", _left(told["budget"], spend["currency"])],
        [
            "speed",
            f"{speed['last_hour']} in the last hour, {_number(speed['per_hour'])} an hour of work, median "
            f"{_number(speed['median_seconds'])} s",
        ],
    ]
    rows += [[f"agreement, {name}", _agreement(told["agreement"][name])] for name in ("all", "audit")]
    audit = told["audit"]
    if audit["recent"]:
        rows.append(
            [
                "audit slice",
                f"{audit['pairs']} pairs; the last {audit['recent']}: accuracy {_interval(audit['accuracy'], 2)}, "
                f"calibration error {audit['ece']:.3f} (chance alone gives {audit['ece_floor']:.3f} before it is "
                "taken off)",
            ]
        )
    if told["gain"] is not None:
        rows.append(["gain of the next batch", f"{_interval(told['gain']['batch'], 4)} nats"])
    return rows


def _annotators(people: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """The table of annotators, without shares that nobody has."""
    shares = {name: name.replace("_", " ") for name in ("left", "tie", "both_bad", "skip", "agreement")}
    shares |= {"correct": "gold right", "consistent": "repeats alike"}
    shares = {key: name for key, name in shares.items() if any(row.get(key) is not None for row in people)}
    rows = [
        [
            row["annotator"],
            str(row["votes"]),
            _number(row["per_hour"]),
            *(_share(row.get(name)) for name in shares),
            ", ".join(f"{moved['habit']} {moved['before']:g} → {moved['lately']:g}" for moved in row["drift"]),
        ]
        for row in people
    ]
    return ["annotator", "votes", "an hour", *shares.values(), "drift"], rows


def _left(budget: dict[str, dict[str, float | None]], currency: str) -> str:
    units = {"labels": "labels", "money": currency, "hours": "hours"}
    left = [
        f"{limit['left']:g} of {limit['limit']:g} {units[name]}"
        for name, limit in budget.items()
        if limit["limit"] is not None
    ]
    return ", ".join(left) or "no limit is set (campaign.budget)"


def _agreement(measured: dict[str, Any]) -> str:
    if measured["raw"] is None:
        return "no pair has two votes"
    alpha = (
        ""
        if measured["alpha"] is None
        else f", alpha {measured['alpha']:.2f}{_bounds(measured['alpha_interval'])}"
    )
    return f"{measured['raw']:.0%} alike{alpha}; {measured['pairs']} pairs with two votes"


def _bounds(interval: list[float] | None) -> str:
    return "" if interval is None else f" ({interval[0]:.2f} to {interval[1]:.2f})"


def _counts(verdicts: dict[str, int]) -> str:
    return ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in verdicts.items())


def _interval(estimate: dict[str, float], digits: int) -> str:
    value, low, high = (f"{estimate[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"

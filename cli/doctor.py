"""`prefloop doctor`: environment checks and run-time estimates."""

from __future__ import annotations

import typer

from cli._common import DEFAULT_PARAMS, AsJson, ParamsFile, load, print_json, print_table
from prefloop.errors import EXIT_FAILED


def doctor(params: ParamsFile = DEFAULT_PARAMS, as_json: AsJson = False) -> None:
    """Check environment, device, disk and memory, and estimate the configured run's time.

    Exit code 1 when a check fails. Estimates come from a short measurement on this machine.

    Example: prefloop doctor
    """
    from prefloop.doctor import examine
    from prefloop.io.layout import Layout

    checks = examine(load(params), Layout.repository())
    if as_json:
        print_json([check._asdict() for check in checks])
    else:
        rows = [[check.name, "ok" if check.ok else "PROBLEM", check.detail] for check in checks]
        print_table("prefloop doctor", ["check", "", "what was found"], rows)
    if not all(check.ok for check in checks):
        raise typer.Exit(EXIT_FAILED)

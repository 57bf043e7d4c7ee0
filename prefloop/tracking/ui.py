"""Starting the MLflow UI on the configured store."""

from __future__ import annotations

import sys
from pathlib import Path

from prefloop.config.shared import Tracking
from prefloop.tracking.store import artifact_root, resolve_uri


def ui_command(config: Tracking, root: Path, host: str, port: int) -> list[str]:
    """Command line that serves the UI of a database store.

    Args:
        config: section `tracking`.
        root: folder that a relative SQLite path starts from.
        host, port: where to listen.
    """
    uri = resolve_uri(config.uri, root)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
    artifacts = artifact_root(uri, root)
    if artifacts is not None:
        command += ["--default-artifact-root", artifacts]
    return [*command, "--host", host, "--port", str(port), "--workers", "1"]

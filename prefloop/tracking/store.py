"""The tracking store: where it lies, and that it exists whole before anybody writes to it."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from prefloop.config.shared import Tracking
from prefloop.errors import TrackingError
from prefloop.io.atomic import atomic_path
from prefloop.io.hashing import text_id
from prefloop.io.lock import locked

log = logging.getLogger("prefloop")

_SQLITE = "sqlite:///"
REMEDY = "results are safe; when the store (tracking.uri) works again, run: prefloop track"


def resolve_uri(uri: str, root: Path) -> str:
    """Make a relative SQLite path absolute.

    Args:
        uri: any MLflow tracking URI.
        root: folder that relative paths start from. In a temporary copy of the repository
            (`dvc exp run --temp`) they start from the repository itself.
    """
    path = _sqlite_path(uri)
    return uri if path is None else f"{_SQLITE}{(_home(root) / path).resolve()}"


def artifact_root(uri: str, root: Path) -> str | None:
    """Folder of the artifacts as a file URI, or None where the tracking server decides.

    Args:
        uri: resolved tracking URI.
        root: folder that holds the artifacts of stores without a file of their own.
    """
    path = _sqlite_path(uri)
    if path is not None:
        return (path.parent / "mlartifacts").as_uri()
    is_server = uri.split(":", 1)[0] in ("http", "https", "databricks", "uc")
    return None if is_server else (_home(root) / "mlartifacts").resolve().as_uri()


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


@contextmanager
def exclusive(uri: str) -> Iterator[None]:
    """Hold this machine's lock on a store: for creating it, and for finding or creating runs."""
    path = _sqlite_path(uri) or Path(tempfile.gettempdir()) / f"prefloop-tracking-{text_id(uri)[:12]}"
    with locked(path, timeout=120):
        yield


@contextmanager
def failures_named(uri: str) -> Iterator[None]:
    """Turn whatever the store, its driver or the network raises into one TrackingError."""
    try:
        yield
    except TrackingError:
        raise
    except Exception as error:  # MLflow lets errors of drivers, sockets and files through
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        raise TrackingError(f"MLflow at {uri}: {cause}; {REMEDY}") from error


@cache
def open_client(uri: str) -> Any:
    """Open this process's MLflow client of a store; a missing SQLite database is created first, once.

    Processes that open a new database together corrupt it, and a killed one would leave half of it:
    so it is made under a lock, beside its place, and moved there when it is whole.
    """
    with exclusive(uri):
        path = _sqlite_path(uri)
        if path is not None and not path.exists():
            log.info("creating the MLflow database %s", path)
            with atomic_path(path) as temporary:
                _client(f"{_SQLITE}{temporary}").search_experiments(max_results=1)
                _leave_no_journal(temporary)
    return _client(uri)


def find_or_create_experiment(client: Any, name: str, artifacts: str | None) -> str:
    """Id of the experiment; the caller holds the store's lock."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return str(client.create_experiment(name, artifact_location=artifacts))
    if experiment.lifecycle_stage != "active":
        raise TrackingError(
            f"the MLflow experiment '{name}' is deleted: restore it (mlflow experiments restore "
            f"--experiment-id {experiment.experiment_id}) or set another tracking.experiment"
        )
    return str(experiment.experiment_id)


def mlflow_environment() -> None:
    """Settings that MLflow reads on import: no telemetry, no chatter, no minutes of retries."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")


def _client(uri: str) -> Any:
    mlflow_environment()
    from mlflow import MlflowClient  # costs over a second: only where something is tracked

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _leave_no_journal(path: Path) -> None:
    # The file is moved alone: nothing of it may still stand in a write-ahead log beside it.
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")


def _sqlite_path(uri: str) -> Path | None:
    if not uri.startswith(_SQLITE) or uri == _SQLITE:
        return None
    return Path(uri.removeprefix(_SQLITE).split("?", 1)[0])


def _home(root: Path) -> Path:
    absolute = root.resolve()
    for parent in (absolute, *absolute.parents):
        if parent.parts[-3:] == (".dvc", "tmp", "exps"):
            return parent.parents[2]
    return absolute

import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from prefloop.config.shared import Tracking
from prefloop.errors import TrackingError
from prefloop.tracking.simulated import RunRecorder
from prefloop.tracking.store import artifact_root, mlflow_environment, resolve_uri
from prefloop.tracking.tracker import RunSpec, Tracker

CONFIG = Tracking(enabled=True, uri="sqlite:///mlflow.db", experiment="prefloop")


def test_relative_databases_start_from_the_root(tmp_path):
    assert resolve_uri("sqlite:///a/m.db", tmp_path) == f"sqlite:///{tmp_path}/a/m.db"
    assert resolve_uri("sqlite:////other/m.db", tmp_path) == "sqlite:////other/m.db"
    assert resolve_uri("http://host:5000", tmp_path) == "http://host:5000"


def test_a_temporary_copy_of_the_repository_tracks_to_the_repository(tmp_path):
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "standalone" / "tmp123"
    copy.mkdir(parents=True)
    assert resolve_uri("sqlite:///m.db", copy) == f"sqlite:///{tmp_path}/m.db"


def test_artifacts_lie_beside_the_database_or_with_the_server(tmp_path):
    uri = resolve_uri("sqlite:///m.db", tmp_path)
    assert artifact_root(uri, Path("/elsewhere")) == (tmp_path / "mlartifacts").as_uri()
    assert artifact_root("http://host:5000", tmp_path) is None
    assert artifact_root("postgresql://host/db", tmp_path) == (tmp_path / "mlartifacts").as_uri()


def start_one(root: str, number: int) -> None:
    tracker = Tracker(CONFIG, Path(root))
    shared = tracker.run(RunSpec("shared", "f", "shared"))
    run = tracker.run(RunSpec(f"own/{number}", "f", f"own-{number}", parent=shared.id))
    run.log_rounds([(64, {"test_log_likelihood": -0.5})])
    shared.log_rounds([(64, {"test_log_likelihood": -0.5})])


def test_eight_first_starts_at_once_leave_one_sound_database(tmp_path):
    mlflow_environment()
    context = multiprocessing.get_context("forkserver")  # imports once, and starts all at the same moment
    context.set_forkserver_preload(["mlflow.store.tracking.sqlalchemy_store", __name__])
    workers = [context.Process(target=start_one, args=(str(tmp_path), number)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 8
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT COUNT(*) FROM runs").fetchone() == (9,)
        assert connection.execute("SELECT COUNT(*) FROM metrics").fetchone() == (9,)
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_broken_store_is_one_clear_error(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(TrackingError, match="prefloop track"):
        Tracker(CONFIG, tmp_path)


def test_a_broken_store_is_one_warning_and_then_silence(tmp_path, caplog):
    (tmp_path / "mlflow.db").write_bytes(b"this is no database" * 100)
    recorder = RunRecorder(CONFIG, tmp_path)
    for _ in range(2):
        recorder.round({"dataset": "x"}, {"n_labels": 64}, [], 1.0)
        recorder.run_done(tmp_path / "run")
    assert caplog.text.count("not tracked") == 1
    assert "prefloop track" in caplog.text


def test_tracking_that_is_off_opens_nothing(tmp_path):
    recorder = RunRecorder(CONFIG.model_copy(update={"enabled": False}), tmp_path)
    recorder.round({"dataset": "x"}, {"n_labels": 64}, [], 1.0)
    recorder.run_done(tmp_path / "run")
    assert not list(tmp_path.iterdir())

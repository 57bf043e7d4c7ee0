"""The command, as a process: it tells its address, takes verdicts and ends with a signal, whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import httpx2
import pytest
import yaml

from prefloop.desk.people import People, new_token, parse_given
from prefloop.errors import AddressError, ConfigError, StateError
from prefloop.io.layout import Layout
from prefloop.page.serve import campaign_server, checked_origins, is_loopback, refuse_nobody
from tests.page.conftest import write_batch
from tests.worlds import ROOT, make_params


@pytest.fixture
def folder(tmp_path, prepared):
    """A campaign's folder."""
    layout = Layout(tmp_path / "data", tmp_path / ".prefloop")
    shutil.copytree(prepared, layout.prepared)
    write_batch(layout, 4, 1)
    params = make_params(page__guidelines="guide.md").model_dump(mode="json")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "guide.md").write_text("# Guide")
    return tmp_path


def start(folder, *options):
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", "labels", "serve", *options], cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_it_serves_until_a_signal_and_leaves_nothing_behind(folder):
    token = new_token()
    server = start(folder, "--port", "0", "--annotator", f"ann:{token}")
    url = server.stdout.readline().split()[-1]
    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
        task = client.get("/api/next").json()
        assert task["guidelines_version"]
        body = {"lease": task["lease"], "verdict": "tie", "duration_ms": 5}
        assert client.post("/api/verdicts", json=body).status_code == 201
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    (line,) = (folder / "data/labels/labels.jsonl").read_text().splitlines()
    assert json.loads(line)["lease"] == task["lease"]
    assert "Traceback" not in server.stderr.read()
    assert sorted(path.name for path in (folder / ".prefloop").iterdir()) == [
        "queue.sqlite",
        "queue.sqlite.server",
    ]


def test_a_server_without_annotators_or_address_does_not_start(folder):
    layout = Layout(folder / "data", folder / ".prefloop")
    with pytest.raises(ConfigError, match="labels annotator add NAME"):
        refuse_nobody(People(layout.people))
    people = People(layout.people, [parse_given(f"ann:{new_token()}")])
    with campaign_server(make_params(), layout, people, "127.0.0.1", 0) as server:
        with (
            pytest.raises(AddressError, match="another program listens there"),
            campaign_server(make_params(), layout, people, "127.0.0.1", int(server.url.rpartition(":")[2])),
        ):
            pass
        with (
            pytest.raises(StateError, match="another server"),
            campaign_server(make_params(), layout, people, "127.0.0.1", 0),
        ):
            pass


def test_origins_and_loopback():
    assert checked_origins(["https://x.org", "http://x.org:81"]) == ["https://x.org", "http://x.org:81"]
    for wrong in ("x.org", "https://x.org/", "ftp://x.org", "https://"):
        with pytest.raises(ConfigError, match="--origin"):
            checked_origins([wrong])
    assert [is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "0.0.0.0", "example.org")] == [
        True, True, True, False, False,
    ]  # fmt: skip

"""One world and one run for all tests of the export; the network is never touched."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import NoReturn

import pytest

from prefloop.io.layout import Layout
from tests.exchange.worlds import named_world, run


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("a connection to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def named(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A prepared world and a run of the policy random."""
    layout = named_world(tmp_path_factory.mktemp("named"))
    run(layout)
    return layout


@pytest.fixture(scope="session")
def acquired(named: Layout) -> Path:
    """Folder of the run."""
    return named.run("random", 0)

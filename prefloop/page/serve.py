"""Serving: the desk, its application and a listening socket together, and all of them gone at the end."""

from __future__ import annotations

import ipaddress
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from prefloop.config import Params
from prefloop.desk import Desk
from prefloop.desk.people import People
from prefloop.errors import ConfigError, shown
from prefloop.io.address import listening, url_of
from prefloop.io.layout import Layout
from prefloop.page.app import create_app
from prefloop.page.auth import is_origin
from prefloop.page.guard import LOOPBACK, without_port
from prefloop.page.patience import PatientProtocol
from prefloop.page.texts import Texts

# Seconds that a connection may be idle between two requests, and that answers may take at the end.
_IDLE_S, _GRACE_S = 75, 5
_MOST_HEADER_BYTES = 1 << 14


@dataclass(frozen=True)
class CampaignServer:
    """A campaign that can be served.

    Attributes:
        desk: its desk.
        texts: the texts of its pairs.
        app: the application, to which views may be added before it runs.
        url: where it will listen.
    """

    desk: Desk
    texts: Texts
    app: FastAPI
    url: str
    _listener: socket.socket
    _servers: list[_Server] = field(default_factory=list)

    def run(self, tell: Callable[[str], None] = lambda url: None) -> None:
        """Serve until SIGTERM, SIGINT or `stop`; answers under way are finished.

        Args:
            tell: called with the address once it answers.
        """
        config = uvicorn.Config(
            self.app,
            http=PatientProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            # Whoever asks from this machine could name another address with each wrong token.
            proxy_headers=False,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_GRACE_S,
            h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
        )
        server = _Server(config, lambda: tell(self.url))
        self._servers.append(server)
        server.run(sockets=[self._listener])

    def stop(self) -> None:
        """End `run`, from any thread."""
        for server in self._servers:
            server.should_exit = True


@contextmanager
def campaign_server(
    params: Params,
    layout: Layout,
    people: People,
    host: str,
    port: int,
    origins: Sequence[str] = (),
    campaign_status: Callable[[], Mapping[str, Any]] | None = None,
    clock: Callable[[], float] = time.time,
) -> Iterator[CampaignServer]:
    """The server of a campaign; at the end its desk is closed, with all that it was given on the disk.

    Args:
        params: parameters in force.
        layout: where the campaign's files lie.
        people: who may label.
        host, port: where to listen; port 0 is any free one.
        origins: further addresses of the page, as a reverse proxy has them: https://labels.example.org.
        campaign_status: all that an admin sees of the campaign.
        clock: the desk's, seconds since 1970.

    Raises:
        ConfigError: as for `Desk`.
        AddressError: it cannot listen there.
        StateError, DataError: as for `Desk`.
    """
    with listening(host, port) as listener:
        desk = Desk(params, layout, people, clock)
        try:
            texts = Texts(layout.prepared, layout.batch, desk.gold.texts)
            hosts = _hosts(host, origins)
            app = create_app(
                *(desk, people, texts, params), hosts=hosts, origins=origins, campaign_status=campaign_status
            )
            yield CampaignServer(desk, texts, app, url_of(host, listener.getsockname()[1]), listener)
        finally:
            desk.close()


def with_paths_from(params: Params, folder: Path) -> Params:
    """The parameters with the page's files as seen from the current folder.

    Args:
        params: as they were read.
        folder: that of their file.
    """
    page = params.page
    paths = {name: getattr(page, name) for name in ("guidelines", "gold")}
    found = {name: path and folder / path for name, path in paths.items()}
    return params.model_copy(update={"page": page.model_copy(update=found)})


def refuse_nobody(people: People) -> None:
    """Refuse to serve where nobody may label.

    Raises:
        ConfigError: nobody may.
    """
    if not people.everybody():
        raise ConfigError(
            "nobody may label yet: make an annotator with prefloop labels annotator add NAME, or give "
            "--annotator NAME:TOKEN"
        )


def checked_origins(origins: Sequence[str]) -> list[str]:
    """Origins as browsers send them.

    Raises:
        ConfigError: one that is none.
    """
    for origin in origins:
        if not is_origin(origin):
            raise ConfigError(f"--origin {shown(origin)}: expected scheme and host, https://labels.example.org")
    return list(origins)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hosts(host: str, origins: Sequence[str]) -> list[str]:
    """Names that requests may call the server by: on loopback its own, elsewhere any."""
    if not is_loopback(host):
        return []
    return [host, *LOOPBACK, *(without_port(urlsplit(origin).netloc) for origin in origins)]


class _Server(uvicorn.Server):
    """Tells when it has started, and leaves the end of the process to its caller."""

    def __init__(self, config: uvicorn.Config, tell: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The original raises the signal once more at the end, which would leave no time to close the desk.
        numbers = (signal.SIGINT, signal.SIGTERM)
        try:
            before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        except ValueError:  # not the main thread, which has signals to itself
            yield
            return
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

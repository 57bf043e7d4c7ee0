"""A campaign that runs: its server and its loop together, and what both tell of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prefloop.campaign.rounds import RoundFailed, Rounds
from prefloop.campaign.run import Loop
from prefloop.campaign.status import StatusReader
from prefloop.config import Params
from prefloop.desk.people import People
from prefloop.io.layout import Layout
from prefloop.page.serve import CampaignServer, campaign_server


@dataclass(frozen=True)
class Running:
    """What serves, what makes rounds, and the campaign's status for any thread."""

    server: CampaignServer
    loop: Loop
    status: Callable[[], dict[str, Any]]


@contextmanager
def running(
    params: Params,
    layout: Layout,
    people: People,
    rounds: Rounds,
    tell: Callable[[Running, RoundFailed | None], None],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    origins: Sequence[str] = (),
    clock: Callable[[], float] = time.time,
) -> Iterator[Running]:
    """A campaign whose server and loop can be started; at the end all that was begun has ended.

    Args:
        params, layout, people, host, port, origins: as for `campaign_server`.
        rounds: makes a round.
        tell: called from the loop after each round, and with the failure of one that failed.
        clock: seconds since 1970.

    Raises:
        ConfigError, AddressError, StateError, DataError: as for `campaign_server`.
    """
    reader = StatusReader(params, layout)

    def now() -> datetime:
        return datetime.fromtimestamp(clock(), UTC)

    def status() -> dict[str, Any]:
        return reader.status(now())

    def shared() -> dict[str, Any]:
        return reader.shared(now())

    with campaign_server(params, layout, people, host, port, origins, shared, clock) as server:
        loop = Loop(server.desk, layout, params.campaign.buffer, rounds, lambda error: tell(campaign, error))
        campaign = Running(server, loop, status)
        try:
            yield campaign
        finally:
            loop.stop()

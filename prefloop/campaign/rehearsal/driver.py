"""Driver of a rehearsal: simulated people ask the server and answer it over HTTP, on a clock of their own.

Time is that of the people: it leaps from one event to the next, and the desk has the same clock, so that leases
expire and durations are recorded as they would be. Rounds take none of it: with a buffer nobody waits for them.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from prefloop.campaign.rehearsal.people import Person
from prefloop.desk.task import Shown
from prefloop.errors import StateError

# Why nobody is asked any more: as `task.Wait` says, everybody has left, or what waits wants other people (stuck).
Ended = Literal["done", "budget", "left", "stuck"]
# A Monday morning. Of simulated people the date says nothing.
START = 1_767_603_600.0
# Seconds until somebody looks again who was given nothing.
_RETRY_S = 30.0
_WAITS = ("empty", "others")


class Clock:
    """Seconds since 1970 in a rehearsal."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        """The time."""
        return self.now


@dataclass
class Seat:
    """A person before the page.

    Attributes:
        person: who sits there.
        token: with which.
        task: what is being answered, as the API gave it.
        asked: how often the person was asked about each pair.
    """

    person: Person
    token: str
    task: dict[str, Any] | None = None
    asked: Counter[str] = field(default_factory=Counter)


def drive(
    url: str,
    seats: Sequence[Seat],
    truth: Callable[[Mapping[str, Any]], Shown],
    clock: Clock,
    after: Callable[[], object],
    patience: float,
) -> Ended:
    """Let people label until nobody is asked any more.

    Args:
        url: the server's address.
        seats: who labels.
        truth: the better side of a task, or tie.
        clock: the desk's clock, which is put forward.
        after: called after each verdict, and when somebody was given nothing.
        patience: seconds for which everybody waits in vain, until they leave.

    Raises:
        StateError: the server refused what it must not refuse.
    """
    from httpx2 import Client

    events = [(clock.now, number) for number in range(len(seats))]
    reasons: set[str] = set()
    answered_at = clock.now
    with Client(base_url=url, timeout=120.0) as client:
        while events:
            clock.now, number = heapq.heappop(events)
            seat = seats[number]
            if seat.task is not None:
                _answer(client, seat, truth)
                after()
                answered_at = clock.now
                heapq.heappush(events, (clock.now, number))
                continue
            wait = _ask(client, seat)
            if wait in ("done", "budget") or (wait in _WAITS and clock.now - answered_at > patience):
                reasons.add(wait)
            elif wait in _WAITS:
                after()  # where what waits is for others, a round may be due that learns from the rest
                heapq.heappush(events, (clock.now + _RETRY_S, number))
            elif (seconds := _seconds(seat)) is not None:
                heapq.heappush(events, (clock.now + seconds, number))
    return ended_by(reasons)


def ended_by(reasons: set[str]) -> Ended:
    """Why a rehearsal ended, by the reasons for which its people were not asked any more."""
    for reason in ("budget", "done"):
        if reason in reasons:
            return reason
    return "stuck" if reasons else "left"


def _ask(client: Any, seat: Seat) -> str | None:
    """Take the next task; why there is none."""
    response = client.get("/api/next", headers=_as(seat))
    if response.status_code == 204:
        return str(response.headers["x-prefloop-wait"])
    if response.status_code != 200:
        raise StateError(
            f"the rehearsal's server refused a question: {response.status_code} {response.text[:200]}"
        )
    seat.task = response.json()
    return None


def _seconds(seat: Seat) -> float | None:
    """Time for the task at hand; None where the person leaves instead."""
    assert seat.task is not None
    pair = seat.task["pair_id"]
    seat.asked[pair] += 1
    time = seat.asked[pair]
    return None if seat.person.goes(pair, time) else seat.person.takes(pair, time)


def _answer(client: Any, seat: Seat, truth: Callable[[Mapping[str, Any]], Shown]) -> None:
    assert seat.task is not None
    task, seat.task = seat.task, None
    pair = task["pair_id"]
    time = seat.asked[pair]
    offered = set(task["asks"]["verdicts"]) - {"left", "right"}
    body = {
        "lease": task["lease"],
        "verdict": seat.person.verdict(pair, time, truth(task), offered),
        "duration_ms": round(1000 * seat.person.takes(pair, time)),
    }
    response = client.post("/api/verdicts", json=body, headers=_as(seat))
    # A lease that expired meanwhile, or a budget that others have spent: the person goes on.
    if response.status_code not in (200, 201, 409, 410):
        raise StateError(f"the rehearsal's server refused a verdict: {response.status_code} {response.text[:200]}")


def _as(seat: Seat) -> dict[str, str]:
    return {"Authorization": f"Bearer {seat.token}"}

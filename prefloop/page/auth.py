"""Who asks: a token by header or cookie, the page's own origin, and few tries at a token."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

from prefloop.desk.people import People, Person

# Failed tries of one address within a minute, and addresses that are remembered.
_TRIES, _WITHIN_S, _ADDRESSES = 10, 60.0, 10_000
_SAFE = ("GET", "HEAD", "OPTIONS")


class Tries:
    """Failed tries at a token, by address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, address: str) -> None:
        """Remember one."""
        times = self._failed.setdefault(address, deque(maxlen=_TRIES))
        times.append(self._clock())
        self._failed.move_to_end(address)
        while len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)

    def too_many(self, address: str) -> bool:
        """Whether this address has to wait."""
        times = self._failed.get(address, deque())
        return len(times) == _TRIES and self._clock() - times[0] < _WITHIN_S


class Door:
    """Tells who asks, and turns away who may not.

    Args:
        people: those who may.
        origins: further origins of the page, such as that of a reverse proxy: https://labels.example.org.

    Attributes:
        cookie: name of the page's cookie.
    """

    def __init__(self, people: People, origins: tuple[str, ...] = ()) -> None:
        self._people, self._origins, self._tries = people, origins, Tries()
        # Browsers send a cookie to all ports of a host: two campaigns' would take each other's place.
        self.cookie = f"prefloop-{people.campaign}"

    def person(self, request: Request) -> Person:
        """Who asks.

        Raises:
            HTTPException: 401 without a valid token, 403 for a request of another site's page, 429 after too
                many wrong tokens.
        """
        token = _bearer(request)
        if token is None:
            token = request.cookies.get(self.cookie)
            if token is not None and request.method not in _SAFE:
                self.check_origin(request)
        if token is None:
            raise HTTPException(401, "a token is needed", {"WWW-Authenticate": "Bearer"})
        return self._with(token, request)

    def person_or_none(self, request: Request) -> Person | None:
        """Who looks at a page, None for a stranger.

        Raises:
            HTTPException: 429 after too many wrong tokens.
        """
        token = request.cookies.get(self.cookie)
        return self._who(token, request) if token else None

    def admin(self, request: Request) -> Person:
        """Who asks, an admin.

        Raises:
            HTTPException: as for `person`, and 403 for an annotator.
        """
        person = self.person(request)
        if not person.is_admin:
            raise HTTPException(403, "an admin's token is needed")
        return person

    def login(self, request: Request, token: str) -> Person:
        """Whose token this is; after too many failures none is looked at for a while.

        Raises:
            HTTPException: 401, 403 or 429 as for `person`.
        """
        self.check_origin(request)
        if self._tries.too_many(_address(request)):
            raise _wait()
        return self._with(token, request)

    def check_origin(self, request: Request) -> None:
        """Turn away what another site's page sends: browsers say whose page sent a POST.

        Raises:
            HTTPException: 403.
        """
        origin = request.headers.get("origin")
        own = {f"{request.url.scheme}://{request.headers.get('host', '')}", *self._origins}
        if origin is None or origin.lower() not in {one.lower() for one in own}:
            raise HTTPException(403, "sent by another site's page, or without an Origin header")
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise HTTPException(403, "sent by another site's page")

    def _with(self, token: str, request: Request) -> Person:
        person = self._who(token, request)
        if person is None:
            raise HTTPException(401, "this token is not valid", {"WWW-Authenticate": "Bearer"})
        return person

    def _who(self, token: str, request: Request) -> Person | None:
        """Whose token this is; one of nobody is remembered as a failed try."""
        person = self._people.who(token)
        if person is None:
            if self._tries.too_many(_address(request)):
                raise _wait()
            self._tries.failed(_address(request))
        return person


def is_origin(text: str) -> bool:
    """Whether a text is an origin as browsers send it, such as https://labels.example.org."""
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and text == f"{parts.scheme}://{parts.netloc}"


def _wait() -> HTTPException:
    return HTTPException(429, "too many wrong tokens; wait a minute", {"Retry-After": str(int(_WITHIN_S))})


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None

"""Transport of one question to a service that may be broken or hostile: bounded in bytes, in time and in hosts.

A request goes to the configured address and nowhere else: no redirect is followed, no cookie kept, no `.netrc`
read. Each has a connection of its own, so that nothing left over from one reply can be taken for the next. Proxies
and certificates are those of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY; SSL_CERT_FILE).
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import random
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from prefloop.errors import ConfigError
from prefloop.judges.kinds import Endpoint
from prefloop.judges.redaction import Secret

if TYPE_CHECKING:
    import ssl

    from httpx2 import URL, AsyncHTTPTransport, Request, Response

# Pauses before further tries, seconds; the first three are those of OpenAI's own client.
FIRST_PAUSE_S = 0.5
LONGEST_BACKOFF_S = 8.0
LONGEST_PAUSE_S = 120.0
_JITTER = 0.25
_PASSING = (408, 409, 429)

# The transport's own records of requests hold headers, in which a server may have put the key.
_LOGGERS = ("connection", "http11", "http2", "proxy", "socks")
_asking: ContextVar[bool] = ContextVar("prefloop_asking_an_endpoint", default=False)


@dataclass(frozen=True)
class Received:
    """What came of a request.

    Attributes:
        status: of HTTP; 0 where no reply began.
        headers: by name in lower case.
        body: unpacked; its beginning, where `problem` says that it did not come whole.
        problem: why there is no whole reply, in words of our own, or of the system's; None: there is.
        passing: whether another try may do better.
        calls: requests that were made.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    problem: str | None
    passing: bool
    calls: int = 1

    @property
    def succeeded(self) -> bool:
        """Whether the status says success."""
        return 200 <= self.status < 300


class Wire:
    """The way to one address, for the time of a `with`."""

    def __init__(self, config: Endpoint, secret: Secret | None) -> None:
        self._config, self._url = config, f"{config.url}/chat/completions"
        # Packed replies are read within the same bounds, but not asked for: an answer is a few hundred bytes.
        self._headers = {
            "Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close",
            "Content-Type": "application/json", "User-Agent": "prefloop",
        }  # fmt: skip
        self._secret = secret

    async def __aenter__(self) -> Self:
        self._address, self._transport = _address(self._url), _transport(self._url)
        self._token = _asking.set(True)
        for name in _LOGGERS:
            logging.getLogger(f"httpcore2.{name}").addFilter(_not_asking)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.aclose()
        _asking.reset(self._token)

    async def send(self, body: dict[str, Any], check: Callable[[Received], None]) -> Received:
        """Send, and send again after a failure that may pass.

        Args:
            body: the request's.
            check: called with what each try brought; raises where no further request can succeed.
        """
        content = json.dumps(body).encode()
        for attempt in range(self._config.retries + 1):
            received = await self._try(content)
            check(received)
            if not received.passing or attempt == self._config.retries:
                break
            await asyncio.sleep(pause_s(received.headers, attempt))
        return replace(received, calls=attempt + 1)

    async def _try(self, content: bytes) -> Received:
        from httpx2 import ConnectError, TransportError

        response: Response | None = None
        body = bytearray()
        passing, problem = True, None
        try:
            async with asyncio.timeout(self._config.timeout_s):
                response = await self._transport.handle_async_request(self._request(content))
                passing, problem = await _read(response, body, self._config.max_reply_bytes)
        except TimeoutError:
            problem = f"no whole answer within {self._config.timeout_s:g} s (timeout_s)"
        except (TransportError, OSError, UnicodeError) as error:
            what = "a broken reply" if not isinstance(error, ConnectError | UnicodeError) else "no connection"
            problem = f"{what} ({str(error) or type(error).__name__})"
        finally:
            if response is not None:
                with suppress(TransportError, OSError):
                    await response.aclose()
        if response is None:
            return Received(0, {}, b"", problem, passing)
        status = response.status_code
        passing = status in _PASSING or status >= 500 or (problem is not None and passing and status < 300)
        return Received(status, response.headers, bytes(body), problem, passing)

    def _request(self, content: bytes) -> Request:
        from httpx2 import Request

        key = {"Authorization": f"Bearer {self._secret.value}"} if self._secret else {}
        return Request("POST", self._address, headers=self._headers | key, content=content)


def pause_s(headers: Mapping[str, str], attempt: int) -> float:
    """Seconds until the next try: what the service asks for, two minutes at most, else growing pauses.

    Args:
        headers: of the reply; what can't be understood in them is passed over.
        attempt: tries after the first so far.
    """
    asked = _asked_pause_s(headers)
    if asked is not None:
        return min(asked, LONGEST_PAUSE_S)
    return min(FIRST_PAUSE_S * 2.0**attempt, LONGEST_BACKOFF_S) * random.uniform(1 - _JITTER, 1)


def _asked_pause_s(headers: Mapping[str, str]) -> float | None:
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "")[:64]
        try:
            asked = float(value) * unit_s
        except ValueError:
            try:
                asked = parsedate_to_datetime(value).timestamp() - time.time()
            except (ValueError, TypeError, OverflowError, IndexError, OSError):
                continue
        if asked > 0 and not math.isnan(asked):
            return asked
    return None


async def _read(response: Response, body: bytearray, limit: int) -> tuple[bool, str | None]:
    """Read a reply into `body`, `limit` bytes at most, packed and unpacked; whether a problem may pass, and it."""
    packing = response.headers.get("content-encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip", "deflate"):
        return False, f"a reply packed as '{packing[:40]}', which was not asked for"
    unpack = None if packing in ("", "identity") else zlib.decompressobj(zlib.MAX_WBITS | 32)
    came = 0
    try:
        async for chunk in response.aiter_raw():
            came += len(chunk)
            room = limit + 1 - len(body)
            body += unpack.decompress(chunk, room) if unpack else chunk[:room]
            if came > limit or len(body) > limit:
                return True, f"a reply of more than {limit} bytes (max_reply_bytes)"
    except zlib.error:
        return False, f"a reply that is not packed as '{packing}', as it says"
    if unpack and not unpack.eof:
        return True, f"a reply packed as '{packing}' that breaks off"
    return True, None


def _transport(url: str) -> AsyncHTTPTransport:
    from httpx2 import AsyncHTTPTransport, InvalidURL, Limits

    limits = Limits(max_connections=None, max_keepalive_connections=0)
    proxies, proxy = getproxies(), None
    if not proxy_bypass(urlsplit(url).netloc):
        proxy = proxies.get(urlsplit(url).scheme) or proxies.get("all")
    try:
        return AsyncHTTPTransport(verify=_certificates(), proxy=proxy, limits=limits)
    except (ValueError, ImportError, InvalidURL):
        pass  # its message may hold the proxy's password
    raise ConfigError(
        f"the proxy for {url} that the environment names (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) can't be used: "
        "expected an address such as http://host:port, or the service's host in NO_PROXY"
    )


@cache
def _certificates() -> ssl.SSLContext:
    # A fifth of a second, and a round asks several times.
    from httpx2 import create_ssl_context

    return create_ssl_context()


def _address(url: str) -> URL:
    from httpx2 import URL, InvalidURL

    try:
        return URL(url)
    except InvalidURL as error:
        problem = str(error)
    raise ConfigError(f"url {url} is no address of a service: {problem}")


def _not_asking(_: logging.LogRecord) -> bool:
    return not _asking.get()

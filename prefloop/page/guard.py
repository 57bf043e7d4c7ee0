"""Guard before the application: hosts, sizes and slowness of requests, and the headers of every answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("prefloop")

# No answer of the page needs anything from elsewhere, may stand in another page's frame, or be taken for
# another type than it is.
_ALWAYS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer, under which a form's POST has no origin to check.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_MOST_HEAD = 1 << 14
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


class _Refused(Exception):
    """A request that is not passed on."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Guard:
    """ASGI middleware around the whole application.

    Args:
        app: what is guarded.
        hosts: names that a request may call this server by, without port; empty: any. A page that has brought a
            browser to look its name up as this machine's address would otherwise be of the server's own origin.
        most_bytes: largest body.
        patience_s: seconds within which a body must be there.
        static: beginning of the paths whose answers a browser may keep.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Sequence[str] = (),
        most_bytes: int = 1 << 16,
        patience_s: float = 10.0,
        static: str = "/static/",
    ) -> None:
        self._app, self._hosts = app, frozenset(host.lower() for host in hosts)
        self._most, self._patience, self._static = most_bytes, patience_s, static

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, whole, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        send = self._with_headers(scope["path"], send)
        try:
            self._check_head(scope)
            body = await self._body(scope, receive)
        except _Refused as refused:
            answer = JSONResponse({"error": str(refused)}, refused.status, {"connection": "close"})
            await answer(scope, receive, send)
            return
        if body is not None:
            await self._passed_on(scope, _Replayed(body, receive), send)

    async def _passed_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application's answer; of a defect the client sees nothing but that there is one."""
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if not started:
                await JSONResponse({"error": "the server failed; it is in its log"}, 500)(scope, receive, send)

    def _check_head(self, scope: Scope) -> None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > _MOST_HEAD:
            raise _Refused(431, f"headers of over {_MOST_HEAD} bytes")
        given = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        if len(given) != 1:
            raise _Refused(400, "expected one Host header")
        if self._hosts and without_port(given[0]) not in self._hosts:
            raise _Refused(421, "this server does not answer to that host name; see --origin")

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, None where the client has gone."""
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        if any(int(value) > self._most for value in lengths if value.isdigit()):
            raise _Refused(413, f"a body of over {self._most} bytes")
        body = bytearray()
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    body += message.get("body", b"")
                    if len(body) > self._most:
                        raise _Refused(413, f"a body of over {self._most} bytes")
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise _Refused(408, f"the body was not there within {self._patience:.0f} s") from None

    def _with_headers(self, path: str, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers: list[Any] = list(message.get("headers", ()))
                there = {name.lower() for name, _ in headers}
                added = dict(_ALWAYS)
                if not path.startswith(self._static):
                    added["cache-control"] = "no-store"
                headers += [(k.encode(), v.encode()) for k, v in added.items() if k.encode() not in there]
                message = {**message, "headers": headers}
            await send(message)

        return sent


class _Replayed:
    """The body that was read, then what else the client sends: that it is gone."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def without_port(host: str) -> str:
    """The name in a Host header."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]

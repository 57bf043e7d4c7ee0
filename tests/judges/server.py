"""A real HTTP server on this machine that speaks OpenAI's chat completions, well or badly."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RUBRIC = "Prompt: {prompt}\nFirst: {first}\nSecond: {second}\nA, B or C?"


@dataclass
class Asked:
    """One request as it came; names of headers in lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def texts(self) -> tuple[str, str, str]:
        """Prompt, first and second completion."""
        lines = self.body["messages"][0]["content"].split("\n")
        prompt, first, second = (line.split(": ", 1)[1] for line in lines[:3])
        return prompt, first, second


@dataclass
class Served:
    """What a server is told to say, and what it heard."""

    say: Callable[[Asked, int], Any]
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""


@dataclass(frozen=True)
class Raw:
    """Bytes as they are to go over the wire, headers and all, without end if need be; then the connection closes.

    Attributes:
        parts: yields them.
        after: seconds before each further part.
        hold: whether to wait for the client to close first.
    """

    parts: Callable[[], Iterable[bytes]]
    after: float = 0.0
    hold: bool = False


def completion(text: Any, tokens: int | None = 12, **choice: Any) -> dict[str, Any]:
    """The body of a chat completion."""
    message = {"role": "assistant", "content": text}
    body = {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}],
    }  # fmt: skip
    if tokens is not None:
        body["usage"] = {"prompt_tokens": tokens - 1, "completion_tokens": 1, "total_tokens": tokens}
    return body


def error(status: int, message: str = "no", headers: dict[str, str] | None = None, **facts: Any) -> tuple:
    """A refusal, with the header that makes the client try again at once."""
    return status, {"error": {"message": message, **facts}}, {"retry-after-ms": "1", **(headers or {})}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        served: Served = self.server.served  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        with self.server.lock:  # type: ignore[attr-defined]
            served.asked.append(asked)
            number = len(served.asked) - 1
            served.at_once += 1
            served.most_at_once = max(served.most_at_once, served.at_once)
        try:
            said = served.say(asked, number)
        finally:
            with self.server.lock:  # type: ignore[attr-defined]
                served.at_once -= 1
        if isinstance(said, Raw):
            self._send_raw(said)
        else:
            self._send(*(said if isinstance(said, tuple) else (200, said, {})))

    def _send_raw(self, raw: Raw) -> None:
        self.close_connection = True
        try:
            for part in raw.parts():
                self.wfile.write(part)
                time.sleep(raw.after)
            while raw.hold and self.connection.recv(1024):
                pass
        except OSError:  # the client went away
            pass

    def _send(self, status: int, content: Any, headers: dict[str, str]) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        try:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:  # the client went away
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(say: Callable[[Asked, int], Any]) -> Iterator[Served]:
    """Serve until the block ends. `say` gives a body, or (status, body, headers), for a request and its number."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    served = Served(say, url=f"http://127.0.0.1:{server.server_port}/v1")
    server.served, server.lock = served, threading.Lock()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def honest(asked: Asked, _: int) -> dict[str, Any]:
    """Judges by the number at the texts' ends: the larger one is better, equal ones tie."""
    _, first, second = asked.texts
    one, other = (int(text.rsplit(" ", 1)[1]) for text in (first, second))
    return completion("A" if one > other else "B" if other > one else "C")


def slow(seconds: float, say: Callable[[Asked, int], Any]) -> Callable[[Asked, int], Any]:
    """The same after a while."""

    def later(asked: Asked, number: int) -> Any:
        time.sleep(seconds)
        return say(asked, number)

    return later

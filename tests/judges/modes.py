"""Ways in which a service can be broken or hostile, each with what is to become of it."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from tests.judges.server import Raw, completion, error, honest

SECRET = "sk-Secret_0123/456789xyZ"
LIMIT = 65536
BLOCK = b" " * LIMIT
AGAIN = {"retry-after-ms": "1"}


@dataclass(frozen=True)
class Mode:
    """One way.

    Attributes:
        says: the server's answer to every request; a function is given the request and its number.
        reason: part of the reason for having no verdict; None: there is one.
        calls: requests that it takes, at one further try.
        stops: whether asking ends with an error that holds `reason`.
        timeout_s: of the judge.
    """

    says: Any
    reason: str | None
    calls: int = 1
    stops: bool = False
    timeout_s: float = 5.0


def head(*lines: str, status: str = "200 OK") -> bytes:
    """The beginning of a reply."""
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/json", *lines, "", ""]).encode()


def chunked(parts: Iterable[bytes]) -> Iterator[bytes]:
    """A body in chunks."""
    return chain((b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part), [b"0\r\n\r\n"])


def wire(*parts: bytes | Callable[[], Iterable[bytes]], **facts: Any) -> Raw:
    """Bytes, and what yields bytes anew for each request, one after another."""
    return Raw(lambda: chain(*([part] if isinstance(part, bytes) else part() for part in parts)), **facts)


def changed(**top: Any) -> dict[str, Any]:
    """A good completion with other keys at its top."""
    return completion("A") | top


def message(**facts: Any) -> dict[str, Any]:
    """A good completion whose message has other keys too."""
    body = completion("A")
    body["choices"][0]["message"] |= facts
    return body


def usage(**counts: Any) -> dict[str, Any]:
    """A good completion with other counts."""
    return changed(usage=counts)


def text(old: str, new: str) -> bytes:
    """A good completion with its text altered: what no JSON writer would write."""
    whole = json.dumps(completion("A"))
    assert old in whole
    return whole.replace(old, new, 1).encode()


def packed(data: bytes, how: str) -> tuple[int, bytes, dict[str, str]]:
    """A reply with that content encoding."""
    return 200, data, {"Content-Encoding": how}


def zeros(bits: int) -> bytes:
    """Forty million blanks, packed to forty thousand bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    return b"".join([packer.compress(BLOCK) for _ in range(640)] + [packer.flush()])


def nothing() -> Iterator[bytes]:
    """A packed stream that goes on for ever and never yields a byte: empty blocks after gzip's head."""
    return chain([b"\x1f\x8b\x08" + bytes(7)], repeat(b"\x00\x00\x00\xff\xff" * 1000))


def honestly(how: str, pack: Callable[[bytes], bytes]) -> Any:
    """Good answers, packed."""
    return lambda asked, number: packed(pack(json.dumps(honest(asked, number)).encode()), how)


def two_replies(asked: Any, number: int) -> Raw:
    """A good answer, and unasked a bad one after it on the same connection."""
    parts = []
    for body in (honest(asked, number), completion("A")):
        data = json.dumps(body).encode()
        parts.append(head(f"Content-Length: {len(data)}") + data)
    return Raw(lambda: [b"".join(parts)], hold=True)


TOO_LARGE = f"a reply of more than {LIMIT} bytes (max_reply_bytes)"
LATE = "no whole answer within 0.1 s (timeout_s)"
BROKEN = "a broken reply ("
GOOD = json.dumps(completion("A")).encode()
DEEP = b"[" * 30_000

SIZES = {
    "a body of 1 GB": Mode(wire(head("Content-Length: 1073741824"), lambda: repeat(BLOCK, 16384)), TOO_LARGE, 2),
    "chunks without end": Mode(
        wire(head("Transfer-Encoding: chunked"), lambda: chunked(repeat(BLOCK))), TOO_LARGE, 2
    ),
    "a stream without length or end": Mode(wire(head(), lambda: repeat(BLOCK)), TOO_LARGE, 2),
    "a good answer with 1 GB behind it": Mode(wire(head(), GOOD, lambda: repeat(BLOCK, 16384)), TOO_LARGE, 2),
    "a gzip bomb": Mode(packed(zeros(31), "gzip"), TOO_LARGE, 2),
    "a deflate bomb": Mode(packed(zeros(15), "deflate"), TOO_LARGE, 2),
    "a packed stream of nothing": Mode(wire(head("Content-Encoding: gzip"), nothing), TOO_LARGE, 2),
    "a refusal without end": Mode(wire(head(status="403 No"), lambda: repeat(BLOCK)), "check the key", stops=True),
    "a failure without end": Mode(
        wire(head("retry-after-ms: 1", status="500 No"), b"busy", lambda: repeat(BLOCK)), "status 500: 'busy", 2
    ),
    "headers without end": Mode(
        wire(b"HTTP/1.1 200 OK\r\n", lambda: repeat(b"X: " + b"y" * 8192 + b"\r\n")), BROKEN, 2
    ),
    "one header of 10 MB": Mode(wire(b"HTTP/1.1 200 OK\r\nX: ", lambda: repeat(b"y" * 8192, 1280)), BROKEN, 2),
    "a brotli body": Mode(packed(b"\x0b" * 500, "br"), "packed as 'br', which was not asked for"),
    "a zstd body": Mode(packed(b"\x28\xb5\x2f\xfd" * 9, "zstd"), "packed as 'zstd'"),
    "packed twice": Mode(packed(gzip.compress(gzip.compress(GOOD)), "gzip, gzip"), "packed as 'gzip, gzip'"),
    "said to be packed": Mode(packed(GOOD, "gzip"), "not packed as 'gzip', as it says"),
    "packed and cut": Mode(packed(gzip.compress(GOOD)[:60], "gzip"), "packed as 'gzip' that breaks off", 2),
    "gzip in good order": Mode(honestly("gzip", gzip.compress), None),
    "deflate in good order": Mode(honestly("deflate", zlib.compress), None),
}

TIMES = {
    "silence": Mode(Raw(list, hold=True), LATE, 2, timeout_s=0.1),
    "headers drop by drop": Mode(
        wire(b"HTTP/1.1 200 OK\r\n", lambda: repeat(b"X: y\r\n"), after=0.02), LATE, 2, timeout_s=0.1
    ),
    "a body drop by drop": Mode(
        wire(head("Content-Length: 500"), lambda: repeat(b" "), after=0.02), LATE, 2, timeout_s=0.1
    ),
    "a good answer that never ends": Mode(
        wire(head("Content-Length: 5000"), GOOD, hold=True), LATE, 2, timeout_s=0.1
    ),
    "a refusal drop by drop": Mode(
        wire(head(status="401 No"), b"no", lambda: repeat(b" "), after=0.02), "'no'", stops=True, timeout_s=0.4
    ),
    "hints without end": Mode(
        wire(lambda: repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 99), after=0.01), LATE, 2, timeout_s=0.1
    ),
}  # fmt: skip

PROTOCOL = {
    "nothing": Mode(Raw(list), BROKEN, 2),
    "no HTTP": Mode(wire(b"SSH-2.0-OpenSSH_9.6\r\n"), BROKEN, 2),
    "a beginning only": Mode(wire(b"HTTP/1.1 200 OK\r\nContent-"), BROKEN, 2),
    "a status that is no number": Mode(wire(b"HTTP/1.1 good OK\r\n\r\n"), BROKEN, 2),
    "a header without a colon": Mode(wire(b"HTTP/1.1 200 OK\r\nhello\r\n\r\n"), BROKEN, 2),
    "a header with a zero byte": Mode(wire(b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"), BROKEN, 2),
    "two lengths": Mode(wire(head("Content-Length: 3", "Content-Length: 4"), GOOD), BROKEN, 2),
    "a negative length": Mode(wire(head("Content-Length: -1"), GOOD), BROKEN, 2),
    "less than its length": Mode(wire(head("Content-Length: 9999"), GOOD), BROKEN, 2),
    "a chunk of no size": Mode(wire(head("Transfer-Encoding: chunked"), b"zz\r\n", GOOD), BROKEN, 2),
    "chunks that end early": Mode(wire(head("Transfer-Encoding: chunked"), b"fff\r\n", GOOD), BROKEN, 2),
    "more than its length": Mode(wire(head("Content-Length: 20"), GOOD), "no JSON"),
    "two replies to one request": Mode(two_replies, None),
    "another protocol": Mode(wire(head("Upgrade: x", "Connection: upgrade", status="101 X")), BROKEN, 2),
    "an unknown status": Mode((299, completion("D"), {}), "no single letter"),
    "a status beyond all": Mode(wire(head("retry-after-ms: 1", status="999 Odd")), "status 999", 2),
    "no content": Mode((204, b"", {}), "no JSON: ''"),
    "an unavailable pair": Mode(error(451, "not here"), "status 451: 'not here'"),
}

SCHEMA = {
    "a web page": Mode((200, b"<html>Sign in</html>", {"Content-Type": "text/html"}), "no JSON but 'text/html'"),
    "a good answer as a web page": Mode((200, GOOD, {"Content-Type": "text/html; charset=utf-8"}), "no JSON but"),
    "events": Mode((200, b"data: {}", {"Content-Type": "text/event-stream"}), "no JSON but 'text/event-stream'"),
    "a good answer as plain text": Mode(lambda a, n: (200, honest(a, n), {"Content-Type": "text/plain"}), None),
    "no JSON": Mode((200, b"{", {}), "no JSON: '{'"),
    "an empty body": Mode((200, b"", {}), "no JSON: ''"),
    "other bytes than UTF-8": Mode((200, GOOD + b"\xff", {}), "no UTF-8"),
    "UTF-16": Mode((200, json.dumps(completion("A")).encode("utf-16"), {}), "no JSON"),
    "two documents": Mode((200, GOOD + GOOD, {}), "no JSON"),
    "nested deeply": Mode((200, DEEP, {}), "nested too deeply"),
    "nested deeply in a failure": Mode((500, DEEP, AGAIN), "status 500", 2),
    "NaN": Mode((200, text('"created": 1', '"created": NaN'), {}), "NaN is no number"),
    "infinity": Mode((200, text('"created": 1', '"created": -Infinity'), {}), "-Infinity is no number"),
    "an infinite number": Mode((200, text('"created": 1', '"created": 1e999'), {}), "a number is too large"),
    "a number of 9,000 digits": Mode((200, text('"created": 1', '"created": ' + "9" * 9000), {}), "no JSON"),
    "the content twice": Mode((200, text('"content"', '"content": "B", "content"'), {}), "a key stands twice"),
    "the choices twice": Mode((200, text('"choices"', '"choices": [], "choices"'), {}), "a key stands twice"),
    "an array": Mode([completion("A")], "no chat completion"),
    "an error beside choices": Mode(changed(error={"message": "no quota"}), "an error in place of an answer: 'no"),
    "an error in words": Mode({"error": "no such model"}, "'no such model'"),
    "another object": Mode(changed(object="chat.completion.chunk"), "by its object"),
    "an object of another type": Mode(changed(object=["chat.completion"]), "by its object"),
    "no choices": Mode(changed(choices=[]), "no choices"),
    "choices of another type": Mode(changed(choices={"0": 1}), "no choices"),
    "two choices": Mode(changed(choices=completion("A")["choices"] * 2), "2 choices, where one"),
    "a choice of another type": Mode(changed(choices=["A"]), "a choice without a message"),
    "a message of another type": Mode(changed(choices=[{"message": ["A"]}]), "a choice without a message"),
    "another role": Mode(message(role="user"), "not the assistant's"),
    "cut off": Mode(completion("A", finish_reason="length"), "cut off at max_tokens"),
    "withheld": Mode(completion("A", finish_reason="content_filter"), "withheld by the service"),
    "an error as end": Mode(completion("A", finish_reason="error"), "not finished (finish_reason: 'error')"),
    "an end of another type": Mode(completion("A", finish_reason={"stop": 1}), "not finished"),
    "no end": Mode(lambda a, n: completion("BA"[n % 2], finish_reason=None), None),
    "a refusal in place of content": Mode(message(refusal="I can't", content=None), "the model refuses: 'I"),
    "a refusal beside content": Mode(message(refusal="I can't"), "the model refuses"),
    "a call of a tool": Mode(message(tool_calls=[{"id": "1"}]), "a call of a tool"),
    "a call of a function": Mode(message(function_call={"name": "f"}), "a call of a tool"),
    "no tools called": Mode(lambda a, n: honest(a, n) | {"error": None}, None),
    "no content at all": Mode(completion(None), "an empty answer"),
    "blank content": Mode(completion(" \n"), "an empty answer"),
    "content in parts": Mode(completion([{"type": "text", "text": "A"}]), "no text but a JSON array"),
    "a number as content": Mode(completion(1), "no text but a JSON number"),
    "half a character": Mode((200, text('"content": "A"', r'"content": "A\ud800"'), {}), "no single letter"),
    "a letter of another script": Mode(completion("\u0410"), "no single letter"),
    "an invisible character": Mode(completion("A\u200b"), "no single letter"),
    "negative usage": Mode(usage(total_tokens=-5), "total_tokens is no whole number"),
    "infinite usage": Mode((200, text('"total_tokens": 12', '"total_tokens": 1e400'), {}), "is too large"),
    "absurd usage": Mode(usage(prompt_tokens=10**15), "prompt_tokens is no whole number"),
    "usage in words": Mode(usage(total_tokens="many"), "total_tokens is no whole number"),
    "usage as a list": Mode(changed(usage=[12]), "usage is no object"),
}  # fmt: skip

THERE = "http://127.0.0.1:1/v1"
REDIRECTS = {
    f"status {status}": Mode(
        (status, b"", {"Location": f"{THERE}?{SECRET}"}),
        f"status {status}, which points to '{THERE}?(the key)'",
        stops=status in (301, 308),
    )
    for status in (301, 302, 303, 307, 308)
} | {
    "one that says not where": Mode((302, b"", {}), "status 302, which points to ''"),
    "a riddle": Mode(
        (307, b"", {"Location": "ht\x1b[31mtp://[::\x9b2J" + "x" * 5000}), "which points to 'http://[::xx"
    ),
}

PAUSES = {
    f"Retry-After: {value}": Mode((503, b"", AGAIN | {"Retry-After": value}), "status 503", 2)
    for value in ("nan", "-5", "soon", "1e999", "\u00b2", "Fri, 99 Foo 99999 99:99:99 GMT")
}


def leaked(text: str) -> bool:
    """Whether a run of eight letters and digits of the key, plain or coded, stands in a text."""
    key = re.sub(r"[\W_]", "", SECRET).lower()
    coded = re.sub(r"[\W_]", "", base64.b64encode(SECRET.encode()).decode()).lower()
    forms = (key, key[::-1], SECRET.encode().hex(), coded)
    bare = re.sub(r"[\W_]", "", text).lower()
    return any(form[start : start + 8] in bare for form in forms for start in range(len(form) - 7))


ECHOES = {
    "refused": Mode(error(401, f"bad key {SECRET}"), "check the key", stops=True),
    "failed": Mode(error(500, SECRET), "status 500", 2),
    "failed, in no JSON": Mode((500, SECRET.encode(), AGAIN), "status 500", 2),
    "answered": Mode(completion(f"Your key: {SECRET}"), "no single letter"),
    "in an error's place": Mode({"error": {"message": SECRET, "code": SECRET}}, "an error in place"),
    "refused by the model": Mode(message(refusal=SECRET), "the model refuses"),
    "as an end": Mode(completion("A", finish_reason=SECRET), "not finished"),
    "in no JSON": Mode((200, SECRET.encode(), {}), "no JSON"),
    "pointed to": Mode((307, b"", {"Location": f"http://x/{SECRET}"}), "status 307"),
    "as a type": Mode((200, b"", {"Content-Type": SECRET}), "no JSON"),
    "as a packing": Mode(packed(b"", SECRET), "packed as"),
    "as a pause": Mode((500, b"", AGAIN | {"Retry-After": SECRET, "X-Key": SECRET}), "status 500", 2),
    "as a broken header": Mode(wire(b"HTTP/1.1 200 OK\r\n" + SECRET.encode() + b"\r\n\r\n"), BROKEN, 2),
    "as a phrase": Mode(wire(head(f"X: {SECRET}", status=f"500 {SECRET}")), "status 500", 2),
}


MODES = {
    f"{group}: {name}": mode
    for group, modes in (
        ("size", SIZES), ("time", TIMES), ("protocol", PROTOCOL), ("schema", SCHEMA), ("redirect", REDIRECTS),
        ("pause", PAUSES), ("echo", ECHOES),
    )
    for name, mode in modes.items()
}  # fmt: skip

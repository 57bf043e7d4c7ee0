"""Bytes of a file, decompressed and in UTF-8, a block at a time; and its lines, none longer than `LINE`."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

LINE = 1 << 26
"""Bytes of the longest line, or element of a JSON list; what is longer is an error, not a full memory."""

BLOCK = 96 << 10
HEAD = 1 << 18
_UTF8 = b"\xef\xbb\xbf"


class StreamError(Exception):
    """Bytes that cannot be read on.

    Attributes:
        got: what came.
        expected: what was expected, with the remedy.
    """

    def __init__(self, got: object, expected: str) -> None:
        super().__init__(got, expected)
        self.got, self.expected = got, expected


def _gzip(path: Path) -> gzip.GzipFile:
    return gzip.GzipFile(path)


def _zstd(path: Path) -> pa.NativeFile:
    return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")


_PACKED: dict[bytes, tuple[str, Callable[[Path], Any]]] = {
    b"\x1f\x8b": ("gzip", _gzip),
    b"BZh": ("bzip2", bz2.BZ2File),
    b"\xfd7zXZ\x00": ("xz", lzma.LZMAFile),
    b"\x28\xb5\x2f\xfd": ("zstd", _zstd),
}

_ENCODINGS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def packed(path: Path) -> str | None:
    """How a file is compressed, by its first bytes: gzip, bzip2, xz, zstd, or None."""
    with open(path, "rb") as handle:
        start = handle.read(8)
    return next((name for magic, (name, _) in _PACKED.items() if start.startswith(magic)), None)


def head(path: Path, size: int = HEAD) -> bytes:
    """The first bytes of a file, decompressed but not decoded.

    Raises:
        StreamError: it is damaged within them.
    """
    content = b""
    with _opened(path) as stream, _named(path):
        while len(content) < size and (block := stream.read(size - len(content))):
            content += block
    return content


def encoding_of(start: bytes) -> str:
    """UTF-16 or UTF-32 where a byte-order mark says so, else UTF-8."""
    return next((name for mark, name in _ENCODINGS.items() if start.startswith(mark)), "utf-8")


def blocks(path: Path) -> Iterator[bytes]:
    """The content of a file in UTF-8 without a byte-order mark, a block at a time.

    Bytes that are no UTF-8 are passed on, so that whoever reads can name the row; UTF-16 and UTF-32 are decoded.

    Raises:
        StreamError: the file is truncated or damaged, once all before it was given.
    """
    decoder: codecs.IncrementalDecoder | None = None
    with _opened(path) as stream, _named(path):
        read = getattr(stream, "read1", stream.read)
        block = read(BLOCK)
        if (encoding := encoding_of(block)) != "utf-8":
            decoder = codecs.getincrementaldecoder(encoding)()
        while decoder is None and block.startswith(_UTF8):  # an editor adds its own to the one that is there
            block = block.removeprefix(_UTF8)
        while block:
            yield decoder.decode(block).encode("utf-8") if decoder else block
            block = read(BLOCK)
        if decoder:
            decoder.decode(b"", True)


def lines(path: Path) -> Iterator[list[bytes]]:
    """Lines without their ends, several at a time; ended by LF, CRLF, or by CR where the file begins so.

    Raises:
        StreamError: as for `blocks`; a line longer than `LINE`.
    """
    end = b""
    parts: list[bytes] = []  # of a line that goes on in the next block
    for block in blocks(path):
        end = end or (b"\r" if b"\r" in block and b"\n" not in block else b"\n")
        first, *others = block.split(end)
        parts.append(first)
        if others:
            whole = [b"".join(parts), *others]
            parts = [whole.pop()]
            yield whole
        elif sum(map(len, parts)) > LINE:
            raise StreamError(f"a line of more than {LINE} bytes", "shorter lines")
    if rest := b"".join(parts):
        yield [rest]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    name = packed(path)
    opener = next((opener for title, opener in _PACKED.values() if title == name), None)
    with io.FileIO(path) if opener is None else opener(path) as stream:
        yield stream


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeError as error:
        raise StreamError(f"bytes that do not fit its byte-order mark ({error})"[:200], "text in UTF-8") from None
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's own errors
        got = f"a truncated or damaged {packed(path)} file ({error})"
        raise StreamError(got, "a whole one; fetch or write it again") from None

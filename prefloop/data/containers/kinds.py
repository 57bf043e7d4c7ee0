"""What a file is, by its content and not by its name."""

from __future__ import annotations

import json
import re
import zipfile
from enum import Enum
from pathlib import Path

import orjson

from prefloop.data.containers.lines import TABLES, table_in
from prefloop.data.containers.streams import StreamError, encoding_of, head, packed
from prefloop.data.containers.table import dialect_of
from prefloop.errors import DataError
from prefloop.io.strict import StrictError, parse


class Kind(Enum):
    """Containers of rows."""

    LINES = "JSONL"
    LIST = "JSON list"
    WRAPPED = "JSON object with a list of rows"
    TABLE = "CSV or TSV"
    SHEET = "spreadsheet"
    PARQUET = "Parquet"
    ARROW = "Arrow"


KINDS = "JSONL, a JSON list, CSV, TSV, XLSX, Parquet or Arrow; gzip, zstd, bzip2 or xz of a text"

_BINARY: tuple[tuple[bytes, Kind | str], ...] = (
    (b"PAR1", Kind.PARQUET),
    (b"ARROW1", Kind.ARROW),
    (b"\xff\xff\xff\xff", Kind.ARROW),
    (b"\xd0\xcf\x11\xe0", Kind.SHEET),
    (b"PARE", "an encrypted Parquet file: decrypt it"),
    (b"FEA1", "a file of Feather's first version: write it with a newer one, or as Parquet"),
    (b"SQLite format 3\x00", "an SQLite database: export its table as CSV"),
    (b"version https://git-lfs", "a git-LFS pointer, not the file itself: run git lfs pull"),
    (b"%PDF", "a PDF"),
    (b"\x89HDF", "an HDF5 file: write its table as Parquet"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it"),
    (b"Rar!", "a RAR archive: unpack it"),
    (b"ORC", "an ORC file: write it as Parquet"),
    (b"Obj\x01", "an Avro file: write it as Parquet"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x95\x80-\xff}\](ceq\x8c\x00-\x7f]")
_MARKUP = re.compile(rb"\s*<(!doctype|html|\?xml|head|body|meta|table|!--)", re.I)
_KEY = re.compile(r'\s*,?\s*("(?:[^"\\]|\\.)*")\s*:\s*')
_ROWS = re.compile(r"\[\s*\{")
_CUT = 1 << 18


def kind_of(path: Path) -> Kind:
    """What container a file is.

    Raises:
        DataError: it is none of rows; what it is instead, and the remedy where there is one.
    """
    try:
        start = head(path)
    except StreamError as error:
        if error.got and packed(path):
            return _unreadable_start(path, error)
        raise DataError(f"{path}: got {error.got}, expected {error.expected}") from None
    if not start:
        raise DataError(f"{path}: got no rows, expected at least one: the file is empty; fetch or write it again")
    kind = _binary(path, start)
    if isinstance(kind, str):
        raise DataError(f"{path}: got {kind}; expected {KINDS}")
    if isinstance(kind, Kind):
        if packed(path):
            raise DataError(f"{path}: got a compressed {kind.value} file, expected it decompressed")
        return kind
    return _text(path, start)


def _unreadable_start(path: Path, error: StreamError) -> Kind:
    """A compressed file damaged near its beginning: lines before the damage are still delivered."""
    name = path.name.lower()
    if ".jsonl" in name or ".ndjson" in name:
        return Kind.LINES
    raise DataError(f"{path}, row 1: got {error.got}, expected {error.expected}")


def _binary(path: Path, start: bytes) -> Kind | str | None:
    if encoding_of(start) != "utf-8":
        return None
    if start.startswith(b"PK"):
        return _zip(path)
    if _MARKUP.match(start.removeprefix(b"\xef\xbb\xbf")):
        return "an HTML or XML page, not the file itself: fetch it again, with your access token where it asks"
    if _PICKLE.match(start) and b"\x00" in start[:4096]:
        return "a pickle, which can run code when it is opened: write its rows as JSONL"
    if start[257:262] == b"ustar":
        return "a tar archive: unpack it"
    kind = next((kind for magic, kind in _BINARY if start.startswith(magic)), None)
    if kind is not None:
        return kind
    nulls = start[:1024].count(0)
    if nulls >= len(start[:1024]) // 3 and nulls:
        return "text that looks like UTF-16 without a byte-order mark: save it as UTF-8"
    return "a binary file of an unknown kind" if nulls else None


def _zip(path: Path) -> Kind | str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "a damaged zip archive or spreadsheet"
    is_sheet = names & {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}
    return Kind.SHEET if is_sheet else "a zip archive: unpack it"


def _text(path: Path, start: bytes) -> Kind:
    encoding = encoding_of(start)
    text = start
    while text.startswith(b"\xef\xbb\xbf"):
        text = text.removeprefix(b"\xef\xbb\xbf")
    if encoding != "utf-8":
        text = start.decode(encoding, errors="replace").removeprefix("\ufeff").encode("utf-8", errors="replace")
    text = text.lstrip()
    if not text:
        return Kind.LINES
    if text.startswith(b"["):
        return Kind.LIST
    if text.startswith(b"{"):
        return _objects(text, is_whole=len(start) < _CUT)
    return Kind.TABLE


def _objects(text: bytes, is_whole: bool) -> Kind:
    """An object a line, or written over several lines; or one that holds a list of rows."""
    first, _, rest = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").partition(b"\n")
    following = rest.lstrip(b"\n")
    if not following.strip():
        is_table = _is_wrapped(first) if is_whole else _is_begun(first)
        return Kind.WRAPPED if is_table else Kind.LINES
    is_spread = not _is_json(first) and following[:1] in (b" ", b"\t", b'"', b"}", b"]")
    if not is_spread:
        return Kind.LINES
    return Kind.WRAPPED if _is_begun(text) or _is_wrapped(text) else Kind.LIST


def _is_begun(text: bytes) -> bool:
    """Whether an object holds a list of rows under a usual name, before any other list and where the text ends."""
    decoded, at = text.decode("utf-8", errors="replace"), 1
    decoder = json.JSONDecoder()
    try:
        while key := _KEY.match(decoded, at):
            if decoded[key.end() :].startswith("["):
                holds_rows = _ROWS.match(decoded, key.end()) is not None
                return holds_rows and json.loads(key[1]).lower() in TABLES
            _, at = decoder.raw_decode(decoded, key.end())
    except (ValueError, RecursionError):  # cut off inside a value, or no JSON
        return False
    return False


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _is_wrapped(text: bytes) -> bool:
    try:
        return table_in(parse(text)) is not None
    except StrictError:
        return False


def is_rows(path: Path) -> bool:
    """Whether a file is one of rows, so far as its beginning tells; a text counts where it is plainly a table."""
    try:
        kind = kind_of(path)
        if kind is not Kind.TABLE:
            return True
        return dialect_of(head(path), path).is_proven
    except (DataError, StreamError, OSError):
        return False

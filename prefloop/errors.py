"""Errors a user can meet: one root, each class with the exit code the command line returns."""

from __future__ import annotations

import errno
import logging
import re
import sys
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger("prefloop")

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_LABELS_MISSING = 3
EXIT_NOTHING_LEFT = 4
EXIT_INTERRUPTED = 130

_ELEMENT = re.compile(r"<(?=[A-Za-z/!?])")


class PrefloopError(Exception):
    """Root of every error that prefloop raises on purpose; the message names cause and remedy."""

    exit_code = EXIT_FAILED


class ConfigError(PrefloopError):
    """Wrong usage: an unknown or invalid parameter, option, policy name or budget."""

    exit_code = EXIT_USAGE


class DataError(PrefloopError):
    """Input data that cannot be used; the message names file, row, field, got and expected.

    Attributes:
        place: the same five apart, for machines; None where the message names no field.
    """

    place: dict[str, str | int | None] | None = None

    @classmethod
    def at(cls, path: Path | str, row: int | None, field: str, got: object, expected: str) -> DataError:
        """Build the standard message for one malformed place of an input file."""
        where = f"{path}" if row is None else f"{path}, row {row}"
        error = cls(f"{shown(where)}, field '{shown(field)}': got {_short(got)}, expected {shown(expected)}")
        error.place = {
            "file": shown(str(path)),
            "row": row,
            "field": shown(field),
            "got": _short(got),
            "expected": shown(expected),
        }
        return error


class ModelError(PrefloopError):
    """A language model that is missing, unreachable, altered or unusable."""


class StateError(PrefloopError):
    """A damaged or unwritable file among prefloop's own: cache, state, output, disk full."""


class TrackingError(PrefloopError):
    """The MLflow tracking store cannot be reached or written."""


class AddressError(PrefloopError):
    """An address that this process cannot listen on."""


class LabelsMissing(PrefloopError):
    """The command needs labels that nobody has given yet."""

    exit_code = EXIT_LABELS_MISSING


class NothingLeft(PrefloopError):
    """Every comparison that could be asked for has its label."""

    exit_code = EXIT_NOTHING_LEFT


def exit_code_of(action: Callable[[], object]) -> int:
    """Run `action`; report a known failure as one clear line on stderr and return its exit code.

    Errors of the operating system (disk full, no permission, ...) count as known failures.
    Anything else is a defect of prefloop and keeps its traceback.
    """
    try:
        action()
    except PrefloopError as error:
        print(f"error: {_on_terminal(str(error))}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {_on_terminal(describe_os_error(error))}", file=sys.stderr)
        return EXIT_FAILED
    except (MemoryError, RuntimeError) as error:
        # torch's own class is a RuntimeError; importing torch to name it would cost a second.
        if not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError":
            raise
        print(
            "error: out of memory: set benchmark.device to cpu, or lower members, layers or batch_size; "
            "finished work is kept",
            file=sys.stderr,
        )
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("interrupted: run the same command again; finished work is kept", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_OK


def describe_os_error(error: OSError) -> str:
    """Say in one line what the operating system refused, and what to do about it."""
    place = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"disk full{place}: free some space and run the same command again; finished work is kept"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission to write or read{place}: check the owner and mode of that path"
    return f"{error.strerror or error}{place}"


def shown(text: object) -> str:
    """A name or value of the user's as it may stand in a terminal and in a report: what would act there is spelt.

    Control characters and escape sequences, invisible and direction-changing characters become their escapes
    (`\\x1b`), and angle brackets that would open an element of HTML become full-width ones.
    """
    content = str(text)
    if content.isascii() and content.isprintable() and "<" not in content:
        return content
    return _ELEMENT.sub("＜", _spelt(content))


def _on_terminal(message: str) -> str:
    """A whole message, whose lines stay lines."""
    return "\n".join(map(_spelt, message.split("\n")))


def _spelt(text: str) -> str:
    return "".join(char if _is_harmless(char) else char.encode("unicode_escape").decode() for char in text)


def _is_harmless(char: str) -> bool:
    # Joiners belong to the spelling of many languages, and to emoji.
    return char.isprintable() or char in " \u200c\u200d\u3000\xa0"


def _short(value: object, limit: int = 80) -> str:
    try:
        text = _ELEMENT.sub("＜", repr(value))
    except (RecursionError, ValueError, OverflowError):  # nested deeply, a number too long, a date out of range
        text = f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

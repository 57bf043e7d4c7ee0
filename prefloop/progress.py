"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere; no bars of libraries."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from tqdm import tqdm

log = logging.getLogger("prefloop")

_LINE_EVERY_S = 10.0


class Progress:
    """Counts work done, with rate and time left, on stderr; use as a context manager."""

    def __init__(self, what: str, total: int, unit: str = "it") -> None:
        self._what, self._total, self._unit = what, total, unit
        self._done = 0
        self._start = self._last = time.monotonic()
        self._bar = tqdm(desc=what, total=total, unit=unit) if sys.stderr.isatty() else None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._last != self._start:
            self._line()

    def add(self, count: int) -> None:
        """Count `count` more units as done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.monotonic() - self._last > _LINE_EVERY_S:
            self._line()

    def _line(self) -> None:
        self._last = time.monotonic()
        rate = self._done / max(self._last - self._start, 1e-9)
        left = (self._total - self._done) / rate if rate else float("nan")
        log.info("%s: %d/%d %s, %.1f/s, %.0f s left", self._what, self._done, self._total, self._unit, rate, left)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Inside, transformers reports errors only and draws no bars; afterwards all is as it was."""
    from transformers.utils import logging as transformers_logging

    level, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()

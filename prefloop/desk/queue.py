"""Queue: waiting comparisons, leases and what was said, in SQLite; all but the leases comes from batch and log."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefloop.desk.budget import Budget, Spent
from prefloop.desk.tables import (
    AFTER_WORDS,
    BATCH,
    NO_LONGER_COUNTED,
    PAIRS_FROM_TALLY,
    SCHEMA,
    UNSHOWN,
    VERSION,
    WORDS,
    said,
)
from prefloop.errors import StateError
from prefloop.labels.log import Mark, News

log = logging.getLogger("prefloop")

_SETTINGS = (
    *("journal_mode = WAL", "synchronous = NORMAL", "wal_autocheckpoint = 0"),
    *("cache_size = -32000", "temp_store = MEMORY"),
)
_ROWS = 1 << 14
# What was written is moved from SQLite's journal into the file when the journal has so many bytes, looked at every
# so many seconds: by a thread of its own, since the disk may take longer over it than anybody should wait.
_JOURNAL_BYTES, _LOOK_S = 1 << 22, 1.0


class Queue:
    """The tables, for any number of threads: each holds `lock` for as long as what it reads must not change.

    Args:
        path: the file; made, or made again where it is damaged or of another kind.
        budget: what lines cost.

    Raises:
        StateError: it can neither be read nor made.
    """

    def __init__(self, path: Path, budget: Budget) -> None:
        self._path, self._budget = path, budget
        self.lock = threading.RLock()
        self._connection = self._open()
        self._connection.execute(UNSHOWN)
        self._is_closed = threading.Event()
        self._tidier = threading.Thread(target=self._tidy, name="queue", daemon=True)
        self._tidier.start()

    def close(self) -> None:
        """Close the file."""
        self._is_closed.set()
        self._tidier.join()
        with self.lock:
            self._connection.close()

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self.lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query, None without one."""
        with self.lock:
            row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def change(self, sql: str, *values: Any) -> None:
        """Change rows; values by place, or one dictionary of them by name."""
        named = values[0] if values and isinstance(values[0], dict) else values
        with self.transaction() as connection:
            connection.execute(sql, named)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Several changes as one; taken back on any error."""
        with self.lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @property
    def mark(self) -> Mark:
        """How far the log was taken in."""
        return Mark(*(self._meta(f"mark_{name}", start) for name, start in asdict(Mark()).items()))

    @property
    def spent(self) -> Spent:
        """What the lines have cost that were taken in."""
        return Spent(*(self._meta(f"spent_{name}", 0) for name in asdict(Spent())))

    def take_in(self, news: News, mark: Mark) -> None:
        """Take lines of the log in; at a cost that depends on them, not on those before.

        Args:
            news: what was read.
            mark: how far the log was read then.
        """
        lines = news.lines
        if not len(lines) and not news.is_whole and mark == self.mark:
            return
        with self.transaction() as connection:
            if news.is_whole:
                self._forget(connection)
            spent = self.spent + self._budget.paid_for(lines)
            first = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM words").fetchone()[0]
            insert = f"INSERT INTO words VALUES (NULL{', ?' * len(WORDS)}, ?, ?)"
            for part in said(lines).to_batches(_ROWS):
                connection.executemany(insert, zip(*(column.to_pylist() for column in part.columns), strict=True))
            spent += Spent(labels=_newly_counted(connection, first))
            for statement in AFTER_WORDS:
                connection.execute(statement, (first,))
            self._set_meta(connection, {f"mark_{name}": value for name, value in asdict(mark).items()})
            self._set_meta(connection, {f"spent_{name}": value for name, value in asdict(spent).items()})

    def answers_of(self, annotator: str) -> int:
        """How many verdicts of an annotator stand in the log, those that they took back included."""
        row = self.row("SELECT answers FROM people WHERE annotator = ?", annotator)
        return 0 if row is None else int(row[0])

    @property
    def is_used_up(self) -> bool:
        """Whether there is a batch, and nothing in it: nothing was left to choose."""
        return self._meta("batch", "") == "there" and self.row("SELECT 1 FROM pairs") is None

    def take_batch(self, batch: pa.Table | None) -> None:
        """Put the pairs of a batch in the place of those that waited before.

        Args:
            batch: the columns BATCH, in order; None: there is no batch yet.
        """
        columns = (() if batch is None else batch[name].to_pylist() for name in BATCH)
        with self.transaction() as connection:
            self._set_meta(connection, {"batch": "away" if batch is None else "there"})
            connection.execute("DELETE FROM pairs")
            connection.execute("DELETE FROM unshown")
            connection.executemany(
                "INSERT INTO pairs VALUES (NULL, ?, ?, ?, ?, ?, ?, 0, 0)", zip(*columns, strict=True)
            )
            connection.execute(PAIRS_FROM_TALLY)

    def _tidy(self) -> None:
        journal = Path(f"{self._path}-wal")
        while not self._is_closed.wait(_LOOK_S):
            with suppress(OSError, sqlite3.Error):  # the next look, or closing, does it
                if journal.stat().st_size >= _JOURNAL_BYTES:
                    with closing(self._connect()) as connection:
                        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _forget(self, connection: sqlite3.Connection) -> None:
        for table in ("words", "tally", "people"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute("DELETE FROM meta WHERE key LIKE 'mark_%' OR key LIKE 'spent_%'")
        connection.execute("UPDATE pairs SET standing = 0, ruled = 0")

    def _meta(self, key: str, start: Any) -> Any:
        row = self.row("SELECT value FROM meta WHERE key = ?", key)
        return start if row is None else row[0]

    @staticmethod
    def _set_meta(connection: sqlite3.Connection, values: dict[str, Any]) -> None:
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        there = self._path.exists()
        if there:
            try:
                connection = self._connect()
                if connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok" and self._is_ours(connection):
                    return connection
                connection.close()
                log.warning("%s is damaged or was made for other leases: it is made again", self._path)
            except sqlite3.DatabaseError as error:
                log.warning("%s is damaged (%s): it is made again", self._path, error)
        else:
            log.info("%s is made, from the batch and the label log", self._path)
        for ending in ("", "-wal", "-shm"):
            Path(f"{self._path}{ending}").unlink(missing_ok=True)
        try:
            connection = self._connect()
            connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
            self._set_meta(connection, {"lease_ms": self._budget.lease_ms})
        except sqlite3.Error as error:
            raise StateError(f"{self._path} cannot be written ({error}): check the disk and permissions") from None
        return connection

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
        """Whether tables and the counting of time are those of today."""
        if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            return False
        row = connection.execute("SELECT value FROM meta WHERE key = 'lease_ms'").fetchone()
        return row is not None and row[0] == self._budget.lease_ms

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        # What a killed process wrote stays; a machine without power may lose leases, never lines of the log.
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        return connection


def _newly_counted(connection: sqlite3.Connection, first: int) -> int:
    """How many labels more count with the words from a number on, less those whose place they have taken."""
    count = connection.execute("SELECT coalesce(sum(counts), 0) FROM words WHERE seq >= ?", (first,)).fetchone()[0]
    return int(count) - connection.execute(NO_LONGER_COUNTED, (first,)).rowcount

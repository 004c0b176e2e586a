"""What every span of every user cost: one SQLite file in the data folder, bounded, with its sums.

Records hold figures, and the names of models and tools; nothing that was said. Sums are made of the spans that do work
(a turn's record repeats those of its parts) and never mix measured joules with estimated ones.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bethink.models.energy.record import FIELDS, FLAGS, NUMBERS

_TYPES = dict.fromkeys(NUMBERS, "REAL") | dict.fromkeys(FLAGS, "INTEGER")
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS spans (
    position INTEGER PRIMARY KEY AUTOINCREMENT, user_id TEXT NOT NULL, thread_id TEXT NOT NULL,
    {", ".join(f"{name} {_TYPES.get(name, 'TEXT')}" for name in FIELDS)});
CREATE INDEX IF NOT EXISTS spans_by_user ON spans (user_id, at);
"""
MOST = 100_000
"""Records kept of a user; the oldest go first."""
SUMS = """COUNT(*) AS spans, SUM(energy_j) AS energy_j, SUM(co2e_g) AS co2e_g, SUM(t_cpu_s) AS t_cpu_s,
    SUM(flops) AS flops, SUM(tokens_in) AS tokens_in, SUM(tokens_in_cached) AS tokens_in_cached,
    SUM(tokens_out) AS tokens_out, SUM(tokens_avoided) AS tokens_avoided,
    SUM(CASE WHEN kind = 'memory' THEN tokens_in + tokens_out ELSE 0 END) AS memory_tokens,
    SUM(tokens_avoided) - SUM(CASE WHEN kind = 'memory' THEN tokens_in + tokens_out ELSE 0 END)
        AS tokens_avoided_net, MAX(would_overflow) AS would_overflow"""
_WHOLE = {"spans", "tokens_in", "tokens_in_cached", "tokens_out", "tokens_avoided", "memory_tokens"} | {
    "tokens_avoided_net"
}


class Ledger:
    """All users' records. Safe to share between threads of one process."""

    def __init__(self, path: Path, most: int = MOST) -> None:
        self._most, self._lock = most, threading.Lock()
        self.listeners: list[Callable[[list[dict[str, Any]]], None]] = []
        """Told what was kept."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.executescript(SCHEMA)

    def add(self, user_id: str, thread_id: str, records: Iterable[dict[str, Any]]) -> None:
        """Keep some records of a user's thread, all or none."""
        records = list(records)
        rows = [(user_id, thread_id, *(each[name] for name in FIELDS)) for each in records]
        columns, marks = ", ".join(FIELDS), ",".join("?" * (len(FIELDS) + 2))
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(f"INSERT INTO spans (user_id, thread_id, {columns}) VALUES ({marks})", rows)
                self._db.execute(
                    "DELETE FROM spans WHERE user_id=? AND position <= (SELECT position FROM spans WHERE user_id=?"
                    " ORDER BY position DESC LIMIT 1 OFFSET ?)",
                    (user_id, user_id, self._most),
                )
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        for listener in self.listeners:
            listener(records)

    def records(self, user: str, since: str = "", *, thread_id: str = "", limit: int = MOST) -> list[dict[str, Any]]:
        """A user's latest records, oldest first, from a moment on (ISO 8601, UTC).

        Each has :data:`bethink.models.energy.record.FIELDS` and ``thread_id``.
        """
        columns = ", ".join(("thread_id", *FIELDS))
        rows = self._rows(
            f"SELECT {columns} FROM spans WHERE user_id=? AND at>=? AND (?='' OR thread_id=?)"
            " ORDER BY position DESC LIMIT ?",
            (user, since, thread_id, thread_id, limit),
        )
        return [_read(row) for row in reversed(rows)]

    def per_day(self, user: str, since: str = "") -> list[dict[str, Any]]:
        """Sums by day (UTC) and error class, oldest first: ``day``, ``error_class`` and the figures of :data:`SUMS`."""
        return self._sums("substr(at, 1, 10) AS day", "day", user, since)

    def per_kind(self, user: str, since: str = "") -> list[dict[str, Any]]:
        """Sums by kind of span (model, tool, memory) and error class."""
        return self._sums("kind", "kind", user, since)

    def total(self, user: str, since: str = "", *, thread_id: str = "", trace_id: str = "") -> list[dict[str, Any]]:
        """Sums by error class, of all, of one thread or of one turn (its ``trace_id``)."""
        return self._sums("", "", user, since, thread_id=thread_id, trace_id=trace_id)

    def csv(self, user: str, since: str = "") -> str:
        """A user's records as CSV with a head line."""
        out = io.StringIO()
        writer = csv.DictWriter(out, ("thread_id", *FIELDS))
        writer.writeheader()
        writer.writerows(self.records(user, since))
        return out.getvalue()

    def delete_user(self, user: str) -> int:
        """Delete all records of a user and their bytes in the file; returns how many there were."""
        with self._lock:
            count = self._db.execute("DELETE FROM spans WHERE user_id=?", (user,)).rowcount
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return int(count)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _sums(
        self, column: str, by: str, user: str, since: str, *, thread_id: str = "", trace_id: str = ""
    ) -> list[dict[str, Any]]:
        keys = [by, "error_class"] if by else ["error_class"]
        chosen = f"{column}, error_class" if by else "error_class"
        rows = self._rows(
            f"SELECT {chosen}, {SUMS} FROM spans WHERE user_id=? AND at>=? AND kind!='turn'"
            " AND (?='' OR thread_id=?) AND (?='' OR trace_id=?)"
            f" GROUP BY {', '.join(keys)} ORDER BY {', '.join(keys)}",
            (user, since, thread_id, thread_id, trace_id, trace_id),
        )
        return [_read(row) for row in rows]

    def _rows(self, sql: str, values: tuple[Any, ...]) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()


def _read(row: sqlite3.Row) -> dict[str, Any]:
    def value(name: str) -> Any:
        found = row[name]
        if found is None:
            return None
        return bool(found) if name in FLAGS else int(found) if name in _WHOLE else found

    return {name: value(name) for name in row.keys()}  # noqa: SIM118

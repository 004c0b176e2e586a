"""An append-only record of every change, written before the change is made.

A batch of steps is one SQLite transaction, so a kill leaves it whole or absent. A batch whose ``applied`` flag is
not set is applied again when the folder is opened; applying twice gives the same result as once. Undo and history
read the same rows.

WAL with synchronous=FULL: with NORMAL a power cut may drop the last commits, and then the store could hold a change
that the journal does not know. FULL costs one fsync a batch, milliseconds beside the embedding of the text.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bethink.memory.errors import MemoryFolderError
from bethink.memory.schema import stamp
from bethink.memory.thought import Change, Op, Thought, thought_from_json

EVERYTHING = "*"
"""The id of a step that removes all a user has."""
VERSION = 1
"""Of the schema."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL, user TEXT NOT NULL, turn TEXT, op TEXT NOT NULL,
    thought TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL, before TEXT, after TEXT, vector BLOB,
    applied INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS by_thought ON entries (user, thought);
CREATE INDEX IF NOT EXISTS by_token ON entries (token);
CREATE INDEX IF NOT EXISTS by_turn ON entries (user, turn);
CREATE INDEX IF NOT EXISTS pending ON entries (seq) WHERE applied = 0;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Step:
    """One thought before and after (None = not there); ``vector`` is given when its text is new."""

    op: Op
    id: str
    before: Thought | None
    after: Thought | None
    reason: str = ""
    vector: np.ndarray | None = None


class Journal:
    """The journal of one memory folder. Thread-safe; ``user`` is always the user's key, never the raw id."""

    def __init__(self, path: str | Path) -> None:
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA secure_delete=ON")
            stamp(self._db, path, VERSION)
            self._db.executescript(SCHEMA)
        except sqlite3.DatabaseError as problem:
            hint = "Restore it from a backup, or choose another memory folder."
            raise MemoryFolderError(f"The journal {path} cannot be read ({problem}). {hint}") from problem

    def record(self, user: str, steps: Sequence[Step], *, at: str, turn: str | None = None) -> str:
        """Write a batch, not applied yet; returns its token."""
        token = uuid.uuid4().hex
        rows = [
            (
                token, user, None if turn is None else _plain(turn), step.op, step.id, step.reason, at,
                step.before.to_json() if step.before else None,
                step.after.to_json() if step.after else None,
                None if step.vector is None else np.asarray(step.vector, "<f4").tobytes(),
            )
            for step in steps
        ]  # fmt: skip
        columns = "token, user, turn, op, thought, reason, at, before, after, vector"
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(f"INSERT INTO entries ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        return token

    def mark_applied(self, token: str) -> None:
        """The store holds the batch now; its vectors are not needed here any more."""
        with self._lock:
            self._db.execute("UPDATE entries SET applied = 1, vector = NULL WHERE token = ?", (token,))

    def pending(self) -> list[tuple[str, str, list[Step]]]:
        """Batches that were never marked applied, oldest first: (token, user, steps)."""
        batches: dict[str, tuple[str, str, list[Step]]] = {}
        for row in self._rows("applied = 0"):
            batches.setdefault(row["token"], (row["token"], row["user"], []))[2].append(_step(row))
        return list(batches.values())

    def steps(self, token: str, user: str) -> list[Step]:
        """The steps of one batch of this user, in order; empty if there is none."""
        return [_step(row) for row in self._rows("token = ? AND user = ?", token, user)]

    def turn_tokens(self, turn: str, user: str) -> list[str]:
        """The batches that a turn wrote, oldest first."""
        return list(dict.fromkeys(row["token"] for row in self._rows("turn = ? AND user = ?", turn, user)))

    def history(self, thought: str, user: str) -> list[Change]:
        """Everything that happened to one thought, oldest first."""
        return [_change(row) for row in self._rows("thought = ? AND user = ?", thought, user)]

    def knows(self, user: str) -> bool:
        """Whether anything was ever written for this user."""
        with self._lock:
            return self._db.execute("SELECT 1 FROM entries WHERE user = ? LIMIT 1", (user,)).fetchone() is not None

    def revision(self, user: str) -> int:
        """The number of this user's last entry; 0 where there is none."""
        row = self._db.execute("SELECT MAX(seq) FROM entries WHERE user=?", (user,)).fetchone()
        return int(row[0] or 0)

    def users(self) -> list[str]:
        """The keys of all users of whom something is written."""
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT DISTINCT user FROM entries ORDER BY user")]

    def ids(self, user: str) -> set[str]:
        """The thoughts of a user of which the journal holds more than the bare fact of their removal."""
        told = "(before IS NOT NULL OR after IS NOT NULL OR vector IS NOT NULL)"
        with self._lock:
            rows = self._db.execute(f"SELECT DISTINCT thought FROM entries WHERE user = ? AND {told}", (user,))
            return {row[0] for row in rows}

    def latest(self, user: str) -> dict[str, Thought]:
        """Each thought as the last entry about it left it: what the store must hold when all is applied."""
        last: dict[str, Thought] = {}
        for row in self._rows("user = ? AND after IS NOT NULL", user):
            last[row["thought"]] = thought_from_json(row["after"])
        return last

    def told(self, user: str) -> list[Thought]:
        """The thoughts of a user as they were before and after each entry, those that are the same once."""
        rows = self._rows("user = ?", user)
        lines = dict.fromkeys(row[name] for row in rows for name in ("before", "after") if row[name])
        return [thought_from_json(line) for line in lines]

    def mentions(self, user: str, text: str) -> list[int]:
        """The entries of a user in which a text occurs, by their numbers."""
        escaped = json.dumps(text)[1:-1]
        where = "user = ? AND (instr(coalesce(before, ''), ?) OR instr(coalesce(after, ''), ?) OR instr(reason, ?))"
        return [int(row["seq"]) for row in self._rows(where, user, escaped, escaped, text)]

    def fact(self, name: str) -> str | None:
        """What was noted under a name about this journal itself."""
        with self._lock:
            row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        """Note something about this journal itself, in place of what was noted under that name."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def erase(self, user: str, ids: Iterable[str] | None = None) -> None:
        """Remove what the journal says of some thoughts (None: of all); the bare fact of a removal stays.

        The file is written anew from what is left, since SQLite may keep copies of a row that it moved between pages:
        0.1 s at 10,000 entries (7 MB).
        """
        blank = "UPDATE entries SET before = NULL, after = NULL, vector = NULL, reason = 'erased' WHERE user = ?"
        with self._lock:
            if ids is None:
                self._db.execute(blank, (user,))
                self._db.execute("DELETE FROM entries WHERE user = ? AND thought != ?", (user, EVERYTHING))
            else:
                pairs = [(user, thought) for thought in ids]
                self._db.executemany(f"{blank} AND thought = ?", pairs)
                beside = "token IN (SELECT token FROM entries WHERE thought = ?)"  # their reasons may quote it
                self._db.executemany(f"UPDATE entries SET reason = '' WHERE user = ? AND {beside}", pairs)
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # last: VACUUM writes to the WAL

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _rows(self, where: str, *values: str) -> list[sqlite3.Row]:
        with self._lock:
            plain = tuple(_plain(value) for value in values)
            cursor = self._db.execute(f"SELECT * FROM entries WHERE {where} ORDER BY seq", plain)
            cursor.row_factory = sqlite3.Row
            return cursor.fetchall()


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")  # SQLite takes no lone surrogates


def _step(row: sqlite3.Row) -> Step:
    before, after = (thought_from_json(row[name]) if row[name] else None for name in ("before", "after"))
    vector = None if row["vector"] is None else np.frombuffer(row["vector"], dtype="<f4")
    return Step(row["op"], row["thought"], before, after, row["reason"], vector)


def _change(row: sqlite3.Row) -> Change:
    step = _step(row)
    return change_of(step, token=row["token"], at=row["at"])


def change_of(step: Step, *, token: str, at: str) -> Change:
    """What a step looks like from outside."""
    text = (step.after or step.before).text if step.after or step.before else ""  # type: ignore[union-attr]
    old = step.before.text if step.before and step.before.text != text else None
    return Change(step.op, step.id, text, old, step.reason, token, at)

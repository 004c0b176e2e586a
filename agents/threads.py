"""Threads, their messages and the post-thinking still to do: one SQLite file (WAL) of ours.

Chat text lives here and nowhere else. Every statement names the user, so a thread id alone opens nothing. Writes cost
one fsync each; reads are indexed by thread.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bethink.agents.decisions import NEEDS_APPROVAL, waiting
from bethink.agents.events import Decision
from bethink.memory.schema import stamp

VERSION = 1
"""Of the schema."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS threads (
    id TEXT PRIMARY KEY, user_id TEXT NOT NULL, title TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS threads_by_user ON threads (user_id, updated_at);
CREATE TABLE IF NOT EXISTS messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, thread_id TEXT NOT NULL, turn_id TEXT NOT NULL,
    role TEXT NOT NULL, text TEXT NOT NULL, status TEXT NOT NULL, created_at TEXT NOT NULL, events TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_by_thread ON messages (thread_id, position);
CREATE TABLE IF NOT EXISTS jobs (
    turn_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, thread_id TEXT NOT NULL,
    payload TEXT NOT NULL, created_at TEXT NOT NULL);
"""
NEW_TITLE = "New chat"


class ThreadNotFound(KeyError):
    """This user has no such thread."""

    def __str__(self) -> str:
        return "This chat does not exist (any more). Start a new one."


@dataclass(frozen=True)
class Thread:
    """One conversation of one user."""

    id: str
    title: str
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Message:
    """One side of a turn. ``status``: complete, running, interrupted (the server died), cancelled or failed.

    ``events`` are the turn's events as plain data (assistant only).
    """

    id: str
    turn_id: str
    role: str
    text: str
    status: str
    created_at: str
    events: list[dict[str, Any]]


def now() -> str:
    """This moment, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def clean(text: str) -> str:
    """The text with lone surrogates replaced: SQLite and the tokenizer take only real UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


class ThreadStore:
    """All users' threads. Safe to share between threads of one process; one process at a time (the memory's lock)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._lock = threading.RLock()
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA secure_delete=ON")
        stamp(self._db, path, VERSION)
        self._db.executescript(SCHEMA)
        # what was running when the process died will never end
        self._db.execute("UPDATE messages SET status='interrupted' WHERE status='running'")

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _empty_wal(self) -> None:
        """What was deleted is still in the write-ahead log: a few milliseconds."""
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def create(self, user_id: str, title: str = NEW_TITLE) -> Thread:
        """A new, empty thread."""
        moment = now()
        thread = Thread(uuid.uuid4().hex, clean(title), moment, moment)
        with self._write() as db:
            db.execute("INSERT INTO threads VALUES (?,?,?,?,?)", (thread.id, user_id, thread.title, moment, moment))
        return thread

    def get(self, user_id: str, thread_id: str) -> Thread:
        """The user's thread.

        Raises:
            ThreadNotFound: there is none, or it is somebody else's.
        """
        rows = self._rows("SELECT * FROM threads WHERE id=? AND user_id=?", thread_id, user_id)
        if not rows:
            raise ThreadNotFound(thread_id)
        return _thread(rows[0])

    def rename(self, user_id: str, thread_id: str, title: str) -> None:
        """Give a thread another title (an empty one is ignored)."""
        self.get(user_id, thread_id)
        if title.strip():
            with self._write() as db:
                db.execute("UPDATE threads SET title=? WHERE id=?", (clean(title.strip())[:120], thread_id))

    def delete(self, user_id: str, thread_id: str) -> None:
        """Delete a thread with its messages. Thoughts stay in the memory: they are forgotten there."""
        self.get(user_id, thread_id)
        with self._write() as db:
            db.execute("DELETE FROM messages WHERE thread_id=?", (thread_id,))
            db.execute("DELETE FROM jobs WHERE thread_id=?", (thread_id,))
            db.execute("DELETE FROM threads WHERE id=?", (thread_id,))
        self._empty_wal()

    def delete_user(self, user_id: str) -> int:
        """Delete all threads of a user and their bytes in the file; returns how many there were.

        The file is written anew from what is left: about 1 s for each 100 MB.
        """
        with self._write() as db:
            own = "(SELECT id FROM threads WHERE user_id=?)"
            db.execute(f"DELETE FROM messages WHERE thread_id IN {own}", (user_id,))
            db.execute(f"DELETE FROM jobs WHERE user_id=? OR thread_id IN {own}", (user_id, user_id))
            count = db.execute("DELETE FROM threads WHERE user_id=?", (user_id,)).rowcount
        with self._lock:
            self._db.execute("VACUUM")
            self._empty_wal()  # last: VACUUM writes to it
        return int(count)

    def events(self, user_id: str) -> Iterator[dict[str, Any]]:
        """All events of all turns of a user, thread by thread."""
        sql = (
            "SELECT events FROM messages WHERE thread_id IN (SELECT id FROM threads WHERE user_id=?) ORDER BY position"
        )
        for row in self._rows(sql, user_id):
            yield from json.loads(row["events"])

    def mentions(self, user_id: str, text: str) -> dict[str, int]:
        """The user's threads in which a text occurs (in title, message, event or job), and in how many rows of each."""
        plain, escaped = clean(text), json.dumps(text)[1:-1]
        found: dict[str, int] = {}
        for sql, values in (
            ("SELECT id FROM threads WHERE user_id=? AND instr(title, ?)", (user_id, plain)),
            (
                "SELECT thread_id AS id FROM messages JOIN threads ON threads.id = thread_id"
                " WHERE user_id=? AND (instr(text, ?) OR instr(events, ?))",
                (user_id, plain, escaped),
            ),
            ("SELECT thread_id AS id FROM jobs WHERE user_id=? AND instr(payload, ?)", (user_id, escaped)),
        ):
            for row in self._rows(sql, *values):
                found[row["id"]] = found.get(row["id"], 0) + 1
        return found

    def messages(self, user_id: str, thread_id: str) -> list[Message]:
        """The messages of a thread, in order."""
        self.get(user_id, thread_id)
        rows = self._rows("SELECT * FROM messages WHERE thread_id=? ORDER BY position", thread_id)
        return [_message(row) for row in rows]

    def start_turn(self, user_id: str, thread_id: str, text: str) -> str:
        """Write the user's message and a running answer in one transaction; returns the turn's id."""
        thread = self.get(user_id, thread_id)
        turn_id, moment, text = uuid.uuid4().hex, now(), clean(text)
        with self._write() as db:
            for role, body, status in (("user", text, "complete"), ("assistant", "", "running")):
                db.execute(
                    "INSERT INTO messages (id, thread_id, turn_id, role, text, status, created_at, events)"
                    " VALUES (?,?,?,?,?,?,?,'[]')",
                    (uuid.uuid4().hex, thread_id, turn_id, role, body, status, moment),
                )
            title = " ".join(text.split())[:60] if thread.title == NEW_TITLE else thread.title
            db.execute("UPDATE threads SET updated_at=?, title=? WHERE id=?", (moment, title, thread_id))
        return turn_id

    def save_answer(self, turn_id: str, text: str, status: str, events: list[dict[str, Any]]) -> None:
        """Write what there is of a turn's answer."""
        body = json.dumps(events, ensure_ascii=True, default=str)
        with self._write() as db:
            sql = "UPDATE messages SET text=?, status=?, events=? WHERE turn_id=? AND role='assistant'"
            db.execute(sql, (clean(text), status, body, turn_id))

    def add_event(self, turn_id: str, event: dict[str, Any]) -> None:
        """Append an event to an answer that is already written (post-thinking ends later)."""
        with self._write() as db:
            row = db.execute("SELECT events FROM messages WHERE turn_id=? AND role='assistant'", (turn_id,)).fetchone()
            if row is not None:
                events = [*json.loads(row["events"]), event]
                sql = "UPDATE messages SET events=? WHERE turn_id=? AND role='assistant'"
                db.execute(sql, (json.dumps(events, ensure_ascii=True, default=str), turn_id))

    def decide(self, user_id: str, thread_id: str, call_id: str, *, approved: bool) -> bool:
        """Note the user's word on the latest call of that id that waits for it; False if none does (any more)."""
        self.get(user_id, thread_id)
        sql = "SELECT id, events FROM messages WHERE thread_id=? AND instr(events, ?) ORDER BY position DESC"
        with self._write() as db:
            for row in db.execute(sql, (thread_id, NEEDS_APPROVAL)).fetchall():
                events = json.loads(row["events"])
                if call_id in {start["call_id"] for start in waiting(events)}:
                    events.append(Decision(call_id=call_id, approved=approved).as_dict())
                    body = json.dumps(events, ensure_ascii=True, default=str)
                    db.execute("UPDATE messages SET events=? WHERE id=?", (body, row["id"]))
                    return True
        return False

    def drop_turns(self, user_id: str, thread_id: str, from_turn: str) -> list[str]:
        """Delete a turn and all later ones of the thread; returns the ids of the turns that went."""
        self.get(user_id, thread_id)
        with self._write() as db:
            first = db.execute(
                "SELECT MIN(position) AS p FROM messages WHERE thread_id=? AND turn_id=?",
                (thread_id, from_turn),
            ).fetchone()["p"]
            if first is None:
                return []
            sql = "SELECT DISTINCT turn_id FROM messages WHERE thread_id=? AND position>=?"
            turns = [row["turn_id"] for row in db.execute(sql, (thread_id, first))]
            db.execute("DELETE FROM messages WHERE thread_id=? AND position>=?", (thread_id, first))
            db.executemany("DELETE FROM jobs WHERE turn_id=?", [(turn,) for turn in turns])
        self._empty_wal()
        return turns

    def put_job(self, user_id: str, thread_id: str, turn_id: str, payload: dict[str, Any]) -> None:
        """Note that a turn is still to be thought about; the same turn twice is one job."""
        with self._write() as db:
            sql = "INSERT OR IGNORE INTO jobs VALUES (?,?,?,?,?)"
            db.execute(sql, (turn_id, user_id, thread_id, json.dumps(payload, ensure_ascii=True), now()))

    def jobs(self) -> list[tuple[str, str, str, dict[str, Any]]]:
        """(turn, user, thread, payload) of all post-thinking still to do, oldest first."""
        rows = self._rows("SELECT * FROM jobs ORDER BY created_at, rowid")
        return [(row["turn_id"], row["user_id"], row["thread_id"], json.loads(row["payload"])) for row in rows]

    def has_job(self, turn_id: str) -> bool:
        """Whether this turn is still to be thought about (it is not after an edit or a deletion)."""
        return bool(self._rows("SELECT 1 FROM jobs WHERE turn_id=?", turn_id))

    def end_job(self, turn_id: str) -> None:
        """The turn has been thought about."""
        with self._write() as db:
            db.execute("DELETE FROM jobs WHERE turn_id=?", (turn_id,))

    def list(self, user_id: str, query: str = "", limit: int = 200) -> list[Thread]:
        """The user's threads, latest first; with ``query``, those whose title or text contains it."""
        if not query.strip():
            sql = "SELECT * FROM threads WHERE user_id=? ORDER BY updated_at DESC LIMIT ?"
            return [_thread(row) for row in self._rows(sql, user_id, limit)]
        like = "%" + clean(query.strip()).replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        sql = r"""SELECT * FROM threads WHERE user_id=? AND (title LIKE ? ESCAPE '\' OR id IN
            (SELECT thread_id FROM messages WHERE text LIKE ? ESCAPE '\')) ORDER BY updated_at DESC LIMIT ?"""
        return [_thread(row) for row in self._rows(sql, user_id, like, like, limit)]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def _thread(row: sqlite3.Row) -> Thread:
    return Thread(row["id"], row["title"], row["created_at"], row["updated_at"])


def _message(row: sqlite3.Row) -> Message:
    values = {key: row[key] for key in ("id", "turn_id", "role", "text", "status", "created_at")}
    return Message(**values, events=json.loads(row["events"]))

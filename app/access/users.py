"""Users, their passwords and their tokens: one small SQLite file that only its owner can read.

A password is kept as its Argon2id hash (RFC 9106, the library's defaults), a token as its SHA-256: it has 256 random
bits, so nothing slower is needed. The file is opened for each question, so that the command line may change it while a
server runs; what is changed counts from the next request on.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

FILE = "users.db"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
SHORTEST, LONGEST = 8, 1024
"""Characters of a password."""
TOKENS = 20
"""Tokens that a user may have at the same time."""
PREFIX = "bethink_"
SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    name TEXT PRIMARY KEY COLLATE NOCASE, password TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
    hash TEXT PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, created_at TEXT NOT NULL);
"""


class UserError(ValueError):
    """A user cannot be added or found; the message says why and what to do."""


class Users:
    """The users of a data folder. Safe to share between threads and processes.

    Args:
        folder: the data folder; nothing is written there before the first user is added.
    """

    def __init__(self, folder: Path) -> None:
        from argon2 import PasswordHasher

        self.path = folder / FILE
        self._hasher = PasswordHasher()

    @cached_property
    def _nobodys(self) -> str:
        """A hash that no password fits, so that an unknown name takes as long as a known one."""
        return self._hasher.hash(secrets.token_urlsafe(16))

    def names(self) -> list[str]:
        """All users, in alphabetical order."""
        return [row[0] for row in self._rows("SELECT name FROM users ORDER BY name")]

    def counts(self) -> dict[str, int]:
        """How many tokens each user has."""
        sql = "SELECT users.name, COUNT(tokens.hash) FROM users LEFT JOIN tokens USING (name) GROUP BY users.name"
        return {name: int(count) for name, count in self._rows(f"{sql} ORDER BY users.name")}

    def add(self, name: str, password: str) -> None:
        """Add a user.

        Raises:
            UserError: the name is taken or odd, or the password too short or too long.
        """
        if not NAME.fullmatch(name):
            raise UserError(
                f"{name[:80]!r} is no user name. Use letters, digits and . _ @ -, at most 64, a letter or digit first."
            )
        if not SHORTEST <= len(password) <= LONGEST:
            raise UserError(f"A password has {SHORTEST} to {LONGEST:,} characters. Choose another.")
        with self._write() as db:
            row = (name, self._hasher.hash(password.encode("utf-8", "replace")), _now())
            if not db.execute("INSERT OR IGNORE INTO users VALUES (?,?,?)", row).rowcount:
                raise UserError(f"There is a user {name!r} already (capitals do not count). Remove that one first.")

    def remove(self, name: str) -> None:
        """Remove a user with all tokens; chats, thoughts and files stay.

        Raises:
            UserError: there is no such user.
        """
        self._known(name)
        with self._write() as db:
            db.execute("DELETE FROM tokens WHERE name=?", (name,))
            db.execute("DELETE FROM users WHERE name=?", (name,))

    def check(self, name: str, password: str) -> bool:
        """Whether this is the user's password: about 50 ms, whether or not there is such a user."""
        from argon2.exceptions import Argon2Error, InvalidHashError

        kept = self.stamp(name)
        try:
            self._hasher.verify(kept or self._nobodys, password[: LONGEST + 1].encode("utf-8", "replace"))
        except (Argon2Error, InvalidHashError):
            return False
        return kept is not None

    def stamp(self, name: str) -> str | None:
        """What changes when a user is removed or added anew (the password's hash); None if there is no such user.

        The name counts letter by letter: it is the user's id.
        """
        rows = self._rows("SELECT name, password FROM users WHERE name=?", name)
        return rows[0][1] if rows and rows[0][0] == name else None

    def new_token(self, name: str) -> str:
        """A token with which programs ask as this user; it is kept nowhere, so it cannot be shown again.

        Raises:
            UserError: there is no such user, or they have `TOKENS` tokens already.
        """
        known, token = self._known(name), PREFIX + secrets.token_urlsafe(32)
        with self._write() as db:
            (count,) = db.execute("SELECT COUNT(*) FROM tokens WHERE name=?", (known,)).fetchone()
            if count >= TOKENS:
                raise UserError(
                    f"{known} has {count} tokens. Take them back first: bethink users token {known} --revoke"
                )
            db.execute("INSERT INTO tokens VALUES (?,?,?)", (_digest(token), known, _now()))
        return token

    def revoke(self, name: str) -> int:
        """Take all tokens of a user back; returns how many there were.

        Raises:
            UserError: there is no such user.
        """
        known = self._known(name)
        with self._write() as db:
            return int(db.execute("DELETE FROM tokens WHERE name=?", (known,)).rowcount)

    def user_of(self, token: str) -> str | None:
        """Whose token this is; None if it is nobody's (any more)."""
        sql = "SELECT users.name FROM tokens JOIN users USING (name) WHERE hash=?"
        rows = self._rows(sql, _digest(token))
        return rows[0][0] if rows else None

    def _known(self, name: str) -> str:
        if name not in (names := self.names()):
            raise UserError(f"There is no user {name[:80]!r}. There are: {', '.join(names) or 'none yet'}.")
        return name

    def _rows(self, sql: str, *values: str) -> list[tuple[str, ...]]:
        if not self.path.exists():
            return []
        with closing(self._open()) as db:
            return db.execute(sql, [value.encode("utf-8", "replace").decode() for value in values]).fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        # made before SQLite opens it: its journals take over the mode
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self.path.chmod(0o600)
        with closing(self._open()) as db:
            db.executescript(SCHEMA)
            db.execute("BEGIN IMMEDIATE")
            yield db  # closed without a commit, it is as it was
            db.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        db.execute("PRAGMA secure_delete=ON")
        return db


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

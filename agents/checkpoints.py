"""Where the state of a running turn is kept: a SQLite file of the data folder, or a PostgreSQL database.

It is of no use after its turn, and would keep text that was deleted elsewhere. So a turn's state is deleted when the
turn ends, and what a process that died left of its data folder's turns is deleted when that folder is opened again.
"""

from __future__ import annotations

import re
import sqlite3
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

FORM = "postgresql://USER@HOST:5432/NAME"
CONNECT_S = 10
"""Seconds to wait for a connection."""
CONNECTIONS = 8
"""Connections of one process at most."""
SETUP_S = 60
"""Seconds to wait while another process makes the tables."""
SETUP_LOCK = 7_362_104_411
"""PostgreSQL's advisory lock under which the tables are made: two processes may start together."""
TABLES = ("checkpoint_writes", "checkpoint_blobs", "checkpoints")
NAME_FILE = "run-state-owner"
"""The file of a data folder that tells its turns from those of others in the same database."""


class CheckpointsError(RuntimeError):
    """The run state cannot be kept where the settings say; the message says why, and never has a password in it."""

    hint = "Start PostgreSQL or mend `checkpoints` (BETHINK_CHECKPOINTS); without it a file of the data folder is used."


class Checkpoints(Protocol):
    """The run state of one data folder's turns."""

    saver: BaseCheckpointSaver[Any]

    def thread(self, turn_id: str) -> str:
        """The name under which LangGraph keeps a turn."""
        ...

    def forget(self, turn_id: str) -> None:
        """Delete the state of a turn that ended."""
        ...

    def close(self) -> None:
        """Close files and connections."""
        ...


def open_checkpoints(address: str, folder: Path) -> Checkpoints:
    """The run state of a data folder, whose lock the caller holds: other processes' turns of it are over.

    Args:
        address: a PostgreSQL database, written like :data:`FORM`; empty: a file of the folder.
        folder: the data folder.

    Raises:
        CheckpointsError: the address is none, its package is not installed, or no database answers there.
    """
    return PostgresCheckpoints(address, folder) if address else SQLiteCheckpoints(folder)


def described(address: str) -> str:
    """Host, port and database of an address, without user and password.

    Raises:
        CheckpointsError: the address is none, or the package is not installed.
    """
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as problem:
        raise CheckpointsError("PostgreSQL needs a package: pip install 'bethink[postgres]'") from problem
    try:
        if not address.startswith(("postgresql://", "postgres://")):
            raise ValueError
        parts = conninfo_to_dict(address)
    except (ProgrammingError, ValueError):
        # from None: the parser's own words quote what it could not read, which may be the password
        raise CheckpointsError(f"`checkpoints` is no address of a PostgreSQL database. Write it like {FORM}.") from None
    place = f"{parts.get('host') or 'this machine'}:{parts.get('port') or 5432}"
    return f"{place}/{parts.get('dbname') or parts.get('user') or ''}"


def tried(address: str) -> str:
    """Where the database of an address is, after one connection to it.

    Raises:
        CheckpointsError: see :func:`open_checkpoints`.
    """
    place = described(address)
    import psycopg

    try:
        psycopg.connect(address, connect_timeout=CONNECT_S).close()
    except psycopg.Error as problem:
        raise CheckpointsError(f"The database at {place} cannot be used: {said(problem, address)}") from None
    return place


def owner(folder: Path) -> str:
    """The data folder's own name in a database that it shares; made at the first use, and where it is no name."""
    file = folder / NAME_FILE
    name = file.read_bytes().strip() if file.exists() else b""
    if not re.fullmatch(rb"[0-9a-f]{32}", name):
        name = uuid.uuid4().hex.encode()
        file.write_bytes(name)
    return name.decode()


class SQLiteCheckpoints:
    """In ``checkpoints.db``, which is emptied of what a dead process left."""

    def __init__(self, folder: Path) -> None:
        from langgraph.checkpoint.sqlite import SqliteSaver

        for old in folder.glob("checkpoints.db*"):
            old.unlink(missing_ok=True)
        self._db = sqlite3.connect(folder / "checkpoints.db", check_same_thread=False)
        self._db.execute("PRAGMA secure_delete=ON")
        saver = SqliteSaver(self._db)
        self.saver: BaseCheckpointSaver[Any] = saver
        self._writing = saver.lock

    def thread(self, turn_id: str) -> str:
        """See :class:`Checkpoints`."""
        return turn_id

    def forget(self, turn_id: str) -> None:
        """See :class:`Checkpoints`: nor does the write-ahead log keep it."""
        self.saver.delete_thread(turn_id)
        with self._writing:  # another turn may be writing over the same connection
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """See :class:`Checkpoints`."""
        self._db.close()


class PostgresCheckpoints:
    """In a PostgreSQL database, which many data folders and processes may share.

    Deleted rows are out of every answer at once; their bytes go from the server's files with its own vacuum.
    """

    def __init__(self, address: str, folder: Path) -> None:
        place = described(address)
        try:
            import psycopg
            from langgraph.checkpoint.postgres import PostgresSaver
            from psycopg.rows import dict_row
            from psycopg_pool import ConnectionPool
        except ImportError as problem:
            raise CheckpointsError("PostgreSQL needs a package: pip install 'bethink[postgres]'") from problem
        options: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        options["connect_timeout"] = CONNECT_S
        self._owner = owner(folder)
        try:
            with psycopg.connect(address, **options) as connection:
                _make_tables(PostgresSaver(connection), connection)
                for table in TABLES:
                    connection.execute(f"DELETE FROM {table} WHERE starts_with(thread_id, %s)", (self._prefix,))
        except psycopg.Error as problem:
            raise CheckpointsError(f"The database at {place} cannot be used: {said(problem, address)}") from None
        # a connection is tried before each use, so that a restart of the database is not seen
        self._pool: ConnectionPool[Any] = ConnectionPool(
            address, kwargs=options, min_size=1, max_size=CONNECTIONS, timeout=CONNECT_S, reconnect_timeout=CONNECT_S,
            check=ConnectionPool.check_connection, name="bethink-checkpoints", open=True,
        )  # fmt: skip
        self.saver: BaseCheckpointSaver[Any] = PostgresSaver(self._pool)

    @property
    def _prefix(self) -> str:
        return f"{self._owner}/"

    def thread(self, turn_id: str) -> str:
        """See :class:`Checkpoints`: the folder's own name, then the turn's."""
        return self._prefix + turn_id

    def forget(self, turn_id: str) -> None:
        """See :class:`Checkpoints`."""
        self.saver.delete_thread(self.thread(turn_id))

    def close(self) -> None:
        """See :class:`Checkpoints`."""
        self._pool.close()


def _make_tables(saver: Any, connection: Any) -> None:
    """Make or migrate the tables, one process at a time.

    The lock is asked for again and again: a statement that waits for it would be a transaction, and indices that are
    made concurrently wait for all of those.
    """
    end = time.monotonic() + SETUP_S
    while not connection.execute("SELECT pg_try_advisory_lock(%s) AS got", (SETUP_LOCK,)).fetchone()["got"]:
        if time.monotonic() > end:
            raise CheckpointsError(f"Another process has been making the tables for {SETUP_S} s. Start again later.")
        time.sleep(0.1)
    saver.setup()
    connection.execute("SELECT pg_advisory_unlock(%s)", (SETUP_LOCK,))


def said(problem: Exception, address: str) -> str:
    """A database's words on one line, without the password of the address."""
    from psycopg.conninfo import conninfo_to_dict

    words = " ".join(str(problem).split()) or type(problem).__name__
    secret = conninfo_to_dict(address).get("password")
    return words.replace(str(secret), "***") if secret else words

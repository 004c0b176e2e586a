"""The schema version of a SQLite file of ours: ``PRAGMA user_version``, 0 in files from before it was written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bethink.memory.errors import MemoryFolderError


def stamp(database: sqlite3.Connection, path: str | Path, version: int) -> None:
    """Write the version, or refuse a file of a later one, whose meaning is not known here.

    Raises:
        MemoryFolderError: a later version wrote it.
        sqlite3.DatabaseError: it is no SQLite file.
    """
    (number,) = database.execute("PRAGMA user_version").fetchone()
    refuse_newer(path, int(number), version)
    if number != version:
        database.execute(f"PRAGMA user_version={version}")


def refuse_newer(path: str | Path, number: int, version: int) -> None:
    """Refuse a schema later than the one that is known.

    Raises:
        MemoryFolderError: the message says what to do.
    """
    if number > version:
        raise MemoryFolderError(
            f"{path} was written by a later version of Bethink (schema {number}, this one knows {version}). "
            "Install that version, or choose another folder."
        )

"""Whether the files of a memory are whole, looked at without its lock or a change: also beside an open chat."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from bethink.memory.errors import MemoryFolderError
from bethink.memory.folder import FORMAT
from bethink.memory.journal import SCHEMA, VERSION
from bethink.memory.schema import refuse_newer

RESTORE = "Restore it from a backup, or move it away and start anew."


def checked_memory(folder: Path) -> str:
    """What is in a memory's folder, in words; the time of reading its databases once.

    Raises:
        MemoryFolderError: a file is damaged, or of another version; the message names it and what to do.
    """
    if not (folder / "memory.json").exists():
        return "none yet"
    try:
        written = json.loads((folder / "memory.json").read_text(encoding="utf-8"))
        if not isinstance(written, dict) or written["format"] != FORMAT:
            raise ValueError("unknown format")
    except (OSError, ValueError, KeyError) as problem:
        raise MemoryFolderError(f"{folder / 'memory.json'} cannot be read ({problem}). {RESTORE}") from problem
    found = [f"format {FORMAT}"]
    if (folder / "journal.sqlite").exists():
        found.append(f"journal {checked_database(folder / 'journal.sqlite', SCHEMA, VERSION)}")
    if (folder / "chroma" / "chroma.sqlite3").exists():
        found.append(f"store {checked_database(folder / 'chroma' / 'chroma.sqlite3')}")
    return ", ".join(found)


def checked_database(path: Path, schema: str = "", version: int = 0) -> str:
    """Size and schema version of a SQLite file after its own check of all pages.

    Args:
        path: the file.
        schema: statements that make its tables; each table of theirs has to have their columns. Empty: any.
        version: the latest schema version that is known.

    Raises:
        MemoryFolderError: it is damaged, lacks tables or columns, or a later version wrote it.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=10)) as database:
            said = [str(row[0]) for row in database.execute("PRAGMA quick_check(3)")]
            (number,) = database.execute("PRAGMA user_version").fetchone()
            there = _columns(database)
    except sqlite3.Error as problem:
        raise MemoryFolderError(f"{path} cannot be read ({problem}). {RESTORE}") from problem
    if said != ["ok"]:
        raise MemoryFolderError(f"{path} is damaged ({'; '.join(' '.join(each.split()) for each in said)}). {RESTORE}")
    if schema:
        refuse_newer(path, number, version)
    with closing(sqlite3.connect(":memory:")) as wanted:
        wanted.executescript(schema)
        missing = sorted(_columns(wanted) - there)
    if missing:
        raise MemoryFolderError(f"{path} has no {', '.join(missing)}. {RESTORE}")
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    return f"{size}, schema {number}" if schema else size


def _columns(database: sqlite3.Connection) -> set[str]:
    sql = "SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
    return {str(row[0]) for row in database.execute(sql) if not str(row[0]).startswith("sqlite_")}

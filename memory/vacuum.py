"""What was deleted leaves the files too: Chroma's database without free pages, its folder without dropped indices.

Chroma deletes rows as SQLite does by default, which keeps their bytes in the file, and it leaves the index folder of a
dropped collection where it is. ``VACUUM`` writes the database anew from what is left. It runs in a process of its own:
two copies of SQLite in one process (Chroma's and Python's) would undo each other's file locks.

Chroma 1.5.9 also writes memory that it never filled to disk: a new index file has room for 100 vectors, and what lies
in that room is whatever the process last had there, texts of other users included. :func:`blank_unused` empties it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import uuid
from pathlib import Path

WAIT_S = 60.0
"""How long to wait for a Chroma that is writing."""
_HEADER = struct.Struct("=iQQQQ")
"""Of hnswlib's header.bin: version, offset, room, vectors, bytes a vector."""
_LEFT_BEHIND = """
BEGIN IMMEDIATE;
DELETE FROM embeddings_queue WHERE substr(topic, -36) NOT IN (SELECT id FROM collections);
DELETE FROM embedding_metadata WHERE id IN
    (SELECT id FROM embeddings WHERE segment_id NOT IN (SELECT id FROM segments));
DELETE FROM embeddings WHERE segment_id NOT IN (SELECT id FROM segments);
COMMIT;
"""
"""Rows of dropped collections that Chroma deletes later, from another thread, or forgot when it was killed."""


def vacuum(folder: str | Path) -> None:
    """Clean a Chroma folder in another process. 0.1 s, and 0.4 s at 10,000 thoughts (35 MB).

    A Chroma may have the folder open, embedded or as a server, if nobody writes to it meanwhile.

    Raises:
        MemoryFolderError: the folder holds no Chroma, the disk is full (the database's size is needed once more), or a
            Chroma was writing for too long. Nothing was lost; call it again.
    """
    from bethink.memory.errors import MemoryFolderError  # here: this file is also run by itself

    command = [sys.executable, "-I", "-S", str(Path(__file__).absolute()), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told = done.stderr.strip().splitlines()[-1:] or ["no reason was given"]
        hint = "Free some disk, then repeat the deletion."
        raise MemoryFolderError(f"Deleted thoughts could not be cleaned out of {folder} ({told[0]}). {hint}")


def clean(folder: Path) -> None:
    """What :func:`vacuum` does, in this process: only where no Chroma client is open on the folder."""
    database = folder / "chroma.sqlite3"
    if not database.is_file():
        raise FileNotFoundError(f"{database} is not there")
    # the folders first: one that is made after this line belongs to an index that is in the table by then
    places = _indices(folder)
    connection = sqlite3.connect(database, timeout=WAIT_S, isolation_level=None)
    try:
        kept = {row[0] for row in connection.execute("SELECT id FROM segments")}
        for place in places:
            if place.name not in kept:
                shutil.rmtree(place)
        connection.execute("PRAGMA secure_delete=ON")
        connection.executescript(_LEFT_BEHIND)
        connection.execute("VACUUM")
    finally:
        connection.close()
    blank_unused(folder)


def blank_unused(folder: Path, done: dict[str, int] | None = None) -> None:
    """Put zeros where index files have room for vectors that are not there yet.

    While a Chroma has the folder open, nobody may write to it. ``done`` remembers when each index was last written, so
    that it is seen to once: about 30 microseconds, and then 3.
    """
    for place in _indices(folder):
        data, header = place / "data_level0.bin", place / "header.bin"
        if not data.is_file() or (done is not None and done.get(place.name) == data.stat().st_mtime_ns):
            continue
        try:
            version, _, _, vectors, size = _HEADER.unpack_from(header.read_bytes())
        except (OSError, struct.error):
            continue
        if version == 1:
            _blank(data, vectors * size)
            _blank(place / "length.bin", vectors * 4)
        if done is not None:
            done[place.name] = data.stat().st_mtime_ns


def _blank(file: Path, used: int) -> None:
    if file.is_file() and file.stat().st_size > used:
        with file.open("r+b") as stream:
            stream.seek(used)
            rest = stream.read()
            if rest.strip(b"\0"):
                stream.seek(used)
                stream.write(bytes(len(rest)))


def _indices(folder: Path) -> list[Path]:
    with os.scandir(folder) as found:
        return [Path(place.path) for place in found if _is_uuid(place.name) and place.is_dir(follow_symlinks=False)]


def _is_uuid(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


if __name__ == "__main__":
    try:
        clean(Path(sys.argv[1]))
    except (OSError, sqlite3.Error) as problem:
        sys.exit(str(problem))

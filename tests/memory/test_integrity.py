from __future__ import annotations

import json
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bethink.memory import MemoryFolderError, ThoughtMemory
from bethink.memory.integrity import checked_database, checked_memory
from bethink.memory.journal import SCHEMA, VERSION


@pytest.fixture
def folder(tmp_path, embedder):
    """A memory that was used and closed."""
    place = tmp_path / "memory"
    with ThoughtMemory(place, embedder) as memory:
        for number in range(20):
            memory.add(f"My friend Person{number} lives in City{number}.", user_id="ana")
    return place


def test_a_whole_memory(folder, embedder):
    told = checked_memory(folder)
    assert "journal" in told
    assert f"schema {VERSION}" in told
    assert "store" in told
    with ThoughtMemory(folder, embedder):
        assert checked_memory(folder).startswith("format 1"), "beside an open one"
    assert checked_memory(folder / "nowhere") == "none yet"


@pytest.mark.parametrize("name", ["journal.sqlite", "chroma/chroma.sqlite3"])
@pytest.mark.parametrize("damage", ["head", "middle", "cut"])
def test_damaged_files_are_named(folder, name, damage):
    path = folder / name
    body = bytearray(path.read_bytes())
    if damage == "head":
        body[:100] = b"x" * 100
    elif damage == "middle":
        body[4096 * 2 : -4096] = b"\xa5" * (len(body) - 3 * 4096)
    else:
        del body[len(body) // 2 :]
    path.write_bytes(body)
    with pytest.raises(MemoryFolderError, match="Restore it from a backup") as told:
        checked_memory(folder)
    assert str(path) in str(told.value)


def test_a_journal_of_a_later_version_is_refused_by_all(folder, embedder):
    with sqlite3.connect(folder / "journal.sqlite") as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(MemoryFolderError, match="later version of Bethink .schema 99"):
        checked_memory(folder)
    with pytest.raises(MemoryFolderError, match="later version of Bethink .schema 99"):
        ThoughtMemory(folder, embedder)


def test_a_journal_from_before_there_were_versions_is_taken(folder, embedder):
    with sqlite3.connect(folder / "journal.sqlite") as database:
        database.execute("PRAGMA user_version=0")
    database.close()
    assert "schema 0" in checked_memory(folder)
    with ThoughtMemory(folder, embedder) as memory:
        assert len(memory.list(user_id="ana")) == 20
    assert f"schema {VERSION}" in checked_memory(folder)


def test_what_lacks_is_named(folder):
    with sqlite3.connect(folder / "journal.sqlite") as database:
        database.execute("ALTER TABLE entries DROP COLUMN reason")
        database.execute("DROP TABLE facts")
    database.close()
    with pytest.raises(MemoryFolderError, match=r"has no entries\.reason, facts\.name, facts\.value"):
        checked_memory(folder)


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", json.dumps({"format": 2}), "\x00"])
def test_a_manifest_that_is_none(folder, body):
    (folder / "memory.json").write_text(body)
    with pytest.raises(MemoryFolderError, match=r"memory\.json cannot be read"):
        checked_memory(folder)


@given(st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=64)), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_bytes_are_it_is_a_sentence(tmp_path, changes):
    path = tmp_path / "journal.sqlite"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.executescript(SCHEMA)
        database.executemany("INSERT INTO facts VALUES (?, ?)", [(f"name {n}", "x" * 200) for n in range(50)])
    database.close()
    body = bytearray(path.read_bytes())
    for place, piece in changes:
        start = int(place * (len(body) - len(piece)))
        body[start : start + len(piece)] = piece
    path.write_bytes(body)
    try:
        told = checked_database(path, SCHEMA, VERSION)
    except MemoryFolderError as problem:
        told = str(problem)
    assert "schema" in told or str(path) in told

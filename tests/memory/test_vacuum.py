from __future__ import annotations

import sqlite3
import threading
import time

import numpy as np
import pytest
from stored import ANA, opened, thoughts

from bethink.memory import MemoryFolderError
from bethink.memory.store import ChromaStore, user_key
from bethink.memory.vacuum import clean, vacuum


@pytest.fixture
def store(place):
    made = opened(place)
    yield made
    made.close()


def test_no_byte_is_left_in_any_file(store, place):
    rows, vectors = thoughts(1200)  # more than Chroma keeps in its log, so that some are in the index file
    for start in range(0, 1200, 100):
        store.put(ANA, rows[start : start + 100], vectors[start : start + 100])
    store.put(user_key("bob"), rows[:3], vectors[:3])
    store.remove(ANA, [rows[7].id, rows[1150].id])
    store.drop(user_key("bob"))
    store.scrub()
    if place.url is not None:
        vacuum(place.files)  # the server runs on
    for file in (file for file in place.files.rglob("*") if file.is_file()):
        held = file.read_bytes()
        for gone in (7, 1150):
            assert f"number{gone}.".encode() not in held, file
            assert vectors[gone, :16].tobytes() not in held, file
            assert rows[gone].id.encode() not in held, file
    assert len(store.load(ANA)[0]) == 1198
    segments = sqlite3.connect(place.files / "chroma.sqlite3").execute("SELECT id FROM segments").fetchall()
    folders = {one.name for one in place.files.iterdir() if one.is_dir()}
    assert folders <= {row[0] for row in segments}


def test_others_write_on_while_the_files_are_cleaned(tmp_path):
    store = ChromaStore(tmp_path, 64)
    rows, vectors = thoughts(300)
    stop, problems, written = threading.Event(), [], []

    def write() -> None:
        for number in range(1, 300):
            if stop.is_set():
                return
            try:
                store.put(ANA, rows[number : number + 1], vectors[number : number + 1])
            except Exception as problem:
                problems.append(problem)
            written.append(rows[number].id)

    store.put(ANA, rows[:1], vectors[:1])
    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(4):
        store.scrub()
        time.sleep(0.02)
    stop.set()
    writer.join()
    assert problems == []
    assert {one.id for one in store.load(ANA)[0]} == {rows[0].id, *written}
    store.close()


def test_a_folder_that_is_no_chroma(tmp_path):
    with pytest.raises(OSError, match="not there"):
        clean(tmp_path)
    with pytest.raises(MemoryFolderError, match="could not be cleaned"):
        vacuum(tmp_path)
    (tmp_path / "chroma.sqlite3").write_bytes(b"rubbish" * 1000)
    with pytest.raises(MemoryFolderError, match="not a database"):
        vacuum(tmp_path)


def test_unfilled_room_in_index_files_is_blank(tmp_path):
    """Chroma writes there whatever its process last had in memory."""
    store = ChromaStore(tmp_path, 64)
    rows, vectors = thoughts(3)
    store.put(ANA, rows, vectors)
    (data,) = tmp_path.rglob("data_level0.bin")
    for file in (data, data.with_name("length.bin")):
        assert file.stat().st_size > 300
        assert not file.read_bytes().strip(b"\0")
        file.write_bytes(b"secret" * (file.stat().st_size // 6))
    store.close()
    store = ChromaStore(tmp_path, 64)
    assert not data.read_bytes().strip(b"\0")
    assert len(store.load(ANA)[0]) == 3
    rows, vectors = thoughts(1100, 3)
    store.put(ANA, rows, vectors)
    store.scrub()
    assert data.read_bytes().strip(b"\0")  # vectors are there now, and stay
    assert len(store.load(ANA)[0]) == 1103
    store.close()
    again = ChromaStore(tmp_path, 64)
    np.testing.assert_allclose(again.load(ANA)[1][3:], vectors, atol=1e-6)
    again.close()

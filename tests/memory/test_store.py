from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from stored import ANA, names, opened, thoughts

from bethink.memory import MemoryFolderError
from bethink.memory.rewriting import collection
from bethink.memory.store import ChromaStore, user_key


@pytest.fixture
def store(place):
    made = opened(place)
    yield made
    made.close()


def test_what_is_put_is_loaded_in_order(store):
    rows, vectors = thoughts(25)
    store.put(ANA, rows, vectors)
    store.update(ANA, [dataclasses.replace(rows[3], invalid_at="2024-02-01T00:00:00Z")])
    store.update(ANA, thoughts(1, 99)[0])  # not there: passed over
    store.remove(ANA, [rows[5].id, "nothing"])
    store.remove(ANA, ["nothing"])
    found, again = store.load(ANA)
    kept = [i for i in range(25) if i != 5]
    assert [one.id for one in found] == [rows[i].id for i in kept]
    assert [one.active for one in found] == [i != 3 for i in kept]
    np.testing.assert_allclose(again, vectors[kept], atol=1e-6)
    assert names(store) == [ANA]
    store.drop(ANA)
    store.drop(ANA)
    assert store.load(ANA)[0] == []
    assert store.load(ANA)[1].shape == (0, 64)
    assert names(store) == []


def test_more_than_a_batch(store):
    store.rows.batch = 10
    rows, vectors = thoughts(35)
    store.put(ANA, rows, vectors)
    store.update(ANA, rows)
    store.remove(ANA, [row.id for row in rows[::2]])
    assert [one.id for one in store.load(ANA)[0]] == [row.id for row in rows[1::2]]
    assert len(store.rows.load(collection(store.rows.client, ANA), [row.id for row in rows])[0]) == 17


def test_a_corrupt_file_is_no_store(tmp_path):
    (tmp_path / "chroma.sqlite3").write_bytes(b"rubbish" * 1000)
    with pytest.raises(MemoryFolderError, match="cannot be opened"):
        ChromaStore(tmp_path, 64)


def test_a_user_needs_a_name():
    assert user_key("ana") != user_key("ana ")
    for nobody in ("", "  ", None):
        with pytest.raises(ValueError, match="user_id"):
            user_key(nobody)

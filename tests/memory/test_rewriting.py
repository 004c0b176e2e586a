from __future__ import annotations

import pytest
from stored import ANA, names, opened, thoughts

from bethink.memory.rewriting import begin, collection, finish, forget_all, make


@pytest.fixture
def store(place):
    made = opened(place)
    yield made
    made.close()


@pytest.mark.parametrize("step", ["noted", "renamed", "made", "half copied", "copied", "old gone"])
def test_an_erasure_cut_short_is_finished(store, step):
    rows, vectors = thoughts(8)
    store.put(ANA, rows, vectors)
    client, batch = store.rows.client, store.rows.batch
    assert begin(client, ANA, [rows[2].id], by="here")
    assert not begin(client, ANA, [rows[3].id], by="there")
    steps = ["noted", "renamed", "made", "half copied", "copied", "old gone"]
    at = steps.index(step)
    if at >= 1:
        old = collection(client, ANA)
        old.modify(name=f"{ANA}-old")
    if at >= 2:
        new = make(client, ANA)
    if at >= 3:
        new.add(**_rows(old, [rows[0].id]))
    if at >= 4:
        new.add(**_rows(old, [row.id for row in rows if row is not rows[2]]))
    if at >= 5:
        client.delete_collection(f"{ANA}-old")
    store.rows.forget(ANA)
    store.remove(ANA, [rows[2].id])  # what the journal has done again at the next start
    assert [one.id for one in store.load(ANA)[0]] == [row.id for row in rows if row is not rows[2]]
    assert names(store) == [ANA]
    finish(client, ANA, batch, mark=lambda new: None)  # nothing is noted: nothing happens
    forget_all(client, ANA)
    assert names(store) == []


def _rows(where, ids):
    found = where.get(ids=ids, include=["metadatas", "embeddings"])
    return {"ids": found["ids"], "metadatas": found["metadatas"], "embeddings": found["embeddings"]}


def test_a_user_is_deleted_in_the_middle_of_an_erasure(store):
    rows, vectors = thoughts(4)
    store.put(ANA, rows, vectors)
    client = store.rows.client
    begin(client, ANA, [rows[0].id])
    collection(client, ANA).modify(name=f"{ANA}-old")
    make(client, ANA)
    store.drop(ANA)
    assert names(store) == []
    assert store.load(ANA)[0] == []

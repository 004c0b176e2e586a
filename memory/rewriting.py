"""Erasing from Chroma by rewriting: what is left of a user's collection is copied to a new one.

Chroma only marks a deleted vector in its index file, where the bytes stay, and its log keeps the row that added it; a
new collection has neither. Chroma has no transactions, so the steps are such that a kill between any two of them can
be made good by anybody who finds it (:func:`finish`): first ``NAME-erasing`` is made, which names the ids that go; then
``NAME`` becomes ``NAME-old``; what stays is added to a new ``NAME``; then ``NAME-old`` and ``NAME-erasing`` go. Of two
processes that begin at once only one can make ``NAME-erasing``.

Cost: reading and writing all that is left, about 0.3 ms a thought.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

HNSW = {"hnsw": {"space": "cosine", "ef_construction": 10, "max_neighbors": 4}}
"""Recall runs in our own index, so Chroma's graph is kept small: a write is three times as fast as with its default."""
TRIES = 20


def collection(client: Any, name: str) -> Any:
    """The collection of that name, or None."""
    from chromadb.errors import NotFoundError

    try:
        return client.get_collection(name, embedding_function=None)
    except NotFoundError:
        return None


def make(client: Any, name: str) -> Any:
    """The collection of that name, made if need be."""
    return client.get_or_create_collection(name, embedding_function=None, configuration=HNSW)


def drop(client: Any, name: str) -> None:
    """Delete a collection if it is there."""
    from chromadb.errors import NotFoundError

    try:
        client.delete_collection(name)
    except NotFoundError:
        return


def begin(client: Any, user: str, ids: Sequence[str], by: str = "") -> bool:
    """Note that these ids are to be erased ``by`` a process; False when another erasure of this user is under way."""
    from chromadb.errors import ChromaError

    noted = {"ids": " ".join(ids), "by": by}
    try:
        client.create_collection(f"{user}-erasing", embedding_function=None, metadata=noted)
    except ChromaError:
        if under_way(client, user) is None:
            raise
        return False
    return True


def under_way(client: Any, user: str) -> tuple[str, str] | None:
    """(a name, the process) of the erasure of this user that was begun and not ended, or None."""
    found = collection(client, f"{user}-erasing")
    return None if found is None else (str(found.id), str(found.metadata["by"]))


def finish(client: Any, user: str, batch: int, mark: Callable[[Any], None]) -> None:
    """Do what :func:`begin` noted, from wherever it stopped; nothing if nothing is noted.

    ``mark`` is called with the new collection when all is in it. If another process does the same at the same time,
    each finds some of it done.
    """
    from chromadb.errors import ChromaError

    for attempt in range(TRIES):
        try:
            _finish(client, user, batch, mark)
            return
        except ChromaError:  # another process was a step ahead
            if attempt == TRIES - 1:
                raise
            time.sleep(0.05)


def _finish(client: Any, user: str, batch: int, mark: Callable[[Any], None]) -> None:
    noted = collection(client, f"{user}-erasing")
    if noted is None:
        return
    old = collection(client, f"{user}-old")
    if old is None:
        old = collection(client, user)
        if old is not None:
            old.modify(name=f"{user}-old")
    if old is not None:
        new = make(client, user)
        gone = set(str(noted.metadata["ids"]).split())
        left = [key for key in old.get(include=[])["ids"] if key not in gone]
        for start in range(0, len(left), batch):
            rows = old.get(ids=left[start : start + batch], include=["metadatas", "embeddings"])
            place = {key: number for number, key in enumerate(rows["ids"])}
            order = [place[key] for key in left[start : start + batch] if key in place]  # that of writing is kept
            if order:  # add, not upsert: what was written since is newer
                new.add(
                    ids=[rows["ids"][i] for i in order],
                    metadatas=[rows["metadatas"][i] for i in order],
                    embeddings=rows["embeddings"][order],
                )
        mark(new)
        drop(client, f"{user}-old")
    drop(client, f"{user}-erasing")


def forget_all(client: Any, user: str) -> None:
    """Delete a user's collection, and what an erasure that was cut short, or still runs elsewhere, has of it."""
    names = [f"{user}-erasing", f"{user}-old", user]  # in this order, so that nobody copies what is deleted
    while any(collection(client, name) is not None for name in names):
        for name in names:
            drop(client, name)

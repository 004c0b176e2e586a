"""Where thoughts and their vectors are kept. Recall runs in our own index; a store only keeps and gives back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bethink.memory.errors import MemoryFolderError
from bethink.memory.thought import Thought, thought_from_json


def user_key(user_id: str) -> str:
    """The name under which a user's thoughts are kept: a hash, since store names allow few characters.

    Raises:
        ValueError: no user id.
    """
    if not isinstance(user_id, str) or not user_id.strip():
        raise ValueError("A user_id is needed: it alone keeps one person's thoughts from another's.")
    return "user-" + hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class ThoughtStore(Protocol):
    """What a durable store must do. Every call names one user; none can reach across."""

    def put(self, user: str, thoughts: Sequence[Thought], vectors: np.ndarray) -> None:
        """Add or overwrite, with unit vectors (n, dim)."""
        ...

    def update(self, user: str, thoughts: Sequence[Thought]) -> None:
        """Overwrite all but the vectors of thoughts that are there."""
        ...

    def remove(self, user: str, ids: Sequence[str]) -> None:
        """Delete; ids that are not there are passed over."""
        ...

    def load(self, user: str) -> tuple[list[Thought], np.ndarray]:
        """All thoughts of a user and their vectors (n, dim), in the same order."""
        ...

    def drop(self, user: str) -> None:
        """Delete all a user has."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class ChromaStore:
    """Chroma, embedded: one collection a user, vectors given by us, cosine space.

    Chroma is thread-safe but not process-safe; the caller holds the folder's lock. ``client`` may be any Chroma
    client (a server's too); by default a ``PersistentClient`` on ``folder``.

    Raises:
        MemoryFolderError: the folder cannot be opened.
    """

    def __init__(self, folder: str | Path, dim: int, *, client: Any = None) -> None:
        self.dim = dim
        self._collections: dict[str, Any] = {}
        if client is None:
            import chromadb
            from chromadb.config import Settings

            try:
                client = chromadb.PersistentClient(path=str(folder), settings=Settings(anonymized_telemetry=False))
            except Exception as problem:
                hint = "Restore it from a backup, or choose another memory folder."
                raise MemoryFolderError(
                    f"The thought store in {folder} cannot be opened ({problem}). {hint}"
                ) from problem
        self._client = client
        self._batch = int(client.get_max_batch_size())

    def put(self, user: str, thoughts: Sequence[Thought], vectors: np.ndarray) -> None:
        """See :class:`ThoughtStore`. Metadata keys are always the same: upsert would keep stale ones."""
        rows = np.asarray(vectors, dtype=np.float32)
        for start in range(0, len(thoughts), self._batch):
            part = thoughts[start : start + self._batch]
            self._collection(user).upsert(embeddings=rows[start : start + self._batch], **_columns(part))

    def update(self, user: str, thoughts: Sequence[Thought]) -> None:
        """See :class:`ThoughtStore`."""
        for start in range(0, len(thoughts), self._batch):
            self._collection(user).update(**_columns(thoughts[start : start + self._batch]))

    def remove(self, user: str, ids: Sequence[str]) -> None:
        """See :class:`ThoughtStore`."""
        for start in range(0, len(ids), self._batch):
            self._collection(user).delete(ids=list(ids[start : start + self._batch]))

    def load(self, user: str) -> tuple[list[Thought], np.ndarray]:
        """See :class:`ThoughtStore`. Does not create anything for a user who has nothing."""
        from chromadb.errors import NotFoundError

        try:
            collection = self._collection(user, create=False)
        except NotFoundError:
            return [], np.zeros((0, self.dim), dtype=np.float32)
        found = collection.get(include=["metadatas", "embeddings"])
        thoughts = [thought_from_json(row["thought"]) for row in found["metadatas"]]
        vectors = np.asarray(found["embeddings"], dtype=np.float32).reshape(len(thoughts), self.dim)
        return thoughts, vectors

    def drop(self, user: str) -> None:
        """See :class:`ThoughtStore`."""
        from chromadb.errors import NotFoundError

        self._collections.pop(user, None)
        try:
            self._client.delete_collection(user)
        except NotFoundError:
            return

    def close(self) -> None:
        """See :class:`ThoughtStore`."""
        self._collections.clear()
        self._client.close()

    def _collection(self, user: str, create: bool = True) -> Any:
        if user not in self._collections:
            if create:
                space = {"hnsw": {"space": "cosine"}}
                found = self._client.get_or_create_collection(user, embedding_function=None, configuration=space)
            else:
                found = self._client.get_collection(user, embedding_function=None)
            self._collections[user] = found
        return self._collections[user]


def _columns(thoughts: Sequence[Thought]) -> dict[str, Any]:
    # No documents: Chroma would keep a trigram index of them, larger than all the rest and one more place to erase.
    return {
        "ids": [thought.id for thought in thoughts],
        "metadatas": [
            {"active": thought.active, "date": thought.date, "thought": thought.to_json()} for thought in thoughts
        ],
    }

"""Where thoughts and their vectors are kept. Recall runs in our own index; a store only keeps and gives back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bethink.memory import rewriting
from bethink.memory.errors import MemoryFolderError
from bethink.memory.gate import Gate
from bethink.memory.thought import Thought, thought_from_json
from bethink.memory.vacuum import blank_unused, vacuum


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
        """Erase, vectors and older versions too; ids that are not there are passed over."""
        ...

    def load(self, user: str) -> tuple[list[Thought], np.ndarray]:
        """All thoughts of a user and their vectors (n, dim), in the same order."""
        ...

    def drop(self, user: str) -> None:
        """Erase all a user has."""
        ...

    def scrub(self) -> None:
        """Free the store's files of the bytes of what was removed, as far as the store can reach them."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class ChromaStore:
    """Chroma, embedded: one collection a user, vectors given by us, cosine space.

    Chroma is thread-safe but not process-safe; the caller holds the folder's lock. ``remove`` rewrites the user's
    collection (see :mod:`bethink.memory.rewriting`), ``scrub`` the database (see :mod:`bethink.memory.vacuum`).

    Raises:
        MemoryFolderError: the folder cannot be opened.
    """

    def __init__(self, folder: str | Path, dim: int) -> None:
        import chromadb
        from chromadb.config import Settings

        self.folder = Path(folder)
        try:
            client = chromadb.PersistentClient(path=str(folder), settings=Settings(anonymized_telemetry=False))
        except Exception as problem:
            hint = "Restore it from a backup, or move it away: it is made anew from the journal."
            raise MemoryFolderError(f"The thought store in {folder} cannot be opened ({problem}). {hint}") from problem
        self._gate = Gate()
        self._blanked: dict[str, int] = {}
        self.rows = Rows(client, dim)
        blank_unused(self.folder, self._blanked)

    def put(self, user: str, thoughts: Sequence[Thought], vectors: np.ndarray) -> None:
        """See :class:`ThoughtStore`."""
        first = self.rows.seen(user) is None
        with self._gate.passing():
            self.rows.put(self.rows.of(user), thoughts, vectors)
        if first:
            self._blank()

    def update(self, user: str, thoughts: Sequence[Thought]) -> None:
        """See :class:`ThoughtStore`."""
        with self._gate.passing():
            self.rows.update(self.rows.of(user), thoughts)

    def remove(self, user: str, ids: Sequence[str]) -> None:
        """See :class:`ThoughtStore`."""
        with self._gate.passing():
            client, rows = self.rows.client, self.rows
            rewriting.finish(client, user, rows.batch, mark=lambda new: None)  # an erasure that a kill cut short
            there = rewriting.collection(client, user)
            if there is not None and rows.known(there, ids):
                rewriting.begin(client, user, ids)
                rewriting.finish(client, user, rows.batch, mark=lambda new: None)
            rows.forget(user)

    def load(self, user: str) -> tuple[list[Thought], np.ndarray]:
        """See :class:`ThoughtStore`. Does not create anything for a user who has nothing."""
        with self._gate.passing():
            there = rewriting.collection(self.rows.client, user)
            if there is None:
                return [], np.zeros((0, self.rows.dim), dtype=np.float32)
            found = self.rows.load(there)
        self._blank()
        return found

    def drop(self, user: str) -> None:
        """See :class:`ThoughtStore`."""
        with self._gate.passing():
            rewriting.forget_all(self.rows.client, user)
            self.rows.forget(user)

    def scrub(self) -> None:
        """See :class:`ThoughtStore`. All users' calls wait meanwhile."""
        with self._gate.alone():
            vacuum(self.folder)

    def close(self) -> None:
        """See :class:`ThoughtStore`."""
        self.rows.client.close()

    def _blank(self) -> None:
        with self._gate.alone():  # Chroma makes an index file at the first write, or at the first look
            blank_unused(self.folder, self._blanked)


class Rows:
    """Thoughts as rows of Chroma's collections, and the collections that are known."""

    def __init__(self, client: Any, dim: int) -> None:
        self.client, self.dim = client, dim
        self.batch = int(client.get_max_batch_size()) - 1  # one more fits beside them
        self._collections: dict[str, Any] = {}

    def of(self, user: str) -> Any:
        """The user's collection, made if need be; looked up once."""
        if user not in self._collections:
            self._collections[user] = rewriting.make(self.client, user)
        return self._collections[user]

    def seen(self, user: str) -> Any:
        """The user's collection if it was looked up before, or None."""
        return self._collections.get(user)

    def keep(self, user: str, where: Any) -> None:
        """Take this for the user's collection from now on."""
        self._collections[user] = where

    def forget(self, user: str) -> None:
        """The user's collection may be another by now."""
        self._collections.pop(user, None)

    def put(
        self,
        where: Any,
        thoughts: Sequence[Thought],
        vectors: np.ndarray,
        beside: tuple[str, dict[str, Any]] | None = None,
    ) -> None:
        """Add or overwrite. Metadata keys are always the same: upsert would keep stale ones.

        ``beside`` is one more row (id, metadata), written in the same step as the last thoughts.
        """
        rows = np.asarray(vectors, dtype=np.float32)
        for start in range(0, max(len(thoughts), 1), self.batch):
            columns, part = _columns(thoughts[start : start + self.batch]), rows[start : start + self.batch]
            if beside is not None and start + self.batch >= len(thoughts):
                columns["ids"].append(beside[0])
                columns["metadatas"].append(beside[1])
                part = np.concatenate([part.reshape(-1, self.dim), np.eye(1, self.dim, dtype=np.float32)])
            if len(part):
                where.upsert(embeddings=part, **columns)

    def update(self, where: Any, thoughts: Sequence[Thought]) -> None:
        """Overwrite the metadata of those that are there."""
        for start in range(0, len(thoughts), self.batch):
            where.update(**_columns(thoughts[start : start + self.batch]))

    def known(self, where: Any, ids: Sequence[str]) -> list[str]:
        """Those of the ids that are there."""
        found: list[str] = []
        for start in range(0, len(ids), self.batch):
            found += where.get(ids=list(ids[start : start + self.batch]), include=[])["ids"]
        return found

    def thoughts(self, where: Any) -> list[Thought]:
        """All thoughts, without their vectors."""
        rows = where.get(include=["metadatas"])["metadatas"]
        return [thought_from_json(row["thought"]) for row in rows if "thought" in row]

    def load(self, where: Any, ids: Sequence[str] | None = None) -> tuple[list[Thought], np.ndarray]:
        """Thoughts and their vectors (n, dim), in the same order; those of some ids, or all."""
        thoughts: list[Thought] = []
        vectors = [np.zeros((0, self.dim), dtype=np.float32)]
        chosen = (
            [{}] if ids is None else [{"ids": list(ids[i : i + self.batch])} for i in range(0, len(ids), self.batch)]
        )
        for which in chosen:
            found = where.get(include=["metadatas", "embeddings"], **which)
            kept = [place for place, row in enumerate(found["metadatas"]) if "thought" in row]
            thoughts += [thought_from_json(found["metadatas"][place]["thought"]) for place in kept]
            if kept:
                vectors.append(np.asarray(found["embeddings"], dtype=np.float32)[kept])
        return thoughts, np.concatenate(vectors)


def _columns(thoughts: Sequence[Thought]) -> dict[str, Any]:
    # No documents: Chroma would keep a trigram index of them, larger than all the rest and one more place to erase.
    return {
        "ids": [thought.id for thought in thoughts],
        "metadatas": [
            {"active": thought.active, "date": thought.date, "thought": thought.to_json()} for thought in thoughts
        ],
    }

"""Writes made safe: journal first, then store, then memory; and what a kill left undone is done at the next start."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bethink.memory.errors import MemoryFolderError
from bethink.memory.folder import MemoryFolder
from bethink.memory.index import unit
from bethink.memory.journal import EVERYTHING, Journal, Step, change_of
from bethink.memory.sharing import Contact, SharedStore, bind
from bethink.memory.shelf import Shelf, passage
from bethink.memory.store import ChromaStore, ThoughtStore
from bethink.memory.thought import Change, Thought
from bethink.memory.times import to_iso
from bethink.models.embedder import Embedder


class Keeper:
    """Folder, journal, store and the shelves of loaded users. The caller holds :meth:`lock` of the user it touches.

    With a shared store (see :mod:`bethink.memory.sharing`) each shelf is brought up to date at each use.
    """

    def __init__(
        self,
        folder: str | Path,
        embedder: Embedder,
        n_buckets: int,
        seed: int,
        store: ThoughtStore | None = None,
        lock: str | Path | None = None,
    ) -> None:
        self.embedder = embedder
        self.place = MemoryFolder(folder, embedder.name, embedder.dim, n_buckets, seed, lock)
        self._store = store
        self._guard = threading.RLock()
        self._locks: dict[str, threading.RLock] = {}
        self._shelves: dict[str, Shelf] = {}
        self._unfinished: set[str] = set()
        self._contact: Contact | None = None
        self._closed = False
        try:
            self.journal = Journal(self.place.path / "journal.sqlite")
            digest = hashlib.sha256(self.place.lsh.R.tobytes()).hexdigest()[:16]
            made_by: dict[str, str | int] = {"embedder": embedder.name, "dim": embedder.dim}
            made_by |= {"n_buckets": n_buckets, "hash": digest}
            bind(store, self.journal, made_by, self.place.path)
            for user in {user for _, user, _ in self.journal.pending()}:
                self._finish(user)
            if isinstance(store, SharedStore):
                self._contact = Contact(store, self.journal, self.place.lsh)
        except BaseException:
            self.close()
            raise

    def lock(self, user: str) -> threading.RLock:
        """The lock that makes one user's calls follow one another.

        Raises:
            MemoryFolderError: the memory was closed.
        """
        with self._guard:
            if self._closed:
                raise MemoryFolderError(f"The memory in {self.place.path} was closed; open it again to use it.")
            return self._locks.setdefault(user, threading.RLock())

    @property
    def store(self) -> ThoughtStore:
        """The store, opened at first use: importing Chroma takes about a second."""
        with self._guard:
            if self._store is None:
                self._store = ChromaStore(self.place.path / "chroma", self.embedder.dim)
            return self._store

    def shelf(self, user: str) -> Shelf:
        """The user's thoughts in memory, read from the store at first use. One who never wrote costs no store.

        What the folder's own store has lost is put back from the journal (and embedded anew).
        """
        if user in self._unfinished:
            self._finish(user)
        if self._contact is not None:
            self._shelves[user] = self._contact.shelf(user, self._shelves.get(user))
        elif user not in self._shelves:
            shelf = Shelf(self.place.lsh)
            if self.journal.knows(user):
                thoughts, vectors = self.store.load(user)
                if lost := self.journal.ids(user) - {thought.id for thought in thoughts}:
                    self._restore(user, lost)
                    thoughts, vectors = self.store.load(user)
                shelf.fill(thoughts, vectors)
            self._shelves[user] = shelf
        return self._shelves[user]

    def known(self, user: str, thought_id: str) -> Thought:
        """One thought.

        Raises:
            KeyError: this user has none of that id.
        """
        try:
            return self.shelf(user).thoughts[thought_id]
        except KeyError:
            raise KeyError(f"There is no thought {thought_id!r} for this user.") from None

    def embed(self, thoughts: Sequence[Thought]) -> tuple[np.ndarray, list[int]]:
        """Unit vectors (n, dim) and buckets of thoughts.

        Raises:
            ValueError: the embedder gave NaN, zeros or a wrong shape; nothing was written.
        """
        if not thoughts:
            return np.zeros((0, self.embedder.dim), dtype=np.float32), []
        vectors = unit(self.embedder.embed([passage(thought) for thought in thoughts]), self.embedder.dim)
        if len(vectors) != len(thoughts):
            raise ValueError(f"The embedder gave {len(vectors)} vectors for {len(thoughts)} texts.")
        return vectors, [int(bucket) for bucket in self.place.lsh.hash(vectors)[:, 0]]

    def write(self, user: str, steps: Sequence[Step], turn: str | None = None) -> list[Change]:
        """Journal, apply, mark: after a kill at any point the batch is there as a whole or not at all."""
        if not steps:
            return []
        shelf, at = self._shelves.get(user), to_iso()  # as the caller saw it when it decided
        if shelf is None:
            shelf = self.shelf(user)
        token = self.journal.record(user, steps, at=at, turn=turn)
        try:
            self._apply(user, token, steps)
        except BaseException:
            self._unfinished.add(user)
            raise
        if self._contact is not None:
            self._contact.wrote(user)
        if any(step.after is None for step in steps):
            self._shelves.pop(user, None)  # read again, so that no trace of an erased text stays in memory
        else:
            for step in steps:
                shelf.put(step.after, step.vector)  # type: ignore[arg-type]
        return [change_of(step, token=token, at=at) for step in steps]

    def undo(self, user: str, steps: Sequence[Step], dry_run: bool = False) -> list[Change]:
        """Take back the steps of a batch, last first; a thought that changed since is left alone (``noop``)."""
        shelf = self.shelf(user)
        known = dict(shelf.thoughts)
        back: list[Step] = []
        left: list[Change] = []
        for step in reversed(steps):
            current = known.get(step.id)
            if current is None or current != step.after:
                why = "changed since" if current else "erased for good"
                left.append(Change("noop", step.id, current.text if current else "", None, why))
                continue
            target = step.before or replace(current, invalid_at=to_iso(), superseded_by=None)
            vector = None if dry_run or passage(target) == passage(current) else self.embed([target])[0][0]
            back.append(Step("undo", step.id, current, target, f"took back: {step.op}", vector))
            known[step.id] = target
        return ([change_of(step, token="", at="") for step in back] if dry_run else self.write(user, back)) + left

    def close(self) -> None:
        """Let go of store, journal and folder; twice is fine."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            if self._store is not None:
                self._store.close()
            if hasattr(self, "journal"):
                self.journal.close()
            self._shelves.clear()
            self.place.release()

    def _restore(self, user: str, lost: Collection[str]) -> None:
        back = [thought for thought in self.journal.latest(user).values() if thought.id in lost]
        self.store.put(user, back, self.embed(back)[0])

    def _finish(self, user: str) -> None:
        for token, owner, steps in self.journal.pending():
            if owner == user:
                self._apply(user, token, steps)
        self._shelves.pop(user, None)
        self._unfinished.discard(user)

    def _apply(self, user: str, token: str, steps: Sequence[Step]) -> None:
        if any(step.id == EVERYTHING for step in steps):
            self.store.drop(user)
            self.store.scrub()
            self.journal.erase(user)
        else:
            self._apply_each(user, steps)
        self.journal.mark_applied(token)

    def _apply_each(self, user: str, steps: Sequence[Step]) -> None:
        last: dict[str, Thought | None] = {}
        vectors: dict[str, np.ndarray] = {}
        for step in steps:
            last[step.id] = step.after
            if step.vector is not None:
                vectors[step.id] = step.vector
        new = [thought for thought in last.values() if thought and thought.id in vectors]
        if new:
            self.store.put(user, new, np.stack([vectors[thought.id] for thought in new]))
        if same := [thought for thought in last.values() if thought and thought.id not in vectors]:
            self.store.update(user, same)
        if gone := [thought_id for thought_id, thought in last.items() if thought is None]:
            self.store.remove(user, gone)
            self.store.scrub()
            self.journal.erase(user, gone)

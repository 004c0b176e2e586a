"""A process in step with a store that others write, too: what they added is taken in, what they erased is erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from bethink.memory.errors import MemoryFolderError
from bethink.memory.journal import Journal
from bethink.memory.lsh import AngularLSH
from bethink.memory.server import State
from bethink.memory.shelf import Shelf, passage
from bethink.memory.store import ThoughtStore
from bethink.memory.thought import Thought


@runtime_checkable
class SharedStore(ThoughtStore, Protocol):
    """A store that other processes write, too; see :class:`bethink.memory.server.ChromaServer`."""

    url: str

    def agree(self, made_by: dict[str, str | int], node: str) -> str:
        """Check that the vectors are of one kind; returns the store's own id."""
        ...

    def state(self, user: str) -> State:
        """What there is of a user, to be compared with what there was."""
        ...

    def after_write(self, user: str, before: State) -> State:
        """The state that this process's last write made."""
        ...

    def settled(self, user: str) -> tuple[State | None, list[Thought]]:
        """All thoughts of a user, and the state they are of."""
        ...

    def vectors(self, user: str, ids: Sequence[str]) -> tuple[list[Thought], np.ndarray]:
        """Those of some thoughts that are there, and their vectors."""
        ...

    def erasures(self) -> dict[str, str]:
        """A token of the last erasure of each user of whom something was erased."""
        ...


def bind(store: ThoughtStore | None, journal: Journal, made_by: dict[str, str | int], folder: object) -> None:
    """Tie a memory folder to the store that its journal tells of, so that it is never held against another one.

    Else all thoughts would seem to have been erased by somebody.

    Raises:
        MemoryFolderError: the folder belongs to another store.
        EmbedderMismatchError: the store was written with another embedder or hash.
    """
    bound = journal.fact("store")
    hint = "Use another memory folder; thoughts move by export and import."
    if not isinstance(store, SharedStore):
        if bound is not None:
            raise MemoryFolderError(f"The thoughts of {folder} are on a Chroma server, not in the folder. {hint}")
        return
    node = journal.fact("node")
    if node is None:
        node = np.random.default_rng().bytes(16).hex()
        journal.note("node", node)
    identity = store.agree(made_by, node)
    if bound is None and not journal.users():
        journal.note("store", identity)
    elif bound != identity:
        where = "in the folder itself" if bound is None else "on another Chroma server, or it was emptied"
        raise MemoryFolderError(f"The thoughts of {folder} are not on {store.url}: they are {where}. {hint}")


class Contact:
    """What this process has seen of a shared store. The caller holds the lock of the user it asks about."""

    def __init__(self, store: SharedStore, journal: Journal, lsh: AngularLSH) -> None:
        self._store, self._journal, self._lsh = store, journal, lsh
        self._seen: dict[str, State] = {}
        for user, token in store.erasures().items():
            if journal.fact(f"erased {user}") != token and self._catch_up(user):
                journal.note(f"erased {user}", token)

    def shelf(self, user: str, known: Shelf | None) -> Shelf:
        """The user's thoughts as they are now: one request if nothing changed since ``known``.

        Else the metadata of all thoughts and the vectors of the new ones are read. Ids that vanished were erased by
        another process; they leave our journal too.
        """
        if known is not None and self._seen.get(user) == self._store.state(user):
            return known
        state, thoughts = self._store.settled(user)
        gone = (self._journal.ids(user) if known is None else set(known.thoughts)) - {one.id for one in thoughts}
        if state is None:  # others never stopped writing: nothing is known to be gone
            self._seen.pop(user, None)
        else:
            self._seen[user] = state
            if gone:
                self._journal.erase(user, gone)
        return self._filled(user, thoughts, None if gone else known, known)

    def wrote(self, user: str) -> None:
        """This process has just written for the user."""
        if user in self._seen:
            self._seen[user] = self._store.after_write(user, self._seen[user])

    def _filled(self, user: str, thoughts: Sequence[Thought], shelf: Shelf | None, known: Shelf | None) -> Shelf:
        """``shelf`` with what is new, or a new one, for which the vectors of ``known`` are still good."""
        had = known.thoughts if known is not None else {}
        new = [one for one in thoughts if one.id not in had or passage(one) != passage(had[one.id])]
        same = [one for one in thoughts if one.id in had and passage(one) == passage(had[one.id])]
        found, vectors = self._store.vectors(user, [one.id for one in new])
        if shelf is None:
            shelf = Shelf(self._lsh)
            if known is not None and same:
                shelf.fill(same, np.stack([known.vector(one.id) for one in same]))
        else:
            for one in same:
                if one != had[one.id]:
                    shelf.put(one, None)
        if found:
            shelf.fill(found, vectors)
        return shelf

    def _catch_up(self, user: str) -> bool:
        """Take out of the journal what was erased while this process was away; False if that cannot be told yet."""
        told = self._journal.ids(user)
        if not told:
            return True
        state, thoughts = self._store.settled(user)
        if state is not None and (gone := told - {one.id for one in thoughts}):
            self._journal.erase(user, gone)
        return state is not None

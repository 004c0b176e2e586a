"""The thought store on a Chroma server, which many processes may share.

Chroma has no transactions. What keeps processes in step instead: beside a user's thoughts lies one marker a process,
changed in the same step as each of its writes, so that a look at the markers (one request, about 2 ms) tells the others
whether anything is new. Erasure rewrites the collection (:mod:`bethink.memory.rewriting`); each write looks afterwards
whether its collection is still the user's, and is done again if it was rewritten meanwhile.

Two processes that write for one user at the same moment do not see each other's change while they decide, so both may
keep a thought that one alone would have found known, or superseded. Nothing worse happens: ids follow from user, text
and turn, so that the same thought is one row, and of two changes of one thought the last counts.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from bethink.memory import rewriting
from bethink.memory.errors import EmbedderMismatchError, MemoryServerError
from bethink.memory.store import Rows
from bethink.memory.thought import Thought

ABOUT = "bethink-memory"
"""The collection that says what made the vectors, and of which users something was erased."""
PATIENCE_S = 10.0
"""An erasure of another process that has not moved for so long is finished by whoever waits for it."""
TIMEOUT_S = 60.0
TRIES = 20


class State(NamedTuple):
    """What a user's collection is, and the last write of each process to it. Equal states hold the same thoughts."""

    collection: str
    markers: dict[str, str]


def chroma_server(url: str, dim: int) -> ChromaServer:
    """The store on a running Chroma server, as ``http://127.0.0.1:8000``.

    Raises:
        MemoryServerError: the address is none, or no Chroma server answers there.
    """
    parts = urlsplit(url if "//" in url else f"http://{url}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host or parts.path.strip("/") or parts.query:
        raise MemoryServerError(f"{url!r} is not the address of a server. Write it like http://127.0.0.1:8000.")
    port = port or (443 if parts.scheme == "https" else 8000)
    import chromadb
    from chromadb.config import Settings

    try:
        quiet = Settings(anonymized_telemetry=False)
        client = chromadb.HttpClient(host=host, port=port, ssl=parts.scheme == "https", settings=quiet)
        client._server._session.timeout = TIMEOUT_S  # its own is to wait for ever
        return ChromaServer(client, dim, url)
    except Exception as problem:
        raise _unreachable(url, host, port, problem) from problem


def _unreachable(url: str, host: str, port: int, problem: Exception) -> MemoryServerError:
    start = f"chroma run --path FOLDER --host {host} --port {port}"
    why = str(problem).strip() or type(problem).__name__
    return MemoryServerError(f"No Chroma server answers at {url} ({why}). Start one with: {start}")


class ChromaServer:
    """A store that several processes share; see the module for what that means.

    ``remove`` and ``drop`` take thoughts out of all that the server gives back. Bytes of them may stay in free pages of
    its files until ``bethink memory vacuum FOLDER`` is run on its machine: no request does that.
    """

    def __init__(self, client: Any, dim: int, url: str) -> None:
        self.rows, self.url, self.node = Rows(client, dim), url, uuid.uuid4().hex
        self._tokens: dict[str, str] = {}

    # -- between processes -------------------------------------------------------------------------------------------

    def agree(self, made_by: dict[str, str | int], node: str) -> str:
        """Check that all processes' vectors and buckets are of one kind; returns the store's own id.

        Args:
            made_by: the embedder, its dim, and the hash; the first to come writes them down.
            node: this process's folder, as markers name it.

        Raises:
            EmbedderMismatchError: the store was written with others.
        """
        self.node = node
        with self._reached():
            new = {**made_by, "identity": uuid.uuid4().hex}
            about = self.rows.client.get_or_create_collection(ABOUT, embedding_function=None, metadata=new)
            written = about.metadata or {}
        for name, value in made_by.items():
            if written.get(name) != value:
                told = (
                    f"The thoughts on {self.url} were written with {name} = {written.get(name)!r}, here it is {value!r}"
                )
                hint = "Use the same embedder and hash, or a server with another folder."
                raise EmbedderMismatchError(f"{told}; vectors of both kinds do not mix. {hint}")
        return str(written["identity"])

    def state(self, user: str) -> State:
        """What there is of a user, to be compared with what there was: one request, about 2 ms."""
        from chromadb.errors import NotFoundError

        with self._reached():
            for _ in range(TRIES):
                where = self._known(user)
                if where is None:
                    return State("", {})
                try:
                    found = where.get(where={"kind": "marker"}, include=["metadatas"])
                except NotFoundError:
                    self.rows.forget(user)
                    continue
                tokens = (str(row["token"]) for row in found["metadatas"])
                return State(str(where.id), dict(zip(found["ids"], tokens, strict=True)))
        raise self._restless()

    def after_write(self, user: str, before: State) -> State:
        """The state that this process's last write made of ``before``, if nobody else wrote."""
        markers = {**before.markers, self._marker: self._tokens[user]} if user in self._tokens else before.markers
        return State(before.collection, markers)

    def settled(self, user: str) -> tuple[State | None, list[Thought]]:
        """All thoughts of a user, read while nothing was erased; the state is None if others never stopped writing."""
        from chromadb.errors import NotFoundError

        thoughts: list[Thought] = []
        with self._reached():
            for _ in range(TRIES):
                before, where = self.state(user), self._known(user)
                try:
                    thoughts = [] if where is None else self.rows.thoughts(where)
                except NotFoundError:
                    self.rows.forget(user)
                    continue
                if rewriting.under_way(self.rows.client, user) is None and self.state(user) == before:
                    return before, thoughts
                self.rows.forget(user)
        return None, thoughts

    def vectors(self, user: str, ids: Sequence[str]) -> tuple[list[Thought], np.ndarray]:
        """Those of some thoughts that are there, with their vectors (n, dim), in the same order."""
        from chromadb.errors import NotFoundError

        with self._reached():
            where = self._known(user)
            try:
                return self.rows.load(where, ids if where is not None else [])
            except NotFoundError:
                self.rows.forget(user)
                return [], np.zeros((0, self.rows.dim), dtype=np.float32)

    def erasures(self) -> dict[str, str]:
        """A token of the last erasure of each user of whom something was erased."""
        with self._reached():
            about = self.rows.client.get_collection(ABOUT, embedding_function=None)
            found = about.get(include=["metadatas"])
        return {user: str(row["token"]) for user, row in zip(found["ids"], found["metadatas"], strict=True)}

    # -- the store ---------------------------------------------------------------------------------------------------

    def put(self, user: str, thoughts: Sequence[Thought], vectors: np.ndarray) -> None:
        """See :class:`bethink.memory.store.ThoughtStore`."""
        self._write(user, lambda where, mark: self.rows.put(where, thoughts, vectors, beside=mark))

    def update(self, user: str, thoughts: Sequence[Thought]) -> None:
        """See :class:`bethink.memory.store.ThoughtStore`."""
        none = np.zeros((0, self.rows.dim), dtype=np.float32)

        def change(where: Any, mark: tuple[str, dict[str, Any]]) -> None:
            self.rows.update(where, thoughts)
            self.rows.put(where, [], none, beside=mark)

        self._write(user, change)

    def remove(self, user: str, ids: Sequence[str]) -> None:
        """See :class:`bethink.memory.store.ThoughtStore`."""
        from chromadb.errors import NotFoundError

        with self._reached():
            for _ in range(TRIES):
                self._wait(user)
                where = self._known(user)
                try:
                    if where is None or not self.rows.known(where, ids):
                        break
                except NotFoundError:
                    self.rows.forget(user)
                    continue
                if rewriting.begin(self.rows.client, user, ids, by=self.node):
                    self._finish(user)
                    break
            else:
                raise self._restless()
            self._tell(user)

    def load(self, user: str) -> tuple[list[Thought], np.ndarray]:
        """See :class:`bethink.memory.store.ThoughtStore`."""
        with self._reached():
            where = self._known(user)
            return self.rows.load(where, None if where is not None else [])

    def drop(self, user: str) -> None:
        """See :class:`bethink.memory.store.ThoughtStore`."""
        with self._reached():
            rewriting.forget_all(self.rows.client, user)
            self.rows.forget(user)
            self._tokens.pop(user, None)
            self._tell(user)

    def scrub(self) -> None:
        """Nothing: a server's files are out of reach (see the class)."""

    def close(self) -> None:
        """See :class:`bethink.memory.store.ThoughtStore`."""
        self.rows.client.close()

    # -- parts -------------------------------------------------------------------------------------------------------

    @property
    def _marker(self) -> str:
        return f"marker-{self.node}"

    def _mark(self, user: str) -> tuple[str, dict[str, Any]]:
        self._tokens[user] = uuid.uuid4().hex
        return self._marker, {"kind": "marker", "token": self._tokens[user]}

    def _write(self, user: str, change: Callable[[Any, tuple[str, dict[str, Any]]], None]) -> None:
        from chromadb.errors import NotFoundError

        with self._reached():
            for _ in range(TRIES):
                if (where := self._known(user)) is None:
                    rewriting.make(self.rows.client, user)
                    continue
                try:
                    change(where, self._mark(user))
                except NotFoundError:
                    self.rows.forget(user)
                    continue
                now = rewriting.collection(self.rows.client, user)
                if now is not None and now.id == where.id:
                    return
                self.rows.forget(user)  # rewritten meanwhile: once more, where the thoughts are now
        raise self._restless()

    def _known(self, user: str) -> Any:
        """The user's collection as far as it is complete, or None; looked up once."""
        for _ in range(TRIES):
            if (where := self.rows.seen(user)) is not None:
                return where
            where = rewriting.collection(self.rows.client, user)
            if not self._wait(user):  # after the look: what was found while nothing was under way is whole
                if where is not None:
                    self.rows.keep(user, where)
                return where
        raise self._restless()

    def _wait(self, user: str) -> bool:
        """Wait until no erasure of this user is under way; False if none was."""
        waited, since, last = False, time.monotonic(), None
        while (erasing := rewriting.under_way(self.rows.client, user)) is not None:
            waited = True
            sign = (erasing, self._count(user))
            if sign != last:
                last, since = sign, time.monotonic()
            if erasing[1] == self.node or time.monotonic() - since > PATIENCE_S:
                self._finish(user)
            else:
                time.sleep(0.05)
        return waited

    def _count(self, user: str) -> int | None:
        from chromadb.errors import NotFoundError

        where = rewriting.collection(self.rows.client, user)
        try:
            return None if where is None else int(where.count())
        except NotFoundError:
            return None

    def _finish(self, user: str) -> None:
        none = np.zeros((0, self.rows.dim), dtype=np.float32)
        mark = self._mark(user)
        rewriting.finish(
            self.rows.client, user, self.rows.batch, mark=lambda new: self.rows.put(new, [], none, beside=mark)
        )
        self.rows.forget(user)

    def _tell(self, user: str) -> None:
        about = self.rows.client.get_collection(ABOUT, embedding_function=None)
        about.upsert(ids=[user], embeddings=[[1.0, 0.0]], metadatas=[{"token": uuid.uuid4().hex}])

    @contextmanager
    def _reached(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.HTTPError as problem:
            why = str(problem).strip() or type(problem).__name__
            told = f"The Chroma server at {self.url} does not answer any more ({why})."
            raise MemoryServerError(f"{told} Start it again; what was being written is finished then.") from problem

    def _restless(self) -> MemoryServerError:
        return MemoryServerError(f"Others keep rewriting these thoughts on {self.url}. Try again in a moment.")

"""Whether something that was erased is gone: every place is read again, and what is still there is told with its place.

A text is looked for as a whole; so are its distinctive words, which no thought that is left has, since a piece of it
may be left where the whole is not; and so is its vector. Of an id, only what is more than the bare fact of its removal.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bethink.memory.bytescan import ByteScan, VectorScan, blocks, files_below, forms, run_at
from bethink.memory.memory import ThoughtMemory
from bethink.memory.store import user_key
from bethink.memory.thought import Thought, clean_text
from bethink.memory.words import STOP_WORDS

LEAST_BYTES = 5
"""Files are not searched for less: it turns up in any large file by chance."""
SAME = 0.99999
"""The cosine from which a vector counts as the same."""
_WORD = re.compile(r"\w+")
_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class Trace:
    """Something that is still there: ``what``, as a ``form`` (text, word, vector, id), so many times at a ``place``."""

    place: str
    what: str
    form: str
    count: int

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Erased:
    """What should be gone. ``shared`` are texts that other thoughts have too: files are not searched for those.

    ``vectors`` (n, dim) are those that no other thought has, and ``vector_of`` the places of their texts; ``known`` are
    the words that are in other thoughts.
    """

    texts: tuple[str, ...]
    ids: tuple[str, ...]
    words: tuple[str, ...]
    shared: tuple[str, ...]
    vectors: np.ndarray
    vector_of: tuple[int, ...]
    known: frozenset[str]

    def owner(self, row: int) -> str:
        """Whose vector a row is: the text of that place, or its number where vectors came without texts."""
        place = self.vector_of[row]
        return self.texts[place] if place < len(self.texts) else f"vector {place}"


def known_words(kept: Iterable[Thought], also: str = "") -> frozenset[str]:
    """The words, in small letters, of thoughts that are kept, those that say nothing, those in any memory's files."""
    held = [f"{thought.text} {thought.as_dict()}" for thought in kept] + [also]
    return frozenset({word.casefold() for text in held for word in _WORD.findall(text)} | STOP_WORDS | _own_words())


def distinctive(texts: Iterable[str], known: frozenset[str]) -> tuple[str, ...]:
    """The words of the texts that are not known and long enough not to turn up by chance."""
    found = dict.fromkeys(word for text in texts for word in _WORD.findall(text))
    return tuple(word for word in found if word.casefold() not in known and len(word.encode()) >= LEAST_BYTES)


def _own_words() -> frozenset[str]:
    """The words in the files of a memory of one thought that says nothing: those of SQLite, of Chroma and of ours."""

    class Blank:
        name, dim = "blank", 2

        def embed(self, texts: Sequence[str]) -> np.ndarray:
            return np.eye(2, dtype=np.float32)[np.zeros(len(texts), dtype=int)]

    if not _blank:
        with tempfile.TemporaryDirectory(prefix="bethink-blank-") as folder:
            with ThoughtMemory(folder, Blank()) as memory:
                memory.insert("0", user_id="0")
            held = b" ".join(file.read_bytes() for file in files_below(Path(folder)))
        _blank.append(frozenset(word.decode().casefold() for word in re.findall(rb"[A-Za-z_]{4,}", held)))
    return _blank[0] | {part for word in _blank[0] for part in word.split("_")}


_blank: list[frozenset[str]] = []


def erased(
    memory: ThoughtMemory, sayings: Iterable[str], *, user_id: str, vectors: np.ndarray | None = None, also: str = ""
) -> Erased:
    """What to look for, from texts and ids that were erased.

    Without ``vectors`` (n, dim) the texts are embedded, which loads the embedder. All users' thoughts are read, so that
    what somebody else still knows is not taken for a trace; ``also`` are words that are in the folder anyway.

    Raises:
        ValueError: nothing to look for.
    """
    said = list(dict.fromkeys(text for saying in sayings if (text := clean_text(saying))))
    ids, texts = [one for one in said if _ID.fullmatch(one)], [one for one in said if not _ID.fullmatch(one)]
    if not said:
        raise ValueError("Say what was erased: texts, or ids of thoughts.")
    keeper, own = memory._keeper, user_key(user_id)
    if vectors is None:
        vectors = keeper.embedder.embed(texts) if texts else np.zeros((0, keeper.embedder.dim))
    vectors = np.asarray(vectors, dtype=np.float32)
    alone = np.ones(len(vectors), dtype=bool)
    others: list[Thought] = []
    for user in sorted({own, *keeper.journal.users()}):
        kept, beside = keeper.store.load(user)
        left = [row for row, one in enumerate(kept) if user != own or not _is_trace(one, texts, ids)]
        others += [kept[row] for row in left]
        others += [one for one in keeper.journal.told(user) if user != own or not _is_trace(one, texts, ids)]
        if len(vectors) and left:
            alone &= (vectors @ beside[left].T).max(axis=1) < SAME
    known = known_words(others, also)
    said_too = ByteScan(text.encode() for text in texts).count("\n".join({one.text for one in others}).encode())
    shared = tuple(text for text in texts if said_too[text.encode()])
    words = distinctive([text for text in texts if text not in shared], known)
    places = tuple(int(place) for place in np.flatnonzero(alone))
    return Erased(tuple(texts), tuple(ids), words, shared, vectors[alone], places, known)


def _is_trace(thought: Thought, texts: Sequence[str], ids: Sequence[str]) -> bool:
    held = thought.text.casefold()
    return thought.id in ids or any(text.casefold() in held for text in texts)


def memory_traces(memory: ThoughtMemory, gone: Erased, *, user_id: str) -> list[Trace]:
    """What this user's memory still tells: by search, list, export, store, index, word index and journal."""
    user, keeper, found = user_key(user_id), memory._keeper, Counter[tuple[str, str, str]]()

    def note(place: str, thoughts: Iterable[Thought]) -> None:
        for thought in thoughts:
            for text in gone.texts:
                if text.casefold() in thought.text.casefold():
                    found[place, text, "text"] += 1
            if thought.id in gone.ids:
                found[place, thought.id, "id"] += 1

    for text in gone.texts:
        note("search", [hit.thought for hit in memory.search(text, user_id=user_id, k=20, include_inactive=True)])
    note("list", memory.list(user_id=user_id, include_inactive=True, limit=10**9))
    for line in memory.export(user_id=user_id):
        for one in (*gone.ids, *gone.texts):
            wanted = {f'"id": "{one}"'.encode()} if one in gone.ids else forms(one)
            if any(held in line.encode() for held in wanted):
                found["export", one, "id" if one in gone.ids else "text"] += 1
    with keeper.lock(user):
        note("store", keeper.store.load(user)[0])
        shelf = keeper.shelf(user)
        for row, vector in enumerate(gone.vectors if shelf.index.size else []):
            if times := int((shelf.index.cosine(vector) > SAME).sum()):
                found["index", gone.owner(row), "vector"] += times
        for word in gone.words:
            if times := int((shelf._words.scores(word) > 0).sum()):
                found["word index", word, "word"] += times
        told = keeper.journal.ids(user)
        for one in gone.ids:
            found["journal", one, "id"] += one in told
        for text in gone.texts:
            found["journal", text, "text"] += len(keeper.journal.mentions(user, text))
    return [Trace(place, what, form, times) for (place, what, form), times in found.items() if times]


def file_traces(
    folder: Path, gone: Erased, *, named: Callable[[str], str] = lambda name: f"file {name}"
) -> list[Trace]:
    """What the bytes of all files below a folder still hold; the memory must be closed.

    ``named`` gives a file (its path below the folder, with slashes) its place. Some 3 s for 32 MB, nearly all of it
    for the vectors.
    """
    needles: dict[bytes, tuple[str, str]] = {}
    alone = [text for text in gone.texts if text not in gone.shared and len(text.encode()) >= LEAST_BYTES]
    for form, whats in (("text", alone), ("word", gone.words)):
        for what in whats:
            for held in (*forms(what), *(forms(what.casefold()) if form == "word" else ())):
                needles.setdefault(held, (what, form))
    texts, vectors = ByteScan(needles), VectorScan(gone.vectors) if len(gone.vectors) else None
    found: Counter[tuple[str, str, str]] = Counter()
    for file in files_below(folder):
        place = named(file.relative_to(folder).as_posix())
        for block in blocks(file, overlap=max(texts.longest, 32)):
            for needle, start in texts.find(block):
                what, form = needles[needle]
                if form == "text" or run_at(block, start, start + len(needle)).casefold() not in gone.known:
                    found[place, what, form] += 1
            for row, times in (vectors.count(block) if vectors else Counter[int]()).items():
                found[place, gone.owner(row), "vector"] += times
    return [Trace(place, what, form, times) for (place, what, form), times in found.items()]

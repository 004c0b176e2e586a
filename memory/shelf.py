"""One user's thoughts in memory, with the vector and the word index beside them, and the search over both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from bethink.memory.index import VectorIndex
from bethink.memory.lexical import BM25, standardise
from bethink.memory.lsh import AngularLSH
from bethink.memory.thought import Hit, Thought
from bethink.memory.times import written_date

CHANNELS = {"cosine": 1.0, "bm25": 1.0}
"""Default weights of the standardised scores."""


def passage(thought: Thought) -> str:
    """What is embedded: the text, led by the speaker's name where it is not simply the user.

    A sentence without its speaker is much harder to find ("I love it" could be anybody's).
    """
    speaker = thought.metadata.get("speaker")
    return f"{speaker}: {thought.text}" if speaker else thought.text


class Shelf:
    """Thoughts by id and their rows in the indices. Not thread-safe: its memory holds the user's lock."""

    def __init__(self, lsh: AngularLSH) -> None:
        self.thoughts: dict[str, Thought] = {}
        self.index = VectorIndex(lsh)
        self._words = BM25()
        self._rows: dict[str, int] = {}
        self._ids: list[str | None] = []
        self._active = bytearray()

    def fill(self, thoughts: Sequence[Thought], vectors: np.ndarray) -> None:
        """Take in thoughts with their vectors (n, dim), all new rows."""
        self.index.append(vectors)
        for thought in thoughts:
            self._retire(thought.id)
            self._rows[thought.id] = len(self._ids)
            self._ids.append(thought.id)
            self._active.append(thought.active)
            self._words.append(f"{passage(thought)} {_date_words(thought)}")
            self.thoughts[thought.id] = thought

    def put(self, thought: Thought, vector: np.ndarray | None) -> None:
        """Add a thought, or replace one; without a vector its text must be the same as before."""
        if vector is not None:
            self.fill([thought], vector[None, :])
        else:
            self.thoughts[thought.id] = thought
            self._active[self._rows[thought.id]] = thought.active

    def vector(self, thought_id: str) -> np.ndarray:
        """The unit vector of a thought, float32 (dim,)."""
        return self.index.vectors([self._rows[thought_id]])[0]

    def _retire(self, thought_id: str) -> None:
        row = self._rows.pop(thought_id, None)
        if row is not None:
            self._ids[row], self._active[row] = None, False

    def _candidates(self, as_of: str | None, include_inactive: bool) -> np.ndarray:
        if as_of is not None:
            held = [i is not None and self.thoughts[i].valid_on(as_of) for i in self._ids]
        elif include_inactive:
            held = [i is not None for i in self._ids]
        else:
            return np.frombuffer(bytes(self._active), dtype=bool)
        return np.array(held, dtype=bool)

    def search(
        self,
        query: str,
        vector: np.ndarray,
        k: int,
        *,
        mode: str = "auto",
        weights: dict[str, float] = CHANNELS,
        as_of: str | None = None,
        include_inactive: bool = False,
        min_score: float | None = None,
    ) -> list[Hit]:
        """The k best thoughts for a query and its vector (dim,).

        ``auto`` ranks by w_c z(cosine) + w_l z(BM25), each standardised over the candidates; ``exact`` by cosine;
        ``paper`` by cosine among those in the query's bucket and nothing else.
        """
        mask = self._candidates(as_of, include_inactive)
        if mode == "paper" and mask.any():
            mask = mask & self.index.in_bucket(vector)
        rows = np.flatnonzero(mask)
        if not len(rows):
            return []
        channels = {"cosine": self.index.cosine(vector)[rows]}
        rank = channels["cosine"]
        if mode == "auto":
            channels["bm25"] = self._words.scores(query)[rows]
            rank = sum((weights[name] * standardise(channels[name]) for name in channels), np.zeros(len(rows)))
        if min_score is not None:
            kept = np.flatnonzero(channels["cosine"] >= min_score)
            rows, rank = rows[kept], rank[kept]
            channels = {name: values[kept] for name, values in channels.items()}
        best = np.lexsort((-channels["cosine"], -rank))[:k]
        return [
            Hit(
                self.thoughts[self._ids[rows[i]]],
                float(channels["cosine"][i]),
                {name: float(values[i]) for name, values in channels.items()},
                float(rank[i]),
            )
            for i in best
        ]


def _date_words(thought: Thought) -> str:
    try:
        return written_date(date.fromisoformat(thought.date))
    except ValueError:
        return ""


def within_tokens(hits: Sequence[Hit], max_tokens: int) -> list[Hit]:
    """The first hits whose texts stay within a token budget (a token counted as four bytes of UTF-8)."""
    kept: list[Hit] = []
    for hit in hits:
        max_tokens -= -(-len(hit.thought.text.encode()) // 4)
        if max_tokens < 0:
            break
        kept.append(hit)
    return kept

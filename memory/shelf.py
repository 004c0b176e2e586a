"""One user's thoughts in memory, with the vector and the word index beside them, and the search over both."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from bethink.memory.index import VectorIndex
from bethink.memory.lexical import BM25, tokens
from bethink.memory.lsh import AngularLSH
from bethink.memory.recall import (
    CANDIDATES,
    THOUGHT,
    WEIGHTS,
    best_of_session,
    from_neighbours,
    telling,
    two_away,
)
from bethink.memory.thought import Hit, Thought
from bethink.memory.times import written_date


def passage(thought: Thought) -> str:
    """What is embedded: the text, led by the speaker's name where it is not simply the user.

    A sentence without its speaker is much harder to find ("I love it" could be anybody's).
    """
    speaker = thought.speaker
    return thought.text if not speaker or thought.text.startswith(speaker) else f"{speaker}: {thought.text}"


class Shelf:
    """Thoughts by id and their rows in the indices. Not thread-safe: its memory holds the user's lock.

    Rows are only appended; a thought that is replaced gets a new row, in its old place between its neighbours.
    Besides its vector and its words a thought costs about 30 bytes here.
    """

    def __init__(self, lsh: AngularLSH) -> None:
        self.thoughts: dict[str, Thought] = {}
        self.index = VectorIndex(lsh)
        self._words = BM25()
        self._rows: dict[str, int] = {}
        self._ids: list[str | None] = []
        self._active = bytearray()
        self._telling = array("f")
        self._speakers: dict[str, int] = {}
        self._speaker = array("i")
        self._sessions: dict[str, int] = {}
        self._session = array("i")
        self._before, self._after = array("i"), array("i")
        self._last: dict[int, int] = {}

    def fill(self, thoughts: Sequence[Thought], vectors: np.ndarray) -> None:
        """Take in thoughts with their vectors (n, dim), all new rows; turns of a session in the order of the talk."""
        self.index.append(vectors)
        for thought in thoughts:
            row, old = len(self._ids), self._rows.get(thought.id)
            self._retire(thought.id)
            self._rows[thought.id] = row
            self._ids.append(thought.id)
            self._active.append(thought.active)
            self._words.append(f"{passage(thought)} {_date_words(thought)}")
            self._telling.append(telling(thought.text) if thought.is_turn else THOUGHT)
            who = thought.speaker
            self._speaker.append(self._speakers.setdefault(who, len(self._speakers)) if who else -1)
            talk = thought.session_id
            self._session.append(self._sessions.setdefault(talk, len(self._sessions)) if talk else -1)
            self._join(row, old, thought.is_turn)
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

    def _join(self, row: int, old: int | None, is_turn: bool) -> None:
        session = self._session[row]
        if old is not None:
            before, after = self._before[old], self._after[old]
            if self._last.get(session) == old:
                self._last[session] = row
        elif is_turn and session >= 0:
            before, after = self._last.get(session, -1), -1
            self._last[session] = row
        else:
            before = after = -1
        self._before.append(before)
        self._after.append(after)
        if before >= 0:
            self._after[before] = row
        if after >= 0:
            self._before[after] = row

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
        weights: Mapping[str, float] = WEIGHTS,
        as_of: str | None = None,
        include_inactive: bool = False,
        min_score: float | None = None,
    ) -> list[Hit]:
        """The k best thoughts for a query and its vector (dim,).

        ``auto`` ranks by all channels (see :mod:`bethink.memory.recall`), and a turn gives way to a thought that was
        drawn from it; ``exact`` ranks by cosine; ``paper`` by cosine among those in the query's bucket and nothing
        else.
        """
        mask = self._candidates(as_of, include_inactive)
        if mode == "paper" and mask.any():
            mask = mask & self.index.in_bucket(vector)
        if not mask.any():
            return []
        cosine = self.index.cosine(vector)
        if min_score is not None:
            mask = mask & (cosine >= min_score)
        if mode == "auto":
            return self._by_channels(query, cosine, mask, k, weights)
        rows = np.flatnonzero(mask)
        best = rows[np.argsort(-cosine[rows], kind="stable")[:k]]
        return [self._hit(row, float(cosine[row]), {"cosine": float(cosine[row])}) for row in best]

    def _by_channels(
        self, query: str, cosine: np.ndarray, mask: np.ndarray, k: int, weights: Mapping[str, float]
    ) -> list[Hit]:
        named, names = self._named(query)
        scores = {
            "cosine": weights["cosine"] * cosine,
            "lexical": weights["lexical"] * self._words.coverage(query, without=names),
            "speaker": weights["speaker"] * np.isin(self._speaker, named).astype(np.float32),
        }
        base = np.where(mask, scores["cosine"] + scores["lexical"] + scores["speaker"], -np.inf)
        room = min(max(CANDIDATES, 4 * k), int(mask.sum()))
        rows = np.argpartition(-base, room - 1)[:room] if room else np.zeros(0, dtype=int)
        before, after = np.array(self._before), np.array(self._after)
        shown = np.where(mask, base, 0.0)
        here = {name: values[rows] for name, values in scores.items()}
        here["beside"] = weights["beside"] * from_neighbours(shown, before, after, rows)
        here["near"] = weights["near"] * from_neighbours(shown, two_away(before), two_away(after), rows)
        here["session"] = weights["session"] * best_of_session(base[rows], np.array(self._session)[rows])
        here["telling"] = weights["telling"] * np.array(self._telling)[rows]
        rank = np.sum(list(here.values()), axis=0)
        found: list[Hit] = []
        said: set[tuple[str, str | None]] = set()
        drawn: set[tuple[str, str | None]] = set()
        for i in np.lexsort((-here["cosine"], -rank)):
            row = int(rows[i])
            hit = self._hit(row, float(cosine[row]), {name: float(values[i]) for name, values in here.items()})
            thought = hit.thought
            sources = {(turn, thought.speaker) for turn in thought.source_turns}
            if sources and sources <= (drawn if thought.is_turn else said):
                continue  # the turn itself and what was drawn from it say the same
            (said if thought.is_turn else drawn).update(sources)
            found.append(hit)
            if len(found) == k:
                break
        return found

    def _named(self, query: str) -> tuple[list[int], set[str]]:
        """The speakers that a query names, none when it names all, and the words of all speakers' names."""
        said = set(tokens(query))
        words = {who: set(tokens(who)) for who in self._speakers}
        named = [self._speakers[who] for who, parts in words.items() if parts & said]
        names = set().union(*words.values()) if words else set()
        return ([] if len(named) == len(words) else named), names

    def _hit(self, row: int, cosine: float, channels: dict[str, float]) -> Hit:
        return Hit(self.thoughts[str(self._ids[row])], cosine, channels, sum(channels.values()))


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

"""One user's thoughts in memory, with the vector and the word index beside them, and the search over both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from bethink.memory.days import month_day, named_days, on_days
from bethink.memory.index import VectorIndex
from bethink.memory.known import Known
from bethink.memory.lexical import BM25, tokens
from bethink.memory.lsh import AngularLSH
from bethink.memory.recall import (
    CANDIDATES,
    MANY,
    PROPOSED,
    THOUGHT,
    WEIGHTS,
    best_of_session,
    from_neighbours,
    telling,
)
from bethink.memory.thought import Hit, Thought
from bethink.memory.times import as_datetime, written_date

NEVER = 2**62
"""Seconds; later than any date."""
ROW = np.dtype(
    [
        ("active", bool), ("telling", np.float32), ("speaker", np.int32), ("session", np.int32),
        ("before", np.int32), ("after", np.int32), ("since", np.int64), ("until", np.int64),
        ("day", np.int32), ("month_day", np.int32),
    ]
)  # fmt: skip
"""What the ranking needs of each row; -1 where there is no speaker, session or neighbour."""


def passage(thought: Thought) -> str:
    """What is embedded: the text, led by the speaker's name where it is not simply the user.

    A sentence without its speaker is much harder to find ("I love it" could be anybody's).
    """
    speaker = thought.speaker
    return thought.text if not speaker or thought.text.startswith(speaker) else f"{speaker}: {thought.text}"


class Shelf:
    """Thoughts by id and their rows in the indices. Not thread-safe: its memory holds the user's lock.

    Rows are only appended; a thought that is replaced gets a new row, in its old place between its neighbours.
    Besides the thought itself, its vector and its words a row costs ``ROW.itemsize`` bytes here.
    """

    def __init__(self, lsh: AngularLSH) -> None:
        self.thoughts: dict[str, Thought] = {}
        self.known = Known(self.thoughts)
        self.index = VectorIndex(lsh)
        self._words = BM25()
        self._rows: dict[str, int] = {}
        self._ids: list[str | None] = []
        self._table = np.zeros(0, dtype=ROW)
        self._speakers: dict[str, int] = {}
        self._names: list[frozenset[str]] = []
        self._sessions: dict[str, int] = {}
        self._last: dict[int, int] = {}

    def fill(self, thoughts: Sequence[Thought], vectors: np.ndarray) -> None:
        """Take in thoughts with their vectors (n, dim), all new rows; turns of a session in the order of the talk."""
        self.index.append(vectors)
        if (end := len(self._ids) + len(thoughts)) > len(self._table):
            room = np.zeros(max(end, 2 * len(self._table), 64) - len(self._table), dtype=ROW)
            self._table = np.concatenate([self._table, room])
        for thought in thoughts:
            row, old = len(self._ids), self._rows.get(thought.id)
            self._retire(thought.id)
            self._rows[thought.id] = row
            self._ids.append(thought.id)
            self._words.append(f"{passage(thought)} {_date_words(thought)}")
            who, talk = thought.speaker, thought.session_id
            speaker = self._speakers.setdefault(who, len(self._speakers)) if who else -1
            if speaker == len(self._names):
                self._names.append(frozenset(tokens(str(who))))
            session = self._sessions.setdefault(talk, len(self._sessions)) if talk else -1
            tells = telling(thought.text) if thought.is_turn else THOUGHT
            before, after = self._place(row, old, session if thought.is_turn else -1)
            self._table[row] = (thought.active, tells, speaker, session, before, after, *_held(thought), *_day(thought))
            self.thoughts[thought.id] = thought
            self.known.put(thought)

    def put(self, thought: Thought, vector: np.ndarray | None) -> None:
        """Add a thought, or replace one; without a vector its text must be the same as before."""
        if vector is not None:
            self.fill([thought], vector[None, :])
        else:
            here = self._table[self._rows[thought.id]]
            self.thoughts[thought.id], here["active"] = thought, thought.active
            here["since"], here["until"] = _held(thought)
            self.known.put(thought)

    def vector(self, thought_id: str) -> np.ndarray:
        """The unit vector of a thought, float32 (dim,)."""
        return self.index.vectors([self._rows[thought_id]])[0]

    def _retire(self, thought_id: str) -> None:
        row = self._rows.pop(thought_id, None)
        if row is not None:
            self._ids[row], self._table[row]["active"] = None, False

    def _place(self, row: int, old: int | None, session: int) -> tuple[int, int]:
        """The rows before and after a new one in its talk, which get to know it."""
        before = after = -1
        if old is not None:
            before, after = int(self._table[old]["before"]), int(self._table[old]["after"])
        elif session >= 0:
            before = self._last.get(session, -1)
        if session >= 0 and after < 0:
            self._last[session] = row
        if before >= 0:
            self._table[before]["after"] = row
        if after >= 0:
            self._table[after]["before"] = row
        return before, after

    def _candidates(self, as_of: str | None, include_inactive: bool) -> np.ndarray:
        table = self._table[: len(self._ids)]
        if as_of is None and not include_inactive:
            return table["active"]
        there = np.array([i is not None for i in self._ids], dtype=bool)
        if as_of is None:
            return there
        return there & (table["since"] <= (when := _seconds(as_of))) & (table["until"] > when)

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
        drawn from it; ``exact`` ranks by cosine, ``hnsw`` by cosine what a graph finds, ``paper`` by cosine what is in
        the query's bucket and nothing else. Above :data:`bethink.memory.recall.MANY` rows, ``auto`` weighs only what
        the graph and the words propose, and their neighbours.
        """
        mask = self._candidates(as_of, include_inactive)
        if mode == "paper" and mask.any():
            mask = mask & self.index.in_bucket(vector)
        if not mask.any():
            return []
        if mode == "hnsw":
            rows = self._near(vector, mask, k)
        elif mode == "auto" and np.count_nonzero(mask) > MANY:
            rows = self._proposed(query, vector, mask, max(PROPOSED, 2 * k))
        else:
            rows = np.flatnonzero(mask)
        cosine = self.index.cosine(vector, None if len(rows) == len(mask) else rows)
        if min_score is not None:
            rows, cosine = rows[cosine >= min_score], cosine[cosine >= min_score]
        if mode == "auto":
            return self._by_channels(query, rows, cosine, k, weights)
        best = np.argpartition(-cosine, k - 1)[:k] if k < len(rows) else np.arange(len(rows))
        best = best[np.lexsort((rows[best], -cosine[best]))]
        return [self._hit(rows[i], float(cosine[i]), {"cosine": float(cosine[i])}) for i in best]

    def _near(self, vector: np.ndarray, mask: np.ndarray, k: int) -> np.ndarray:
        """About the k nearest rows of the mask, ascending; asks for more where many of the nearest are not in it.

        A graph may have rows that no walk reaches: where asking for all rows is not enough, all rows of the mask.
        """
        wanted = k
        while wanted < len(mask):
            found = self.index.nearest(vector, wanted)
            rows = found[mask[found]][:k]
            if len(rows) == k:
                return np.sort(rows)
            wanted *= 8
        return np.flatnonzero(mask)

    def _proposed(self, query: str, vector: np.ndarray, mask: np.ndarray, k: int) -> np.ndarray:
        """What the graph and the words find, with the turns beside and two away, ascending."""
        words = self._words.best(query, k, without=self._named(query)[1])
        rows = np.union1d(self._near(vector, mask, min(k, int(mask.sum()))), words[mask[words]]).astype(np.int64)
        for beside in ("before", "after"):
            steps = self._table[beside]
            once = steps[rows]
            twice = steps[once[once >= 0]]
            rows = np.union1d(rows, np.concatenate([once[once >= 0], twice[twice >= 0]])).astype(np.int64)
        return rows[mask[rows]]

    def _by_channels(
        self, query: str, rows: np.ndarray, cosine: np.ndarray, k: int, weights: Mapping[str, float]
    ) -> list[Hit]:
        named, names = self._named(query)
        days = named_days(query, as_datetime(None))
        every = len(rows) == len(self._ids)
        table = self._table[: len(self._ids)] if every else self._table[rows]
        scores = {
            "cosine": weights["cosine"] * cosine,
            "lexical": weights["lexical"] * self._words.coverage(query, without=names, rows=None if every else rows),
            "day": weights["day"] * on_days(days, table["day"], table["month_day"]),
            "speaker": weights["speaker"] * np.isin(table["speaker"], named).astype(np.float32),
        }
        base = np.sum(list(scores.values()), axis=0)
        room = min(max(CANDIDATES, 4 * k), len(rows))
        top = np.argpartition(-base, room - 1)[:room] if room < len(rows) else np.arange(len(rows))
        before, after = self._table["before"], self._table["after"]
        once = (table["before"][top], table["after"][top])
        twice = (np.where(once[0] < 0, -1, before[once[0]]), np.where(once[1] < 0, -1, after[once[1]]))
        here = {name: values[top] for name, values in scores.items()}
        here["beside"] = weights["beside"] * from_neighbours(base, rows, *once)
        here["near"] = weights["near"] * from_neighbours(base, rows, *twice)
        here["session"] = weights["session"] * best_of_session(base[top], table["session"][top])
        here["telling"] = weights["telling"] * table["telling"][top]
        rank = np.sum(list(here.values()), axis=0)
        found: list[Hit] = []
        said: set[tuple[str, str | None]] = set()
        drawn: set[tuple[str, str | None]] = set()
        for i in np.lexsort((-here["cosine"], -rank)):
            channels = {name: float(values[i]) for name, values in here.items()}
            hit = self._hit(rows[top[i]], float(cosine[top[i]]), channels)
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
        named = [speaker for speaker, words in enumerate(self._names) if words & said]
        return ([] if len(named) == len(self._names) else named), set().union(*self._names)

    def _hit(self, row: int, cosine: float, channels: dict[str, float]) -> Hit:
        return Hit(self.thoughts[str(self._ids[row])], cosine, channels, sum(channels.values()))


def _seconds(when: str) -> int:
    return int(as_datetime(when).timestamp())


def _held(thought: Thought) -> tuple[int, int]:
    """From when until when it held, in seconds; what was forgotten never did."""
    began = _seconds(thought.valid_at or thought.created_at)
    if thought.forgotten:
        return began, began
    return began, NEVER if thought.invalid_at is None else _seconds(thought.invalid_at)


def _day(thought: Thought) -> tuple[int, int]:
    day = as_datetime(thought.valid_at or thought.created_at).date()
    return day.toordinal(), month_day(day)


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

"""How thoughts are ranked for a query: what each says, who said it, what stands beside it.

    rank = base + w_beside max(base of the turn before, base of the turn after)
                + w_near max(base two before, base two after) + w_session mean(best three bases of its session)
                + w_telling telling
    base = cosine + w_lexical coverage + w_speaker (its speaker is named in the query)
                  + w_day (it is of a day that the query names)

The coverage is BM25 over the most that BM25 could give for the query's words, so that a question of four words and a
message of forty are on one scale, and so is the cosine: a score means the same in a memory of ten and of a million.
Turns of a conversation are found by their neighbours, too ("Yes, last June!" answers what was asked before), and
a turn that tells much comes before small talk. A thought that was drawn from a turn stands for itself.

The default weights were fitted on five of LoCoMo's ten conversations (``make bench NAME=recall`` says which, and what
the other five give) and rounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from bethink.memory.lexical import tokens

WEIGHTS: Mapping[str, float] = {
    "cosine": 1.0,
    "lexical": 2.0,
    "speaker": 0.5,
    "day": 1.0,
    "beside": 0.45,
    "near": 0.3,
    "session": 0.5,
    "telling": 1.0,
}
"""Default weights of the channels; a weight of 0 turns one off."""
THOUGHT = 0.7
"""What a thought tells, beside :func:`telling` of turns: it is a statement, and has no turns beside it."""
CANDIDATES = 512
"""Only so many of the best bases are ranked further."""
MANY, PROPOSED = 50_000, 256
"""Above so many rows, only so many are proposed by the graph and by the words each."""
_BEST_OF_SESSION = 3
_MEASURED = re.compile(r"\d|\b(?:yesterday|tonight|last|ago|weeks?|months?|years?)\b", re.IGNORECASE)
_OWN = re.compile(r"\b(?:I|my|we|our)\b")


def checked_weights(weights: Mapping[str, float] | None) -> dict[str, float]:
    """The default weights with the given ones in their place.

    Raises:
        ValueError: a name that is no channel, or a weight that is not finite.
    """
    given = dict(weights or {})
    if unknown := sorted(set(given) - set(WEIGHTS)):
        raise ValueError(f"There is no channel {', '.join(unknown)}. Channels: {', '.join(WEIGHTS)}.")
    if not all(math.isfinite(value) for value in given.values()):
        raise ValueError("A channel's weight must be a finite number.")
    return {**WEIGHTS, **given}


def telling(text: str) -> float:
    """How much a turn tells by itself: its content words, times and numbers, the speaker's own life; not a question.

    About 0.5 for an ordinary turn of a chat, 0.2 for "Wow, that's great!", 1 for a long story.
    """
    words = 0.22 * math.log1p(len(tokens(text)))
    measured, own, asks = bool(_MEASURED.search(text)), bool(_OWN.search(text)), text.rstrip().endswith("?")
    return words + 0.13 * measured + 0.1 * own - 0.08 * asks


def from_neighbours(base: np.ndarray, rows: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """For some turns the better base of the one before and the one after, float32; 0 where neither is weighed.

    ``base`` are the bases of ``rows`` (ascending row numbers); ``before`` and ``after`` hold the row number of each
    turn's neighbours, -1 for none.
    """
    found = np.zeros((2, len(before)), dtype=np.float32)
    for line, beside in zip(found, (before, after), strict=True):
        place = np.minimum(np.searchsorted(rows, beside), max(len(rows) - 1, 0))
        there = np.flatnonzero(rows[place] == beside) if len(rows) else place[:0]
        line[there] = base[place[there]]
    return found.max(axis=0)


def best_of_session(base: np.ndarray, sessions: np.ndarray) -> np.ndarray:
    """The mean of the best three bases of each row's session, float32 (rows,), over the rows given.

    Where a session has fewer rows here, of those; rows without a session (-1) have their own base.
    """
    order = np.lexsort((-base, sessions))
    ordered = sessions[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(order) else np.zeros(0, dtype=int)
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    counted = (place < _BEST_OF_SESSION).astype(np.float32)
    sums = np.add.reduceat(base[order] * counted, starts) if len(order) else np.zeros(0)
    counts = np.add.reduceat(counted, starts) if len(order) else np.ones(0)
    means = np.empty(len(order), dtype=np.float32)
    means[order] = np.repeat(sums / counts, np.diff(np.r_[starts, len(order)]))
    return np.where(sessions < 0, base, means)

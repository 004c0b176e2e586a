"""Which thoughts a request to forget means. Too few is a second request, too many is lost trust: so it is strict."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import numpy as np

from bethink.memory.lexical import tokens
from bethink.memory.shelf import Shelf, passage
from bethink.memory.thought import Thought

LEAST_COSINE = 0.8
"""Below it a thought must hold every content word of the request."""
_REQUEST = frozenset(tokens("forget everything anything all thing memory thought please"))


def fits_query(shelf: Shelf, query: str, vector: np.ndarray) -> Callable[[Thought], bool]:
    """Whether a thought is meant by a query (with its vector): all its content words, or a cosine of 0.8."""
    words = set(tokens(query)) - _REQUEST
    hits = shelf.search("", vector, len(shelf.thoughts), mode="exact", include_inactive=True, min_score=LEAST_COSINE)
    close = {hit.thought.id for hit in hits}
    return lambda thought: thought.id in close or (bool(words) and words <= set(tokens(passage(thought))))


def to_forget(
    thoughts: Iterable[Thought],
    *,
    ids: Collection[str] | None,
    fits: Callable[[Thought], bool] | None,
    before: str | None,
    turn_id: str | None,
    inactive_too: bool,
) -> list[Thought]:
    """The thoughts that fit every selector that is given."""
    return [
        thought
        for thought in thoughts
        if (thought.active or inactive_too)
        and (ids is None or thought.id in ids)
        and (fits is None or fits(thought))
        and (before is None or (thought.valid_at or thought.created_at) < before)
        and (turn_id is None or turn_id in thought.source_turns)
    ]

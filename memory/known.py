"""Which thoughts a new one is to be held against: a few of them, found without looking at all.

:func:`bethink.memory.conflict.decide` compares sentences, subjects with relations, and kin. Thoughts are kept here by
hashes of just these, so that a new thought costs the same among ten and among a million; two that share a hash by
chance are compared for nothing. The first call reads all thoughts once (estimated 10 microseconds each).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bethink.memory.conflict import (
    bare_subject,
    functional,
    known_names,
    normalise,
    one_is,
    opposites,
    speaker_of,
    subject_of,
)
from bethink.memory.thought import Thought

_KIN, _VALUED = hash("kin"), hash("valued")


class Known:
    """The active thoughts of one user by what they could meet. ``thoughts`` is read, not copied: it may change."""

    def __init__(self, thoughts: Mapping[str, Thought]) -> None:
        self._thoughts = thoughts
        self._by: dict[int, dict[str, None]] | None = None

    def put(self, thought: Thought) -> None:
        """Take note of a thought that is new or has changed."""
        if self._by is not None:
            for key in _keys(thought):
                self._by.setdefault(key, {})[thought.id] = None

    def valued(self) -> list[Thought]:
        """The thoughts whose relation has one value at a time: where somebody lives, not what they like."""
        return self._of([_VALUED])

    def beside(self, new: Thought) -> list[Thought]:
        """The thoughts that a new one could repeat, replace or stand beside, and all that tell who is whose kin."""
        kin = self._of([_KIN])
        names = known_names([*kin, new])
        subject = subject_of(new, names)
        roles = [role for role, name in names.items() if name == subject]
        relations = opposites(str(new.relation)) if new.triple else ()
        keys = [*_keys(new), *(hash((who, relation)) for who in (subject, *roles) for relation in relations)]
        found = {thought.id: thought for thought in (*kin, *self._of(keys))}
        return [thought for thought in found.values() if thought.active]

    def _of(self, keys: Iterable[int]) -> list[Thought]:
        if self._by is None:
            self._by = {}
            for thought in list(self._thoughts.values()):
                self.put(thought)
        ids = dict.fromkeys(ident for key in keys for ident in self._by.get(key, ()))
        there = (self._thoughts.get(ident) for ident in ids)
        return [thought for thought in there if thought is not None and thought.active]


def _keys(thought: Thought) -> Iterator[int]:
    yield hash(("text", len(thought.text), normalise(thought.text)))
    if thought.metadata.get("kin"):
        yield _KIN
    if thought.triple is not None:
        yield hash((bare_subject(thought), thought.relation))
        if functional(str(thought.relation)):
            yield _VALUED
        if one_is(thought):
            yield hash(("is", normalise(thought.object), speaker_of(thought)))

"""From samples to what the network reads: ids that training has seen, levels, numbers, text vectors.

An id is known if a training sample had it; standing in a table of users or items is not enough, so that an item without
samples is cold even if it is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from bethink.tools.recommendation.model import Batch, SideShape, SideTable, Tables
from bethink.tools.recommendation.samples import UNKNOWN, Entities, Floats, Ints, Samples
from bethink.tools.recommendation.training import Rows

MOST_TABLES = 8
"""Encoded tables kept, so that scoring again and again does not encode the same users and items."""
Vectors = Callable[[Sequence[str]], Floats]


@dataclass
class Encoder:
    """What was learned of the training samples' users, items, queries and domains.

    Args:
        vectors: text vectors [n, T] of texts.
        text: False leaves texts out.
    """

    vectors: Vectors
    text: bool = True
    domains: list[str] = field(default_factory=list)
    users: dict[Any, int] = field(default_factory=dict)
    items: dict[Any, int] = field(default_factory=dict)
    queries: dict[Any, int] = field(default_factory=dict)
    shapes: dict[str, SideShape] = field(default_factory=dict)
    names: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)
    _tables: list[tuple[str, Any, SideTable]] = field(default_factory=list, repr=False)

    def learn(self, samples: Samples) -> None:
        """Begin with these training samples."""
        self.domains = [samples.domains[number] for number in np.unique(samples.domain)]
        for side, entities, rows in (("user", samples.users, samples.user), ("item", samples.items, samples.item)):
            texts = self.text and any(entities.texts[row].strip() for row in np.unique(rows))
            self.shapes[side] = SideShape(0, tuple(entities.sizes), len(entities.number_names), texts)
            self.names[side] = (tuple(entities.sparse_names), tuple(entities.number_names))
        if (samples.query >= 0).any():
            self.shapes["query"] = SideShape(0, text=self.text)
        self.extend(samples)

    def extend(self, samples: Samples) -> dict[str, int]:
        """Get to know ids and domains of more training samples; returns how many are new: of each side and domains."""
        self._tables.clear()
        seen = {"user": _seen(samples.users.ids, samples.user), "item": _seen(samples.items.ids, samples.item)}
        asked = np.unique(samples.query[samples.query >= 0]).tolist() if "query" in self.shapes else []
        seen["query"] = [samples.queries[number] for number in asked]
        new = {}
        for side, ids in seen.items():
            known = self.known(side)
            before = len(known)
            for each in ids:
                known.setdefault(each, len(known) + 1)
            new[side] = len(known) - before
            if side in self.shapes:
                shape = self.shapes[side]
                self.shapes[side] = SideShape(len(known), shape.sizes, shape.numbers, shape.text)
        fresh = [name for name in _seen(np.array(samples.domains, object), samples.domain) if name not in self.domains]
        self.domains += fresh
        return {**new, "domain": len(fresh)}

    def copy(self, vectors: Vectors) -> Encoder:
        """One that can be extended while this one stays."""
        return Encoder.from_state(self.state(), vectors)

    def state(self) -> dict[str, Any]:
        """All of it for JSON; ids as lists in the order of their numbers."""
        known = {side: list(self.known(side)) for side in ("user", "item", "query")}
        shapes = {side: asdict(shape) for side, shape in self.shapes.items()}
        own = {"text": self.text, "domains": list(self.domains)}
        return {**own, "known": known, "shapes": shapes, "names": dict(self.names)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], vectors: Vectors) -> Encoder:
        """What :meth:`state` told."""
        made = cls(vectors, state["text"], list(state["domains"]))
        for side, ids in state["known"].items():
            made.known(side).update((each, number) for number, each in enumerate(ids, start=1))
        for side, shape in state["shapes"].items():
            made.shapes[side] = SideShape(**{**shape, "sizes": tuple(shape["sizes"])})
        made.names = {side: (tuple(names[0]), tuple(names[1])) for side, names in state["names"].items()}
        return made

    def nothing(self) -> Tables:
        """Tables of no users, items and queries."""
        empty = self._table(np.zeros(0, np.int64), np.zeros((0, 0), np.int64), np.zeros((0, 0), np.float32), None)
        return Tables(empty, empty, empty)

    def known(self, side: str) -> dict[Any, int]:
        """Numbers from 1 of the ids of ``"user"`` or ``"item"``, of the texts of ``"query"``."""
        found: Mapping[str, dict[Any, int]] = {"user": self.users, "item": self.items, "query": self.queries}
        return found[side]

    def domain(self, name: str) -> int:
        """The number of a domain.

        Raises:
            ValueError: one that training had no sample of.
        """
        if name not in self.domains:
            there = ", ".join(map(repr, self.domains[:8])) + (", ..." if len(self.domains) > 8 else "")
            raise ValueError(f"There is no domain {name!r}; there are {there}. Finetune on samples of a new one first.")
        return self.domains.index(name)

    def rows(self, samples: Samples) -> Rows:
        """The samples as rows of :meth:`tables`.

        Raises:
            ValueError: a domain that training had no sample of.
        """
        numbers = np.zeros(len(samples.domains), np.int64)
        for number in np.unique(samples.domain):
            numbers[number] = self.domain(samples.domains[number])
        parts = (samples.user, samples.item, samples.query, numbers[samples.domain])
        batch = Batch(*(torch.from_numpy(np.ascontiguousarray(part, np.int64)) for part in parts))
        return Rows(batch, torch.from_numpy(np.ascontiguousarray(samples.label, np.float32)))

    def tables(self, samples: Samples) -> Tables:
        """The users, items and queries of samples."""
        return Tables(self.side("user", samples.users), self.side("item", samples.items), self.asked(samples.queries))

    def side(self, side: str, entities: Entities) -> SideTable:
        """A table of users or items.

        Raises:
            ValueError: features other than those of training.
        """
        return self._kept(side, entities, lambda: self._side(side, entities))

    def asked(self, queries: Sequence[str]) -> SideTable:
        """A table of queries; a query with no letter in it, or known to nobody, is as if nothing was known of it."""
        return self._kept("query", queries, lambda: self._queries(queries))

    def _side(self, side: str, entities: Entities) -> SideTable:
        names, shape = (tuple(entities.sparse_names), tuple(entities.number_names)), self.shapes[side]
        for found, needed, kind in zip(names, self.names[side], ("sparse features", "numbers"), strict=True):
            if found != needed:
                listed = ", ".join(needed) or "none"
                raise ValueError(f"The {kind} of the {side}s are {', '.join(found) or 'none'}; training had {listed}.")
        known = self.known(side)
        ids = np.array([known.get(each, 0) for each in entities.ids.tolist()], np.int64)
        levels = entities.sparse.astype(np.int64)
        if shape.sizes:
            levels = np.where(levels < np.array(shape.sizes), levels, UNKNOWN)
        return self._table(ids, levels, entities.numbers.astype(np.float32), entities.texts if shape.text else None)

    def _queries(self, queries: Sequence[str]) -> SideTable:
        ids = np.array([self.queries.get(text, 0) for text in queries], np.int64)
        nothing = np.zeros((len(ids), 0))
        text = "query" in self.shapes and self.text
        return self._table(ids, nothing.astype(np.int64), nothing.astype(np.float32), queries if text else None)

    def _table(self, ids: Ints, levels: Ints, numbers: Floats, texts: Sequence[str] | None) -> SideTable:
        text = self.vectors(texts) if texts is not None else np.zeros((len(ids), 0), np.float32)
        parts = (ids, levels, numbers, text, text.any(1))
        return SideTable(*(torch.from_numpy(np.ascontiguousarray(part)) for part in parts))

    def _kept(self, side: str, source: Any, make: Callable[[], SideTable]) -> SideTable:
        """The table of that very object, made once."""
        for kind, known, table in self._tables:
            if kind == side and known is source:
                return table
        table = make()
        self._tables = [*self._tables[1 - MOST_TABLES :], (side, source, table)]
        return table


def _seen(ids: Any, rows: Ints) -> list[Any]:
    """The ids that rows point at, as plain Python values."""
    return np.asarray(ids)[np.unique(rows)].tolist()

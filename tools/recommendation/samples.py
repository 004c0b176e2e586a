"""Samples of many search and recommendation domains in one set of arrays: who, what, where, with which query, and y/n.

A search sample has a query, a recommendation sample has none. Users, items and queries are numbered; what is known of
them beforehand stands in tables of their own, once, and never in the samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

NO_QUERY = -1
"""The query of a recommendation sample."""
UNKNOWN = 0
"""The level of a sparse feature that is missing, or was never seen in training."""


@dataclass(frozen=True, eq=False)
class Entities:
    """What is known of N users or items beforehand.

    Args:
        ids: what the data call them [N], each once.
        texts: a text of each [N], empty where there is none.
        sparse: levels of f categorical features [N, f]; 0 is :data:`UNKNOWN`.
        sizes: number of levels of each, the unknown one included [f].
        sparse_names: [f].
        numbers: float32 [N, m], standardised by whoever learns from them; NaN where missing.
        number_names: [m].

    Raises:
        ValueError: shapes that do not fit, ids that repeat, levels out of range.
    """

    ids: NDArray[Any]
    texts: Sequence[str]
    sparse: Ints
    sizes: tuple[int, ...]
    sparse_names: tuple[str, ...]
    numbers: Floats
    number_names: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.ids)
        shapes = {"sparse": (count, len(self.sizes)), "numbers": (count, len(self.number_names))}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}; {shape} is needed.")
        if len(self.texts) != count or len(self.sparse_names) != len(self.sizes):
            raise ValueError(f"{count} ids need as many texts, and each sparse feature a name and a size.")
        if len(np.unique(self.ids)) != count:
            raise ValueError("The ids of users or items must not repeat.")
        if self.sparse.size and ((self.sparse < 0) | (self.sparse >= np.array(self.sizes))).any():
            raise ValueError("A sparse feature has levels beyond its size, or below zero.")

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Samples:
    """n samples.

    Args:
        user: number of the user [n], index into ``users``.
        item: number of the item [n], index into ``items``.
        domain: number of the domain [n], index into ``domains``.
        label: 1 for a click (a like, a purchase), else 0; float32 [n].
        query: number of the query [n], index into ``queries``; :data:`NO_QUERY` for recommendation.
        time: seconds, days, whatever grows [n]; None if unknown.
        users: the users.
        items: the items.
        queries: texts of the queries.
        domains: names of the domains.

    Raises:
        ValueError: lengths that differ, no sample, numbers out of range, labels that are not 0 or 1.
    """

    user: Ints
    item: Ints
    domain: Ints
    label: Floats
    query: Ints
    users: Entities
    items: Entities
    queries: tuple[str, ...]
    domains: tuple[str, ...]
    time: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        names = ("user", "item", "domain", "label", "query", *(("time",) if self.time is not None else ()))
        lengths = {name: len(getattr(self, name)) for name in names}
        if len(set(lengths.values())) != 1 or not len(self.user):
            raise ValueError(f"Every array needs one entry a sample, at least one; the lengths are {lengths}.")
        ranges = {"user": (0, len(self.users)), "item": (0, len(self.items)), "domain": (0, len(self.domains))}
        ranges["query"] = (NO_QUERY, len(self.queries))
        for name, (low, high) in ranges.items():
            values = getattr(self, name)
            if values.min() < low or values.max() >= high:
                raise ValueError(f"{name} must be within {low}..{high - 1}; found {values.min()} to {values.max()}.")
        if not np.isin(self.label, (0.0, 1.0)).all():
            raise ValueError("Labels must be 0 or 1.")

    def __len__(self) -> int:
        return len(self.user)

    def rows(self, keep: NDArray[Any]) -> Samples:
        """The samples of ``keep`` (a mask or numbers [m]); users, items, queries and domains keep their numbers."""
        parts = {name: getattr(self, name)[keep] for name in ("user", "item", "domain", "label", "query")}
        return replace(self, **parts, time=None if self.time is None else self.time[keep])

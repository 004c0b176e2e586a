"""Small constructed samples: a user likes an item if their tastes meet; an item's text vector says its taste."""

from __future__ import annotations

import numpy as np

from bethink.tools.recommendation.baselines.features import Texts
from bethink.tools.recommendation.samples import NO_QUERY, Entities, Samples

DOMAINS = ("films", "books", "music")
COLD = 0.25
"""Share of items that training and validation lack."""


def entities(count: int, rng: np.random.Generator, *, prefix: str) -> Entities:
    numbers = rng.normal(3.0, 2.0, (count, 2)).astype(np.float32)
    numbers[rng.random(count) < 0.1, 1] = np.nan
    return Entities(
        ids=np.array([f"{prefix}{n}" for n in range(count)]),
        texts=[f"{prefix} {n}" for n in range(count)],
        sparse=rng.integers(0, 4, (count, 2)),
        sizes=(4, 4),
        sparse_names=("colour", "a.b"),
        numbers=numbers,
        number_names=("age", "height"),
    )


def constructed(
    n: int = 3000, users: int = 60, items: int = 80, width: int = 8, seed: int = 0
) -> tuple[Samples, Samples, Samples, Texts]:
    """Training, validation, cold test samples (items that neither has), and text vectors; two of three domains."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(users, 2))
    text = rng.normal(size=(items, width)).astype(np.float32)
    user, item = rng.integers(0, users, n), rng.integers(0, items, n)
    query = np.where(rng.random(n) < 0.3, rng.integers(0, 5, n), NO_QUERY)
    queries = rng.normal(size=(5, width)).astype(np.float32)
    domain = rng.integers(0, 2, n)
    odds = 1.5 * text[item, 2] + (taste[user] * text[item, :2]).sum(1) + 0.5 * (domain - 0.5)
    label = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(np.float32)
    every = Samples(
        user=user,
        item=item,
        domain=domain,
        label=label,
        query=query,
        users=entities(users, rng, prefix="u"),
        items=entities(items, rng, prefix="i"),
        queries=tuple(f"query {n}" for n in range(5)),
        domains=DOMAINS,
    )
    cold = item >= items * (1 - COLD)
    held = rng.random(n) < 0.2
    parts = (every.rows(~cold & ~held), every.rows(~cold & held), every.rows(cold))
    return (*parts, Texts(text, queries))

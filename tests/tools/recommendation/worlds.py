"""A synthetic world for tests of the model: tastes for topics, items whose words tell their topic, two domains or more."""

from __future__ import annotations

import numpy as np

from bethink.tools.recommendation.samples import NO_QUERY, Entities, Samples

TOPICS = ("space robot alien", "love heart wedding", "ghost blood scream", "chef bread oven")


def entities(ids, texts, levels, names=("kind",), numbers=None) -> Entities:
    levels = np.asarray(levels, np.int64).reshape(len(ids), -1)
    table = np.zeros((len(ids), 0), np.float32) if numbers is None else np.asarray(numbers, np.float32)
    sizes = tuple(int(column.max(initial=0)) + 1 for column in levels.T)
    return Entities(
        np.asarray(ids), tuple(texts), levels, sizes, names, table, tuple(f"number{i}" for i in range(table.shape[1]))
    )


def world(
    count: int = 3000,
    seed: int = 0,
    *,
    users: int = 60,
    items: int = 80,
    domains: tuple[str, ...] = ("films", "books"),
    search: float = 0.0,
    cold: int = 0,
) -> Samples:
    """Who likes what: taste for the item's topic, a lift by the item's number, another lift in odd domains.

    The last ``cold`` items have no sample. A share ``search`` of the samples has a query, the item's words or another's.
    """
    rng = np.random.default_rng(seed)
    draw = np.random.default_rng(1)  # the world is the same for all seeds
    taste = draw.normal(size=(users, len(TOPICS))) * 2
    topic = draw.integers(len(TOPICS), size=items)
    lift = draw.normal(size=items)
    texts = [f"{TOPICS[kind]} item {number}" for number, kind in enumerate(topic)]
    user, item = rng.integers(users, size=count), rng.integers(items - cold, size=count)
    domain = rng.integers(len(domains), size=count)
    logit = taste[user, topic[item]] + lift[item] + np.where(domain % 2, 0.7, -0.7)
    query = np.full(count, NO_QUERY)
    asked = rng.random(count) < search
    query[asked] = rng.integers(len(TOPICS), size=asked.sum())
    logit += np.where(asked, np.where(query == topic[item], 3.0, -3.0), 0.0)
    label = (rng.random(count) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    numbers = np.stack([lift, np.where(np.arange(items) % 7, 5.0, np.nan)], 1)
    people = entities([f"u{n}" for n in range(users)], [""] * users, draw.integers(3, size=users))
    things = entities(np.arange(items) * 10 + 3, texts, np.arange(items) % 4, numbers=numbers)
    return Samples(user, item, domain, label, query, people, things, TOPICS, domains)

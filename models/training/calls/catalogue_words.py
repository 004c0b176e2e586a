"""Titles that lists of results are made of, with their years where they have one."""

from __future__ import annotations

import random
from functools import lru_cache

from bethink.models.training.calls.grammar import joined_lines


@lru_cache(maxsize=1)
def shelves() -> dict[str, tuple[str, ...]]:
    """The titles of each domain."""
    lines = (line.partition(": ") for line in joined_lines("titles"))
    return {domain: tuple(titles.split(" | ")) for domain, _, titles in lines}


def shelf(rng: random.Random, domain: str, count: int) -> list[tuple[str, str]]:
    """Some titles, each with its year or nothing."""
    known = shelves().get(domain, shelves()["films"])
    found = []
    for entry in rng.sample(known, max(1, min(count, len(known)))):
        title, _, year = entry.partition(" (")
        found.append((title, year.rstrip(")")))
    return found

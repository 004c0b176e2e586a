"""Which tools a prompt offers: nearly always all, in their order."""

from __future__ import annotations

import random

from bethink.models.training.calls.schema import TOOLS


def offered(rng: random.Random, needed: str | None = None) -> list[str]:
    """Names of tools, the needed one among them."""
    names, way = list(TOOLS), rng.random()
    if way < 0.9:
        return names
    if way < 0.95:
        return rng.sample(names, len(names))
    some = rng.sample(names, rng.randint(1, 6))
    if needed is not None and needed not in some:
        some[0] = needed
    return sorted(some, key=names.index)

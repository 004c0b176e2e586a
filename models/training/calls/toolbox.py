"""Which tools a prompt offers (nearly always all, in their order), and how long it may be."""

from __future__ import annotations

import random
import re

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


def tokens(text: str) -> float:
    """About how many tokens SmolLM2 makes of a text; at most 10 % too few.

    Fitted to its tokenizer, which takes each digit for itself. No tokenizer is needed to make examples.
    """
    signs, words = len(re.findall(r"[^\w\s]", text)), len(re.findall(r"[A-Za-z]+", text))
    digits, others = sum(sign.isdigit() for sign in text), sum(not sign.isascii() for sign in text)
    return 1.05 * digits + 0.09 * words + 0.93 * others + 0.48 * signs + 0.178 * len(text)

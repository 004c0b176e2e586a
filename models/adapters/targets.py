"""How a config names exactly the modules that an adapter is on, and no others, in PEFT's way of matching names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable


def exact_targets(names: Iterable[str], every: Iterable[str]) -> list[str] | str:
    """``target_modules`` that match ``names`` and nothing else of ``every``, as short as can be.

    PEFT matches a listed name to the end of a module's name. So: the last parts (``q_proj``), where they mean these
    modules alone (servers match them); else the whole names; else, where even a whole name is the end of another
    (``0`` and ``1.0``), a regular expression.
    """
    wanted = set(names)
    others = {name for name in every if name} - wanted
    for targets in ({name.rsplit(".", 1)[-1] for name in wanted}, wanted):
        ends = tuple(f".{target}" for target in targets)
        if not any(name in targets or name.endswith(ends) for name in others):
            return sorted(targets)
    return "|".join(re.escape(name) for name in sorted(wanted))


def exact_pattern(name: str) -> str:
    """The key of ``rank_pattern`` that means this module and none whose name ends alike."""
    return "^" + re.escape(name)


def most_common(ranks: Iterable[int]) -> int:
    """The rank that most modules have, the first of several; the others go into ``rank_pattern``."""
    return Counter(ranks).most_common(1)[0][0]

"""Slips of the keyboard, lower case and missing marks, none of them in words that an answer copies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from random import Random

_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEAR = {key: row[max(0, at - 1) : at] + row[at + 1 : at + 2] for row in _KEYS for at, key in enumerate(row)}
_WORD = re.compile(r"[\w'’-]+")
_KEPT = frozenset(
    [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "yesterday",
        "today",
        "tomorrow",
        "morning",
        "night",
        "last",
        "next",
        "this",
        "month",
        "year",
        "days",
        "months",
        "years",
        "ago",
        "since",
        "going",
    ]
)


def roughened(text: str, rng: Random, copied: Iterable[str]) -> str:
    """The text as it may have been typed in a hurry; words in ``copied`` and those of dates stay as they are.

    Often nothing changes. Lower case spares what is copied, too.
    """
    kept = {word.casefold() for each in copied for word in _WORD.findall(each)}
    kept |= {part for word in kept for part in word.split("'")}
    kept |= {word[:-1] for word in kept if len(word) > 3 and word.endswith("e")}  # "move", said as "moving"

    def free(word: str) -> bool:
        bare = word.casefold()
        return (
            not any(bare.startswith(word) for word in kept if len(word) > 2 or word == bare)
            and bare not in _KEPT
            and not any(c.isdigit() for c in word)
        )

    if rng.random() < 0.2:
        text = _WORD.sub(lambda found: found[0].lower() if free(found[0]) else found[0], text)
    if rng.random() < 0.16:
        text = _WORD.sub(lambda found: found[0].replace("'", "") if free(found[0]) else found[0], text)
    elif rng.random() < 0.1:
        text = text.replace("'", "’") if not any("'" in each for each in copied) else text
    if rng.random() < 0.15:
        text = text.rstrip(".")
    if rng.random() < 0.06:
        text = text.replace(", ", " ") if not any("," in each for each in copied) else text
    for _ in range(rng.choice([0, 0, 0, 0, 0, 0, 1, 1, 1, 2])):
        text = _slip(text, rng, free)
    return text


def _slip(text: str, rng: Random, free: object) -> str:
    assert callable(free)
    words = [found for found in _WORD.finditer(text) if len(found[0]) > 3 and found[0].isalpha() and free(found[0])]
    if not words:
        return text
    found = rng.choice(words)
    word, at = found[0], rng.randrange(1, len(found[0]) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    elif kind == 1:
        word = word[:at] + word[at + 1 :]
    elif kind == 2:
        word = word[: at + 1] + word[at:]
    elif near := _NEAR.get(word[at].lower()):
        word = word[:at] + rng.choice(near) + word[at + 1 :]
    return text[: found.start()] + word + text[found.end() :]

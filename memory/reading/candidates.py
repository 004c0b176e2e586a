"""All values of the kind that a relation takes, wherever they stand in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from bethink.memory.reading import values
from bethink.memory.reading.claims import BLANK
from bethink.memory.reading.mentions import is_name
from bethink.memory.reading.slot_guards import is_refused
from bethink.memory.reading.slot_types import TYPED
from bethink.memory.words import DAYS, MONTHS

PROVIDERS = (
    "partner",
    "doctor",
    "dentist",
    "vet",
    "therapist",
    "hairdresser",
    "landlord",
    "browser",
    "bank",
    "insurance",
)
NAMED = frozenset(
    ("lives in", "works at", "studies at", "goes to gym", "supports", "boss", "name", "drives", *PROVIDERS)
)
"""Relations whose values are names, which alone do not tell of what."""
_NAMES = re.compile(values.NAMES)
_THING = re.compile(
    r"(?:(?<=\bat )|(?<=\bto )|(?<=\bin )|(?<=\bfor )|(?<=\bwith ))(?:the"
    r"|an?) (?:[a-z][\w-]* ){0,2}?[a-z][\w-]*(?=$|[,.;!]| (?:now|and|but|so|these|as|since|in)\b)"
)
_PLACED = frozenset(("works at", "lives in", "goes to gym", "studies at"))
_ROLE_AFTER = re.compile(
    r"(?:\b(?:as|am|is|are|me|him|her|to|become|became|into|been|be|now),? )(?:(?:an?|the|now|officially"
    r"|my|qualified"
    r"|fully) )*(?=[a-z])",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"\b(?:group|class|grade|year|number|room|bus|line|page|level|chapter|unit|flat|got|bought) $", re.IGNORECASE
)
_ALONE = re.compile(r"\b(?:alone|by (?:myself|himself|herself|themselves)|on my own)\b", re.IGNORECASE)
_WITH = re.compile(
    rf"\b(?:with|is|are|and) (?!(?:an?|the) (?-i:[A-Z]))(?P<o>{values.PEOPLE_LIVED_WITH})", re.IGNORECASE
)
_OF_PLURAL = re.compile(r"(?:'s|s')$")
_NO_THING = re.compile(r"\b(?:moment|time|end|start|beginning|day|week|month|year|way|bit|lot|same|best|job|move)\b")


@lru_cache(maxsize=512)
def candidates(relation: str, text: str) -> tuple[tuple[str, int], ...]:
    """(value, where it begins) for each in a text with what is not claimed blanked out; none for "favourite ..."."""
    return tuple(
        (value, start)
        for value, start in _all(relation, text)
        if BLANK not in value and not _refused(text, start, start + len(value))
    )


_PAID_FROM = re.compile(r"\b(?:comes?|orders|pay|salary|wages?|money) (?:\w+ )?from (?:the )?$", re.IGNORECASE)


def _refused(text: str, start: int, end: int) -> bool:
    """Whether a value is turned down: "not X", "instead of X", and "from X to ..." but not "I hear from X"."""
    if not is_refused(text, start):
        return False
    return not _PAID_FROM.search(text[:start]) or re.match(r"[^,;.]{0,30}? to\b", text[end:]) is not None


def _all(relation: str, text: str) -> Iterator[tuple[str, int]]:
    if relation == "works as":
        for lead in _ROLE_AFTER.finditer(text):
            if job := values.occupation(text[lead.end() : lead.end() + 60]):
                yield job, lead.end()
    elif relation == "lives with":
        yield from ((found.group(), found.start()) for found in _ALONE.finditer(text))
        yield from ((found["o"], found.start("o")) for found in _WITH.finditer(text))
    elif relation in NAMED:
        yield from _names(text)
        if relation in _PLACED:
            things = ((found.group(), found.start()) for found in _THING.finditer(text))
            yield from (thing for thing in things if not _NO_THING.search(thing[0]))
    elif relation in TYPED:
        found_ones = TYPED[relation].finditer(text)
        yield from (
            (found.group().strip(" ."), found.start())
            for found in found_ones
            if relation != "age" or not _COUNTED.search(text[: found.start()])
        )


def _names(text: str) -> Iterator[tuple[str, int]]:
    for found in _NAMES.finditer(text):
        name = found.group()
        if is_name(name) and name.lower() not in (*DAYS, *MONTHS):
            yield _OF_PLURAL.sub("", name), found.start()

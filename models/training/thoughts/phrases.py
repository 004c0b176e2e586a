"""The families of phrasings: every line of the tables is one, with a name of its own, in one split for good.

A table has slots (``== city : lives in : city : one``: name, relation, kind of value, whether there is one at a time)
with sections of lines (``state:``), or groups (``== exams``) with lines alone. What a line tells stands after ``=>``
(``;`` between triples, ``-`` for nothing); a line of the sections in :data:`TELLING` tells the slot's own triple
where it says nothing else.

Sections: ``state`` says how things are, ``change`` that they are otherwise than before, ``another`` that there is one
more, ``stop`` that it is over, ``past`` and ``plan`` that it was or may be so, ``near`` something else about the same
value, ``exact`` the same more exactly, ``forget`` asks for it to be forgotten or says that it was never so, ``ask``
and ``check`` ask for it, ``say`` answers, ``topic`` names it in "I do not know ...".
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from bethink.models.training.thoughts import (
    chats,
    events,
    nothing,
    pairs,
    qa,
    slots_care,
    slots_life,
    slots_many,
    slots_self,
    slots_taste,
    stories,
)
from bethink.models.training.thoughts.grammar import Node, parse
from bethink.models.training.thoughts.values import bucket

_ASKING = {
    "when": qa.WHEN,
    "what": qa.WHAT,
    "count": qa.COUNT,
    "indirect": qa.INDIRECT,
    "lead": qa.LEADS,
    "order": qa.ORDERS,
}
_FULL = re.compile(r"\$(?:I|My|Mine)(?!\w)")
SPLITS = ("train", "validation", "test")
TELLING = ("state", "change", "another")
NOT_SPLIT = ("say", "topic")
"""Answers and names of topics, of which there is one way for all splits."""


@dataclass(frozen=True)
class Phrase:
    """One line: family, notation, tree, and what it tells: subject, relation, object[, "-" for no day]."""

    family: str
    text: str
    node: Node
    tells: tuple[tuple[str, ...], ...]

    @property
    def of_anybody(self) -> bool:
        """Whether it can be said of a third person: it names its subject in full."""
        return _FULL.search(self.text) is not None


@dataclass(frozen=True)
class Slot:
    """Something that may be known of somebody. ``one``: there is one value at a time."""

    name: str
    relation: str
    kind: str
    one: bool


def split_of(family: str) -> str:
    """train, validation or test (80, 10 and 10 %) for a family, by its name alone."""
    place = bucket(family, 10)
    return "test" if place == 0 else "validation" if place == 1 else "train"


def _family(group: str, text: str) -> str:
    return f"{group}.{hashlib.sha256(text.encode('utf-8')).hexdigest()[:6]}"


def _phrase(group: str, line: str, default: str) -> Phrase:
    text, _, told = line.partition(" => ")
    told = told.strip() or default
    triples = (
        () if told in ("", "-") else tuple(tuple(part.strip() for part in one.split("|")) for one in told.split(";"))
    )
    return Phrase(_family(group, text), text, parse(text.strip()), triples)


def _lines(table: str) -> Iterator[str]:
    """The lines of a table; one that begins with spaces goes on with the one before."""
    whole = ""
    for line in table.splitlines():
        if line.startswith(" "):
            whole += " " + line.strip()
            continue
        if whole:
            yield whole
        whole = line.strip()
    if whole:
        yield whole


class Book:
    """All phrases of the tables, by group, or by slot and section."""

    def __init__(self) -> None:
        self.slots: dict[str, Slot] = {}
        self.groups: dict[str, list[Phrase]] = defaultdict(list)
        self._cache: dict[tuple[str, str], list[Phrase]] = {}
        for module in (slots_life, slots_self, slots_taste, slots_many, slots_care):
            self._read_slots(module.TABLE)
        for kind, table in (
            ("event", events.TABLE),
            ("story", stories.TABLE),
            ("story", chats.TABLE),
            ("opener", "== openers" + chats.OPENERS),
            ("filler", "== fillers" + chats.FILLERS),
            ("closer", "== closers" + chats.CLOSERS),
            ("nothing", nothing.TABLE),
            ("frame", nothing.FRAMES),
            ("opener", nothing.OPENERS),
            ("filler", nothing.FILLERS),
            ("closer", nothing.CLOSERS),
            ("pair", pairs.TABLE),
            *((kind, f"== {kind}s{table}") for kind, table in _ASKING.items()),
        ):
            self._read_groups(kind, table)

    def _read_slots(self, table: str) -> None:
        slot, section = Slot("", "", "", True), ""
        for line in _lines(table):
            if line.startswith("== "):
                name, relation, kind, many = (part.strip() for part in line[3:].split(" : "))
                slot = self.slots[name] = Slot(name, relation, kind, many == "one")
            elif line.endswith(":") and line[:-1].isalpha():
                section = line[:-1]
            else:
                default = f"$s | {slot.relation} | <v>" if section in TELLING else ""
                group = f"{slot.name}.{section}"
                self.groups[group].append(_phrase(group, line, default))

    def _read_groups(self, kind: str, table: str) -> None:
        group = ""
        for line in _lines(table):
            if line.startswith("== "):
                group = f"{kind}.{line[3:]}"
            else:
                self.groups[group].append(_phrase(group, line, ""))

    def of(self, group: str, split: str) -> list[Phrase]:
        """The phrases of a group in a split (of all splits for what is not split)."""
        key = (group, split)
        if key not in self._cache:
            every = self.groups.get(group, [])
            free = group.rsplit(".", 1)[-1] in NOT_SPLIT
            self._cache[key] = [one for one in every if free or split_of(one.family) == split]
        return self._cache[key]

    def pick(self, rng: Random, split: str, *groups: str) -> Phrase | None:
        """One phrase of these groups, or None where the split has none."""
        found = [phrase for group in groups for phrase in self.of(group, split)]
        return rng.choice(found) if found else None

    def named(self, kind: str) -> list[str]:
        """The groups of a kind: ``event``, ``nothing``."""
        return [group for group in self.groups if group.startswith(f"{kind}.")]


@lru_cache(maxsize=1)
def book() -> Book:
    """The tables, read once."""
    return Book()

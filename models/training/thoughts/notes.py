"""Statements about somebody as the memory keeps them: what the tasks "decide" and "answer" are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from bethink.models.training.thoughts.draw import Draw
from bethink.models.training.thoughts.grammar import tidy
from bethink.models.training.thoughts.people import Person
from bethink.models.training.thoughts.phrases import Book, Phrase, Slot

_OWN_I = re.compile(r"(?<!\$)\b(?:I|me|my)\b")
_BESIDE = ("event.exams", "event.accidents", "event.buying", "event.travel", "event.appointments", "event.feelings")


@dataclass
class Fact:
    """A slot of somebody (None: the user) with its value ``v``, another value ``o`` and, for pets, the kind ``k``."""

    slot: Slot
    person: Person | None
    values: dict[str, str] = field(default_factory=dict)

    @property
    def value(self) -> str:
        """What is said to be so."""
        return self.values["v"]


class Scene:
    """One example's people, values and days, all from one split. ``today`` is the newest day."""

    def __init__(self, rng: Random, split: str, book: Book, today: date, same_day: bool = False) -> None:
        self.rng, self.split, self.book, self.today, self.same_day = rng, split, book, today, same_day
        self._taken: set[str] = set()

    @property
    def drawn(self) -> list[str]:
        """All values and names drawn so far."""
        return sorted(self._taken)

    def draw(self, said: date, person: Person | None = None, values: dict[str, str] | None = None) -> Draw:
        """Choices for one sentence said on a day, which writes out relative days as the memory does."""
        mode = "person" if person else "user"
        return Draw(self.rng, self.split, said, mode, person, dict(values or {}), taken=self._taken, written=True)

    def day(self, most: int = 700, least: int = 0) -> date:
        """A day before today (today, where all is said in one day)."""
        return self.today - timedelta(days=0 if self.same_day else self.rng.randrange(least, most))

    def somebody(self, named: float = 0.65) -> Person:
        """Somebody new."""
        return self.draw(self.today).somebody(named)

    def fact(self, slot: Slot, person: Person | None, value: str | None = None, other: str | None = None) -> Fact:
        """A fact with new values, or those given."""
        draw = self.draw(self.today)
        kin = self.rng.choice([("son", "boy"), ("daughter", "girl")])
        kind = {"pet": "petname", "child": kin[1]}.get(slot.kind, slot.kind)
        values = {"v": value or draw.new(kind), "o": other or draw.new(kind)}
        if slot.kind == "pet":
            values["k"] = draw.new("petkind")
        elif slot.kind == "child":
            values["k"] = kin[0]
        return Fact(slot, person, values)

    def turned(self, fact: Fact) -> Fact:
        """The fact as it was before: the other value."""
        return Fact(fact.slot, fact.person, {**fact.values, "v": fact.values["o"], "o": fact.values["v"]})

    def phrase(self, fact: Fact, *sections: str, unlike: str = "", with_value: bool = False) -> Phrase | None:
        """A phrase of one of these sections that can be said of whom the fact is about."""
        found = [
            phrase
            for section in sections
            for phrase in self.book.of(f"{fact.slot.name}.{section}", self.split)
            if phrase.family != unlike
            and (not with_value or "<v>" in phrase.text)
            and not (fact.person and (_OWN_I.search(phrase.text) or not phrase.of_anybody))
            and not re.search(r"\bwe\b", phrase.text if fact.person else "")
        ]
        return self.rng.choice(found) if found else None

    def said(self, phrase: Phrase, fact: Fact, day: date) -> str:
        """The phrase said on a day."""
        return self.draw(day, fact.person, fact.values).say(phrase.node)

    def state(self, fact: Fact, day: date, *sections: str) -> str | None:
        """A sentence that says that the fact is so."""
        phrase = self.phrase(fact, *(sections or ("state",)), with_value=True)
        return self.said(phrase, fact, day) if phrase else None

    def beside(self, day: date) -> str | None:
        """A sentence about something else that happened."""
        phrase = self.book.pick(self.rng, self.split, self.rng.choice(_BESIDE))
        return self.draw(day).say(phrase.node) if phrase and phrase.tells else None

    def slot(self, one: bool | None = None, unlike: str = "") -> Slot:
        """Any slot, or one of those with one value (or many)."""
        every = [each for each in self.book.slots.values() if one in (None, each.one) and each.name != unlike]
        return self.rng.choice(every)

    def answer(self, fact: Fact, section: str = "say", value: str | None = None) -> str:
        """The fact as it is told to the user; ``section`` "topic" names it in "I do not know ..."."""
        return self._as("you" if fact.person is None else "label", fact, section, value)

    def asked(self, fact: Fact) -> str:
        """What the user calls the matter: "where my sister lives"."""
        return self._as("user" if fact.person is None else "person", fact, "topic", None)

    def _as(self, mode: str, fact: Fact, section: str, value: str | None) -> str:
        person = fact.person
        if mode == "label" and person:
            person = Person(person.label, person.subject, person.label, person.kin, person.name, person.woman)
        draw = self.draw(self.today, person, {**fact.values, "v": value or fact.value})
        draw.mode = "person" if person else mode
        phrase = self.rng.choice(self.book.of(f"{fact.slot.name}.{section}", self.split))
        text = draw.say(phrase.node, short=0, capital=section == "say")
        return tidy(text) if section == "say" else text

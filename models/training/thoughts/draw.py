"""One example's choices: who speaks of whom, on which day, and which value stands for each name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random

from bethink.models.training.thoughts import dates
from bethink.models.training.thoughts.grammar import Node, agree, contracted, expand, tidy
from bethink.models.training.thoughts.people import Person, draw_name, draw_person
from bethink.models.training.thoughts.values import values, values_for

_LIVED_WITH = """two flatmates|a cousin|three students|an old friend|two cats|four housemates|a retired couple
|a roommate|two colleagues|an elderly aunt|a big family|a host family|twins|a lodger"""
_MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
_NUMBERS = ["two", "three", "four", "five", "2", "3", "4"]
_MADE = {
    "livewith": 14,
    "fullname": 3000,
    "doctorname": 60,
    "dayofyear": 365,
    "likedthing": 70,
    "pet": 35,
    "child": 100,
}
_MADE |= {
    "name": 110,
    "girl": 55,
    "boy": 55,
    "past": 40,
    "future": 40,
    "since": 15,
    "num": 7,
    "today": 1,
    "inner": 500,
    "topic": 100,
    "on": 1,
    "day": 7,
    "year": 45,
    "phone": 9999,
    "email": 999,
}
_WORDS = ("$I", "$i", "$My", "$my", "$me", "$Mine", "$myself", "$s")


def size(kind: str) -> int:
    """About how many values there are of a kind."""
    if "=" in kind:
        return kind.count("|") + 1
    kind = kind.rstrip("0123456789")
    return _MADE[kind] if kind in _MADE else 10 if len(kind) == 1 else len(values(kind))


@dataclass
class Draw:
    """Values once drawn stay; ``told`` is the day that the line just rendered tells.

    ``used`` are the families of a turn. ``written``: a relative day is followed by what it means, as the memory
    keeps it.
    """

    rng: Random
    split: str
    said: date
    mode: str = "user"
    person: Person | None = None
    values: dict[str, str] = field(default_factory=dict)
    days: dict[str, str | None] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    told: str | None = None
    written: bool = False
    _day: str | None = None

    def about(self, mode: str, person: Person | None = None) -> Draw:
        """The same choices, of somebody else."""
        return replace(self, mode=mode, person=person)

    def somebody(self, named: float = 0.65) -> Person:
        """A person nobody has spoken of yet."""
        return draw_person(self.rng, self.split, self.taken, named)

    def value(self, name: str) -> str:
        """The value of a name, drawn where it is new."""
        if "=" in name:
            name, choices = name.split("=", 1)
            self.values[name] = self.rng.choice(choices.split("|"))
        elif name not in self.values:
            self.values[name] = self.new(name.rstrip("0123456789"))
            if name.rstrip("0123456789") in ("past", "future", "since"):
                self.days[name] = self._day
        if name in self.days:
            self.told = self.days[name]
        return self.values[name]

    def new(self, kind: str) -> str:
        """A value of a kind that no other name has."""
        rng = self.rng
        for _ in range(50):
            found = self._one(kind, rng)
            if found not in self.taken and found not in self.values.values():
                break
        if kind != "num":
            self.taken.add(found)
        return found

    def _one(self, kind: str, rng: Random) -> str:
        if kind in ("past", "future", "since"):
            words, day = getattr(dates, kind)(rng, self.said)
            self._day = day
            return dates.explained(words, day) if self.written else str(words)
        if kind in ("name", "girl", "boy"):
            woman = None if kind == "name" else kind == "girl"
            return draw_name(rng, self.split, set(self.taken), woman)
        if kind == "fullname":
            first = draw_name(rng, self.split, set())
            name = f"{first} {rng.choice(values_for('surname', self.split))}"
            return rng.choice([name, name, f"Ms {name.split()[-1]}", f"Mr {name.split()[-1]}"])
        if kind == "doctorname":
            return f"{rng.choice(['Dr', 'Dr', 'Dr.', 'Mrs', 'Mr'])} {rng.choice(values_for('surname', self.split))}"
        if kind == "today":
            return self.said.isoformat()
        if kind == "livewith":
            return " ".join(rng.choice(_LIVED_WITH.split("|")).split())
        if kind == "dayofyear":
            month = rng.randrange(12)
            day = date(2024, month + 1, rng.randrange(_MONTH_DAYS[month]) + 1)
            return dates.written(day, rng, False)
        if kind == "likedthing":
            return rng.choice(values_for(rng.choice(["liked", "activity", "food"]), self.split))
        if kind == "num":
            return rng.choice(_NUMBERS)
        if kind == "day":
            return rng.choice(dates.DAYS)
        if kind == "year":
            return str(rng.randrange(1950, 2006))
        if kind == "phone":
            return rng.choice(["07", "555-", "0171 ", "+351 9"]) + str(rng.randrange(10**6, 10**8))
        if kind == "email":
            return f"{rng.choice(values_for('petname', self.split)).lower()}{rng.randrange(99)}@example.org"
        return rng.choice(values_for(kind, self.split))

    def words(self) -> Mapping[str, str]:
        """What ``$I`` and its like stand for."""
        if self.mode == "person" and self.person:
            he, his, him = self.person.pronouns
            full = self.person.text
            own = f"{full}'" if full.endswith("s") and full[-2:-1] == "'" else f"{full}'s"
            return dict(
                zip(
                    _WORDS,
                    (full, he, own, his, him, own, "herself" if he == "she" else "himself", self.person.subject),
                    strict=True,
                )
            )
        if self.mode == "you":
            return dict(zip(_WORDS, ("you", "you", "your", "your", "you", "yours", "yourself", "user"), strict=True))
        return dict(zip(_WORDS, ("I", "I", "my", "my", "me", "mine", "myself", "user"), strict=True))

    def fill(self, text: str) -> str:
        """A text with its ``$`` words and drawn values put in, nothing else changed."""
        for word, said in sorted(self.words().items(), key=lambda pair: -len(pair[0])):
            text = text.replace(word, said)
        return text

    def say(self, node: Node, short: float = 0.75, capital: bool = True) -> str:
        """One text of a line, if possible one that names its subject in full; ``told`` is the day it tells."""
        for _ in range(8):
            self.told = None
            text = self.fill(expand(node, self.rng, self.value))
            if self.mode != "person" or self.person is None or self.person.text in text:
                break
        text = agree(text, self.mode)
        return contracted(tidy(text, capital), self.rng, short)

"""Small grammars of English: alternatives inside alternatives, slots, and what a choice of words means.

A pattern is text with ``{a|b|c}`` for a choice (an empty alternative is allowed), ``<name>`` or ``<name:detail>`` for a
slot or a rule, and ``^key=json^`` for a meaning: whoever says this sets that argument. What an answer copies is put
between two marks until the text is finished, so that nothing (typing errors, lower case) touches it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

KEEP, END = "\ue000", "\ue001"
"""Marks around what must stay as it is."""
SENTENCE = "\ue004"
"""Before kept words that get a capital where they begin a sentence."""


class Again(Exception):
    """This draw makes no sense (two meanings for one argument, say); draw again."""


class Unfit(LookupError):
    """Nothing that a split has leads to what a family needs."""


@dataclass(frozen=True)
class Choice:
    """One of several sequences."""

    options: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Slot:
    """A rule or a function, by name."""

    name: str
    detail: str = ""


@dataclass(frozen=True)
class Meaning:
    """An argument and its value, as JSON."""

    key: str
    value: str


@cache
def parsed(pattern: str) -> Choice:
    """A pattern as a tree; alternatives may stand at its top.

    Raises:
        ValueError: a brace, bracket or mark that is not closed.
    """
    options, end = _options(pattern, 0)
    if end != len(pattern):
        raise ValueError(f"A brace is closed that was not opened: {pattern[: end + 1]!r}")
    return options


def _options(text: str, at: int) -> tuple[Choice, int]:
    options: list[tuple[Any, ...]] = []
    parts: list[Any] = []
    while at < len(text) and text[at] != "}":
        sign = text[at]
        if sign == "|":
            options.append(tuple(parts))
            parts, at = [], at + 1
        elif sign == "{":
            inner, at = _options(text, at + 1)
            if at >= len(text):
                raise ValueError(f"A brace is not closed: {text!r}")
            parts.append(inner)
            at += 1
        elif sign in "<^":
            stop = text.find(">" if sign == "<" else "^", at + 1)
            if stop < 0:
                raise ValueError(f"{sign} is not closed: {text!r}")
            name, _, rest = text[at + 1 : stop].partition(":" if sign == "<" else "=")
            parts.append(Slot(name, rest) if sign == "<" else Meaning(name, rest))
            at = stop + 1
        else:
            stop = min((place for mark in "{}|<^" if (place := text.find(mark, at)) >= 0), default=len(text))
            parts.append(text[at:stop])
            at = stop
    return Choice((*options, tuple(parts))), at


@dataclass
class Draw:
    """One text on its way: chance, rules, functions, and the meaning so far."""

    rng: random.Random
    rules: Mapping[str, str]
    slots: Mapping[str, Callable[[Draw, str], str]]
    args: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    """What slots have said and others may need: the unit of money, the kind of a file."""

    def say(self, pattern: str) -> str:
        """A text of the pattern; its meanings go to ``args``.

        Raises:
            Again: the meanings contradict each other.
            KeyError: no such rule or slot.
        """
        return self._choice(parsed(pattern))

    def set(self, key: str, value: Any) -> None:
        """Give an argument its value, once.

        Raises:
            Again: it has another value already.
        """
        if key in self.args and self.args[key] != value:
            raise Again
        self.args[key] = value

    def _choice(self, choice: Choice) -> str:
        parts = []
        for part in choice.options[self.rng.randrange(len(choice.options))]:
            if isinstance(part, str):
                parts.append(part)
            elif isinstance(part, Choice):
                parts.append(self._choice(part))
            elif isinstance(part, Meaning):
                self.set(part.key, json.loads(part.value))
            elif part.name in self.slots:
                parts.append(self.slots[part.name](self, part.detail))
            else:
                parts.append(self.say(self.rules[part.name]))
        return "".join(parts)


def keep(text: str) -> str:
    """Text that no layer after this one may touch."""
    return f"{KEEP}{text}{END}"


def plain(text: str) -> str:
    """A finished text, without the marks."""
    return text.replace(KEEP, "").replace(END, "").replace(SENTENCE, "")


@dataclass(frozen=True)
class Book:
    """A file of rules and of families (patterns with a stable name)."""

    rules: dict[str, str]
    families: dict[str, str]


@cache
def book(name: str) -> Book:
    """The rules and families of a data file, the common rules included.

    ``@rule = pattern`` makes a rule, ``name: pattern`` a family; a line that begins with two blanks goes on with the
    line before; ``#`` begins a comment.
    """
    rules = dict(book("common").rules) if name != "common" else {}
    families: dict[str, str] = {}
    for line in joined_lines(name):
        if line.startswith("@"):
            key, _, pattern = line[1:].partition(" = ")
            rules[key.strip()] = pattern
        else:
            key, _, pattern = line.partition(": ")
            if key in families:
                raise ValueError(f"{name}: the family {key} stands there twice.")
            families[key] = pattern
        parsed(pattern)
    return Book(rules, families)


def joined_lines(name: str) -> list[str]:
    """The lines of a data file, continued ones joined, without comments and empty ones."""
    text = (files(__package__) / "data" / f"{name}.txt").read_text(encoding="utf-8")
    lines: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  ") and lines:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line.rstrip())
    return lines

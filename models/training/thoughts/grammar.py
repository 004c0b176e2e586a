"""Small grammars: alternatives inside alternatives, with drawn values and verbs that agree with who is spoken of.

The notation of a line:

- ``(a|b|)`` one of several, ``[a]`` the same as ``(a|)``; both nest. ``{`` and ``}`` are written as round brackets.
- ``<v>``, ``<city>``, ``<city2>`` a value (see :mod:`bethink.models.training.thoughts.draw`); the same name is the
  same value everywhere in an example. ``<x=tea|a coffee>`` draws one of its own choices and names it ``<x>``.
- ``$I`` the subject in full, ``$i`` its pronoun, ``$My`` and ``$my`` its possessive, ``$me`` its object form.
- ``live~`` a verb in the present that agrees with the subject; ``be~``, ``have~``, ``do~`` and ``was~`` are known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import prod
from random import Random

_PART = re.compile(r"[()\[\]|]|<\w+(?:=[^<>]+)?>|[^()\[\]|<]+")
_VERB = re.compile(r"\b(\w+)~")
_IRREGULAR = {
    "be": ("am", "is", "are"),
    "have": ("have", "has", "have"),
    "do": ("do", "does", "do"),
    "go": ("go", "goes", "go"),
    "was": ("was", "was", "were"),
}
MODES = {"user": 0, "person": 1, "you": 2}
"""Who is spoken of: the speaker, a third person, the one spoken to."""


@dataclass(frozen=True)
class Node:
    """``words``: literal text; ``value``: a value's name; ``all``: parts in order; ``one``: one of the parts."""

    kind: str
    text: str = ""
    parts: tuple[Node, ...] = ()


class NotationError(ValueError):
    """A line of a grammar cannot be read."""


@cache
def parse(line: str) -> Node:
    """The tree of a line.

    Raises:
        NotationError: brackets that do not close.
    """
    tokens = _PART.findall(line)
    if "".join(tokens) != line:
        raise NotationError(f"Not a line of a grammar: {line!r}.")
    node, end = _alternatives(tokens, 0)
    if end != len(tokens):
        raise NotationError(f"A bracket too many in {line!r}.")
    return node


def _alternatives(tokens: list[str], at: int) -> tuple[Node, int]:
    choices: list[Node] = []
    parts: list[Node] = []
    while at < len(tokens) and tokens[at] not in ")]":
        token = tokens[at]
        if token in "([":
            inner, at = _alternatives(tokens, at + 1)
            if at >= len(tokens) or tokens[at] != {"(": ")", "[": "]"}[token]:
                raise NotationError(f"A bracket does not close in {''.join(tokens)!r}.")
            parts.append(inner if token == "(" else Node("one", parts=(inner, Node("words"))))
        elif token == "|":
            choices.append(Node("all", parts=tuple(parts)))
            parts = []
        elif token.startswith("<"):
            parts.append(Node("value", token[1:-1]))
        else:
            parts.append(Node("words", token.replace("{", "(").replace("}", ")")))
        at += 1
    choices.append(Node("all", parts=tuple(parts)))
    return (choices[0] if len(choices) == 1 else Node("one", parts=tuple(choices))), at


def expand(node: Node, rng: Random, value: Callable[[str], str]) -> str:
    """One of the texts of a tree; ``value`` is asked for each value in the order of the text."""
    if node.kind == "words":
        return node.text
    if node.kind == "value":
        return value(node.text)
    if node.kind == "one":
        return expand(rng.choice(node.parts), rng, value)
    return "".join(expand(part, rng, value) for part in node.parts)


def outcomes(node: Node, size: Callable[[str], int]) -> int:
    """How many texts a tree has where ``size`` tells how many values a name has."""
    if node.kind == "words":
        return 1
    if node.kind == "value":
        return size(node.text)
    counts = [outcomes(part, size) for part in node.parts]
    return sum(counts) if node.kind == "one" else prod(counts)


def agree(text: str, mode: str) -> str:
    """The text with its verbs in the form of the subject."""
    return _VERB.sub(lambda found: verb(found[1], mode), text)


def verb(base: str, mode: str) -> str:
    """A verb in the present tense."""
    form = MODES[mode]
    if base in _IRREGULAR:
        return _IRREGULAR[base][form]
    if form != 1:
        return base
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ies"
    return base + ("es" if re.search(r"(?:s|sh|ch|x|z)$", base) else "s")


_ARTICLE = re.compile(r"\b([Aa]) (?=(?!(?:uni|use|one|eu|ur[iu]|ou?i)\w*)[aeiouAEIOU]|hour|honest|8\b|18\b|11\b|MRI)")
_SENTENCE = re.compile(r"(^|[.!?]\s+|[.!?]\"\s+)([\"(]?)([a-z])")
_TWO_ARTICLES = re.compile(
    r"\b(a|my|his|her|your|our|severe|(?!(?:it|that|he|she|who|what)\b)\w+'s) (?:a|an|the) (?=\w)"
)
_SPACE = re.compile(r"\s+")
_BEFORE = re.compile(r"\s+(?=[,.!?;:](?:\s|$))")


def tidy(text: str, capital: bool = True) -> str:
    """One line with "an" before vowels and, where wanted, a capital letter at the start of each sentence."""
    text = _BEFORE.sub("", _SPACE.sub(" ", text).strip())
    text = _TWO_ARTICLES.sub(r"\1 ", text)
    text = _ARTICLE.sub(r"\1n ", text)
    if not capital:
        return text
    return _SENTENCE.sub(lambda found: found[1] + found[2] + found[3].upper(), text)


_SHORT = [
    (re.compile(rf"\b{long}\b"), short)
    for long, short in (
        ("I am(?= \\w)", "I'm"),
        ("I have (?=been|just|got|moved|started|never|always|had|given|found|switched|lived|become|finally)", "I've "),
        ("I will", "I'll"),
        ("I would", "I'd"),
        ("(?<=[Hh]e) is(?= \\w)", "'s"),
        ("(?<=[Ii]t) is(?= \\w+ \\w|, not)", "'s"),
        ("we are", "we're"),
        ("We are", "We're"),
        ("[Cc]an not", "can't"),
        ("(do|does|did|is|are|was|has|have|would|could|should) not", r"\1n't"),
        ("(Do|Does|Did|Is|Are|Was|Has|Have|Would|Could|Should) not", r"\1n't"),
        ("will not", "won't"),
        ("[Tt]hat is", "that's"),
        ("you are(?= \\w)", "you're"),
        ("You are(?= \\w)", "You're"),
    )
]


def contracted(text: str, rng: Random, share: float = 0.75) -> str:
    """The text with most of its "I am" and "do not" drawn together, all of one kind alike."""
    for pattern, short in _SHORT:
        if rng.random() < share:
            text = pattern.sub(short, text)
    return text.replace(" 's", "'s")

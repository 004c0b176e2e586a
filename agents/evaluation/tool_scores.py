"""Is a call right? What counts as the same argument, and the scores of one answer.

An argument is right if its value is the same after this normalisation: numbers as numbers (5 is 5.0; true is none);
texts without regard to case and to spaces around them; plain lists in any order; an argument with its default as if it
were left out, and null as well. A currency is the same however it is written ("€", "euros", "EUR"), a domain in the
singular and the plural. Where the wording is free (``free``), a text is right if it has every word of the label, denies
if the label does, and adds at most :data:`MORE` words, all of them the user's own. For the leaderboard's functions,
texts are compared as the leaderboard does, without regard to case, spaces and ``,./-_*^``, and lists in their order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bethink.agents.evaluation.tool_data import Case, Expected
from bethink.tools.currencies import currency_code

MORE = 4
"""Words a free text may have beyond those of the label, small words not counted."""
SMALL = frozenset((
    "a", "an", "the", "of", "and", "or", "with", "in", "on", "to", "for", "from", "by", "at", "my", "me", "i", "is",
    "are", "be", "that", "this", "it", "its", "as",
))  # fmt: skip
DENYING = frozenset((
    "no", "not", "none", "nothing", "never", "without", "hate", "hates", "dislike", "dislikes", "avoid", "don", "t",
    "isn", "non",
))  # fmt: skip
_LOOSE = re.compile(r"[ ,./\-_*^]")
_DOMAINS = {"film": "films", "movie": "films", "movies": "films", "book": "books", "dish": "dishes"}


@dataclass(frozen=True)
class Call:
    """A call that the model made."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Differences:
    """What is wrong with a call's arguments: wrong values, left out, and invented."""

    wrong: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    invented: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many."""
        return len(self.wrong) + len(self.missing) + len(self.invented)


def scores_of(case: Case, calls: Sequence[Call], broken: bool, defaults: Mapping[str, Any]) -> dict[str, float]:
    """The scores of an answer.

    ``tool`` (the right choice, calling nothing included), ``called`` only where a tool is needed and ``silent`` only
    where none is, ``arguments`` (right tool, every argument right) only where one is needed, ``invented`` only where
    the right one was called, ``unparsable`` and ``right`` (all of it) always. Several calls are never right.
    """
    chosen = calls[0].name if len(calls) == 1 else None
    choice = chosen == case.tool if calls else case.tool is None and not broken
    found = {"tool": float(choice), "unparsable": float(broken)}
    if case.tool is None:
        return {**found, "silent": float(choice), "right": float(choice)}
    right = choice and differences(case, calls[0].arguments, defaults).count == 0
    found |= {"called": float(choice), "arguments": float(right), "right": float(right)}
    if choice:
        found["invented"] = float(bool(differences(case, calls[0].arguments, defaults).invented))
    return found


def differences(case: Case, arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> Differences:
    """What is wrong with arguments, held against the right set that they are nearest to."""
    return min((_against(case, each, arguments, defaults) for each in case.right), key=lambda each: each.count)


def _against(case: Case, expected: Expected, arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> Differences:
    given = {name: value for name, value in arguments.items() if not _is_default(case, name, value, defaults)}
    wanted = {
        name: values
        for name, values in expected.values.items()
        if not any(_is_default(case, name, value, defaults) for value in values)
    }
    optional = expected.optional | (expected.values.keys() - wanted.keys())
    wrong = [
        name
        for name, value in given.items()
        if name in expected.values and not any(_same(case, name, value, each) for each in expected.values[name])
    ]
    return Differences(
        tuple(wrong),
        tuple(name for name in wanted if name not in given and name not in optional),
        tuple(name for name in given if name not in expected.values),
    )


def _is_default(case: Case, name: str, value: Any, defaults: Mapping[str, Any]) -> bool:
    return value is None or (name in defaults and _same(case, name, value, defaults[name]))


def _same(case: Case, name: str, value: Any, wanted: Any) -> bool:
    loose = bool(case.functions)
    if not loose and isinstance(value, str) and isinstance(wanted, str):
        if name in case.free:
            return _told(value, wanted, case.said)
        if name == "currency":
            return currency_code(value) == currency_code(wanted)
        if name == "domain":
            value, wanted = (_DOMAINS.get(each.strip().casefold(), each) for each in (value, wanted))
    return same(value, wanted, loose=loose)


def same(value: Any, wanted: Any, *, loose: bool = False) -> bool:
    """Whether two values are the same after normalisation; ``loose`` as the leaderboard compares.

    Example:
        >>> same(5, 5.0), same(True, 1), same(" Robust", "robust"), same(["a", "b"], ["b", "a"])
        (True, False, True, True)
    """
    if isinstance(wanted, Expected):
        return isinstance(value, dict) and _all_right(value, wanted)
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        return value == wanted or math.isclose(value, wanted, rel_tol=1e-9)
    if isinstance(value, str) and isinstance(wanted, str):
        return _plain(value, loose) == _plain(wanted, loose)
    if isinstance(value, dict) and isinstance(wanted, dict):
        left, right = ({k: v for k, v in each.items() if v is not None} for each in (value, wanted))
        return left.keys() == right.keys() and all(same(left[k], right[k], loose=loose) for k in left)
    if isinstance(value, list | tuple) and isinstance(wanted, list | tuple):
        if loose or any(isinstance(each, dict | list) for each in wanted):
            return len(value) == len(wanted) and all(
                same(*pair, loose=loose) for pair in zip(value, wanted, strict=True)
            )
        return _same_in_any_order(list(value), wanted)
    return value is None and wanted is None


def _all_right(value: dict[str, Any], expected: Expected) -> bool:
    named = all(name in value or name in expected.optional for name in expected.values)
    return named and all(
        name in expected.values and any(same(each, wanted, loose=True) for wanted in expected.values[name])
        for name, each in value.items()
    )


def _same_in_any_order(left: list[Any], wanted: Sequence[Any]) -> bool:
    for each in wanted:
        place = next((i for i, other in enumerate(left) if same(other, each)), None)
        if place is None:
            return False
        del left[place]
    return not left


def _plain(text: str, loose: bool) -> str:
    return _LOOSE.sub("", text).casefold().replace("'", '"') if loose else text.strip().casefold()


def _told(text: str, label: str, said: str) -> bool:
    """Whether a free text says what the label does, in the user's words."""
    given, wanted, own = (_words(each) for each in (text, label, said))
    denied = "not" in given
    more = given - wanted - {"not"}
    return wanted <= given and denied == ("not" in wanted) and more <= own and len(more) <= MORE


def _words(text: str) -> set[str]:
    """Words without case and plural ending; words that deny are all one."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return {"not" if word in DENYING else word.removesuffix("s") for word in words if word not in SMALL}

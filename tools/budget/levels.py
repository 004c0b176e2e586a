"""How one column of features is told apart: text by value, numbers by value or between bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.encoding import numbers_in, places, required_numbers
from bethink.tools.findings import quoted
from bethink.tools.quantities import coded

if TYPE_CHECKING:
    import pandas as pd

MOST_LEVELS = 12
"""Distinct values up to which a column is told apart by value."""
BINS = (2, 3, 5, 8)
"""Numbers of quantile bins, or of values with the others pooled, that are tried."""
LABEL_LENGTH = 40
"""Letters of a name or value that a level's name shows."""
MOST = 100_000
"""Levels, or listed texts, of a column."""


@dataclass(frozen=True, eq=False)
class Levels:
    """How one column is told apart.

    Args:
        name: of the column.
        names: what each level is called, printable [L].
        edges: bounds between levels of numbers, ascending, L - 1 or with a level for missing ones L - 2; None for text.
        number: level of each text; other texts are ``otherwise``.
        otherwise: level of texts that are not listed.
        missing: level of missing values; the last if it is one of its own.

    Raises:
        ValueError: no levels, numbers of levels out of range, edges that are not finite or do not ascend.
    """

    name: str
    names: tuple[str, ...]
    edges: Floats | None
    number: dict[str, int]
    otherwise: int
    missing: int

    def __post_init__(self) -> None:
        most, of = len(self.names), f"of column {quoted(self.name)}"
        if not 1 <= most <= MOST or len(self.number) > MOST:
            raise ValueError(f"{most:,} levels and {len(self.number):,} texts {of}; 1 to {MOST:,} are possible.")
        if any(not 0 <= level < most for level in (*self.number.values(), self.otherwise, self.missing)):
            raise ValueError(f"Levels {of} must be within 0..{most - 1}.")
        if any(not name.isprintable() for name in self.names):
            raise ValueError(f"The names of levels {of} must be printable.")
        if self.edges is None:
            return
        bins = len(self.edges) + 1
        if not np.isfinite(self.edges).all() or not (self.edges[1:] > self.edges[:-1]).all():
            raise ValueError(f"The edges {of} must be finite numbers, each above the one before.")
        if self.number or not (most == bins or most == bins + 1 == self.missing + 1):
            raise ValueError(f"{bins - 1} edges {of} do not make {most} levels of numbers.")

    @property
    def ordered(self) -> bool:
        """Whether levels have an order: numbers, without a level for missing ones."""
        return self.edges is not None and self.missing <= len(self.edges)

    def of(self, column: pd.Series) -> Ints:
        """The level of every row [n].

        Raises:
            TableError: ``not_numbers`` for text where numbers were learned.
        """
        if self.edges is None:
            return places(column, self.number, self.otherwise, self.missing)
        values = required_numbers(column, self.name)
        return np.where(np.isnan(values), self.missing, np.searchsorted(self.edges, values, side="left"))

    def to_json(self) -> dict[str, Any]:
        """What :meth:`from_json` reads: texts, finite numbers, lists."""
        return {
            "name": self.name,
            "names": list(self.names),
            "edges": None if self.edges is None else self.edges.tolist(),
            "texts": {text: int(level) for text, level in self.number.items()},
            "otherwise": int(self.otherwise),
            "missing": int(self.missing),
        }

    @classmethod
    def from_json(cls, stored: Any) -> Levels:
        """The levels that :meth:`to_json` wrote.

        Raises:
            ValueError: anything else.
        """
        stored = as_object(stored, ("name", "names", "edges", "texts", "otherwise", "missing"), "a column")
        edges, texts = stored["edges"], stored["texts"]
        if not isinstance(texts, dict):
            raise ValueError("The texts of a column must be an object.")
        return cls(
            as_text(stored["name"], "a column's name"),
            tuple(as_text(name, "a level's name") for name in as_list(stored["names"], MOST, "the names of levels")),
            None if edges is None else np.array([_number(edge) for edge in as_list(edges, MOST, "edges")], np.float64),
            {value: as_whole(level, MOST, "a text's level") for value, level in texts.items()},
            as_whole(stored["otherwise"], MOST, "the level of other texts"),
            as_whole(stored["missing"], MOST, "the level of missing values"),
        )


def levels_of(column: pd.Series, name: str) -> Levels | None:
    """The finest way to tell a column apart; None if it has one value only; O(n log n).

    Example:
        >>> import pandas as pd
        >>> levels_of(pd.Series([30, 20, 30]), "age").names
        ('age=20', 'age=30')
    """
    return next(ways(column, name), None)


def ways(column: pd.Series, name: str) -> Iterator[Levels]:
    """How a column can be told apart, the finest first; nothing for a column of one value."""
    numbers = numbers_in(column)
    if numbers is None:
        yield from _ways_of_text(column, name)
        return
    known = np.sort(numbers[~np.isnan(numbers)])
    missing = len(known) < len(numbers)
    distinct = np.unique(known)
    if len(distinct) + missing < 2:
        return
    if len(distinct) <= MOST_LEVELS:
        yield _numeric(name, _between(distinct), distinct, missing)
    for bins in reversed(BINS):
        if bins < len(distinct):
            inner = np.quantile(known, np.arange(1, bins) / bins, method="lower")
            edges = np.unique(inner[inner < distinct[-1]])
            if len(edges):
                yield _numeric(name, edges, None, missing)


def _between(distinct: Floats) -> Floats:
    """The middle between neighbours, below the upper one however close they are."""
    low, high = distinct[:-1], distinct[1:]
    return np.minimum(low / 2 + high / 2, np.nextafter(high, -np.inf))


def _numeric(name: str, edges: Floats, distinct: Floats | None, missing: bool) -> Levels:
    title = _plain(name)
    if distinct is not None:
        names = [f"{title}={value:.6g}" for value in distinct]
    else:
        ends = [f"{edge:.3g}" for edge in edges]
        names = [f"{title} up to {ends[0]}"]
        names += [f"{title} {low} to {high}" for low, high in pairwise(ends)]
        names += [f"{title} above {ends[-1]}"]
    where = len(names) if missing else len(names) // 2
    names += [f"{title} missing"] if missing else []
    return Levels(name, tuple(names), edges, {}, 0, where)


def _ways_of_text(column: pd.Series, name: str) -> Iterator[Levels]:
    codes, levels = coded(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    frequent = [code for code in np.argsort(-counts, kind="stable") if counts[code]]
    missing = bool((codes < 0).any())
    if len(frequent) + missing < 2:
        return
    for most in (MOST_LEVELS, *reversed(BINS)):
        whole = len(frequent) <= most
        if whole and most != MOST_LEVELS:
            continue
        kept = sorted(str(levels[code]) for code in (frequent if whole else frequent[: most - 1]))
        title = _plain(name)
        names = [f"{title}={_plain(text)}" for text in kept]
        names += [] if whole else [f"{title}=other"]
        names += [f"{title} missing"] if missing else []
        usual = kept.index(str(levels[frequent[0]])) if frequent else 0
        otherwise = usual if whole else len(kept)
        number = {text: index for index, text in enumerate(kept)}
        yield Levels(name, tuple(names), None, number, otherwise, len(names) - 1 if missing else otherwise)


def _plain(text: str) -> str:
    """A name or value for labels: printable, on one line, cut."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text)
    return clean if len(clean) <= LABEL_LENGTH else clean[:LABEL_LENGTH] + "..."


# -- stored levels ----------------------------------------------------------------------------------------------------


def as_object(stored: Any, names: tuple[str, ...], what: str) -> dict[str, Any]:
    """A JSON object that has just these entries.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(stored, dict) or set(stored) != set(names):
        raise ValueError(f"{what.capitalize()} must be an object with {', '.join(names)}, and nothing else.")
    return stored


def as_list(stored: Any, most: int, what: str) -> list[Any]:
    """A JSON list of at most ``most`` entries.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(stored, list) or len(stored) > most:
        raise ValueError(f"{what.capitalize()} must be a list of at most {most:,}.")
    return stored


def as_whole(stored: Any, below: int, what: str) -> int:
    """A whole number of JSON within ``0..below - 1``.

    Raises:
        ValueError: anything else.
    """
    if type(stored) is not int or not 0 <= stored < below:  # True is an int too
        raise ValueError(f"{what.capitalize()} must be a whole number within 0..{below - 1}, not {quoted(stored)}.")
    return stored


def as_text(stored: Any, what: str) -> str:
    """A text of JSON.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(stored, str):
        raise ValueError(f"{what.capitalize()} must be a text, not {quoted(stored)}.")
    return stored


def _number(stored: Any) -> float:
    if type(stored) not in (int, float) or not abs(stored) < math.inf:
        raise ValueError(f"An edge must be a finite number, not {quoted(stored)}.")
    try:
        return float(stored)
    except OverflowError:
        raise ValueError("An edge must be a finite number, not one of hundreds of digits.") from None

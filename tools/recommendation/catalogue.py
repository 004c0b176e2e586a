"""What can be recommended: items of several domains with titles, texts and what kind each is; one is bundled.

The bundled catalogue (`data/catalogue.csv`; see `data/NOTICE`) has about 900 films, books and dishes, so that
recommendation works before anything was uploaded.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.samples import UNKNOWN, Entities, Floats, Ints

NOUNS = {"films": "film", "books": "book", "dishes": "dish"}
"""One item of each bundled domain, as a word."""
DECADES = 10
_ALSO = {"science fiction": "science fiction (sci-fi)"}
_ARTICLES = re.compile(r"^(?:the|a|an|der|die|das|le|la|les|el|il)\s+")


class UnknownDomainError(ValueError):
    """A domain that the catalogue does not have; the message lists those it has."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """N items of some domains.

    Args:
        items: ids, texts and features [N].
        titles: what a person calls each [N].
        domain: number of each item's domain [N].
        domains: their names.
        kinds: what kind of thing each is, without its title and content ("Slow, quiet film: science fiction."), empty
            where unknown [N]. A taste ("slow sci-fi") is compared with these and the texts, a search with the texts.
        details: year, creators and the like of each, for show [N].

    Raises:
        ValueError: lengths that differ, domains that do not exist.
    """

    items: Entities
    titles: tuple[str, ...]
    domain: Ints
    domains: tuple[str, ...]
    kinds: tuple[str, ...]
    details: tuple[dict[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        lengths = {len(self.items), len(self.titles), len(self.domain), len(self.kinds)}
        if len(lengths) != 1 or len(self.details) not in (0, len(self.items)):
            raise ValueError("Every item needs a title, a domain and a kind, which may be empty.")
        if len(self.domain) and not 0 <= self.domain.min() <= self.domain.max() < len(self.domains):
            raise ValueError(f"Domains must be within 0..{len(self.domains) - 1}.")

    def __len__(self) -> int:
        return len(self.items)

    def within(self, domains: str | Sequence[str] | None) -> NDArray[np.bool_]:
        """Which items belong to the domains named; all for None [N].

        Raises:
            UnknownDomainError: with the names there are.
        """
        if domains is None:
            return np.ones(len(self), np.bool_)
        names = [domains] if isinstance(domains, str) else list(domains)
        places = []
        for name in names:
            known = {other.casefold(): place for place, other in enumerate(self.domains)}
            known |= {NOUNS[other]: place for place, other in enumerate(self.domains) if other in NOUNS}
            place = known.get(name.strip().casefold())
            if place is None:
                close = difflib.get_close_matches(name.casefold(), known, n=1)
                hint = f" Did you mean {self.domains[known[close[0]]]!r}?" if close else ""
                raise UnknownDomainError(
                    f"There is no domain {name[:60]!r}; there are {', '.join(self.domains) or 'none'}.{hint}"
                )
            places.append(place)
        return np.isin(self.domain, places)

    def titled(self, title: str, domains: str | Sequence[str] | None = None) -> list[int]:
        """Numbers of the items that a person may mean by a title, none if no title is close.

        Items whose title is the same but for case, accents, punctuation and a leading article; if there is none, the
        closest by difflib's ratio, from 0.85 on. A year in parentheses picks among titles that are the same.

        Cost: N titles are compared; 2 ms for 1,000.
        """
        year = re.search(r"\((-?\d{1,4})\)\s*$", title)
        wanted = plain_title(title[: year.start()] if year else title)
        if not wanted:
            return []
        inside = self.within(domains)
        keys = {place: plain_title(self.titles[place]) for place in np.flatnonzero(inside).tolist()}
        found = [place for place, key in keys.items() if key == wanted]
        if not found:
            best = difflib.get_close_matches(wanted, set(keys.values()), n=1, cutoff=0.85)
            found = [place for place, key in keys.items() if key in best]
        if year and self.details:
            dated = [place for place in found if self.details[place].get("year") == year[1]]
            found = dated or found
        return found


def plain_title(title: str) -> str:
    """A title without case, accents, punctuation and leading article.

    Example:
        >>> plain_title("The Amélie: Part 2")
        'amelie part 2'
    """
    letters = unicodedata.normalize("NFKD", title[:300]).casefold()
    kept = "".join(" " if not sign.isalnum() else sign for sign in letters if not unicodedata.combining(sign))
    return _ARTICLES.sub("", " ".join(kept.split()))


def from_entities(
    items: Entities,
    *,
    titles: Sequence[str] | None = None,
    domain: Sequence[int] | Ints | None = None,
    domains: Sequence[str] = ("items",),
    kinds: Sequence[str] | None = None,
) -> Catalogue:
    """A catalogue of a user's own items, in one domain unless said otherwise.

    Args:
        items: their ids, texts, features [N].
        titles: the ids, or the first 80 letters of the texts, if left out [N].
        domain: number of each item's domain [N]; 0 if left out.
        domains: names.
        kinds: genres or tags of each as words [N].

    Raises:
        ValueError: as :class:`Catalogue`.
    """
    if titles is None:
        titles = [text.strip()[:80] or str(name) for name, text in zip(items.ids, items.texts, strict=True)]
    places = np.zeros(len(items), np.int64) if domain is None else np.asarray(domain, dtype=np.int64)
    return Catalogue(items, tuple(titles), places, tuple(domains), tuple(kinds or [""] * len(items)))


@cache
def bundled() -> Catalogue:
    """The films, books and dishes that come with Bethink.

    Sparse features: first genre, second genre, language, decade; number: year. The text of an item is its kind, its
    title and one sentence.

    Example:
        >>> catalogue = bundled()
        >>> catalogue.domains
        ('films', 'books', 'dishes')
        >>> place = catalogue.titled("stalker")[0]
        >>> catalogue.items.texts[place][:59]
        'Slow, quiet, bleak, thoughtful film: science fiction (sci-f'
    """
    data = (files("bethink.tools.recommendation") / "data" / "catalogue.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(data)))
    domains = tuple(dict.fromkeys(row["domain"] for row in rows))
    genres = [row["genres"].split("; ") for row in rows]
    years = [int(row["year"]) if row["year"] else None for row in rows]
    kinds = [_kind(row, NOUNS[row["domain"]]) for row in rows]
    texts = [f"{kind} {row['title']}: {row['text']}" for kind, row in zip(kinds, rows, strict=True)]
    columns: dict[str, list[Any]] = {
        "genre": [names[0] for names in genres],
        "second genre": [names[1] if len(names) > 1 else None for names in genres],
        "language": [row["language"] or None for row in rows],
        "decade": [None if year is None else year // DECADES for year in years],
    }
    coded = [_levels(values) for values in columns.values()]
    numbers: Floats = np.array([[np.nan if year is None else year] for year in years], np.float32)
    items = Entities(
        np.array([row["id"] for row in rows]),
        tuple(texts),
        np.stack([levels for levels, _ in coded], 1),
        tuple(size for _, size in coded),
        tuple(columns),
        numbers,
        ("year",),
    )
    place = np.array([domains.index(row["domain"]) for row in rows], np.int64)
    shown = ("year", "creators", "language", "genres", "tones", "text")
    details = tuple({name: row[name] for name in shown if row[name]} for row in rows)
    return Catalogue(items, tuple(row["title"] for row in rows), place, domains, tuple(kinds), details)


def _kind(row: dict[str, str], noun: str) -> str:
    """``Slow, quiet film: science fiction (sci-fi), drama.``"""
    tones = row["tones"].replace(";", ",").capitalize()
    return f"{tones} {noun}: {', '.join(_ALSO.get(name, name) for name in row['genres'].split('; '))}."


def _levels(values: Sequence[Any]) -> tuple[Ints, int]:
    """Levels from 1 on in the order of the values, :data:`UNKNOWN` for None, and how many levels there are."""
    known = {value: level + 1 for level, value in enumerate(sorted({value for value in values if value is not None}))}
    return np.array([known.get(value, UNKNOWN) for value in values], np.int64), len(known) + 1

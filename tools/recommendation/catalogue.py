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
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.samples import UNKNOWN, Entities, Floats, Ints
from bethink.tools.recommendation.values import scripts_of

NOUNS = {"films": "film", "books": "book", "dishes": "dish"}
"""One item of each bundled domain, as a word."""
DECADES = 10
_ALSO = {"science fiction": "science fiction (sci-fi)"}
_ARTICLES = re.compile(r"^(?:the|a|an|der|die|das|le|la|les|el|il)\s+")
_WORD = re.compile(r"[^\W_]+")
_WHEN = frozenset({"since", "in", "from", "until", "till", "before", "after", "around", "by", "to", "of", "at", "year"})
"""Before these a number is more likely a year or an amount than a title ("jazz since 1984")."""
SHORTEST = 5
"""Letters of a word from which on it may be a title in lower case; shorter ones are mostly common."""
_QUOTES = "\"'“”„«»‘’`*_"


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
        labels: genres, tones or tags of each, one by one; empty where there are none [N].

    Raises:
        ValueError: lengths that differ, domains that do not exist.
    """

    items: Entities
    titles: tuple[str, ...]
    domain: Ints
    domains: tuple[str, ...]
    kinds: tuple[str, ...]
    details: tuple[dict[str, str], ...] = field(default=(), repr=False)
    labels: tuple[tuple[str, ...], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        lengths = {len(self.items), len(self.titles), len(self.domain), len(self.kinds)}
        shown = {len(self.details), len(self.labels)}
        if len(lengths) != 1 or not shown <= {0, len(self.items)}:
            raise ValueError("Every item needs a title, a domain and a kind, which may be empty.")
        if len(self.domain) and not 0 <= self.domain.min() <= self.domain.max() < len(self.domains):
            raise ValueError(f"Domains must be within 0..{len(self.domains) - 1}.")

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def searched(self) -> tuple[str, ...]:
        """What a search by words looks at: the texts, with the names of creators [N]."""
        creators = [shown.get("creators", "") for shown in self.details] or [""] * len(self)
        return tuple(f"{text} {names}".strip() for text, names in zip(self.items.texts, creators, strict=True))

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

    def mentioned(self, text: str) -> list[tuple[int, int, list[int]]]:
        """Where a text names titles: (start, end, numbers of the items of that title), in the order of the text.

        A title counts word for word, whatever its case, accents, punctuation and leading article; of titles that
        overlap the longest. One of a single word must be quoted, begin with a capital, or be a word of five letters
        that no text of the catalogue has in lower case ("her" is none, "interstellar" is); a number must not look like
        a year. A year in parentheses picks among titles that are the same.

        Cost: linear in the text; the titles are indexed once.

        Example:
            >>> said = "I loved Arrival, but her and Dune (1965) bore me"
            >>> [(said[start:end], len(items)) for start, end, items in bundled().mentioned(said)]
            [('Arrival', 1), ('Dune (1965)', 1)]
        """
        words = [(found.start(), found.end(), plain_title(found.group())) for found in _WORD.finditer(text)]
        found, place = [], 0
        while place < len(words):
            for size in range(min(self._longest, len(words) - place), 0, -1):
                items = self._by_title.get(" ".join(word for _, _, word in words[place : place + size]))
                start, end = words[place][0], words[place + size - 1][1]
                if items and (size > 1 or self._is_named(text, start, end, words[place - 1][2] if place else "")):
                    year = re.match(r"\s*\((-?\d{1,4})\)", text[end:])
                    dated = [item for item in items if year and self.details and self._year(item) == year[1]]
                    if year and dated:
                        end += year.end()
                    found.append((start, end, dated or list(items)))
                    place += size
                    break
            else:
                place += 1
        return [one for one in found if one[2]]

    def _is_named(self, text: str, start: int, end: int, before: str) -> bool:
        """Whether a single word is meant as a title."""
        word = text[start:end]
        quoted = text[start - 1 : start] in tuple(_QUOTES) and text[end : end + 1] in tuple(_QUOTES)
        if quoted or word.isdigit():
            return quoted or before not in _WHEN
        if re.search(r"\w['’]$", text[:start]):
            return False  # "I'm" names no film "M"
        return word[0].isupper() or (len(word) >= SHORTEST and word not in self._written)

    def _year(self, item: int) -> str | None:
        return self.details[item].get("year")

    @cached_property
    def _by_title(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for place, title in enumerate(self.titles):
            key = plain_title(title)
            found[key] = (*found.get(key, ()), place)
        found.pop("", None)
        return found

    @cached_property
    def _longest(self) -> int:
        """Words of the longest title."""
        return max((len(key.split()) for key in self._by_title), default=0)

    @cached_property
    def _written(self) -> frozenset[str]:
        """Words of the texts as they stand there."""
        return frozenset(word for text in self.items.texts for word in _WORD.findall(text))


def plain_title(title: str) -> str:
    """A title without case, accents, punctuation and leading article.

    Example:
        >>> plain_title("The Amélie: Part 2")
        'amelie part 2'
    """
    letters = unicodedata.normalize("NFKD", title[:300]).casefold()
    kept = "".join(" " if not sign.isalnum() else sign for sign in letters if not unicodedata.combining(sign))
    return _ARTICLES.sub("", " ".join(kept.split()))


def printable(text: str) -> str:
    """What somebody said without control and direction characters, which would change how it is shown.

    Example:
        >>> printable("astro\\x00naut \\x1balone\\n")
        'astronaut alone'
    """
    return "".join(sign for sign in text if sign.isprintable() or sign.isspace()).strip()


def about_script(text: str) -> list[str]:
    """What is to be known of words in a script that the text encoder hardly knows; nothing for Latin."""
    others = ["CJK" if script == "Cjk" else script for script in scripts_of([text]) if script != "Latin"]
    told = "the text encoder, trained in English, tells little of their sense"
    return [f"Your words are in {script} script: {told}." for script in others]


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
    titles = tuple(row["title"] for row in rows)
    return Catalogue(items, titles, place, domains, tuple(kinds), details, tuple(_labels(row) for row in rows))


def _kind(row: dict[str, str], noun: str) -> str:
    """``Slow, quiet film: science fiction (sci-fi), drama.``"""
    tones = row["tones"].replace(";", ",").capitalize()
    return f"{tones} {noun}: {', '.join(_ALSO.get(name, name) for name in row['genres'].split('; '))}."


def _labels(row: dict[str, str]) -> tuple[str, ...]:
    """Its tones and genres, one by one."""
    genres = [_ALSO.get(name, name) for name in row["genres"].split("; ") if name]
    return (*(name for name in row["tones"].split("; ") if name), *genres)


def _levels(values: Sequence[Any]) -> tuple[Ints, int]:
    """Levels from 1 on in the order of the values, :data:`UNKNOWN` for None, and how many levels there are."""
    known = {value: level + 1 for level, value in enumerate(sorted({value for value in values if value is not None}))}
    return np.array([known.get(value, UNKNOWN) for value in values], np.int64), len(known) + 1

"""What the cells of a column look like: numbers, dates, words, links, lists; and cells as ids and as texts."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bethink.tools.quantities import coded, is_missing, quantities
from bethink.tools.recommendation.samples import Ints
from bethink.tools.tables import TableFileError
from bethink.tools.times import read_times

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_ROWS = 5_000
"""Rows looked at to tell what a column holds."""
LONGEST_TEXT = 4_000
"""Characters of a text that are kept; sentence encoders read less."""
_LINK = re.compile(r"(https?:)?//\S+|www\.\S+|s3://\S+", re.IGNORECASE)
_IMAGE = re.compile(r"\S+\.(jpe?g|png|gif|webp|bmp|tiff?|svg|avif)(\?\S*)?|data:image/\S+", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_WORD = re.compile(r"[^\W\d_]{2,}")
LIST_MARKS = "|;"


@dataclass(frozen=True)
class Facts:
    """Of the cells that hold something: how many there are, and shares of the distinct ones.

    ``words`` is their mean number of words, where a run of Chinese or Japanese characters counts by its characters.
    """

    rows: int
    filled: int
    distinct: int
    numbers: bool
    whole: bool
    dates: bool
    words: float
    lettered: float
    links: float
    images: float
    lists: float

    @property
    def text(self) -> bool:
        """Neither numbers nor dates."""
        return not (self.numbers or self.dates)

    @property
    def unique(self) -> bool:
        """A value of its own in nearly every row."""
        return self.filled > 0.9 * self.rows and self.distinct > 0.95 * self.filled


def facts_of(column: pd.Series, name: str) -> Facts:
    """Look at up to 5,000 rows drawn from everywhere."""
    column = some_rows(column)
    codes, levels = coded(column)
    valued = np.array([not _no_value(level) for level in levels] + [False])[codes]
    cells = [levels[code] for code in np.unique(codes[valued])]
    texts = [id_text(cell) for cell in cells]
    values = _numbers(column, name)
    known = values[~np.isnan(values)] if values is not None else np.empty(0)
    count = max(1, len(texts))
    return Facts(
        rows=len(column),
        filled=int(valued.sum()),
        distinct=len(set(texts)),
        numbers=len(known) > 0,
        whole=len(known) > 0 and bool((known == np.round(known)).all()),
        dates=not len(known) and bool(texts) and _dates(column, name),
        words=sum(_count_words(text) for text in texts) / count,
        lettered=sum(bool(_WORD.search(text)) for text in texts) / count,
        links=sum(bool(_LINK.fullmatch(text)) for text in texts) / count,
        images=sum(bool(_IMAGE.fullmatch(text)) for text in texts) / count,
        lists=sum(any(mark in text.strip(LIST_MARKS) for mark in LIST_MARKS) for text in texts) / count,
    )


def some_rows(column: pd.Series) -> pd.Series:
    """Up to :data:`SAMPLE_ROWS` rows from everywhere, in their order; always the same."""
    if len(column) <= SAMPLE_ROWS:
        return column
    return column.iloc[np.sort(np.random.default_rng(0).choice(len(column), SAMPLE_ROWS, replace=False))]


def texts_of(column: pd.Series) -> tuple[Ints, list[str]]:
    """A column as numbers [n] into the distinct texts that occur; -1 for cells without a value.

    Equal ids are one text, whatever their type.

    Cost: one conversion for each distinct cell.
    """
    codes, levels = coded(column)
    number: dict[str, int] = {}
    table = np.full(len(levels) + 1, -1, np.int64)
    for code in np.unique(codes[codes >= 0]).tolist():
        if not _no_value(levels[code]):
            table[code] = number.setdefault(id_text(levels[code]), len(number))
    return table[codes], list(number)


def id_text(cell: Any) -> str:
    """A cell as an id: whole numbers without a point, text without blanks around it.

    Example:
        >>> id_text(4006381333931), id_text(7.0), id_text(" A7 ")
        ('4006381333931', '7', 'A7')
    """
    if isinstance(cell, float | np.floating) and float(cell).is_integer() and abs(float(cell)) < 2**53:
        return str(int(cell))
    return str(cell).strip()


def clean_text(cell: str) -> str:
    """A text without tags, control characters and needless blanks; cut after :data:`LONGEST_TEXT` characters.

    Example:
        >>> clean_text("<p>Tom &amp;\\n Jerry</p>")
        'Tom & Jerry'
    """
    text = cell[: 4 * LONGEST_TEXT]
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "&" in text:
        text = html.unescape(text)
    text = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(text.split())[:LONGEST_TEXT].rstrip()


def scripts_of(texts: Iterable[str]) -> Counter[str]:
    """How many texts are mostly written in which script; those without letters do not count.

    Example:
        >>> scripts_of(["A red house", "Красный дом", "红色的房子"])
        Counter({'Latin': 1, 'Cyrillic': 1, 'Cjk': 1})
    """
    found: Counter[str] = Counter()
    for text in texts:
        letters = Counter(unicodedata.name(letter, "?").split()[0] for letter in text[:200] if letter.isalpha())
        if letters:
            found[letters.most_common(1)[0][0].capitalize()] += 1
    return found


def _no_value(cell: Any) -> bool:
    return cell is None or is_missing(cell) or (isinstance(cell, float | np.floating) and math.isnan(cell))


def _count_words(text: str) -> int:
    wide = sum("\u3040" <= character <= "\u9fff" for character in text[:1000])
    return len(text.split()) + wide // 2


def _numbers(column: pd.Series, name: str) -> np.ndarray | None:
    try:
        found = quantities(column, name)
    except TableFileError:
        return None
    return found.values if found.text is None and not found.truth else None


def _dates(column: pd.Series, name: str) -> bool:
    try:
        return read_times(column, name).dates
    except TableFileError:
        return False

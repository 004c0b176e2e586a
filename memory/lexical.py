"""BM25 over one user's thoughts.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009); k1 1.2, b 0.75.
"""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from bethink.memory.words import STOP_WORDS

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_VOWEL = re.compile("[aeiouy]")
_NUMBER = re.compile(r"0*(\d+)(?:st|nd|rd|th)?$")


def stem(word: str) -> str:
    """A light English stem: plural, -ing, -ed and final e removed, so that live, lives and living meet."""
    if len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for suffix in ("ing", "ed"):
        base = word[: -len(suffix)]
        if word.endswith(suffix) and len(base) >= 2 and _VOWEL.search(base):
            word = base
            if len(word) > 2 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    return word


def tokens(text: str) -> list[str]:
    """Stemmed content words; runs of Chinese, Japanese or Korean characters as overlapping pairs."""
    found: list[str] = []
    for token in _TOKEN.findall(unicodedata.normalize("NFKC", text).lower()):
        if "\u3040" <= token[0] <= "\uffff" and re.match(f"[{_CJK}]", token):
            found += [token[i : i + 2] for i in range(len(token) - 1)] or [token]
        elif number := _NUMBER.match(token):
            found.append(number[1])  # 05, 5 and 5th are the same day
        elif token not in STOP_WORDS:
            found.append(stem(token))
    return found


class BM25:
    """An inverted index whose rows are only appended, in step with :class:`bethink.memory.index.VectorIndex`."""

    def __init__(self, k1: float = 1.2, b: float = 0.75) -> None:
        self.k1, self.b = k1, b
        self._rows = 0
        self._lengths = np.zeros(64, dtype=np.float32)
        self._total = 0
        self._postings: dict[str, tuple[array[int], array[float]]] = {}

    def append(self, text: str) -> None:
        """Add the next row."""
        counts = Counter(tokens(text))
        row = self._rows
        if row == len(self._lengths):
            self._lengths = np.concatenate([self._lengths, np.zeros_like(self._lengths)])
        self._lengths[row] = sum(counts.values())
        self._rows += 1
        self._total += sum(counts.values())
        for term, count in counts.items():
            rows, counted = self._postings.setdefault(term, (array("i"), array("f")))
            rows.append(row)
            counted.append(count)

    def scores(self, query: str, *, without: Collection[str] = ()) -> np.ndarray:
        """BM25 of every row for the query, float32 (rows,); zeros where no word is shared.

        The words ``without`` (as :func:`tokens` gives them) do not count.
        """
        return self._sums(self._terms(query, without))

    def coverage(self, query: str, *, without: Collection[str] = (), rows: np.ndarray | None = None) -> np.ndarray:
        """BM25 over the most it could be, were every word of the query in a row for ever: float32 in [0, 1].

        A word that no row holds counts in full, so that a message of many words finds little by two of them. Of every
        row, or of some ``rows`` (ascending).
        """
        terms = self._terms(query, without)
        most = (self.k1 + 1) * sum(self._idf(term) for term in terms)
        if rows is None:
            return self._sums(terms) / np.float32(most or 1)
        out = np.zeros(len(rows), dtype=np.float32)
        for term in terms:
            held, counted = self._posting(term)
            if len(held):
                place = np.minimum(np.searchsorted(held, rows), len(held) - 1)
                here = np.flatnonzero(held[place] == rows)
                out[here] += self._part(term, rows[here], counted[place[here]])
        return out / np.float32(most or 1)

    def best(self, query: str, k: int, *, without: Collection[str] = (), limit: int = 20_000) -> np.ndarray:
        """Row numbers of about the k best rows, ascending: int (<= k,).

        The rarest words propose rows until ``limit`` postings are read; a word in every other row finds nothing.
        """
        held = {term: len(self._posting(term)[0]) for term in self._terms(query, without)}
        found: list[np.ndarray] = []
        read = 0
        for term in sorted(held, key=lambda term: held[term]):
            read += held[term]
            if found and read > limit:
                break
            found.append(self._posting(term)[0][:limit])
        rows = np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
        if len(rows) > k:
            scores = self.coverage(query, without=without, rows=rows)
            rows = np.sort(rows[np.argpartition(-scores, k - 1)[:k]])
        return rows

    def _terms(self, query: str, without: Collection[str]) -> list[str]:
        return [term for term in dict.fromkeys(tokens(query)) if term not in without]

    def _posting(self, term: str) -> tuple[np.ndarray, np.ndarray]:
        if term not in self._postings:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
        rows, counted = self._postings[term]
        return np.array(rows, dtype=np.int32), np.array(counted, dtype=np.float32)

    def _idf(self, term: str) -> float:
        n, held = self._rows, len(self._postings[term][0]) if term in self._postings else 0
        return math.log(1 + (n - held + 0.5) / (held + 0.5))

    def _part(self, term: str, rows: np.ndarray, counted: np.ndarray) -> np.ndarray:
        mean = max(self._total / max(self._rows, 1), 1.0)
        lengths = self._lengths[rows]
        return self._idf(term) * counted * (self.k1 + 1) / (counted + self.k1 * (1 - self.b + self.b * lengths / mean))

    def _sums(self, terms: Sequence[str]) -> np.ndarray:
        out = np.zeros(self._rows, dtype=np.float32)
        for term in terms:
            rows, counted = self._posting(term)
            out[rows] += self._part(term, rows, counted)
        return out

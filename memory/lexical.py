"""BM25 over one user's thoughts, and the fusion of its scores with cosines.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009); k1 1.2, b 0.75.
"""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from collections import Counter

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
        self._lengths = array("f")
        self._total = 0
        self._postings: dict[str, tuple[array[int], array[float]]] = {}

    def append(self, text: str) -> None:
        """Add the next row."""
        counts = Counter(tokens(text))
        row = len(self._lengths)
        self._lengths.append(sum(counts.values()))
        self._total += sum(counts.values())
        for term, count in counts.items():
            rows, counted = self._postings.setdefault(term, (array("i"), array("f")))
            rows.append(row)
            counted.append(count)

    def scores(self, query: str) -> np.ndarray:
        """BM25 of every row for the query, float32 (rows,); zeros where no word is shared."""
        n = len(self._lengths)
        out = np.zeros(n, dtype=np.float32)
        terms = [term for term in dict.fromkeys(tokens(query)) if term in self._postings]
        if not terms:
            return out
        norms = self.k1 * (1 - self.b + self.b * np.array(self._lengths) / max(self._total / n, 1.0))
        for term in terms:
            rows, counted = (np.array(part) for part in self._postings[term])
            idf = math.log(1 + (n - len(rows) + 0.5) / (len(rows) + 0.5))
            out[rows] += idf * counted * (self.k1 + 1) / (counted + norms[rows])
        return out


def standardise(scores: np.ndarray) -> np.ndarray:
    """z-scores of one query's scores; all zeros when they do not differ."""
    spread = float(scores.std()) if scores.size else 0.0
    return (scores - scores.mean()) / spread if spread > 1e-9 else np.zeros_like(scores)

"""Search by words: BM25 over texts of any language, with one sparse matrix product a batch of queries.

Source: Robertson and Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond, eq. 3.15, with the inverse
document frequency ln(1 + (N - n + 1/2) / (n + 1/2)) that never falls below zero (as Lucene has it).

Example:
    >>> index = BM25(["Slow film about a station in space", "Funny film about a dog", ""])
    >>> items, scores = index.search(["slow films in space"], 2)
    >>> items.tolist()
    [[0, 1]]
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bethink.tools.recommendation.index import top_k
from bethink.tools.recommendation.samples import Floats, Ints

LONGEST = 20_000
"""Letters of a text that are read."""
_FUNCTION_WORDS = (
    "a about after all an and are as at be before but by for from has have her him his in into is it its no not "
    "of off on only or other out over own she so some such than that the their them then there they this through "
    "to too under until up was we were what when where which while who why will with without you your"
)
"""English words that nobody is told are shared."""
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")


def words(text: str) -> list[str]:
    """The words of a text for matching: Unicode letters and digits without case, accents and the plural's s.

    Compatible forms are one (NFKC: ﬁ is fi). Chinese and Japanese, written without spaces, become pairs of
    neighbouring signs. The plural's s goes as in Harman's S stemmer, whatever the language; ie at the end becomes y,
    so that movie and movies meet.

    Source: Harman 1991, How effective is suffixing?, table 1.

    Example:
        >>> words("Stories of the Straße; cafés, 1984!")
        ['story', 'of', 'the', 'strasse', 'cafe', '1984']
        >>> words("静かな映画")
        ['静か', 'かな', 'な映', '映画']
    """
    found: list[str] = []
    for match in _WORD.finditer(_without_accents(unicodedata.normalize("NFKC", text[:LONGEST]).casefold())):
        word = match.group()
        if re.match(rf"[{_CJK}]", word):
            found += [word[place : place + 2] for place in range(max(1, len(word) - 1))]
        else:
            found.append(_singular(word))
    return found


class BM25:
    """An index of N texts. Building counts every word once; memory 12 bytes for each different word of each text.

    Args:
        texts: empty ones are never found [N].
        k1: how soon a repeated word stops to count; 0: at once.
        b: how much longer texts are discounted, 0 to 1.

    Raises:
        ValueError: k1 or b out of range.
    """

    def __init__(self, texts: Sequence[str], *, k1: float = 1.2, b: float = 0.75) -> None:
        from scipy import sparse

        if not (k1 >= 0 and 0 <= b <= 1):
            raise ValueError(f"k1 must not be negative and b must be within 0..1; they are {k1} and {b}.")
        counts = [Counter(words(text)) for text in texts]
        self.vocabulary = {word: number for number, word in enumerate(dict.fromkeys(w for c in counts for w in c))}
        rows = np.repeat(np.arange(len(counts)), [len(found) for found in counts])
        columns = np.array([self.vocabulary[word] for found in counts for word in found], np.int64)
        times = np.array([number for found in counts for number in found.values()], np.float64)
        lengths = np.bincount(rows, times, len(counts))
        mean = lengths.mean() if lengths.any() else 1.0
        having = np.bincount(columns, minlength=len(self.vocabulary))
        self.rarity = np.log1p((len(counts) - having + 0.5) / (having + 0.5))
        long = k1 * (1 - b + b * lengths[rows] / mean)
        weights = self.rarity[columns] * times * (k1 + 1) / (times + long)
        shape = (len(self.vocabulary), len(counts))
        self._weights = sparse.csr_array((weights.astype(np.float32), (columns, rows)), shape=shape)

    def scores(self, queries: Sequence[str]) -> Floats:
        """BM25 of every text for every query [q, N], 0 where no word is shared; a word asked twice counts twice."""
        from scipy import sparse

        found = [[self.vocabulary[word] for word in words(query) if word in self.vocabulary] for query in queries]
        rows = np.repeat(np.arange(len(found)), [len(part) for part in found])
        columns = np.array([number for part in found for number in part], np.int64)
        shape = (len(queries), len(self.vocabulary))
        asked = sparse.csr_array((np.ones(len(columns), np.float32), (rows, columns)), shape=shape)
        return np.asarray((asked @ self._weights).todense(), np.float32).reshape(len(queries), self._weights.shape[1])

    def search(
        self,
        queries: Sequence[str],
        k: int,
        *,
        allowed: ArrayLike | None = None,
        exclude: Sequence[ArrayLike] | None = None,
    ) -> tuple[Ints, Floats]:
        """The k texts with the highest scores, best first; texts that share no word are left out.

        Arguments, results and errors as :func:`bethink.tools.recommendation.index.search`.
        """
        scores = self.scores(queries)
        return top_k(np.where(scores > 0, scores, -np.inf), k, allowed=allowed, exclude=exclude)

    def shared(self, text: str, other: str) -> list[str]:
        """Words that two texts share, the rarest first, without function words and those that a fifth of the index has.

        Example:
            >>> BM25(["a slow film", "a dog", "a cat", "a cow", "a sea", "a bee"]).shared("A slow sea", "a slow walk")
            ['slow']
        """
        both = set(words(text)) & set(words(other)) & set(self.vocabulary) - set(_FUNCTION_WORDS.split())
        count = self._weights.shape[1]
        rare = [word for word in both if self._having(word) <= max(1, count / 5)]
        return sorted(rare, key=lambda word: (-self.rarity[self.vocabulary[word]], word))

    def _having(self, word: str) -> int:
        number = self.vocabulary[word]
        starts: Any = self._weights.indptr
        return int(starts[number + 1] - starts[number])


def _without_accents(text: str) -> str:
    """Accents of Latin, Greek and Cyrillic letters go; voiced Kana and the like stay what they are."""
    if text.isascii():
        return text
    kept = []
    for sign in text:
        parts = unicodedata.normalize("NFD", sign)
        kept.append(parts[0] if len(parts) > 1 and parts[0].isalpha() and ord(parts[0]) < 0x0600 else sign)
    return "".join(kept)


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("ie"):
        return word[:-2] + "y"
    if len(word) > 3 and word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    if len(word) > 3 and word.endswith("s") and word[-2] not in "us":
        return word[:-1]
    return word

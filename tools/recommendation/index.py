"""The k best items for a query by inner product: exact, in blocks, with filters; ties go to the lower item number.

Exact search reads every vector once per batch of queries. Whether an approximate index is worth its build time and its
lost items is measured by `tests/benchmarks/recommendation/retrieval.py`.

Example:
    >>> vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], np.float32)
    >>> items, scores = search(vectors, np.array([[0.0, 1.0]], np.float32), 2)
    >>> items.tolist(), [round(float(score), 2) for score in scores[0]]
    ([[1, 2]], [1.0, 0.8])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bethink.tools.recommendation.samples import Floats, Ints

NOTHING = -1
"""Fills the rows of queries for which fewer than k items are allowed; its score is -inf."""
BLOCK_SCORES = 1 << 22
"""Scores that are held at a time: 16 MB."""
LEAST_BLOCK = 4096
PIECE = 128


def search(
    vectors: NDArray[Any],
    queries: NDArray[Any],
    k: int,
    *,
    allowed: ArrayLike | None = None,
    exclude: Sequence[ArrayLike] | None = None,
) -> tuple[Ints, Floats]:
    """The items with the largest inner product with each query, best first.

    An item whose score is not finite (NaN or infinity in its vector, or overflow) is never found.

    Args:
        vectors: of the items [N, d], finite.
        queries: [q, d], or one query [d], which is answered as a batch of one.
        k: how many; all that are allowed if there are fewer.
        allowed: mask of the items that may be found [N], the same for all queries; None for all.
        exclude: numbers of the items that may not be found, for each query [q]; numbers outside 0..N-1 are ignored.

    Returns:
        Item numbers int64 and scores float32, both [q, min(k, N)]; :data:`NOTHING` and -inf fill the ends of rows.

    Raises:
        ValueError: k below 0, shapes that do not fit, queries that are not finite.

    Cost: q N d multiplications in float32, one pass over the vectors for each batch of queries; memory for 4 million
    scores and q k results besides the arguments.
    """
    if isinstance(k, bool) or k != int(k) or k < 0:
        raise ValueError(f"k is how many items to find: a whole number from 0 on, not {k!r}.")
    vectors, asked = np.asarray(vectors, np.float32), np.asarray(queries, np.float32)
    asked = asked[None] if asked.ndim == 1 else asked
    if vectors.ndim != 2 or asked.ndim != 2 or vectors.shape[1] != asked.shape[1]:
        raise ValueError(f"Items have shape {vectors.shape}, queries {asked.shape}; [N, d] and [q, d] are needed.")
    odd = np.flatnonzero(~np.isfinite(asked).all(1))
    if len(odd):
        raise ValueError(f"{len(odd)} of {len(asked)} queries are not finite, the first is query {odd[0]}.")
    open_to_all = _mask(allowed, len(vectors))
    closed = _closed(exclude, len(asked), len(vectors))
    step = max(LEAST_BLOCK, BLOCK_SCORES // max(1, len(asked)))
    best = _Best(len(asked), min(int(k), len(vectors)))
    for first in range(0, len(vectors) if best.k else 0, step):
        with np.errstate(over="ignore", invalid="ignore"):
            scores = asked @ vectors[first : first + step].T
        if open_to_all is not None:
            scores[:, ~open_to_all[first : first + step]] = -np.inf
        for row, numbers in enumerate(closed):
            near = numbers[np.searchsorted(numbers, first) : np.searchsorted(numbers, first + step)]
            scores[row, near - first] = -np.inf
        best.offer(scores, first)
    return best.items, best.scores


def top_k(
    scores: NDArray[Any], k: int, *, allowed: ArrayLike | None = None, exclude: Sequence[ArrayLike] | None = None
) -> tuple[Ints, Floats]:
    """The k largest of scores that are there already [q, N]; arguments, results and errors as :func:`search`."""
    if isinstance(k, bool) or k != int(k) or k < 0:
        raise ValueError(f"k is how many items to find: a whole number from 0 on, not {k!r}.")
    if scores.ndim != 2:
        raise ValueError(f"Scores have shape {scores.shape}; [q, N] is needed.")
    found = np.array(scores, np.float32)
    mask = _mask(allowed, found.shape[1])
    if mask is not None:
        found[:, ~mask] = -np.inf
    for row, numbers in enumerate(_closed(exclude, *found.shape)):
        found[row, numbers] = -np.inf
    best = _Best(len(found), min(int(k), found.shape[1]))
    if best.k:
        best.offer(found, 0)
    return best.items, best.scores


def merge(rankings: Sequence[ArrayLike], k: int, *, weights: Sequence[float] | None = None, depth: int = 60) -> Ints:
    """One list out of several: each item gets sum of weight / (depth + rank), the best k first, ties by item number.

    Args:
        rankings: lists of item numbers, best first; :data:`NOTHING` is skipped.
        k: how many at most.
        weights: of each list, 1 if left out.
        depth: how little the first ranks stand out.

    Source: Cormack, Clarke and Buettcher 2009, Reciprocal rank fusion outperforms Condorcet and individual rank
    learning methods; depth 60 is theirs.

    Example:
        >>> merge([[3, 1, 2], [1, 9]], 3).tolist()
        [1, 3, 9]
    """
    if k < 0:
        raise ValueError(f"k is how many items to find, from 0 on, not {k}.")
    points: dict[int, float] = {}
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for rank, item in enumerate(np.asarray(ranking, dtype=np.int64).tolist(), start=1):
            if item != NOTHING:
                points[item] = points.get(item, 0.0) + weight / (depth + rank)
    ordered = sorted(points, key=lambda item: (-points[item], item))
    return np.array(ordered[:k], np.int64)


class _Best:
    """The k best of what was offered so far, kept sorted: larger scores first, then lower numbers."""

    def __init__(self, queries: int, k: int) -> None:
        self.k = k
        self.items: Ints = np.full((queries, k), NOTHING, np.int64)
        self.scores: Floats = np.full((queries, k), -np.inf, np.float32)

    def offer(self, scores: Floats, first: int) -> None:
        """Scores [q, m] of the items from number ``first`` on, all larger than those offered before."""
        for row in range(len(scores)):
            values = scores[row]
            places = np.flatnonzero(values > max(self.scores[row, -1], _below(values, self.k)))
            kept = values[places]
            if not np.isfinite(kept).all():
                places = places[np.isfinite(kept)]
                kept = values[places]
            if len(places) > self.k:
                least = np.partition(kept, len(kept) - self.k)[len(kept) - self.k]
                places, kept = places[kept >= least], kept[kept >= least]
            if not len(places):
                continue
            numbers = np.concatenate([self.items[row], places + first])
            joined = np.concatenate([self.scores[row], kept])
            order = np.lexsort((numbers, -joined))[: self.k]
            self.items[row], self.scores[row] = numbers[order], joined[order]


def _below(values: Floats, k: int) -> float:
    """A number below the k-th largest finite value, from the maxima of short pieces: much faster than sorting."""
    pieces = len(values) // PIECE
    if pieces < 2 * k:
        return -np.inf
    largest = values[: pieces * PIECE].reshape(pieces, PIECE).max(1)
    largest = largest[np.isfinite(largest)]
    if len(largest) < k:
        return -np.inf
    return float(np.nextafter(np.partition(largest, len(largest) - k)[len(largest) - k], np.float32(-np.inf)))


def _mask(allowed: ArrayLike | None, count: int) -> NDArray[np.bool_] | None:
    if allowed is None:
        return None
    mask = np.asarray(allowed)
    if mask.shape != (count,) or mask.dtype != np.bool_:
        raise ValueError(f"`allowed` is {mask.dtype} {mask.shape}; a mask of {count:,} items is needed.")
    return mask


def _closed(exclude: Sequence[ArrayLike] | None, queries: int, count: int) -> list[Ints]:
    """Sorted numbers of the items that each query may not find."""
    if exclude is None:
        return []
    if len(exclude) != queries:
        raise ValueError(f"{queries} queries need as many lists of excluded items; there are {len(exclude)}.")
    lists = [np.unique(np.asarray(part).astype(np.int64).reshape(-1)) for part in exclude]
    return [numbers[(numbers >= 0) & (numbers < count)] for numbers in lists]

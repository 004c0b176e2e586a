"""How well samples are told apart, how honest the probabilities are, and how good the first k of a list are.

AUC over pooled domains also rewards knowing which domain is clicked more; give each domain, and warm and cold items,
their own. All is NumPy in double precision.

Example:
    >>> auc([0, 1, 0, 1], [0.1, 0.9, 0.5, 0.5])
    0.875
    >>> recall_at_k([[3, 1, 2]], [[1, 7]], 2), round(ndcg_at_k([[3, 1, 2]], [[1, 7]], 2), 4)
    (0.5, 0.3869)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Doubles = NDArray[np.float64]


class OneClassError(ValueError):
    """Labels of one class only, where a measure compares two."""


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Chance that a random positive scores above a random negative; a tie counts one half. Every pair weighs the same.

    Args:
        labels: 0 or 1 [n].
        scores: finite, larger is more likely [n].

    Raises:
        OneClassError: only zeros or only ones.
        ValueError: no sample, lengths that differ, labels other than 0 and 1, scores that are not finite.

    Cost: one sort of n numbers.
    Source: Hanley and McNeil 1982, The meaning and use of the area under a ROC curve: the Mann-Whitney statistic.
    """
    positive, values = _checked(labels, scores)
    gains, pairs = _wins(positive, values, np.zeros(len(values), np.int64))
    if not pairs[0]:
        raise OneClassError(f"All {len(values):,} labels are {int(positive[0])}: AUC compares ones with zeros.")
    return float(gains[0] / pairs[0])


def gauc(users: ArrayLike, labels: ArrayLike, scores: ArrayLike) -> float:
    """AUC within each user, averaged over the users who have both labels, each weighed by the number of their samples.

    Args:
        users: whose sample it is; anything that can be sorted [n].
        labels: 0 or 1 [n].
        scores: finite [n].

    Raises:
        OneClassError: no user has both labels.
        ValueError: as :func:`auc`.

    Cost: two sorts of n.
    Source: Zhou et al. 2018, Deep Interest Network (arXiv 1706.06978), eq. 7, impressions as weights. Users with one
    label have no AUC; here they are left out of both sums.
    """
    positive, values = _checked(labels, scores)
    _, groups, sizes = np.unique(np.asarray(users), return_inverse=True, return_counts=True)
    if len(groups) != len(values):
        raise ValueError(f"{len(values):,} labels need as many users; there are {len(groups):,}.")
    gains, pairs = _wins(positive, values, groups)
    both = pairs > 0
    if not both.any():
        raise OneClassError(f"None of {len(sizes):,} users has samples of both labels: there is nothing to compare.")
    return float(np.average(gains[both] / pairs[both], weights=sizes[both]))


def log_loss(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean negative log-likelihood in nats; probabilities are kept 2.2e-16 off 0 and 1. One class is enough.

    Args:
        labels: 0 or 1 [n].
        probabilities: of label 1, within 0..1 [n].

    Raises:
        ValueError: as :func:`auc`, or probabilities outside 0..1.
    """
    positive, chances = _probabilities(labels, probabilities)
    smallest = float(np.finfo(np.float64).eps)
    chances = np.clip(chances, smallest, 1 - smallest)
    return float(-np.mean(np.where(positive, np.log(chances), np.log1p(-chances))))


def expected_calibration_error(labels: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> float:
    """Mean over samples of |share of ones - mean probability| in the sample's bin; bins of equal width.

    0 says that in each bin as many clicked as was said, not that the samples were told apart.

    Args:
        labels: 0 or 1 [n].
        probabilities: of label 1, within 0..1 [n].
        bins: how many; a probability on an edge belongs to the bin above it, 1 to the last.

    Raises:
        ValueError: as :func:`log_loss`, or no bin.

    Source: Naeini, Cooper and Hauskrecht 2015, Obtaining well calibrated probabilities using Bayesian binning; Guo et
    al. 2017 (arXiv 1706.04599), eq. 3, here of the probability of label 1.
    """
    if bins < 1:
        raise ValueError(f"{bins} bins hold nothing. Ask for one or more.")
    positive, chances = _probabilities(labels, probabilities)
    number = np.minimum((chances * bins).astype(np.int64), bins - 1)
    gap = np.bincount(number, positive - chances, bins)
    return float(np.abs(gap).sum() / len(chances))


def recall_at_k(ranked: ArrayLike, relevant: Sequence[ArrayLike], k: int) -> float:
    """Share of the relevant items that are among the first k, averaged over the rows that have relevant items.

    Args:
        ranked: numbers of items, best first, each at most once in a row [rows, k or more]; -1 fills rows that are
            shorter.
        relevant: numbers of the items to be found, for each row; repeats count once.
        k: length of the list.

    Raises:
        ValueError: k below 1 or above the lists' length, as many lists as rows are needed, an item twice in a row,
            nothing relevant in any row.

    Cost: a sort of rows * k + relevant items.
    """
    hits, counts = _hits(ranked, relevant, k)
    return float((hits.sum(1) / counts).mean())


def ndcg_at_k(ranked: ArrayLike, relevant: Sequence[ArrayLike], k: int) -> float:
    """Sum of 1 / log2(1 + rank) over the relevant items among the first k, by the largest that it could be.

    Arguments, errors, cost as :func:`recall_at_k`; averaged over the rows that have relevant items.

    Source: Järvelin and Kekäläinen 2002, Cumulated gain-based evaluation of IR techniques; gains 0 and 1.
    """
    hits, counts = _hits(ranked, relevant, k)
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(counts, k) - 1]
    return float((hits @ discount / ideal).mean())


def _checked(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Doubles]:
    found, values = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if found.ndim != 1 or found.shape != values.shape:
        raise ValueError(f"Labels have shape {found.shape}, scores {values.shape}; both need to be [n], n the same.")
    if not len(values):
        raise ValueError("There is no sample to measure.")
    if not np.isfinite(values).all():
        raise ValueError(f"{int((~np.isfinite(values)).sum()):,} of {len(values):,} scores are not finite.")
    if not np.isin(found, (0, 1)).all():
        raise ValueError("Labels must be 0 or 1.")
    return found.astype(bool), values


def _probabilities(labels: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.bool_], Doubles]:
    positive, chances = _checked(labels, probabilities)
    if chances.min() < 0 or chances.max() > 1:
        raise ValueError(f"Probabilities must be within 0..1; they are {chances.min():g} to {chances.max():g}.")
    return positive, chances


def _wins(positive: NDArray[np.bool_], values: Doubles, groups: NDArray[np.int64]) -> tuple[Doubles, Doubles]:
    """Of each group: pairs of a positive above a negative, ties as halves; and all its pairs.

    With r the rank within all samples sorted by group and score (means for ties), the wins of a group's positives are
    sum r - (rank of the group's first sample - 1) p - p (p + 1) / 2.
    """
    order = np.lexsort((values, groups))
    values, groups, positive = values[order], groups[order], positive[order]
    new = np.r_[True, (np.diff(values) != 0) | (np.diff(groups) != 0)]
    starts = np.flatnonzero(new)
    ends = np.r_[starts[1:], len(values)]
    ranks = ((starts + ends + 1) / 2)[np.cumsum(new) - 1]
    sizes = np.bincount(groups)
    ones = np.bincount(groups, positive, len(sizes))
    before = np.cumsum(sizes) - sizes
    wins = np.bincount(groups, positive * (ranks - before[groups]), len(sizes)) - ones * (ones + 1) / 2
    return wins, ones * (sizes - ones)


def _hits(ranked: ArrayLike, relevant: Sequence[ArrayLike], k: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Whether each of the first k is relevant [m, k], and how many are [m], of the rows in which any is."""
    lists: NDArray[Any] = np.asarray(ranked)
    if lists.ndim != 2 or not np.issubdtype(lists.dtype, np.integer):
        raise ValueError(f"Lists must be whole numbers [rows, k]; they are {lists.dtype} {lists.shape}.")
    if not 1 <= k <= lists.shape[1]:
        raise ValueError(f"k = {k:,} needs lists of that length; they have {lists.shape[1]:,} items.")
    if len(relevant) != len(lists):
        raise ValueError(f"{len(lists):,} lists need as many sets of relevant items; there are {len(relevant):,}.")
    parts = [np.unique(np.asarray(part).astype(np.int64)) for part in relevant]
    counts = np.array([len(part) for part in parts], np.int64)
    if not counts.any():
        raise ValueError("No row has a relevant item: there is nothing to find.")
    wanted = np.concatenate(parts)
    if wanted.min() < 0:
        raise ValueError("Relevant items must be numbers from 0 on.")
    lists = lists[:, :k].astype(np.int64)
    in_order = np.sort(lists, axis=1)
    if ((np.diff(in_order, axis=1) == 0) & (in_order[:, 1:] >= 0)).any():
        raise ValueError("A list holds an item twice.")
    width = int(max(wanted.max(), lists.max())) + 1
    keys = np.repeat(np.arange(len(lists)), counts) * width + wanted
    hits = np.isin(np.arange(len(lists))[:, None] * width + lists, keys) & (lists >= 0)
    some = counts > 0
    return hits[some], counts[some]

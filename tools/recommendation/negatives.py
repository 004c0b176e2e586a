"""Sampled negatives for logs that hold clicks or purchases only: items that a user did not take, drawn by chance.

A sampled negative is no refusal: the user may never have seen the item. AUC against such negatives says how well taken
items are told from others, and depends on how the others are drawn; say so beside it. With ``power`` 1 items are
negatives as often as they are taken, so that popularity tells nothing; with 0 all alike, so that popularity tells much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.samples import Ints, Samples

TRIES = 5
"""Draws for a negative before it is left out."""


def with_negatives(
    samples: Samples, seed: int, *, known: Samples | None = None, per_positive: int = 4, power: float = 0.75
) -> Samples:
    """Positive samples and, behind each, sampled negatives of the same user, domain, query and time.

    Items are drawn from those that are taken in the same domain of ``samples``, with chances proportional to their
    count there to the ``power``. An item that the user takes in ``samples`` or ``known``, at whatever time, is no
    negative; nor is one that nobody had before or at that time. Items of one positive differ. Fewer negatives come
    where :data:`TRIES` draws find none.

    Split first, then call this for each part, ``known`` being the parts before it: then a training part's negatives
    hold no cold item and do not spare what is asked for in the test.

    Args:
        samples: positive ones only, such as one part of a split.
        seed: of all draws.
        known: earlier samples of the same users and items.
        per_positive: negatives for each sample, 1 or more.
        power: 0 for uniform, 1 for as often as taken; 0.75 as in word2vec.

    Returns:
        All of ``samples`` with ``per_positive`` rows or fewer behind each.

    Raises:
        ValueError: arguments out of range, samples with label 0, or no negative found at all.

    Cost: O(n per_positive log n).
    Source: Mikolov et al. 2013 (arXiv 1310.4546), section 2.2, for the power.
    """
    if per_positive < 1 or not 0 <= power <= 4:
        raise ValueError(f"{per_positive} negatives, power {power:g}: at least 1 and a power of 0 to 4 are needed.")
    if not samples.label.all():
        count = int((samples.label == 0).sum())
        raise ValueError(f"{count:,} samples have label 0 already: negatives are sampled for positive samples only.")
    generator = np.random.default_rng(seed)
    parts = likes_before([samples] if known is None else [samples, known])
    found = np.full((len(samples), per_positive), -1, np.int64)
    for domain in np.unique(samples.domain):
        rows = np.flatnonzero(samples.domain == domain)
        items, counts = np.unique(samples.item[rows], return_counts=True)
        ends = np.cumsum(counts.astype(np.float64) ** power)
        found[rows] = _drawn(samples.rows(rows), parts, items, ends / ends[-1], per_positive, generator)
    if not (found >= 0).any():
        raise ValueError("No negative was found: every item was taken by every user, or by nobody before.")
    items = np.c_[samples.item, found]
    row, place = np.nonzero(items >= 0)
    whole = samples.rows(row)
    return replace(whole, item=items[row, place], label=(place == 0).astype(np.float32))


class Likes:
    """What users took, and since when items are there.

    ``pairs`` are ``user * items + item``, sorted; ``since`` is the first time of each item [items], infinite for items
    without a sample, minus infinity where times are unknown.
    """

    def __init__(self, width: int, pairs: Ints, since: NDArray[np.float64]) -> None:
        self.width, self.pairs, self.since = width, pairs, since

    def allow(self, users: Ints, items: Ints, times: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether items may be negatives: the user does not take them, and they were there at that time."""
        asked = users * self.width + items
        place = np.minimum(np.searchsorted(self.pairs, asked), len(self.pairs) - 1)
        return (self.pairs[place] != asked) & (self.since[items] <= times)


def likes_before(parts: Sequence[Samples]) -> Likes:
    """The likes of all parts together; those of one set of users and items.

    Raises:
        ValueError: parts of other users or items; no like in any.
    """
    first = parts[0]
    if any(part.users is not first.users or part.items is not first.items for part in parts):
        raise ValueError("The known samples must be of the same users and items: another part of one set.")
    width = len(first.items)
    pairs = np.unique(np.concatenate([(part.user * width + part.item)[part.label > 0] for part in parts]))
    if not len(pairs):
        raise ValueError("There is no positive sample.")
    since = np.full(width, np.inf)
    for part in parts:
        np.minimum.at(since, part.item, -np.inf if part.time is None else part.time)
    return Likes(width, pairs, since)


def times_of(samples: Samples) -> NDArray[np.float64]:
    """Times [n], zeros where they are unknown."""
    return np.zeros(len(samples)) if samples.time is None else samples.time


def without_repeats(found: Ints) -> Ints:
    """Rows of items in which each item stands once [n, m]; later ones become -1."""
    for column in range(1, found.shape[1]):
        found[(found[:, :column] == found[:, column, None]).any(1), column] = -1
    return found


def _drawn(
    samples: Samples, likes: Likes, items: Ints, ends: NDArray[np.float64], count: int, generator: np.random.Generator
) -> Ints:
    """Negatives of each sample of one domain [n, count], -1 where none was found."""
    times = times_of(samples)
    found = np.full((len(samples), count), -1, np.int64)
    for _ in range(TRIES):
        row, place = np.nonzero(found < 0)
        item = items[np.minimum(np.searchsorted(ends, generator.random(len(row)), side="right"), len(items) - 1)]
        fits = likes.allow(samples.user[row], item, times[row])
        found[row[fits], place[fits]] = item[fits]
        found = without_repeats(found)
    return found

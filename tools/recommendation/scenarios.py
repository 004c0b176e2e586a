"""Domains and searches constructed out of one set of ratings, for where no true ones can be had.

None of them was seen by anybody: MovieLens has one site and no search box. Films parted by genre are domains that share
users but no item; users parted by age share items but no user. A constructed search says only what the construction
puts into it: that the words fit the film clicked. Results on them must be called constructed.

Build searches after splitting, each part's own, as :func:`search_samples` says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.movielens import AGES, GENRES
from bethink.tools.recommendation.negatives import likes_before, times_of, without_repeats
from bethink.tools.recommendation.samples import NO_QUERY, Ints, Samples

GENRE_GROUPS: Mapping[str, tuple[str, ...]] = {
    "family films": ("Animation", "Children's"),
    "horror and science fiction": ("Horror", "Sci-Fi", "Fantasy"),
    "crime and thrillers": ("Crime", "Thriller", "Mystery", "Film-Noir"),
    "action and war": ("Action", "Adventure", "War", "Western"),
    "comedies": ("Comedy", "Musical"),
    "dramas": ("Drama", "Romance", "Documentary"),
}
"""A film belongs to the first group that has one of its genres, to the last one if none has."""
AGE_GROUPS: Mapping[str, int] = {
    "under 18": 0,
    "18 to 24": 18,
    "25 to 34": 25,
    "35 to 44": 35,
    "45 to 55": 45,
    "56 and over": 56,
}
"""The youngest of each; the bands of 1M."""
SEARCH = "search"
TRIES = 4
"""Draws for a negative before it is left out."""
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")


def by_genre(samples: Samples) -> Samples:
    """MovieLens with constructed domains: a rating belongs to the group of its film (:data:`GENRE_GROUPS`).

    Raises:
        ValueError: items without the features ``genre``, ``second genre`` and ``third genre``.
    """
    levels = np.stack([_feature(samples, "items", name) for name in ("genre", "second genre", "third genre")], 1)
    group = np.full(len(samples.items), len(GENRE_GROUPS) - 1)
    for number, names in reversed(list(enumerate(GENRE_GROUPS.values()))):
        group[np.isin(levels, [GENRES.index(name) + 1 for name in names]).any(1)] = number
    return replace(samples, domain=group[samples.item].astype(np.int64), domains=tuple(GENRE_GROUPS))


def by_age(samples: Samples) -> Samples:
    """MovieLens with constructed domains: a rating belongs to the age group of its user (:data:`AGE_GROUPS`).

    Raises:
        ValueError: users without the feature ``age``, or of unknown age.
    """
    level = _feature(samples, "users", "age")[samples.user]
    if not level.all():
        raise ValueError(f"{int((level == 0).sum()):,} samples have users of unknown age: they belong to no age group.")
    group = np.searchsorted(list(AGE_GROUPS.values()), np.array(AGES)[level - 1], side="right") - 1
    return replace(samples, domain=group.astype(np.int64), domains=tuple(AGE_GROUPS))


def joined(*parts: Samples) -> Samples:
    """Samples of the same users and items one after the other; domains and queries of the same name become one.

    Times are kept if all parts have them.

    Raises:
        ValueError: no part, or parts whose users or items are not the very same object.
    """
    if not parts:
        raise ValueError("There is nothing to join.")
    first = parts[0]
    if any(part.users is not first.users or part.items is not first.items for part in parts):
        raise ValueError("Only samples of the same users and items can be joined: parts of one set.")
    domains = {
        name: number for number, name in enumerate(dict.fromkeys(name for part in parts for name in part.domains))
    }
    queries = {
        text: number for number, text in enumerate(dict.fromkeys(text for part in parts for text in part.queries))
    }
    times = [part.time for part in parts if part.time is not None]
    return replace(
        first,
        user=np.concatenate([part.user for part in parts]),
        item=np.concatenate([part.item for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        domain=np.concatenate([np.array([domains[name] for name in part.domains])[part.domain] for part in parts]),
        query=np.concatenate(
            [np.array([*(queries[text] for text in part.queries), NO_QUERY])[part.query] for part in parts]
        ),
        domains=tuple(domains),
        queries=tuple(queries),
        time=np.concatenate(times) if len(times) == len(parts) else None,
    )


def search_samples(
    samples: Samples,
    seed: int,
    *,
    known: Samples | None = None,
    share: float = 0.25,
    negatives: int = 4,
    most_words: int = 2,
    domain: str = SEARCH,
) -> Samples:
    """Constructed searches: somebody who liked an item is said to have found it by words of its text.

    A share of the positive samples become a search each: a query of 1 to ``most_words`` words of the item's text (rare
    ones more often), the item with label 1, and ``negatives`` items with label 0: by turns one that has a word of the
    query in its text, and one drawn as often as it was liked before. What the user likes is never a negative. Fewer
    negatives come where :data:`TRIES` draws find none.

    That nothing of a test gets into training: split first, then call this for each part. Items clicked, negatives, and
    how rare words are come from ``samples`` alone, so cold items are nowhere in the searches of a training part, not as
    negatives either. ``known`` goes the other way: for a test part, give it the training part, whose likes are then no
    negatives. No time travel: where samples have times, a search takes the time of its positive sample, popularity
    counts likes before it, and an item that had no sample yet (in ``samples`` or ``known``) is no negative. The
    user's likes are kept out of the negatives whenever they were, also later ones.

    Args:
        samples: one part of a split.
        seed: of all draws.
        known: earlier samples of the same users and items.
        share: of the positive samples that become searches, within (0, 1].
        negatives: for each search, 1 or more.
        most_words: of a query, 1 or more.
        domain: the name of the one new domain; the others keep their numbers.

    Returns:
        The searches alone (:func:`joined` puts them beside ``samples``), the positive one of each first.

    Raises:
        ValueError: arguments out of range, a name that is taken, no positive sample with a text.

    Cost: O(n log n) and one pass over the words of the items; 100,000 ratings take 0.3 s.
    """
    _check(samples, share, negatives, most_words, domain)
    generator = np.random.default_rng(seed)
    texts = _words(samples)
    liked = np.flatnonzero(samples.label > 0)
    chosen = liked[(generator.random(len(liked)) < share) & (texts.counts[samples.item[liked]] > 0)]
    if not len(chosen):
        raise ValueError(
            f"None of {len(liked):,} positive samples became a search: more of them, or texts, are needed."
        )
    words = _query_words(texts, samples.item[chosen], most_words, generator)
    wrong = _negatives(samples, known, texts, chosen, words, negatives, generator)
    items = np.concatenate([samples.item[chosen][:, None], wrong], 1)
    event, place = np.nonzero(items >= 0)
    queries, query = np.unique(words, axis=0, return_inverse=True)
    return replace(
        samples,
        user=samples.user[chosen][event],
        item=items[event, place],
        domain=np.full(len(event), len(samples.domains), np.int64),
        label=(place == 0).astype(np.float32),
        query=query.reshape(-1)[event].astype(np.int64),
        queries=tuple(" ".join(texts.vocabulary[word] for word in row if word >= 0) for row in queries.tolist()),
        domains=(*samples.domains, domain),
        time=None if samples.time is None else samples.time[chosen][event],
    )


@dataclass(frozen=True, eq=False)
class _Words:
    """Distinct words of the items that have samples: of item i, ``word[starts[i] : starts[i] + counts[i]]``."""

    vocabulary: Sequence[str]
    word: Ints
    starts: Ints
    counts: Ints
    holders: Ints
    """Items by word: those of word w are ``holders[first[w] : first[w] + spread[w]]``."""
    first: Ints
    spread: Ints


def _words(samples: Samples) -> _Words:
    number: dict[str, int] = {}
    counts = np.zeros(len(samples.items), np.int64)
    found: list[int] = []
    present = np.unique(samples.item)
    for item in present.tolist():
        words = dict.fromkeys(_WORD.findall(samples.items.texts[item].lower()))
        kept = [number.setdefault(word, len(number)) for word in words if len(word) > 2 or not word.isascii()]
        counts[item] = len(kept)
        found += kept
    word = np.array(found, np.int64)
    starts = np.cumsum(counts) - counts
    spread = np.bincount(word, minlength=len(number))
    holders = np.repeat(np.arange(len(counts)), counts)[np.argsort(word, kind="stable")]
    return _Words(tuple(number), word, starts, counts, holders, np.cumsum(spread) - spread, spread)


def _query_words(texts: _Words, items: Ints, most: int, generator: np.random.Generator) -> Ints:
    """Words of each item [n, most], -1 beyond their number, in the text's order; without replacement by rarity.

    The largest of log weight + Gumbel noise are such a draw: Efraimidis and Spirakis 2006.
    """
    counts = texts.counts[items]
    owner = np.repeat(np.arange(len(items)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    word = texts.word[texts.starts[items][owner] + within]
    rarity = np.log(1 + np.count_nonzero(texts.counts) / texts.spread[word])
    order = np.lexsort((-(np.log(rarity) + generator.gumbel(size=len(word))), owner))
    rank = np.empty(len(word), np.int64)
    rank[order] = within  # owners keep their places
    taken = rank < generator.integers(1, most + 1, len(items))[owner]
    owner, word = owner[taken], word[taken]
    number = np.bincount(owner, minlength=len(items))
    words = np.full((len(items), most), -1, np.int64)
    words[owner, np.arange(len(owner)) - np.repeat(np.cumsum(number) - number, number)] = word
    return words


def _negatives(
    samples: Samples,
    known: Samples | None,
    texts: _Words,
    chosen: Ints,
    words: Ints,
    count: int,
    generator: np.random.Generator,
) -> Ints:
    """Items that each search did not click [searches, count], -1 where none was found."""
    likes = likes_before([samples] if known is None else [samples, known])
    times = times_of(samples)
    liked = np.flatnonzero(samples.label > 0)
    liked = liked[np.argsort(times[liked], kind="stable")]
    before = np.full(len(chosen), len(liked))
    if samples.time is not None:
        before = np.searchsorted(times[liked], times[chosen], side="left")
    lengths = (words >= 0).sum(1)
    found = np.full((len(chosen), count), -1, np.int64)
    for attempt in range(TRIES):
        search, place = np.nonzero(found < 0)
        sharing = (place % 2 == 0) & (attempt < TRIES // 2)
        draw = generator.random((2, len(search)))
        word = words[search, (draw[0] * lengths[search]).astype(np.int64)]
        alike = texts.holders[texts.first[word] + (draw[1] * texts.spread[word]).astype(np.int64)]
        popular = samples.item[liked[(draw[0] * before[search]).astype(np.int64)]]
        item = np.where(sharing, alike, popular)
        fits = likes.allow(samples.user[chosen][search], item, times[chosen][search])
        fits &= sharing | (before[search] > 0)
        found[search[fits], place[fits]] = item[fits]
        found = without_repeats(found)
    return found


def _check(samples: Samples, share: float, negatives: int, most_words: int, domain: str) -> None:
    if not 0 < share <= 1:
        raise ValueError(f"A share of {share:g} of the positive samples is not within (0, 1].")
    if negatives < 1 or most_words < 1:
        raise ValueError(f"A search needs a negative and a word at least; asked for {negatives} and {most_words}.")
    if domain in samples.domains:
        raise ValueError(f"There is a domain {domain!r} already. Give the searches another name.")


def _feature(samples: Samples, side: str, name: str) -> NDArray[np.int64]:
    entities = samples.users if side == "users" else samples.items
    if name not in entities.sparse_names:
        raise ValueError(f"The {side} have no feature {name!r}: these domains are made for MovieLens.")
    return entities.sparse[:, entities.sparse_names.index(name)]

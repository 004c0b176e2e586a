"""Constructed domains and searches: what they hold, that nothing leaks into them, on small synthetic sets and 100K."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.recommendation.movielens import AGES, GENRES, read_movielens
from bethink.tools.recommendation.samples import NO_QUERY, Entities, Samples
from bethink.tools.recommendation.scenarios import (
    AGE_GROUPS,
    GENRE_GROUPS,
    SEARCH,
    by_age,
    by_genre,
    joined,
    search_samples,
)

DATA = os.environ.get("BETHINK_RECO_DATA")
needs_data = pytest.mark.skipif(
    not list(Path(DATA or os.devnull).glob("ml-100k.inter*")),
    reason="BETHINK_RECO_DATA does not name a folder with MovieLens 100K",
)
WORDS = "red blue green house of the sea moon love war night train".split()  # noqa: SIM905


def entities(texts: list[str], sparse: np.ndarray, names: tuple[str, ...]) -> Entities:
    sizes = tuple([len(GENRES) + 1] * len(names))
    return Entities(np.arange(len(texts)), texts, sparse, sizes, names, np.zeros((len(texts), 0), np.float32), ())


def synthetic(seed: int, n: int = 300, users: int = 12, items: int = 30, *, times: bool = True) -> Samples:
    generator = np.random.default_rng(seed)
    texts = [" ".join(generator.choice(WORDS, 3)) for _ in range(items)]
    genres = generator.integers(0, len(GENRES) + 1, (items, 3))
    return Samples(
        user=generator.integers(0, users, n),
        item=generator.integers(0, items, n),
        domain=np.zeros(n, np.int64),
        label=(generator.random(n) < 0.5).astype(np.float32),
        query=np.full(n, NO_QUERY),
        users=entities([""] * users, generator.integers(1, len(AGES) + 1, (users, 1)), ("age",)),
        items=entities(texts, genres, ("genre", "second genre", "third genre")),
        queries=(),
        domains=("films",),
        time=generator.integers(0, 50, n).astype(float) if times else None,
    )


def searches(found: Samples) -> list[np.ndarray]:
    """Row numbers of each search: a positive row and the negatives behind it."""
    return np.split(np.arange(len(found)), np.flatnonzero(found.label > 0)[1:])


@given(st.integers(0, 10_000), st.booleans(), st.integers(1, 4), st.integers(1, 5), st.floats(0.3, 1))
@settings(deadline=None, max_examples=60)
def test_a_search_finds_what_was_liked_by_its_words(seed, times, most_words, negatives, share):
    samples = synthetic(seed, times=times)
    found = search_samples(samples, seed, share=share, negatives=negatives, most_words=most_words)
    assert found.domains == ("films", SEARCH)
    assert (found.domain == 1).all()
    assert (found.query >= 0).all()
    assert len(set(found.queries)) == len(found.queries)
    liked = set(zip(samples.user[samples.label > 0], samples.item[samples.label > 0], strict=True))
    for rows in searches(found):
        user, item, label = found.user[rows], found.item[rows], found.label[rows]
        assert label.tolist() == [1] + [0] * (len(rows) - 1)
        assert len(rows) <= 1 + negatives
        assert len(set(item.tolist())) == len(rows)
        assert len({*user.tolist()}) == len({*found.query[rows].tolist()}) == 1
        assert (user[0], item[0]) in liked
        assert not {(user[0], other) for other in item[1:]} & liked
        query = found.queries[found.query[rows[0]]].split()
        assert 1 <= len(query) <= most_words
        words = [word for word in dict.fromkeys(samples.items.texts[item[0]].split()) if len(word) > 2]
        assert query == [word for word in words if word in query]


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=60)
def test_no_search_knows_the_future(seed):
    samples = synthetic(seed)
    found = search_samples(samples, seed, share=1)
    assert samples.time is not None
    assert found.time is not None
    first = np.full(len(samples.items), np.inf)
    np.minimum.at(first, samples.item, samples.time)
    assert (first[found.item] <= found.time).all()
    likes = {
        (user, item, time)
        for user, item, time, label in zip(samples.user, samples.item, samples.time, samples.label, strict=True)
        if label
    }
    shares_no_word = 0
    for rows in searches(found):
        time = found.time[rows[0]]
        assert (found.user[rows[0]], found.item[rows[0]], time) in likes
        query = set(found.queries[found.query[rows[0]]].split())
        for item in found.item[rows[1:]]:
            if not query & set(samples.items.texts[item].split()):
                shares_no_word += 1
                assert any(other == item and when < time for _, other, when in likes)  # popular before
    assert shares_no_word > 0


@given(st.integers(0, 10_000), st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_searches_of_a_part_depend_on_nothing_else(seed, other):
    """The rest of the set is exchanged for noise, texts of items outside the part included: nothing changes."""
    samples = synthetic(seed)
    part = samples.rows(samples.item < 15)
    noise = replace(samples.items, texts=[*samples.items.texts[:15], *["noise"] * 15])
    again = replace(part, items=noise)
    first, second = search_samples(part, other), search_samples(again, other)
    for name in ("user", "item", "label", "query", "time"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.queries == second.queries
    assert set(first.item) <= set(part.item)


def test_known_likes_are_no_negatives():
    samples = synthetic(3, n=600)
    train, test = samples.rows(np.arange(600) < 400), samples.rows(np.arange(600) >= 400)
    liked = (train.user * 30 + train.item)[train.label > 0]
    without, with_known = search_samples(test, 0, share=1), search_samples(test, 0, share=1, known=train)
    assert np.isin((without.user * 30 + without.item)[without.label == 0], liked).any()
    assert not np.isin((with_known.user * 30 + with_known.item)[with_known.label == 0], liked).any()


def test_rare_words_are_searched_more_often():
    samples = synthetic(0, n=4_000, items=40, times=False)
    texts = [f"common rare{index}" for index in range(40)]
    found = search_samples(replace(samples, items=replace(samples.items, texts=texts)), 0, share=1, most_words=1)
    words = [found.queries[query] for query in found.query[found.label > 0]]
    assert 0.05 < words.count("common") / len(words) < 0.3  # log(2) / (log(2) + log(41)) = 0.157


def test_half_of_the_negatives_share_a_word():
    samples = synthetic(1, n=3_000, users=200, items=200)
    texts = [f"{WORDS[index % 12]} item{index}" for index in range(200)]
    samples = replace(samples, items=replace(samples.items, texts=texts), time=None)
    found = search_samples(samples, 0, share=1, most_words=2, negatives=4)
    sharing = np.mean(
        [
            bool(set(found.queries[query].split()) & set(texts[item].split()))
            for query, item, label in zip(found.query, found.item, found.label, strict=True)
            if not label
        ]
    )
    assert 0.25 < sharing < 0.7  # a query of a unique word alone has no other item that shares it


def test_the_seed_decides():
    samples = synthetic(0)
    first, same, other = (search_samples(samples, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.item, same.item)
    assert len(first) != len(other) or (first.item != other.item).any()


def test_joined_keeps_texts_and_domains():
    samples = synthetic(0)
    a, b = search_samples(samples, 1), search_samples(samples, 2)
    both = joined(samples, a, b)
    assert len(both) == len(samples) + len(a) + len(b)
    assert both.domains == ("films", SEARCH)
    assert len(set(both.queries)) == len(both.queries)
    assert [both.queries[q] for q in both.query[len(samples) :]] == [
        *(a.queries[q] for q in a.query),
        *(b.queries[q] for q in b.query),
    ]
    assert (both.query[: len(samples)] == NO_QUERY).all()
    np.testing.assert_array_equal(both.item[-len(b) :], b.item)
    assert joined(samples, replace(a, time=None)).time is None


def test_genre_groups_part_films_by_the_first_group_that_fits():
    samples = synthetic(0)
    found = by_genre(samples)
    groups = list(GENRE_GROUPS.values())
    assert found.domains == tuple(GENRE_GROUPS)
    for item, domain in zip(found.item, found.domain, strict=True):
        names = {GENRES[level - 1] for level in samples.items.sparse[item] if level}
        assert domain == next((number for number, group in enumerate(groups) if names & set(group)), len(groups) - 1)


def test_age_groups_part_users():
    samples = synthetic(0)
    found = by_age(samples)
    starts = [*AGE_GROUPS.values(), 1_000]
    for user, domain in zip(found.user, found.domain, strict=True):
        assert starts[domain] <= AGES[samples.users.sparse[user, 0] - 1] < starts[domain + 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: search_samples(s, 0, share=0), "share of 0"),
        (lambda s: search_samples(s, 0, share=float("nan")), "share of nan"),
        (lambda s: search_samples(s, 0, negatives=0), "a negative and a word"),
        (lambda s: search_samples(s, 0, most_words=0), "a negative and a word"),
        (lambda s: search_samples(s, 0, domain="films"), "a domain 'films' already"),
        (lambda s: search_samples(s, 0, known=synthetic(1)), "same users and items"),
        (lambda s: search_samples(s.rows(s.label == 0), 0), "None of 0 positive samples"),
        (lambda s: search_samples(replace(s, items=replace(s.items, texts=["?!"] * 30)), 0), "texts, are needed"),
        (lambda s: joined(), "nothing to join"),
        (lambda s: joined(s, synthetic(1)), "same users and items"),
        (lambda s: by_genre(replace(s, items=s.users, item=s.user)), "no feature 'genre'"),
        (lambda s: by_age(replace(s, users=replace(s.users, sparse=s.users.sparse * 0))), "unknown age"),
    ],
)
def test_what_cannot_be_constructed_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(synthetic(0))


@needs_data
def test_domains_and_searches_of_the_true_100k():
    samples = read_movielens(DATA or "")
    genres, ages = by_genre(samples), by_age(samples)
    assert np.bincount(genres.domain).tolist() == [7855, 14656, 22749, 15853, 19896, 18991]
    assert np.bincount(ages.domain).tolist() == [2491, 24060, 35444, 19591, 13424, 4990]
    found = search_samples(samples, 0)
    assert 0.19 < found.label.mean() < 0.26  # four negatives each, some not found
    for query, item in zip(found.query[found.label > 0], found.item[found.label > 0], strict=True):
        assert all(word in samples.items.texts[item].lower() for word in found.queries[query].split())
    assert len(found.queries) > 3_000

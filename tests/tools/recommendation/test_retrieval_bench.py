"""The retrieval bench's own logic: what is held out, what counts as found. Its measuring is `make bench`."""

from __future__ import annotations

import numpy as np
import pytest

from bethink.tools.recommendation.catalogue import bundled
from bethink.tools.recommendation.samples import Entities, Samples
from tests.benchmarks.recommendation import retrieval, retrieval_speed, retrieval_taste


def entities(count, texts=None):
    empty = np.zeros((count, 0), np.float32)
    return Entities(np.arange(count), texts or [""] * count, np.zeros((count, 0), np.int64), (), (), empty, ())


def logs(seed=0, users=12, items=30, count=200):
    """Constructed: each user has a favourite tenth of the items, and rates in a random order."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(users * items)[:count]
    user, item = pairs // items, pairs % items
    label = (item % 10 == user % 10) | (rng.random(count) < 0.3)
    texts = [f"word{item % 10} film" for item in range(items)]
    return Samples(
        user, item, np.zeros(count, np.int64), label.astype(np.float32), np.full(count, -1), entities(users),
        entities(items, texts), (), ("films",), rng.integers(0, 50, count).astype(float),
    )  # fmt: skip


@pytest.mark.parametrize("back", [0, 1])
def test_what_is_to_be_found_and_what_comes_after_it_is_not_known(back):
    samples = logs()
    last = retrieval.leave_last_out(samples, back)
    assert len(last.users) > 5
    for user in range(len(samples.users)):
        own = sorted(
            (samples.time[row], samples.item[row], samples.label[row]) for row in np.flatnonzero(samples.user == user)
        )
        known = [(last.known.time[row], last.known.item[row]) for row in np.flatnonzero(last.known.user == user)]
        likes = [(time, item) for time, item, label in own if label > 0]
        if len(likes) < retrieval.LEAST_LIKES:
            assert user not in last.users
            assert len(known) == len(own)
            continue
        asked = likes[-1 - back]
        assert last.wanted[last.users.tolist().index(user)] == asked[1]
        assert sorted(known) == [(time, item) for time, item, _ in own if (time, item) < asked]


def test_each_way_ranks_films_that_the_user_does_not_know():
    samples = logs()
    last = retrieval.leave_last_out(samples, 0)
    vectors = np.eye(10, dtype=np.float32)[np.arange(30) % 10]
    ways = {
        "popularity": retrieval.by_popularity,
        "BM25 over text": retrieval.by_words,
        "text vectors": lambda known, users, settings: retrieval.by_text_vectors(known, users, settings, vectors),
    }
    for name, rank in ways.items():
        lists = rank(last.known, last.users, retrieval.GRIDS[name][0])
        for user, own in zip(last.users, lists, strict=True):
            assert not set(own[own >= 0].tolist()) & set(last.known.item[last.known.user == user].tolist())
        assert 0 <= retrieval.judged(lists, last)["ndcg"] <= 1
    perfect = np.concatenate([last.wanted[:, None], np.full((len(last.users), 9), -1)], 1)
    assert retrieval.judged(perfect, last) == {"recall": 1.0, "ndcg": 1.0}
    settings = [{"first": 3}, {"first": 0}]
    assert retrieval.chosen(lambda known, users, s: np.roll(perfect, s["first"], 1), settings, last) == settings[1]


def test_a_query_of_several_films_scores_as_the_sum_of_each():
    samples = logs()
    index = retrieval.BM25(samples.items.texts)
    both = index.scores([samples.items.texts[3] + " " + samples.items.texts[4]])
    np.testing.assert_allclose(both[0], index.scores(samples.items.texts)[[3, 4]].sum(0), rtol=1e-5)


def test_requests_name_what_the_catalogue_has():
    catalogue = bundled()
    labels = {label for item in range(len(catalogue)) for label in retrieval_taste._labels(item)}
    for domain, said, likes, dislikes in retrieval_taste.REQUESTS:
        assert {*likes.split(", "), *dislikes.split(", ")} <= labels, said
        inside = np.flatnonzero(catalogue.within(domain)).tolist()
        assert any(set(likes.split(", ")) <= retrieval_taste._labels(item) for item in inside), said
    for _, title in retrieval_taste.SEARCHES:
        assert title in catalogue.titles


def test_speed_is_measured_of_what_is_installed():
    found = retrieval_speed.case(2000, 8, approximate=False)
    assert found["ways"]["ours, exact"]["recall"] == 1.0
    assert all(way["ms_p50"] > 0 for way in found["ways"].values())
    if "faiss, exact" in found["ways"]:
        assert found["ways"]["faiss, exact"]["recall"] > 0.99

"""Popularity by hand; alternating least squares finds two groups of users (skipped without the package implicit)."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from bethink.tools.recommendation.als import MissingImplicitError, als_vectors, items_of, popularity
from bethink.tools.recommendation.index import search
from bethink.tools.recommendation.samples import Entities, Samples


def entities(count):
    return Entities(
        np.arange(count), [""] * count, np.zeros((count, 0), np.int64), (), (), np.zeros((count, 0), np.float32), ()
    )


def samples(user, item, label, time=None, users=4, items=5):
    count = len(user)
    return Samples(
        np.array(user), np.array(item), np.zeros(count, np.int64), np.array(label, np.float32), np.full(count, -1),
        entities(users), entities(items), (), ("films",), None if time is None else np.array(time, float),
    )  # fmt: skip


def test_popularity_counts_likes_and_lets_them_age():
    logs = samples([0, 1, 2, 3], [1, 1, 2, 3], [1, 1, 1, 0], [0.0, 10.0, 20.0, 20.0])
    assert popularity(logs).tolist() == [0, 2, 1, 0, 0]
    np.testing.assert_allclose(popularity(logs, half_life=10), [0, 0.25 + 0.5, 1, 0, 0])
    np.testing.assert_allclose(popularity(logs, half_life=10, now=30.0), [0, 0.125 + 0.25, 0.5, 0, 0])
    with pytest.raises(ValueError, match="half-life"):
        popularity(samples([0], [0], [1]), half_life=1.0)
    with pytest.raises(ValueError, match="half-life"):
        popularity(logs, half_life=float("nan"))


def test_items_of_users_are_theirs_alone():
    logs = samples([2, 0, 2, 2], [4, 1, 0, 4], [1, 1, 0, 1])
    assert [part.tolist() for part in items_of(logs, np.array([0, 1, 2]))] == [[1], [], [0, 4]]


def test_two_groups_of_users_are_told_apart():
    pytest.importorskip("implicit")
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(40), 6)
    item = np.concatenate([rng.permutation(10)[:6] + 10 * (number % 2) for number in range(40)])
    logs = samples(user, item, np.ones(240), users=41, items=21)
    users, items = als_vectors(logs, width=2)
    assert users.shape == (41, 2)
    assert not users[40].any()
    assert not items[20].any()
    found, _ = search(items, users[:40], 3, exclude=items_of(logs, np.arange(40)))
    assert (found // 10 == np.arange(40)[:, None] % 2).all()
    again, _ = als_vectors(logs, width=2)
    np.testing.assert_array_equal(users, again)
    with pytest.raises(ValueError, match="label 1"):
        als_vectors(samples([0], [0], [0]))


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "implicit", None)
    monkeypatch.setattr("bethink.tools.recommendation.als.find_spec", lambda name: None)
    with pytest.raises(MissingImplicitError, match="pip install implicit"):
        als_vectors(samples([0], [0], [1]))

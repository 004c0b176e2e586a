from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bethink.tools.recommendation.baselines.features import Texts, learn_features, standardised_numbers, unit_vectors
from bethink.tools.recommendation.samples import NO_QUERY, Entities
from tests.tools.recommendation.baselines.constructed import constructed


def test_ids_that_training_lacks_are_one_level_and_the_others_have_their_own() -> None:
    train, _, cold, texts = constructed()
    features, learned = learn_features(train, texts, 0)
    assert (features.encode(cold).columns[:, 1] == 0).all()
    levels = learned.columns[:, 1]
    assert levels.min() == 1
    assert len(np.unique(levels)) == len(np.unique(train.item)) == features.sizes[1] - 1
    assert (features.encode(cold).columns < np.array(features.sizes)).all()


def test_dense_holds_numbers_text_and_the_cosine_of_item_and_query() -> None:
    train, _, _, texts = constructed()
    features, learned = learn_features(train, texts, 0)
    asked = np.flatnonzero(train.query != NO_QUERY)[:1]
    silent = np.flatnonzero(train.query == NO_QUERY)[:1]
    rows = np.concatenate([asked, silent])
    dense = features.dense(learned, rows)
    assert dense.shape == (2, features.width)
    assert dense.dtype == np.float32
    item, query = texts.items[train.item[asked[0]]], texts.queries[train.query[asked[0]]]
    cosine = item @ query / np.linalg.norm(item) / np.linalg.norm(query)
    assert dense[:, -4:-2] == pytest.approx(np.array([[cosine, 1], [0, 0]]), abs=1e-6)
    assert np.array_equal(dense[:, -2:], learned.taste[rows])
    assert (dense[1, -12:-4] == 0).all()  # no query: zeros, wherever the mean lies


def test_scales_are_learned_from_training_items_alone() -> None:
    train, _, cold, texts = constructed()
    moved = texts.items.copy()
    unseen = np.setdiff1d(np.arange(len(moved)), train.item)
    moved[unseen] += 100
    before, after = (learn_features(train, Texts(table, texts.queries), 0)[0] for table in (texts.items, moved))
    seen = np.unique(train.item)
    assert np.array_equal(before.item_dense[seen], after.item_dense[seen])
    assert not np.array_equal(before.item_dense[unseen], after.item_dense[unseen])
    assert len(cold)


SOME = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False) | st.just(float("nan"))


@given(arrays(np.float32, (12, 2), elements=SOME))
def test_numbers_have_mean_0_and_deviation_1_or_0_where_seen(numbers: np.ndarray) -> None:
    seen = np.arange(8)
    table = Entities(np.arange(12), [""] * 12, np.zeros((12, 0), int), (), (), numbers, ("a", "b"))
    found = standardised_numbers(table, seen)
    assert np.isfinite(found).all()
    assert found.shape[1] == 2 + np.isnan(numbers).any(0).sum()
    for column in range(2):
        known = ~np.isnan(numbers[seen, column])
        assert (found[~np.isfinite(numbers[:, column]), column] == 0).all()
        if known.any():
            scaled, own = found[seen[known], column].astype(float), numbers[seen[known], column].astype(float)
            if np.ptp(own) > 1e-3 * np.abs(own).max():  # else constant, to single precision
                assert scaled.mean() == pytest.approx(0, abs=1e-3)
                assert scaled.std() == pytest.approx(1, abs=1e-3)


def test_an_empty_text_stays_zero() -> None:
    train, _, _, texts = constructed()
    items = texts.items.copy()
    items[train.item[0]] = 0
    features, _ = learn_features(train, Texts(items, texts.queries), 0)
    assert (features.item_dense[train.item[0], -8:] == 0).all()
    assert (unit_vectors(items)[train.item[0]] == 0).all()


def test_texts_of_other_things_are_refused() -> None:
    train, _, _, texts = constructed()
    with pytest.raises(ValueError, match="79 text vectors of items and 80 items"):
        learn_features(train, Texts(texts.items[:79], texts.queries), 0)
    with pytest.raises(ValueError, match="5 text vectors of queries and 0 queries"):
        learn_features(replace(train, queries=(), query=np.full(len(train), NO_QUERY)), texts, 0)
    with pytest.raises(ValueError, match="text vectors of users"):
        learn_features(train, Texts(texts.items, texts.queries, texts.items[:3]), 0)
    with pytest.raises(ValueError, match="D the same"):
        Texts(texts.items, texts.queries[:, :3])
    with pytest.raises(ValueError, match="not finite"):
        Texts(np.full_like(texts.items, np.nan), texts.queries)


def test_text_of_users_is_taken_where_there_is_any() -> None:
    train, _, _, texts = constructed()
    users = np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)
    without, _ = learn_features(train, texts, 0)
    assert learn_features(train, replace(texts, users=users), 0)[0].width == without.width + 8

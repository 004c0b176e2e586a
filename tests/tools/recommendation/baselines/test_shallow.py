"""Counts, text alone, boosted trees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.tools.recommendation.baselines import BASELINES, COUNTS, SHALLOW, baseline
from bethink.tools.recommendation.baselines.boosting import HIDDEN, Boosting, _common
from bethink.tools.recommendation.baselines.features import Texts
from bethink.tools.recommendation.baselines.simple import DomainPopularity, Popularity, shrunk
from bethink.tools.recommendation.baselines.text import TextLogistic
from bethink.tools.recommendation.metrics import auc
from bethink.tools.recommendation.samples import Samples
from tests.tools.recommendation.baselines.constructed import constructed


def noise(samples: Samples, seed: int = 0) -> Samples:
    """The same samples with labels of no meaning."""
    return replace(samples, label=np.random.default_rng(seed).integers(0, 2, len(samples)).astype(np.float32))


def test_popularity_is_the_shrunk_share_and_the_mean_for_new_items() -> None:
    train, valid, cold, _ = constructed()
    model = Popularity().fit(train, valid, seed=0)
    item, mean = train.item[0], train.label.mean()
    own = train.label[train.item == item]
    chance = model.predict(train.rows(np.array([0])))[0]
    assert chance == pytest.approx((own.sum() + model.prior * mean) / (len(own) + model.prior))
    assert model.predict(cold) == pytest.approx(mean)
    assert auc(valid.label, model.predict(valid)) > 0.6


def test_domain_popularity_tells_domains_apart_where_an_item_is_liked_in_one_alone() -> None:
    train, valid, cold, _ = constructed()
    flip = replace(train, label=(train.domain == train.item % 2).astype(np.float32))
    held = replace(valid, label=(valid.domain == valid.item % 2).astype(np.float32))
    domains, plain = (kind().fit(flip, held, seed=0) for kind in (DomainPopularity, Popularity))
    assert auc(held.label, domains.predict(held)) > 0.99
    assert auc(held.label, plain.predict(held)) < 0.7
    everywhere = DomainPopularity().fit(train, valid, seed=0).predict(cold)
    assert len(np.unique(everywhere.round(12))) == 2  # of a new item only the domain is known


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=30), st.floats(0.1, 100))
def test_shrunk_shares_lie_between_what_is_expected_and_the_share(rows: list[tuple[int, bool]], prior: float) -> None:
    group, label = np.array([g for g, _ in rows], int), np.array([y for _, y in rows], float)
    expected = np.linspace(0.1, 0.9, 5)
    found = shrunk(group, label, expected, prior)
    for number in range(5):
        own = label[group == number]
        low, high = sorted((expected[number], own.mean() if len(own) else expected[number]))
        assert low - 1e-12 <= found[number] <= high + 1e-12


def test_text_logistic_knows_new_items_and_is_the_same_as_on_single_rows() -> None:
    from sklearn.linear_model import LogisticRegression

    train, valid, cold, texts = constructed()
    model = TextLogistic(texts).fit(train, valid, seed=0)
    found = model.predict(cold)
    assert auc(cold.label, found) > 0.65
    keys = np.stack([train.item, train.query, train.domain], axis=1)
    rows = model._rows(keys, len(train.domains))
    single = LogisticRegression(C=model.strength, max_iter=500).fit(rows, train.label)
    wanted = single.predict_proba(model._rows(np.stack([cold.item, cold.query, cold.domain], 1), 3))[:, 1]
    assert found == pytest.approx(wanted, abs=1e-3)


def test_boosting_with_tastes_knows_new_items_better_than_text_that_sees_no_user() -> None:
    train, valid, cold, texts = constructed(n=6000, users=20)
    model = Boosting(texts, taste=True).fit(train, valid, seed=0)
    alone = TextLogistic(texts).fit(train, valid, seed=0)
    assert auc(cold.label, model.predict(cold)) > auc(cold.label, alone.predict(cold)) + 0.01
    assert model.predict(cold) == pytest.approx(model.model.predict_proba(model._all_rows(cold))[:, 1], abs=0.35)
    assert 1 <= model.trees <= 400


def test_boosting_ends_with_its_time() -> None:
    train, valid, _, texts = constructed()
    model = Boosting(texts).fit(train, valid, seed=0, max_seconds=1e-9)
    assert model.model.n_iter_ == 50  # each setting its first block


def test_boosting_sees_no_sample_s_own_label() -> None:
    train, _, _, texts = constructed(n=12000, users=300, items=200)
    train = noise(train)
    model = Boosting(texts)
    model._learn(train)
    shares = model._own_means(train, np.random.default_rng(7))  # another seed than the labels
    for share in shares:  # shares of the other folds: if anything, a one makes the rest poorer in ones
        known = np.isfinite(share)
        assert 0.4 < auc(train.label[known], share[known]) < 0.525
    hidden = [np.isnan(shares[1][train.item == item]).all() for item in np.unique(train.item)]
    assert np.mean(hidden) == pytest.approx(HIDDEN, abs=0.1)


def test_rare_levels_become_unknown() -> None:
    levels = np.repeat(np.arange(1000), np.r_[1, np.full(300, 1), np.full(699, 3)])[:, None]
    found = _common(levels)
    assert found.max() == 249
    assert (found[levels == 0] == 0).all()
    kept = np.unique(levels[found > 0])
    assert (kept > 300).all()  # the common ones


@pytest.mark.parametrize("name", [*COUNTS, *SHALLOW])
def test_a_set_without_queries_or_numbers_is_no_trouble(name: str) -> None:
    train, valid, cold, texts = constructed(n=600)

    def bare(samples: Samples) -> Samples:
        nothing = {"numbers": np.zeros((len(samples.items), 0), np.float32), "number_names": ()}
        return replace(samples, query=np.full(len(samples), -1), queries=(), items=replace(samples.items, **nothing))

    model = baseline(name, Texts(texts.items, texts.queries[:0])).fit(bare(train), bare(valid), seed=0)
    assert np.isfinite(model.predict(bare(cold))).all()


@pytest.mark.parametrize("name", SHALLOW)
def test_one_label_is_refused(name: str) -> None:
    train, valid, _, texts = constructed(n=200)
    with pytest.raises(ValueError, match="both 0 and 1"):
        baseline(name, texts).fit(replace(train, label=np.ones_like(train.label)), valid, seed=0)


@pytest.mark.parametrize("name", [*COUNTS, *SHALLOW])
def test_chances_are_float64_within_0_and_1_and_the_same_for_the_same_seed(name: str) -> None:
    train, valid, cold, texts = constructed(n=600)
    first, second = (baseline(name, texts).fit(train, valid, seed=3).predict(cold) for _ in range(2))
    assert first.dtype == np.float64
    assert first.shape == (len(cold),)
    assert ((first >= 0) & (first <= 1)).all()
    assert np.array_equal(first, second)


def test_unknown_names_and_settings_that_do_not_exist_are_refused() -> None:
    *_, texts = constructed(n=200)
    with pytest.raises(ValueError, match=f"choose from {', '.join(BASELINES)}"):
        baseline("fastest", texts)
    with pytest.raises(ValueError, match="takes no settings"):
        baseline("popularity", texts, {"rate": 1.0})
    with pytest.raises(TypeError, match="depth"):
        baseline("star", texts, {"depth": 3})

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bethink.tools.recommendation.baselines.taste import SHRINK, learn_tastes
from bethink.tools.recommendation.metrics import auc
from tests.tools.recommendation.baselines.constructed import constructed


def test_tastes_tell_new_items_apart_for_a_user() -> None:
    train, _, cold, texts = constructed(n=6000, users=20, items=200)
    tastes, own = learn_tastes(train, texts.items, np.random.default_rng(0))
    for ridge in range(2):
        assert auc(cold.label, tastes.scores(cold.user, cold.item)[:, ridge]) > 0.6
        assert auc(train.label, own[:, ridge]) > 0.6
        assert own[:, ridge].std() == pytest.approx(1, rel=1e-5)


def test_a_sample_s_own_label_is_not_in_its_taste() -> None:
    train, _, _, texts = constructed(n=12000, users=300, items=200)
    noise = replace(train, label=np.random.default_rng(5).integers(0, 2, len(train)).astype(np.float32))
    tastes, own = learn_tastes(noise, texts.items, np.random.default_rng(0))
    assert auc(noise.label, own[:, 1]) == pytest.approx(0.5, abs=0.025)
    with_own = tastes.scores(noise.user, noise.item)
    assert auc(noise.label, with_own[:, 1]) > 0.55  # what the folds are for


def test_a_user_of_one_sample_has_the_taste_that_the_equation_says() -> None:
    train, _, _, texts = constructed(n=3000, users=60)
    lone = int(train.user[0])
    rows = np.flatnonzero(train.user != lone).tolist()
    some = train.rows(np.array([0, *rows]))
    tastes, own = learn_tastes(some, texts.items, np.random.default_rng(0))
    seen = np.unique(some.item)
    text = texts.items - texts.items[seen].mean(0)
    covariance = np.cov(text[seen].T, bias=True)
    left = some.label.astype(float)
    for group, prior in ((some.domain, 0), (some.user, 5), (some.item, 5)):
        left = left - np.array([left[group == g].sum() / ((group == g).sum() + prior) for g in group])
    for number, ridge in enumerate((0.1, 0.001)):
        kernel = np.linalg.inv(covariance + ridge * np.trace(covariance) * np.eye(8))
        wanted = text @ kernel @ text[some.item[0]] * left[0] / (1 + SHRINK)
        found = tastes.scores(np.full(len(text), lone), np.arange(len(text)))[:, number]
        assert np.corrcoef(found, wanted)[0, 1] == pytest.approx(1, abs=1e-4)  # but for the unit
    assert (own[0] == 0).all()  # the other folds know nothing of this user


def test_items_without_a_text_and_strangers_get_none() -> None:
    train, _, _, texts = constructed()
    blank = texts.items.copy()
    blank[3] = 0
    known = replace(train, user=np.where(train.user == 7, 8, train.user))
    tastes, _ = learn_tastes(known, blank, np.random.default_rng(0))
    assert (tastes.scores(np.array([0, 7]), np.array([3, 4])) == 0).all()
    nothing, own = learn_tastes(known, np.zeros_like(blank), np.random.default_rng(0))
    assert np.isfinite(own).all()
    assert (nothing.scores(np.array([0]), np.array([4])) == 0).all()

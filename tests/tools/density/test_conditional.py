"""p(x | c) by the estimator: against a known conditional, conditions of wrong shapes, and samples at a condition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm

from bethink.tools.density import DiffusionDensity, TableError


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def quick(**changed: Any) -> DiffusionDensity:
    settings = {"labels": 200, "network_steps": 20, "ode_steps": 8, "hidden": (16,), "clusters": 2, "random_state": 0}
    return DiffusionDensity(**{**settings, **changed})


def curve(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """c uniform on [-2, 2]; x | c normal around c^2 with sd 0.3 (in units of 100, to have units)."""
    chance = np.random.default_rng(seed)
    c = chance.uniform(-2, 2, (n, 1))
    return 100 * (c**2 + 0.3 * chance.normal(size=(n, 1))), c


@pytest.fixture(scope="module")
def fitted() -> DiffusionDensity:
    x, c = curve(2000)
    return DiffusionDensity(labels=3000, network_steps=1000, hidden=(64, 64), random_state=0).fit(x, conditions=c)


def test_it_is_near_the_known_conditional(fitted):
    x, c = curve(1000, seed=1)
    truth = norm.logpdf(x, 100 * c**2, 30)[:, 0]
    assert fitted.score(x, conditions=c) == pytest.approx(truth.mean(), abs=0.12)
    assert np.abs(fitted.log_prob(x, conditions=c) - truth).mean() < 0.3
    plain = quick(clusters="auto").fit(curve(2000)[0])
    assert fitted.score(x, conditions=c) > plain.score(x) + 0.5  # conditions tell something


@pytest.mark.parametrize("condition", [-1.5, 0.0, 1.0])
def test_it_integrates_to_1_at_each_condition(fitted, condition):
    axis = np.linspace(-2000, 2500, 9001)[:, None]
    total = np.exp(fitted.log_prob(axis, conditions=np.full_like(axis, condition))).sum() * 0.5
    assert total == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("condition", [-1.5, 0.0, 1.0])
def test_samples_at_a_condition_have_its_mean_and_spread(fitted, condition):
    drawn = fitted.sample(2000, conditions=[[condition]])
    assert drawn.shape == (2000, 1)
    assert drawn.mean() == pytest.approx(100 * condition**2, abs=15)
    assert drawn.std() == pytest.approx(30, abs=12)


def test_each_row_may_have_its_own_condition(fitted):
    c = np.repeat([[-1.8], [0.0]], 500, axis=0)
    drawn = fitted.sample(1000, conditions=c)
    assert drawn[:500].mean() > drawn[500:].mean() + 200


def test_units_of_conditions_do_not_matter_and_those_of_the_rows_do():
    x, c = curve(300)
    first, second = quick().fit(x, conditions=c), quick().fit(x * 10, conditions=c * 7 - 3)
    np.testing.assert_allclose(
        second.log_prob(x * 10, conditions=c * 7 - 3), first.log_prob(x, conditions=c) - math.log(10), atol=1e-3
    )


def test_the_same_seed_gives_the_same():
    x, c = curve(200)
    first, again = (quick().fit(x, conditions=c) for _ in range(2))
    np.testing.assert_array_equal(first.log_prob(x, conditions=c), again.log_prob(x, conditions=c))
    np.testing.assert_array_equal(first.sample(9, conditions=[[1.0]]), again.sample(9, conditions=[[1.0]]))


def test_draws_of_the_smoothed_joint_leave_the_conditions_out():
    x, c = curve(300)
    drawn = quick().fit(np.c_[x, x**2], conditions=c).sample_smoothed(20)
    assert drawn.shape == (20, 2)


def test_conditions_of_a_wrong_shape_are_refused_in_words():
    x, c = curve(100)
    model, plain = quick().fit(x, conditions=c), quick().fit(x)
    refused = [
        (lambda: quick().fit(x, conditions=c[:5]), "5 conditions for 100 rows"),
        (lambda: quick().fit(x, conditions=c[:, 0]), "2D array"),
        (lambda: quick().fit(x, conditions=np.where(c > 1, np.nan, c)), "conditions contains NaN"),
        (lambda: model.log_prob(x), "fitted with 1 condition"),
        (lambda: model.sample(3), "fitted with 1 condition"),
        (lambda: model.log_prob(x, conditions=c[:5]), "5 conditions for 100 rows"),
        (lambda: model.log_prob(x, conditions=np.c_[c, c]), "2 conditions a row.*had 1"),
        (lambda: model.sample(3, conditions=[[0.5], [1.0]]), "2 conditions for 3 rows"),
        (lambda: model.sample(3, conditions=[[0.5, 1.0]]), "2 conditions a row.*had 1"),
        (lambda: model.sample(3, conditions=[[np.nan]]), "conditions contains NaN"),
        (lambda: plain.log_prob(x, conditions=c), "no conditions"),
        (lambda: plain.sample(3, conditions=[[1.0]]), "no conditions"),
    ]
    for attempt, words in refused:
        with pytest.raises(ValueError, match=words):
            attempt()


def test_conditions_that_tell_nothing_or_all_are_refused():
    x, c = curve(100)
    with pytest.raises(TableError, match="ondition 0 is constant"):
        quick().fit(x, conditions=np.ones_like(c))
    with pytest.raises(TableError, match="Condition 0 and column 0 tell the same"):
        quick().fit(x, conditions=x / 100)

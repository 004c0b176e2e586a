"""Cells lean on each other only as far as the data say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.smoothing import MOST_CELLS, Axes, Factors, mean_variance, smooth, smooth_shares


def grid(*sizes: int) -> Axes:
    places = np.stack(np.meshgrid(*(np.arange(size) for size in sizes), indexing="ij"), -1).reshape(-1, len(sizes))
    return Axes(places.astype(float), np.arange(len(sizes)) > 0)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_noisy_cells_come_nearer_to_the_truth(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axes = grid(4, 6, 4)
    group, level, amount = axes.places.T
    truth = rng.normal(size=4)[group.astype(int)] + 0.3 * level + np.log1p(amount)
    variance = np.full(len(truth), 0.5)
    noisy = truth + np.sqrt(variance) * rng.normal(size=len(truth))
    found = smooth(axes, noisy, variance)
    assert np.mean((found - truth) ** 2) < 0.5 * np.mean((noisy - truth) ** 2)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_cells_with_nothing_in_common_are_not_made_worse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axes = grid(5, 5, 4)
    truth = rng.normal(size=100)
    noisy = truth + 0.2 * rng.normal(size=100)
    found = smooth(axes, noisy, np.full(100, 0.04))
    assert np.mean((found - truth) ** 2) < 1.1 * np.mean((noisy - truth) ** 2)


def test_sharp_cells_are_left_where_they_are() -> None:
    means = np.random.default_rng(0).normal(size=(3, 5))
    assert np.allclose(smooth(grid(3, 5), means, np.full((3, 5), 1e-8)), means, atol=1e-3)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_units_do_not_matter(scale: float) -> None:
    rng = np.random.default_rng(1)
    means, variances = rng.normal(size=(4, 6)), rng.uniform(0.1, 1, (4, 6))
    found = smooth(grid(4, 6), 5 + means, variances)
    assert np.allclose(smooth(grid(4, 6), scale * (5 + means), scale**2 * variances) / scale, found, rtol=1e-5)


def test_a_cell_without_rows_gets_what_its_neighbours_say() -> None:
    axes = grid(2, 9)
    truth = 10.0 * axes.places[:, 0] + axes.places[:, 1]
    variance, means = np.full(18, 0.01), truth.copy()
    variance[13], means[13] = np.inf, -1000.0
    assert smooth(axes, means, variance)[13] == pytest.approx(truth[13], abs=0.5)


def test_levels_without_an_order_are_alike_or_not() -> None:
    axes = grid(3, 2)
    apart = dict(enumerate(axes.distances()))
    lengths, which = apart[0]
    assert np.unique(lengths[which][:2, 2:]).size == 1  # level 0 is as far from level 1 as from level 2


def test_one_value_two_cells_and_no_rows() -> None:
    assert np.array_equal(smooth(grid(2, 3), np.full((2, 3), 2.0), np.ones((2, 3))), np.full((2, 3), 2.0))
    assert smooth(grid(1, 2), np.array([0.1, 0.9]), np.array([0.01, 0.01])).tolist() == [0.1, 0.9]
    assert smooth(grid(1, 2), np.array([0.1, 0.9]), np.array([0.01, np.inf])) == pytest.approx([0.1, 0.1])
    with pytest.raises(ValueError, match="No cell"):
        smooth(grid(2, 3), np.zeros(6), np.full(6, np.inf))
    too_many = grid(2, MOST_CELLS)
    with pytest.raises(ValueError, match="fewer"):
        smooth(too_many, np.zeros(len(too_many.places)), np.ones(len(too_many.places)))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(3, 300))
def test_shares_come_nearer_to_the_truth(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    axes = grid(3, 6, 4)
    group, level, amount = axes.places.T
    truth = 1 / (1 + np.exp(3 - rng.normal(size=3)[group.astype(int)] - 0.3 * level - 0.4 * amount))
    hits = rng.binomial(rows, truth, size=(5, len(truth)))  # over five draws, as one may happen to lie well
    found = np.array([smooth_shares(axes, each, np.full(len(truth), rows)) for each in hits])
    assert 0 <= found.min() <= found.max() <= 1
    assert np.mean((found - truth) ** 2) < 0.8 * np.mean((hits / rows - truth) ** 2)


def test_sharp_zeros_do_not_hide_what_others_say() -> None:
    axes = grid(2, 12)
    rare = axes.places[:, 0] == 1
    hits, rows = np.where(rare, 6, 0), np.where(rare, 10, 1000)
    found = smooth_shares(axes, hits, rows)
    assert found[rare] == pytest.approx(np.full(12, 0.6), abs=0.1)
    assert found[~rare] == pytest.approx(np.zeros(12), abs=0.01)


def test_shares_without_rows() -> None:
    assert not smooth_shares(grid(2, 3), np.zeros((2, 3)), np.zeros((2, 3))).any()


def test_variances_are_those_of_means() -> None:
    values = np.random.default_rng(2).normal(3.0, 2.0, (2, 2, 2500))
    rows = np.array([[2500, 2500], [2500, 0]])
    variance = mean_variance(rows, values.mean(-1), (values**2).sum(-1) * (rows > 0))
    assert np.isinf(variance[1, 1])
    assert variance[rows > 0] == pytest.approx(np.full(3, 4 / 2500), rel=0.1)


def test_factors_that_do_not_tell_states_apart() -> None:
    with pytest.raises(ValueError, match="same factors"):
        Factors(np.zeros((2, 1), np.int64), (True,))
    with pytest.raises(ValueError, match="columns are needed"):
        Factors(np.zeros((1, 2), np.int64), (True,))

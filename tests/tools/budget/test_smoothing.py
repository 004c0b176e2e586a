"""Cells lean on each other only as far as the data say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.smoothing import MOST_CELLS, Axes, smooth


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
    variance = np.full((len(truth), 1), 0.5)
    noisy = truth[:, None] + np.sqrt(variance) * rng.normal(size=variance.shape)
    found = smooth(axes, noisy, variance)[:, 0]
    assert np.mean((found - truth) ** 2) < 0.5 * np.mean((noisy[:, 0] - truth) ** 2)


def test_sharp_cells_are_left_where_they_are() -> None:
    axes = grid(3, 5)
    means = np.random.default_rng(0).normal(size=(15, 1))
    assert np.allclose(smooth(axes, means, np.full((15, 1), 1e-8)), means, atol=1e-3)


def test_a_cell_without_rows_gets_what_its_neighbours_say() -> None:
    axes = grid(2, 9)
    truth = 10.0 * axes.places[:, 0] + axes.places[:, 1]
    variance = np.full((18, 1), 0.01)
    variance[13] = np.inf
    means = truth[:, None].copy()
    means[13] = -1000.0
    assert smooth(axes, means, variance)[13, 0] == pytest.approx(truth[13], abs=0.5)


def test_one_value_and_no_rows() -> None:
    axes = grid(2, 3)
    assert np.array_equal(smooth(axes, np.full((6, 1), 2.0), np.ones((6, 1))), np.full((6, 1), 2.0))
    with pytest.raises(ValueError, match="No cell"):
        smooth(axes, np.zeros((6, 1)), np.full((6, 1), np.inf))
    too_many = grid(2, MOST_CELLS)
    with pytest.raises(ValueError, match="fewer"):
        smooth(too_many, np.zeros((len(too_many.places), 1)), np.ones((len(too_many.places), 1)))

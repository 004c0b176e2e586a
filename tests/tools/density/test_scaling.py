"""Columns on one scale: inverse, units, far values, and columns that have no quartiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.density.scaling import clipped_deviation, robust_scaling


def normal(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_a_normal_becomes_standard():
    found = robust_scaling(normal(50_000, 2) * [3, 0.01] + [7, -2])
    np.testing.assert_allclose(found.centre, [7, -2], atol=0.05)
    np.testing.assert_allclose(found.scale, [3, 0.01], rtol=0.02)
    assert found.log_volume == pytest.approx(np.log(found.scale[0]) + np.log(found.scale[1]))


@given(st.integers(0, 1000), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
@settings(max_examples=40, deadline=None)
def test_units_cancel_and_undo_undoes(seed, scale, shift):
    values = normal(40, 3, seed)
    first, second = robust_scaling(values), robust_scaling(values * scale + shift)
    np.testing.assert_allclose(second.apply(values * scale + shift), first.apply(values), atol=1e-6)
    np.testing.assert_allclose(first.undo(first.apply(values)), values, atol=1e-9)


@pytest.mark.parametrize("value", [100, 1e6, 1e12])
def test_a_far_value_does_not_set_the_scale(value):
    """A sentinel for "missing", say: the other rows' column must not shrink to nothing."""
    values = normal(1000, 1)
    far = values.copy()
    far[0] = value
    assert robust_scaling(far).scale[0] == pytest.approx(robust_scaling(values).scale[0], rel=0.01)


def test_a_column_mostly_of_one_value_takes_its_standard_deviation():
    column = np.zeros(1000)
    column[:100] = normal(100, 1)[:, 0]
    found = robust_scaling(column[:, None])
    assert found.scale[0] == pytest.approx(column.std())
    assert np.isfinite(found.apply(column[:, None])).all()


def test_far_values_do_not_set_the_clipped_deviation():
    column = np.random.default_rng(0).normal(size=(2000, 1))
    far = column.copy()
    far[0] = 1e6
    assert clipped_deviation(far)[0] == pytest.approx(column.std(), rel=0.05)
    assert clipped_deviation(np.r_[np.zeros((999, 1)), [[5.0]]])[0] > 0

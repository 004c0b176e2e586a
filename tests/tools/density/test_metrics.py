"""Distances between tables: known values, properties, and that blocks change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from bethink.tools.density.metrics import (
    duplicates_share,
    energy_distance,
    memorisation_ratio,
    nearest_distance,
    sliced_wasserstein,
    standardised,
)


def rows(seed: int, n: int, d: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


sizes = st.tuples(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 30), st.integers(1, 6))


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_energy_distance_is_the_sum_over_all_pairs(case):
    seed, n, m, d = case
    a, b = rows(seed, n, d), rows(seed + 1, m, d) + 0.3
    pairs = 2 * cdist(a, b).mean() - cdist(a, a).mean() - cdist(b, b).mean()
    assert energy_distance(a, b) == pytest.approx(pairs, abs=1e-7)
    assert energy_distance(a, b) == pytest.approx(energy_distance(b, a), abs=1e-7)
    assert energy_distance(a, b) >= 0
    assert energy_distance(a, a[::-1]) == pytest.approx(0, abs=1e-7)


@given(sizes, st.integers(1, 200))
@settings(max_examples=40, deadline=None)
def test_blocks_change_nothing(case, block):
    seed, n, m, d = case
    a, b = rows(seed, n, d), rows(seed + 1, m, d)
    assert energy_distance(a, b, block=block) == pytest.approx(energy_distance(a, b), abs=1e-7)
    assert sliced_wasserstein(a, b, 20, block=block) == pytest.approx(sliced_wasserstein(a, b, 20))
    np.testing.assert_array_equal(nearest_distance(a, b, block=block), nearest_distance(a, b))


def test_energy_distance_of_known_points():
    # 2 * 3 - 0 - 0; then x in {0, 2} against 1: 2 * 1 - (0 + 2 + 2 + 0) / 4 - 0
    assert energy_distance([[0.0]], [[3.0]]) == pytest.approx(6)
    assert energy_distance([[0.0], [2.0]], [[1.0]]) == pytest.approx(1)


def test_energy_distance_of_two_normals_in_one_dimension():
    """N(0, 1) and N(1, 1): 2 E|N(1, 2)| - 2 E|N(0, 2)| = 0.5412, plus the V-statistic's 1.128 (1/n + 1/m)."""
    n = 20_000
    found = energy_distance(rows(0, n, 1), rows(1, n, 1) + 1)
    assert found == pytest.approx(0.5412 + 2 * 1.128 / n, abs=0.02)


@given(sizes, st.floats(-1e4, 1e4))
@settings(max_examples=40, deadline=None)
def test_moving_both_tables_changes_nothing_and_moving_one_is_seen(case, shift):
    seed, n, m, d = case
    a, b = rows(seed, n, d), rows(seed + 1, m, d)
    assert energy_distance(a + shift, b + shift) == pytest.approx(energy_distance(a, b), abs=1e-6)
    assert sliced_wasserstein(a + shift, b + shift, 10) == pytest.approx(sliced_wasserstein(a, b, 10), abs=1e-8)
    np.testing.assert_allclose(nearest_distance(a + shift, b + shift), nearest_distance(a, b), atol=1e-7)
    assert energy_distance(a, a + 1) > 0.01


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_sliced_wasserstein_in_one_dimension_is_scipys(seed, n, m):
    a, b = rows(seed, n, 1), 2 * rows(seed + 1, m, 1) + 1
    assert sliced_wasserstein(a, b) == pytest.approx(wasserstein_distance(a[:, 0], b[:, 0]))


def test_sliced_wasserstein_of_a_shift_is_the_mean_projection_of_it():
    """Moving a table by v moves each projection by u·v; on the circle the mean of |u·v| is 2 |v| / pi."""
    a = rows(0, 50, 2)
    v = np.array([3.0, 4.0])
    assert sliced_wasserstein(a, a + v, 20_000) == pytest.approx(2 * 5 / np.pi, rel=0.02)
    assert sliced_wasserstein(a, a[::-1]) == pytest.approx(0, abs=1e-12)


def test_repeating_every_row_changes_no_distance_but_that_of_sizes():
    a, b = rows(0, 17, 3), rows(1, 11, 3)
    twice = np.concatenate([b, b])
    assert sliced_wasserstein(a, twice) == pytest.approx(sliced_wasserstein(a, b))
    assert energy_distance(a, twice) == pytest.approx(energy_distance(a, b), abs=1e-7)


def test_sliced_wasserstein_is_seeded():
    a, b = rows(0, 30, 5), rows(1, 20, 5)
    assert sliced_wasserstein(a, b, 10, seed=1) == sliced_wasserstein(a, b, 10, seed=1)
    assert sliced_wasserstein(a, b, 10, seed=1) != sliced_wasserstein(a, b, 10, seed=2)


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_nearest_distance_is_the_smallest_of_all(case):
    seed, n, m, d = case
    a, b = rows(seed, n, d), rows(seed + 1, m, d)
    np.testing.assert_allclose(nearest_distance(a, b), cdist(a, b).min(1))


def test_copies_are_at_distance_zero_far_from_the_origin_too():
    train = rows(0, 500, 4) + 1e5
    samples = np.concatenate([train[:30], rows(1, 70, 4) + 1e5])
    assert (nearest_distance(samples, train)[:30] == 0).all()
    assert duplicates_share(samples, train) == pytest.approx(0.3)


def test_memorisation_ratio_of_new_draws_copies_and_smoothed_rows():
    train, held_out, new = rows(0, 2000, 3), rows(1, 2000, 3), rows(2, 2000, 3)
    near_copies = train + 0.01 * rows(3, 2000, 3)
    for statistic in ("median", "mean"):
        assert memorisation_ratio(new, held_out, train, statistic) == pytest.approx(1, abs=0.06)
        assert memorisation_ratio(near_copies, held_out, train, statistic) < 0.15
        assert memorisation_ratio(1.5 * new, held_out, train, statistic) > 1.2
    assert memorisation_ratio(train, held_out, train) == 0
    assert memorisation_ratio(new, train, train) == float("inf")
    assert np.isnan(memorisation_ratio(train, train, train))


def test_standardised_by_the_reference_and_constant_columns_only_centred():
    reference = 5 * rows(0, 200, 3) + 7
    reference[:, 2] = 4
    same, other = standardised(reference, reference, reference + 1)
    np.testing.assert_allclose(same.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(same.std(0), [1, 1, 0], atol=1e-12)
    np.testing.assert_allclose(other[:, 2], 1)


@pytest.mark.parametrize("bad", [[], [1.0, 2.0], np.zeros((0, 2)), [[np.nan, 0.0]], [[np.inf, 0.0]], [[1.0, 2.0, 3.0]]])
@pytest.mark.parametrize("measure", [energy_distance, sliced_wasserstein, nearest_distance, duplicates_share])
def test_bad_tables_are_refused_in_words(measure, bad):
    good = np.zeros((3, 2))
    for pair in ((bad, good), (good, bad)):
        with pytest.raises(ValueError, match="table"):
            measure(*pair)


def test_no_direction_is_refused():
    with pytest.raises(ValueError, match="directions"):
        sliced_wasserstein(np.zeros((3, 2)), np.zeros((3, 2)), 0)

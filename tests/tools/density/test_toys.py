"""Toys are where their descriptions say, and the mixtures' density is that of their draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from bethink.tools.density.toys import TOY_NAMES, gaussian_mixture, toy_named


@pytest.mark.parametrize("name", TOY_NAMES)
def test_shape_seed_and_size(name):
    x = toy_named(name, 5000, seed=1)
    assert x.shape == (5000, 2)
    assert x.dtype == np.float64
    np.testing.assert_array_equal(x, toy_named(name, 5000, seed=1))
    assert not np.array_equal(x, toy_named(name, 5000, seed=2))
    assert np.abs(x).max() < 6
    assert (x.std(0) > 0.4).all()


def test_unknown_toys_and_no_rows_are_refused():
    with pytest.raises(ValueError, match="two_moons"):
        toy_named("three_moons", 10)
    with pytest.raises(ValueError, match="one or more"):
        toy_named("rings", 0)
    with pytest.raises(ValueError, match="one or more"):
        gaussian_mixture(0)


def test_checkerboard_fills_every_second_square_evenly():
    x = toy_named("checkerboard", 16_000)
    assert (np.abs(x) <= 4).all()
    square = np.floor((x + 4) / 2).astype(int)
    assert (square.sum(1) % 2 == 0).all()
    _, counts = np.unique(square @ [4, 1], return_counts=True)
    assert len(counts) == 8
    assert (np.abs(counts - 2000) < 200).all()


def test_eight_gaussians_have_eight_centres():
    x = toy_named("eight_gaussians", 8000) * np.sqrt(2)
    octant = np.round(np.arctan2(x[:, 1], x[:, 0]) / (np.pi / 4)).astype(int) % 8
    for k in range(8):
        mine = x[octant == k]
        np.testing.assert_allclose(mine.mean(0), 4 * np.array([np.cos(k * np.pi / 4), np.sin(k * np.pi / 4)]), atol=0.1)
        np.testing.assert_allclose(mine.std(0), 0.5, atol=0.06)


def test_rings_have_four_radii():
    radius = np.linalg.norm(toy_named("rings", 8000), axis=1)
    nearest = np.clip(np.round(radius / 0.75), 1, 4)
    assert (np.abs(radius - 0.75 * nearest) < 0.35).all()
    assert np.abs(np.bincount(nearest.astype(int))[1:] - 2000).max() < 200


def test_swiss_roll_lies_on_its_spiral():
    x = toy_named("swiss_roll", 2000)
    t = np.linspace(1.5 * np.pi, 4.5 * np.pi, 2000)
    spiral = t[:, None] * np.stack([np.cos(t), np.sin(t)], 1) / 5
    off = np.linalg.norm(x[:, None] - spiral, axis=2).min(1)
    assert 0.1 < off.mean() < 0.2  # |N(0, 0.2²)| is 0.16 in the mean; near its ends and arms a little less
    assert off.max() < 1


def test_two_moons_lie_on_their_circles():
    x = toy_named("two_moons", 2000)
    upper = np.abs(np.linalg.norm(x, axis=1) - 1)
    lower = np.abs(np.linalg.norm(x - [1, 0.5], axis=1) - 1)
    assert np.minimum(upper, lower).max() < 0.5


def test_pinwheel_looks_the_same_after_a_fifth_of_a_turn():
    from bethink.tools.density.metrics import energy_distance

    a, b = toy_named("pinwheel", 3000, seed=0), toy_named("pinwheel", 3000, seed=1)

    def turned(degrees: float) -> np.ndarray:
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        return b @ np.array([[cos, sin], [-sin, cos]])

    assert energy_distance(a, turned(72)) < 0.01 < energy_distance(a, turned(36))


@pytest.mark.parametrize("d", [1, 2, 5, 10, 20])
def test_mixture_density_is_scipys_and_its_draws_have_its_moments(d):
    truth = gaussian_mixture(d, seed=3)
    x = truth.sample(20_000, seed=4)
    assert x.shape == (20_000, d)
    covariances = truth.factors @ truth.factors.transpose(0, 2, 1)
    parts = [multivariate_normal(m, c).pdf(x) for m, c in zip(truth.means, covariances, strict=True)]
    np.testing.assert_allclose(truth.log_prob(x), np.log(truth.weights @ np.array(parts)), atol=1e-8)
    mean = truth.weights @ truth.means
    np.testing.assert_allclose(x.mean(0), mean, atol=0.15)
    centred = truth.means - mean
    whole = np.einsum("k,kij->ij", truth.weights, covariances) + (truth.weights * centred.T) @ centred
    np.testing.assert_allclose(np.cov(x.T).reshape(d, d), whole, atol=0.4)
    assert truth.weights.sum() == pytest.approx(1)
    sds = np.sqrt(np.linalg.eigvalsh(covariances))
    assert sds.min() > 0.49
    assert sds.max() < 1.51


def test_mixture_density_integrates_to_one_and_is_finite_far_away():
    grid = np.linspace(-30, 30, 20_001)
    assert np.exp(gaussian_mixture(1, seed=5).log_prob(grid[:, None])).sum() * 0.003 == pytest.approx(1, abs=1e-6)
    assert np.isfinite(gaussian_mixture(10, seed=5).log_prob(np.full((1, 10), 1e4))).all()


def test_mixtures_differ_by_seed_and_keep_their_draws():
    a, b = gaussian_mixture(3, seed=0), gaussian_mixture(3, seed=1)
    assert not np.allclose(a.means, b.means)
    np.testing.assert_array_equal(a.sample(50, seed=2), gaussian_mixture(3, seed=0).sample(50, seed=2))

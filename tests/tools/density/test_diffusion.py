"""From noise to data by the ODE: closed forms, distribution functions, order of convergence, and the density along it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.stats import kstest, norm

from bethink.tools.density import diffusion as module
from bethink.tools.density.diffusion import FIRST_TIME, alpha, beta, labels, log_prob_along_ode, pseudo_times
from bethink.tools.density.mixture import Clusters, KernelMixture, Layer, draw, log_density, smooth


def clusters_of(rows: np.ndarray, count: int) -> Clusters:
    member = np.arange(len(rows)) % count
    own = [rows[member == k] for k in range(count)]
    covariances = np.stack([np.atleast_2d(np.cov(part.T, bias=True)) for part in own])
    return Clusters(np.stack([part.mean(0) for part in own]), covariances, member, rows)


def gaussian(mean: np.ndarray, covariance: np.ndarray) -> Clusters:
    """One cluster of that mean and covariance; with bandwidth 1 its rows do not matter."""
    return Clusters(mean[None], covariance[None], np.zeros(3, dtype=int), np.zeros((3, len(mean))))


def two_groups(d: int, bandwidth: float = 0.5) -> KernelMixture:
    rows = np.random.default_rng(0).normal(size=(80, d)) * 0.4
    rows[::2] += 1.5
    rows[1::2] -= 1
    return smooth([Layer(clusters_of(rows, 2), bandwidth, 1.0)])


def noise(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def covariance(d: int, seed: int) -> np.ndarray:
    """With standard deviations between 0.3 and 2 along its axes."""
    chance = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(chance.normal(size=(d, d)))
    return axes * np.square(chance.uniform(0.3, 2, d)) @ axes.T


def test_times_fall_from_1_to_0():
    times = pseudo_times(30)
    assert len(times) == 31
    assert times[0] == pytest.approx(1)
    assert times[-2] == pytest.approx(FIRST_TIME)
    assert times[-1] == 0
    assert times == sorted(times, reverse=True)
    assert (alpha(1), beta(1)) == (0, 1)
    assert (alpha(0), beta(0)) == (1, 0)


@given(st.integers(0, 1000), st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_noise_goes_to_one_gaussian_by_its_square_root(seed, d):
    """The ODE of N(mu, S) is linear and ends at mu + S^(1/2) y."""
    mean, spread = np.random.default_rng(seed).normal(size=d), covariance(d, seed)
    y = noise(50, d, seed)
    found = labels(smooth([Layer(gaussian(mean, spread), 1.0, 1.0)]), y, 300)
    np.testing.assert_allclose(found, mean + y.numpy() @ np.real(np.atleast_2d(sqrtm(spread))), atol=0.01)


def test_given_conditions_too():
    q, spread, mean = 1, covariance(3, 4), np.array([0.5, -1.0, 2.0])
    y, given_ = noise(40, 2), noise(40, 1, seed=1)
    found = labels(smooth([Layer(gaussian(mean, spread), 1.0, 1.0)], q), y, 300, given_)
    gain = spread[q:, :q] / spread[:q, :q]
    rest = spread[q:, q:] - gain @ spread[:q, q:]
    expected = mean[q:] + (given_.numpy() - mean[:q]) @ gain.T + y.numpy() @ np.real(sqrtm(rest))
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("bandwidth", [0.1, 0.5, 1.0])
def test_labels_follow_the_mixture(bandwidth):
    rows = np.r_[np.random.default_rng(0).normal(-2, 0.5, 30), np.random.default_rng(1).normal(1, 1, 30)][:, None]
    clusters = Clusters(
        np.array([[rows[:30].mean()], [rows[30:].mean()]]),
        np.array([[[rows[:30].var()]], [[rows[30:].var()]]]),
        np.repeat([0, 1], 30),
        rows,
    )
    found = labels(smooth([Layer(clusters, bandwidth, 1.0)]), noise(4000, 1), 60).numpy()[:, 0]
    means, variances = clusters.means[clusters.member, 0], clusters.covariances[clusters.member, 0, 0]
    centres = means + math.sqrt(1 - bandwidth**2) * (rows[:, 0] - means)
    cdf = lambda x: norm.cdf(x[:, None], centres, bandwidth * np.sqrt(variances)).mean(1)  # noqa: E731
    assert kstest(found, cdf).pvalue > 1e-3
    assert kstest(found + 0.2, cdf).pvalue < 1e-6  # it would have been seen


def test_labels_follow_the_mixture_given_a_condition():
    """The median of x given c, by the conditional density's own distribution function."""
    rows = np.random.default_rng(0).normal(size=(60, 2))
    rows[:, 1] = np.where(rows[:, 0] > 0, 2, -1) + 0.5 * rows[:, 1]
    found = smooth([Layer(clusters_of(rows, 2), 0.3, 1.0)], 1)
    axis = torch.linspace(-8, 8, 4001, dtype=torch.float64)[:, None]
    for seen in (-1.0, 1.0):
        density = log_density(found, axis, torch.full_like(axis, seen)).exp().numpy()
        cdf = np.cumsum(density) * 0.004
        drawn = labels(found, noise(2000, 1), 60, torch.full((2000, 1), seen, dtype=torch.float64)).numpy()[:, 0]
        assert kstest(drawn, lambda x, cdf=cdf: np.interp(x, axis[:, 0].numpy(), cdf)).pvalue > 1e-3


def test_errors_of_labels_fall_with_the_square_of_the_steps():
    found, y = two_groups(2), noise(200, 2)
    best = labels(found, y, 1500)
    error = [float((labels(found, y, steps) - best).norm(dim=1).mean()) for steps in (30, 60, 120)]
    assert 3 < error[0] / error[1] < 5
    assert 3 < error[1] / error[2] < 5
    assert error[0] < 0.01


def test_errors_of_the_density_along_the_ode_fall_with_the_square_of_the_steps():
    found = two_groups(2)
    x = draw(found, 60, torch.Generator().manual_seed(0))
    exact = log_density(found, x)
    error = [float((log_prob_along_ode(found, x, steps) - exact).abs().mean()) for steps in (50, 100, 200)]
    assert 3.5 < error[0] / error[1] < 4.5
    assert 3.5 < error[1] / error[2] < 4.5
    assert error[2] < 0.02


@pytest.mark.parametrize(("d", "bandwidth"), [(1, 0.2), (2, 1.0), (5, 0.3)])
def test_the_density_along_the_ode_is_the_density(d, bandwidth):
    """Of rows between the kernels too: draws of a wider mixture. (Hundreds of nats down, the steps are too coarse.)"""
    found = two_groups(d, bandwidth)
    x = torch.cat([draw(two_groups(d, h), 40, torch.Generator().manual_seed(0)) for h in (bandwidth, 1.0)])
    np.testing.assert_allclose(log_prob_along_ode(found, x, 300), log_density(found, x), atol=0.05, rtol=2e-3)


def test_blocks_do_not_matter(monkeypatch):
    found, y = two_groups(2), noise(50, 2)
    whole = labels(found, y, 10)
    monkeypatch.setattr(module, "BLOCK", 7)
    np.testing.assert_allclose(labels(found, y, 10), whole, atol=1e-12)


def test_progress_rises_to_1(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 20)
    shares: list[float] = []
    labels(two_groups(2), noise(50, 2), 5, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert len(shares) == 15


def test_too_few_steps_and_conditions_along_the_ode_are_refused():
    with pytest.raises(ValueError, match="at least 2"):
        labels(two_groups(2), noise(5, 2), 1)
    labels(two_groups(2), noise(5, 2), 2)
    conditional = smooth([Layer(clusters_of(np.random.default_rng(0).normal(size=(40, 2)), 1), 0.5, 1.0)], 1)
    with pytest.raises(ValueError, match="without conditions"):
        log_prob_along_ode(conditional, noise(5, 1), 10, noise(5, 1))

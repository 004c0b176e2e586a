"""The smoothed sample and its diffusion against sums of scipy's normals, quadrature and autograd."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import kstest, multivariate_normal, norm
from torch.distributions import MultivariateNormal

from bethink.tools.density import mixture as module
from bethink.tools.density.mixture import (
    Clusters,
    DiffusedKernels,
    KernelMixture,
    Layer,
    draw,
    log_density,
    rescaled,
    smooth,
)

Kernel = tuple[float, np.ndarray, np.ndarray]


MOST_FLAT = 50.0


def table(n: int, d: int, seed: int) -> np.ndarray:
    """Rows of a Gaussian whose covariance float32 can invert: one in a thousand drawn at random is too flat for that."""
    chance = np.random.default_rng(seed)
    rows, mixing = chance.normal(size=(n, d)), chance.normal(size=(d, d))
    while np.linalg.cond(mixing) > MOST_FLAT:
        mixing = chance.normal(size=(d, d))
    return rows @ mixing + chance.normal(size=d)


def clusters_of(rows: np.ndarray, count: int, seed: int = 0) -> Clusters:
    """Rows put into clusters at random, with each cluster's own mean and covariance: every one has rows enough."""
    member = np.random.default_rng(seed).permutation(np.arange(len(rows)) % count)
    own = [rows[member == k] for k in range(count)]
    covariances = np.stack([np.atleast_2d(np.cov(part.T, bias=True)) for part in own])
    return Clusters(np.stack([part.mean(0) for part in own]), covariances, member, rows)


def by_definition(layers: list[Layer], wide: float = 0.0) -> Iterator[Kernel]:
    """(weight, centre, covariance) of every kernel, as the module's text has it. One narrow layer at most."""
    rows = layers[0].clusters.rows
    for layer in layers:
        found, h = layer.clusters, layer.bandwidth
        for row, k in zip(rows, found.member, strict=True):
            centre = found.means[k] + math.sqrt(1 - h**2) * (row - found.means[k])
            yield (1 - wide) * layer.share / len(rows), centre, h**2 * found.covariances[k]
    if wide:
        yield wide, rows.mean(0), 9 * np.atleast_2d(np.cov(rows.T))


def brute_force(kernels: Iterator[Kernel], x: np.ndarray) -> np.ndarray:
    """log of the sum of scipy's normals."""
    each = [math.log(w) + np.atleast_1d(multivariate_normal(c, cov).logpdf(x)) for w, c, cov in kernels]
    return np.asarray(logsumexp(each, axis=0))


def read_back(found: KernelMixture) -> list[Kernel]:
    """(weight, centre, covariance) of every kernel, out of the tensors; without conditions."""
    kernels = []
    for piece in range(len(found.basis)):
        basis, variances = found.basis[piece].numpy(), found.variances[piece].numpy()
        for weight, centre in zip(found.log_weights[piece].exp().numpy(), found.centres[piece].numpy(), strict=True):
            if weight:
                kernels.append((float(weight), basis @ centre, basis * variances @ basis.T))
    return kernels


def moments_of(kernels: list[Kernel]) -> tuple[np.ndarray, np.ndarray]:
    weights = np.array([w for w, _, _ in kernels])
    centres = np.stack([c for _, c, _ in kernels])
    mean = weights @ centres
    away = centres - mean
    return mean, (weights[:, None] * away).T @ away + sum(w * cov for w, _, cov in kernels)


cases = st.tuples(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 3), st.integers(0, 30))


@given(cases, st.floats(0.05, 1.0), st.sampled_from([0.0, 0.01, 0.3]))
@settings(max_examples=40, deadline=None)
def test_the_density_is_a_sum_of_normals(case, bandwidth, wide):
    seed, d, count, more = case
    rows = table(8 * count + more, d, seed)
    layers = [Layer(clusters_of(rows, count, seed), bandwidth, 1.0)]
    x = np.concatenate([rows[:5], table(5, d, seed) * 2])
    found = log_density(smooth(layers, wide=wide), torch.from_numpy(x))
    np.testing.assert_allclose(found, brute_force(by_definition(layers, wide), x), rtol=1e-7, atol=1e-6)


@given(cases, st.floats(0.05, 0.9), st.floats(0.1, 0.9))
@settings(max_examples=20, deadline=None)
def test_layers_are_mixed_by_their_shares(case, bandwidth, share):
    seed, d, count, more = case
    rows = table(8 * count + more, d, seed)
    layers = [Layer(clusters_of(rows, count, seed), bandwidth, share), Layer(clusters_of(rows, 1), 1.0, 1 - share)]
    found = log_density(smooth(layers, wide=0.01), torch.from_numpy(rows))
    np.testing.assert_allclose(found, brute_force(by_definition(layers, 0.01), rows), rtol=1e-7, atol=1e-6)


def test_two_narrow_layers_share_the_rows_among_them():
    rows = table(2000, 2, 0)
    first, second = clusters_of(rows, 2), clusters_of(rows, 3)
    found = smooth([Layer(first, 0.2, 0.7), Layer(second, 0.6, 0.3)])
    kernels = read_back(found)
    assert len(kernels) == len(rows)  # not twice as many
    sizes = np.array([cov[0, 0] for _, _, cov in kernels])
    narrow = np.isin(sizes.round(12), (0.04 * first.covariances[:, 0, 0]).round(12))
    weights = np.array([w for w, _, _ in kernels])
    assert weights[narrow].sum() == pytest.approx(0.7)
    assert 0.6 < narrow.mean() < 0.8
    x = table(20, 2, 0)
    np.testing.assert_allclose(log_density(found, torch.from_numpy(x)), brute_force(iter(kernels), x), atol=1e-6)
    both = np.logaddexp(
        math.log(0.7) + brute_force(by_definition([Layer(first, 0.2, 1.0)]), x),
        math.log(0.3) + brute_force(by_definition([Layer(second, 0.6, 1.0)]), x),
    )
    assert np.abs(log_density(found, torch.from_numpy(x)).numpy() - both).mean() < 0.25


@given(st.integers(0, 10_000), st.integers(10, 40), st.floats(0.0, 0.1))
@settings(max_examples=60, deadline=None)
def test_weights_add_up_to_1_however_few_the_rows(seed, n, wide):
    """Also where chance gives a layer none of them."""
    found = clusters_of(table(n, 2, seed), 1)
    made = smooth([Layer(found, 0.3, 0.9), Layer(found, 0.5, 0.1)], wide=wide, seed=seed)
    assert float(made.log_weights.exp().sum()) == pytest.approx(1.0)


@given(cases, st.floats(0.02, 1.0))
@settings(max_examples=40, deadline=None)
def test_mean_and_covariance_stay_whatever_the_bandwidth(case, bandwidth):
    seed, d, count, more = case
    rows = table(8 * count + more, d, seed)
    mean, covariance = moments_of(read_back(smooth([Layer(clusters_of(rows, count, seed), bandwidth, 1.0)])))
    np.testing.assert_allclose(mean, rows.mean(0), atol=1e-8)
    np.testing.assert_allclose(covariance, np.atleast_2d(np.cov(rows.T, bias=True)), atol=1e-6)


def test_bandwidth_1_keeps_one_kernel_a_cluster():
    found = smooth([Layer(clusters_of(table(300, 2, 0), 3), 1.0, 1.0)])
    assert len(read_back(found)) == 3
    assert found.kernels == 3


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize(("bandwidth", "wide"), [(0.1, 0.0), (0.4, 0.02), (1.0, 0.0)])
def test_it_integrates_to_1(d, bandwidth, wide):
    rows = np.random.default_rng(0).normal(size=(60, d)) * 0.6
    rows[::2] += 2
    found = smooth([Layer(clusters_of(rows, 2), bandwidth, 1.0)], wide=wide)
    axis = torch.linspace(-20, 20, 20_001 if d == 1 else 1_001, dtype=torch.float64)
    grid = torch.cartesian_prod(*[axis] * d).reshape(-1, d)
    near = grid[(grid.abs() < (20 if wide else 8)).all(1)]
    total = float(log_density(found, near).exp().sum()) * float(axis[1] - axis[0]) ** d
    assert total == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("length", [1, 2, 7, 64])
@pytest.mark.parametrize("conditions", [0, 1])
def test_the_length_of_a_piece_does_not_matter(monkeypatch, length, conditions):
    rows = table(60, 3, 0)
    layers = [Layer(clusters_of(rows, 2), 0.3, 0.8), Layer(clusters_of(rows, 1), 1.0, 0.2)]
    x, given_ = torch.from_numpy(rows[:, conditions:]), torch.from_numpy(rows[:, :conditions]) if conditions else None
    whole = log_density(smooth(layers, conditions, 0.01), x, given_)
    monkeypatch.setattr(module, "_piece_length", lambda sizes, columns: length)
    cut = smooth(layers, conditions, 0.01)
    assert cut.log_weights.shape[1] == length
    np.testing.assert_allclose(log_density(cut, x, given_), whole, atol=1e-10)


@pytest.mark.parametrize("conditions", [0, 1])
def test_the_size_of_a_block_does_not_matter(monkeypatch, conditions):
    rows = table(100, 3, 0)
    found = smooth([Layer(clusters_of(rows, 2), 0.3, 1.0)], conditions)
    x, given_ = torch.from_numpy(rows[:, conditions:]), torch.from_numpy(rows[:, :conditions]) if conditions else None
    kernels = DiffusedKernels(found, 0.7, 0.5)
    density, whole = log_density(found, x, given_), kernels.moments(x, given_, divergence=True)
    monkeypatch.setattr(module, "BLOCK_NUMBERS", 1)
    cut = kernels.moments(x, given_, divergence=True)
    np.testing.assert_allclose(log_density(found, x, given_), density, atol=1e-10)
    np.testing.assert_allclose(cut.denoised, whole.denoised, atol=1e-10)
    np.testing.assert_allclose(cut.score_square, whole.score_square, atol=1e-9)


def diffused(
    layers: list[Layer], q: int, alpha: float, beta: float, wide: float
) -> tuple[torch.Tensor, MultivariateNormal]:
    """log weights (J,) and the diffused kernels, by definition; the q leading columns stay as they are."""
    kernels = list(by_definition(layers, wide))
    d = len(kernels[0][1])
    keep = np.diag([1.0] * q + [alpha] * (d - q))
    noise = np.diag([0.0] * q + [beta**2] * (d - q))
    centres = torch.from_numpy(np.stack([keep @ c for _, c, _ in kernels]))
    covariances = torch.from_numpy(np.stack([keep @ cov @ keep + noise for _, _, cov in kernels]))
    weights = torch.tensor([math.log(w) for w, _, _ in kernels], dtype=torch.float64)
    return weights, MultivariateNormal(centres, covariances)


@given(cases, st.floats(0.05, 1.0), st.floats(0.01, 0.99), st.sampled_from([0.0, 0.05]), st.integers(0, 2))
@settings(max_examples=25, deadline=None)
def test_the_diffused_moments_are_autograds(case, bandwidth, t, wide, q):
    """log density; Tweedie: score = (alpha m - z) / beta^2; divergence: the trace of the Hessian."""
    seed, d, count, more = case
    rows = table(8 * count + more, d + q, seed)
    layers = [Layer(clusters_of(rows, count, seed), bandwidth, 1.0)]
    alpha, beta = 1 - t, math.sqrt(t)
    weights, normals = diffused(layers, q, alpha, beta, wide)
    z = torch.from_numpy(table(4, d, seed + 1))
    given_ = torch.from_numpy(rows[:4, :q]) if q else None

    def log_p(point: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        return (weights + normals.log_prob(torch.cat([seen, point]))).logsumexp(0)

    moments = DiffusedKernels(smooth(layers, q, wide), alpha, beta).moments(z, given_, divergence=True)
    score = (alpha * moments.denoised - z) / beta**2
    assert moments.score_square is not None
    divergence = moments.score_square - score.square().sum(-1)
    for i, point in enumerate(z):
        seen = torch.empty(0, dtype=torch.float64) if given_ is None else given_[i]
        at = point.clone().requires_grad_()
        value = log_p(at, seen)
        (gradient,) = torch.autograd.grad(value, at)
        hessian = torch.autograd.functional.hessian(lambda p, seen=seen: log_p(p, seen), point)
        np.testing.assert_allclose(moments.log_density[i], value.detach(), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(score[i], gradient, rtol=1e-3, atol=1e-3 / beta)
        assert float(divergence[i]) == pytest.approx(float(hessian.trace()), rel=2e-3, abs=2e-3 / beta**2)


def test_without_noise_the_denoised_mean_is_the_query():
    rows = table(50, 2, 0)
    found = DiffusedKernels(smooth([Layer(clusters_of(rows, 1), 0.3, 1.0)]), 1.0, 0.0).moments(torch.from_numpy(rows))
    np.testing.assert_allclose(found.denoised, rows, atol=1e-10)


def test_single_precision_is_near_double():
    rows = table(500, 5, 0)
    found = smooth([Layer(clusters_of(rows, 2), 0.2, 1.0)], wide=0.001)
    x = torch.from_numpy(table(200, 5, 1))
    single, double = found.to(torch.float32), found
    for alpha, beta in ((0.3, 0.8), (0.99, 0.1)):
        ours = DiffusedKernels(single, alpha, beta).moments(x.float())
        exact = DiffusedKernels(double, alpha, beta).moments(x)
        assert (ours.denoised - exact.denoised).abs().max() < 1e-2
        assert (ours.log_density - exact.log_density).abs().max() < 1e-2 * exact.log_density.abs().max()


# -- conditions -------------------------------------------------------------------------------------------------------


def given_by_normal(
    mean: np.ndarray, covariance: np.ndarray, q: int, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of a Gaussian's columns q.. given its first q."""
    gain = covariance[q:, :q] @ np.linalg.inv(covariance[:q, :q])
    return mean[q:] + gain @ (seen - mean[:q]), covariance[q:, q:] - gain @ covariance[:q, q:]


@given(st.integers(0, 1000), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_one_gaussian_given_conditions_is_the_closed_form(seed, q, d):
    rows = table(60, q + d, seed)
    found = smooth([Layer(clusters_of(rows, 1), 1.0, 1.0)], q)
    value = log_density(found, torch.from_numpy(rows[:8, q:]), torch.from_numpy(rows[:8, :q]))
    for row, log_p in zip(rows, value.numpy(), strict=False):
        mean, covariance = given_by_normal(rows.mean(0), np.cov(rows.T, bias=True), q, row[:q])
        assert log_p == pytest.approx(multivariate_normal(mean, covariance).logpdf(row[q:]), rel=1e-3, abs=1e-3)


@given(st.integers(0, 1000), st.floats(0.1, 1.0), st.sampled_from([0.0, 0.05]))
@settings(max_examples=25, deadline=None)
def test_the_joint_is_the_conditional_times_the_conditions(seed, bandwidth, wide):
    q, rows = 1, table(40, 3, seed)
    layers = [Layer(clusters_of(rows, 2), bandwidth, 1.0)]
    joint = log_density(smooth(layers, wide=wide), torch.from_numpy(rows))
    conditional = log_density(smooth(layers, q, wide), torch.from_numpy(rows[:, q:]), torch.from_numpy(rows[:, :q]))
    of_conditions = brute_force(((w, c[:q], cov[:q, :q]) for w, c, cov in by_definition(layers, wide)), rows[:, :q])
    np.testing.assert_allclose(conditional + torch.from_numpy(of_conditions), joint, rtol=1e-4, atol=1e-4)


def test_a_conditional_density_integrates_to_1_at_every_condition():
    rows = table(60, 2, 0)
    found = smooth([Layer(clusters_of(rows, 2), 0.3, 1.0)], 1, 0.01)
    axis = torch.linspace(-40, 40, 8001, dtype=torch.float64)[:, None]
    for seen in (-1.0, 0.0, 2.5):
        total = float(log_density(found, axis, torch.full_like(axis, seen)).exp().sum()) * 0.01
        assert total == pytest.approx(1, abs=1e-3)


# -- draws ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", [0, 1, 2])
def test_draws_have_the_mixtures_mean_and_covariance(q):
    rows = table(40, 3, 0)
    layers = [Layer(clusters_of(rows, 2), 0.4, 1.0)]
    drawn = draw(smooth(layers, q, 0.02), 40_000, torch.Generator().manual_seed(0)).numpy()
    mean, covariance = moments_of(list(by_definition(layers, 0.02)))
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((drawn.mean(0) - mean) / sd, 0, atol=0.03)
    np.testing.assert_allclose((np.cov(drawn.T) - covariance) / np.outer(sd, sd), 0, atol=0.06)


def test_draws_follow_the_density():
    """In one dimension by the distribution function; given conditions, by the mean log density against the joint's."""
    rows = table(30, 1, 0)
    layers = [Layer(clusters_of(rows, 2), 0.3, 1.0)]
    drawn = draw(smooth(layers), 4000, torch.Generator().manual_seed(0)).numpy()[:, 0]
    kernels = list(by_definition(layers))

    def cdf(x: np.ndarray) -> np.ndarray:
        return sum(w * norm.cdf(x, c[0], math.sqrt(cov[0, 0])) for w, c, cov in kernels)

    assert kstest(drawn, cdf).pvalue > 1e-3

    rows = table(60, 3, 1)
    layers = [Layer(clusters_of(rows, 2), 0.3, 1.0)]
    joint = smooth(layers)
    level = [
        float(log_density(joint, draw(smooth(layers, q), 20_000, torch.Generator().manual_seed(q))).mean())
        for q in (0, 1, 2)
    ]
    assert max(level) - min(level) < 0.05


def test_the_same_seed_draws_the_same():
    found = smooth([Layer(clusters_of(table(30, 2, 0), 2), 0.3, 1.0)])
    first, again, other = (draw(found, 50, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("conditions", [False, True])
def test_the_density_alone_is_that_of_the_moments(conditions):
    rows = table(60, 3, 1)
    found = smooth([Layer(clusters_of(rows, 2), 0.4, 1.0)], 1 if conditions else 0)
    x, c = (
        (torch.from_numpy(rows[:, 1:]), torch.from_numpy(rows[:, :1])) if conditions else (torch.from_numpy(rows), None)
    )
    kernels = DiffusedKernels(found, 0.6, 0.5)
    torch.testing.assert_close(kernels.log_density(x, c), kernels.moments(x, c).log_density, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("q", [0, 1])
def test_rescaling_divides_the_columns(q):
    rows, scale = table(60, 3, 2), np.array([0.1, 3.0, 40.0])[q:]
    found = smooth([Layer(clusters_of(rows, 2), 0.4, 1.0)], q, 0.01)
    moved = rescaled(found, scale)
    x, c = torch.from_numpy(rows[:, q:]), torch.from_numpy(rows[:, :q]) if q else None
    expected = log_density(found, x, c) + np.log(scale).sum()
    torch.testing.assert_close(log_density(moved, x / torch.from_numpy(scale), c), expected, rtol=1e-6, atol=1e-6)

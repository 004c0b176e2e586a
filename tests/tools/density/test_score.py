"""The bare sample's score: its formula, what it does as t falls, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from bethink.tools.density.score import denoised_mean, score


def draws(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, d)))


def by_formula(z: torch.Tensor, rows: torch.Tensor, t: float) -> np.ndarray:
    """Eq. 10-12 of arXiv 2310.14458, as written."""
    away = z.numpy()[:, None] - (1 - t) * rows.numpy()
    weights = softmax(-np.square(away).sum(-1) / (2 * t), axis=1)
    return -(weights[..., None] * away).sum(1) / t


@given(st.integers(0, 1000), st.integers(1, 30), st.integers(1, 60), st.integers(1, 12), st.floats(1e-3, 1.0))
@settings(max_examples=60, deadline=None)
def test_it_is_the_papers_formula(seed, queries, count, d, t):
    z, rows = draws(queries, d, seed), draws(count, d, seed + 1)
    np.testing.assert_allclose(score(z, rows, t), by_formula(z, rows, t), rtol=1e-6, atol=1e-6 / t)


def test_single_precision_is_near_double():
    z, rows = draws(200, 10, 0), draws(500, 10, 1)
    for t in (1.0, 0.3, 0.01):
        single = score(z.float(), rows.float(), t).double()
        assert (single - score(z, rows, t)).abs().max() < 1e-3 * score(z, rows, t).abs().max()


def test_it_is_the_gradient_of_the_log_density_of_the_diffused_rows():
    z, rows, t = draws(20, 3, 0).requires_grad_(), draws(30, 3, 1), 0.2
    log_density = (-(z[:, None] - (1 - t) * rows).square().sum(-1) / (2 * t)).logsumexp(1)
    (gradient,) = torch.autograd.grad(log_density.sum(), z)
    np.testing.assert_allclose(score(z.detach(), rows, t), gradient, rtol=1e-9, atol=1e-9)


@given(st.integers(0, 100), st.floats(-1e3, 1e3))
@settings(max_examples=30, deadline=None)
def test_the_denoised_mean_moves_with_the_rows(seed, shift):
    z, rows, t = draws(10, 2, seed), draws(20, 2, seed + 1), 0.1
    moved = denoised_mean(z + (1 - t) * shift, rows + shift, t) - shift
    np.testing.assert_allclose(moved, denoised_mean(z, rows, t), atol=1e-7)


def test_as_t_falls_it_returns_the_nearest_training_row():
    """The trap: labels made with the bare sample's score are copies of its rows."""
    z, rows = draws(100, 2, 0), draws(50, 2, 1)
    nearest = rows[torch.cdist(z, rows).argmin(1)]
    away = [float((denoised_mean(z, rows, t) - nearest).norm(dim=1).median()) for t in (0.5, 1e-2, 1e-6)]
    assert away[0] > 0.3
    assert away[2] < 1e-6
    assert away[0] > away[1] > away[2]


def test_at_the_end_only_the_mean_is_left():
    z, rows = draws(10, 3, 0), draws(50, 3, 1)
    np.testing.assert_allclose(denoised_mean(z, rows, 1.0), rows.mean(0).expand(10, 3), atol=1e-12)
    np.testing.assert_allclose(score(z, rows, 1.0), -z, atol=1e-12)


@pytest.mark.parametrize("t", [0.0, -0.1, 1.1, float("nan")])
def test_a_time_outside_of_the_process_is_refused(t):
    with pytest.raises(ValueError, match=r"must lie in \(0, 1\]"):
        score(draws(3, 2, 0), draws(4, 2, 1), t)


@pytest.mark.parametrize("shapes", [((3, 2), (4, 3)), ((3,), (4, 3)), ((3, 2), (0, 2)), ((3, 2), (2,))])
def test_shapes_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match=r"shape \(count, d\)"):
        denoised_mean(torch.zeros(shapes[0]), torch.zeros(shapes[1]), 0.5)

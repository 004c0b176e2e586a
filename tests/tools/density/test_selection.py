"""Clusters and bandwidth by held-out likelihood: the fast likelihood is the density's, and choices are sensible."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.density.mixture import Clusters, Layer, log_density, smooth
from bethink.tools.density.selection import BANDWIDTHS, Choice, HeldOut, choose, find_clusters, precisions, stack
from bethink.tools.density.toys import gaussian_mixture, toy_named


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def quiet(share: float, message: str) -> None:
    pass


def chosen(rows: np.ndarray, held_out: int, clusters: int | None = None, bandwidth: float | None = None) -> Choice:
    return choose(rows[held_out:], rows[:held_out], clusters, bandwidth, 0, quiet)


# -- clusters ---------------------------------------------------------------------------------------------------------


def test_one_cluster_is_the_tables_own_mean_and_covariance():
    rows = gaussian_mixture(3).sample(200)
    found = find_clusters(rows, 1, 0)
    np.testing.assert_allclose(found.means[0], rows.mean(0))
    np.testing.assert_allclose(found.covariances[0], np.cov(rows.T, bias=True), atol=1e-5)
    assert not found.member.any()


def test_clusters_that_lie_apart_are_found():
    chance = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 200)
    rows = np.array([[0, 0], [10, 0], [0, 10]])[truth] + chance.normal(size=(600, 2))
    found = find_clusters(rows, 3, 0)
    assert all(len(set(truth[found.member == k])) == 1 for k in range(3))
    np.testing.assert_allclose(np.sort(found.means.sum(1)), [0, 10, 10], atol=0.4)


def test_rows_of_a_cluster_have_its_shape_also_where_clusters_overlap():
    """Put where they are most probable, rows of two overlapping clusters would be cut off in the middle."""
    rows = np.random.default_rng(0).normal(size=(4000, 1)) + np.repeat([[-0.8], [0.8]], 2000, axis=0)
    start = Clusters(np.array([[-0.8], [0.8]]), np.ones((2, 1, 1)), np.repeat([0, 1], 2000), rows)
    found = find_clusters(rows, 2, 0, start)
    for k in range(2):
        own = rows[found.member == k]
        assert own.var() == pytest.approx(found.covariances[k, 0, 0], rel=0.1)
        assert own.mean() == pytest.approx(found.means[k, 0], abs=0.1)


def test_clusters_go_on_from_a_start():
    rows = toy_named("two_moons", 600)
    start = find_clusters(rows[:300], 8, 0)
    found = find_clusters(rows, 8, 0, start)
    assert np.linalg.norm(found.means - start.means, axis=1).max() < 0.5
    assert len(found.member) == 600


@pytest.mark.parametrize("thinness", [1e-3, 1e-7, 0.0])
def test_a_start_on_a_thin_table_is_taken(thinness):
    """Covariances that are nearly singular have inverses that rounding makes unsymmetric."""
    chance = np.random.default_rng(0)
    rows = chance.normal(size=(400, 3))
    rows[:, 2] = rows[:, 0] + rows[:, 1] + thinness * chance.normal(size=400)
    found = find_clusters(rows, 5, 0, find_clusters(rows[:200], 5, 0))
    assert np.isfinite(found.covariances).all()


@pytest.mark.parametrize("condition", [1e3, 1e12, 1e14])
def test_precisions_of_flat_clusters_are_those_that_scikit_learn_takes(condition):
    generator = np.random.default_rng(0)
    turned, _ = np.linalg.qr(generator.normal(size=(6, 6)))
    covariance = (turned * np.geomspace(1e-6, 1e-6 * condition, 6)) @ turned.T
    covariance = (covariance + covariance.T) / 2 + 1e-6 * np.eye(6)
    found = precisions(covariance[None])[0]
    assert np.array_equal(found, found.T)
    assert np.linalg.eigvalsh(found)[0] > 0
    rows = generator.normal(size=(300, 6)) @ np.linalg.cholesky(covariance).T
    member = generator.integers(0, 2, 300)
    start = Clusters(np.stack([rows.mean(0) - 0.01, rows.mean(0)]), np.stack([covariance, covariance]), member, rows)
    assert len(find_clusters(rows, 2, 0, start).means) == 2


# -- the likelihood ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 3), st.sampled_from(BANDWIDTHS[3:]))
@settings(max_examples=30, deadline=None)
def test_the_likelihood_is_the_densitys(seed, d, count, bandwidth):
    rows = gaussian_mixture(d, seed, 3).sample(120, seed)
    clusters = find_clusters(rows[40:], count, seed)
    found = HeldOut(clusters, rows[:40])(bandwidth).double()
    exact = log_density(smooth([Layer(clusters, bandwidth, 1.0)]), torch.from_numpy(rows[:40]))
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=2e-3)


# -- stacking ---------------------------------------------------------------------------------------------------------

densities = st.tuples(st.integers(0, 10_000), st.integers(2, 200), st.integers(1, 6), st.floats(0.01, 5.0))


def log_densities(case: tuple[int, int, int, float]) -> torch.Tensor:
    seed, rows, models, spread = case
    chance = np.random.default_rng(seed)
    return torch.from_numpy(chance.normal(size=(rows, 1)) + spread * chance.normal(size=(rows, models)))


def mixed(log_density: torch.Tensor, shares: np.ndarray) -> float:
    return float((log_density + torch.from_numpy(shares).log()).logsumexp(1).mean())


@given(densities)
@settings(max_examples=60, deadline=None)
def test_shares_add_up_to_1_and_none_is_small(case):
    shares = stack(log_densities(case))
    assert shares.sum() == pytest.approx(1)
    assert all(share == 0 or share >= 0.1 - 1e-9 for share in shares)


@given(densities)
@settings(max_examples=60, deadline=None)
def test_a_stack_is_as_likely_as_the_best_of_it(case):
    """Small shares may be dropped, which can cost something: without that it is never below."""
    found = log_densities(case)
    assert mixed(found, stack(found, least=0.0)) > float(found.mean(0).max()) - 0.01


def test_a_stack_finds_the_shares_that_rows_were_drawn_with():
    chance = np.random.default_rng(0)
    rows = torch.from_numpy(np.r_[chance.normal(-3, 1, 7000), chance.normal(3, 1, 3000)])
    each = torch.stack([-(rows + 3).square() / 2, -(rows - 3).square() / 2, -(rows - 40).square() / 2], 1)
    np.testing.assert_allclose(stack(each), [0.7, 0.3, 0], atol=0.02)


# -- choosing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_one_gaussian_wants_wide_kernels_and_few_clusters(seed):
    rows = np.random.default_rng(seed).normal(size=(800, 2))
    found = chosen(rows, 300)
    assert found.layers[0].bandwidth >= 0.6
    assert len(found.layers[0].clusters.means) <= 3
    truth = float((-np.square(rows[:300]).sum(1) / 2 - math.log(2 * math.pi)).mean())
    assert found.log_likelihood == pytest.approx(truth, abs=0.05)


def test_a_checkerboard_wants_narrow_kernels():
    found = chosen(toy_named("checkerboard", 1500), 400)
    assert any(layer.bandwidth < 0.5 for layer in found.layers)


def test_the_choice_is_as_likely_as_the_best_tried():
    for rows in (toy_named("two_moons", 800), gaussian_mixture(3).sample(800)):
        found = chosen(rows, 250)
        assert found.log_likelihood > max(level for _, _, level in found.table) - 0.01
        assert sum(layer.share for layer in found.layers) == pytest.approx(1)
        shares = [layer.share for layer in found.layers]
        assert shares == sorted(shares, reverse=True)


def test_its_log_likelihood_is_that_of_the_kernels():
    rows = toy_named("two_moons", 800)
    found = chosen(rows, 250, clusters=5, bandwidth=0.4)
    assert [(len(layer.clusters.means), layer.bandwidth) for layer in found.layers] == [(5, 0.4)]
    density = log_density(smooth(found.layers, wide=found.wide), torch.from_numpy(rows[:250]))
    assert found.log_likelihood == pytest.approx(float(density.mean()), abs=1e-3)


def test_rows_far_out_want_a_wide_kernel():
    rows = np.random.default_rng(0).normal(size=(1000, 2))
    assert chosen(rows, 300, 1, 0.3).wide == 0
    rows[::50] = np.random.default_rng(1).normal(size=(20, 2)) * 8
    assert chosen(rows, 300, 1, 0.1).wide > 0


def test_the_same_seed_chooses_the_same():
    rows = toy_named("pinwheel", 500)
    first, again = chosen(rows, 150), chosen(rows, 150)
    assert first.table == again.table
    assert [layer.share for layer in first.layers] == [layer.share for layer in again.layers]
    assert first.log_likelihood == again.log_likelihood


def test_few_rows_try_few_clusters():
    found = chosen(gaussian_mixture(5).sample(60), 20)
    assert all(count * 4 * 6 <= 40 or count == 1 for count, _, _ in found.table)


def test_progress_is_told_and_can_stop_it():
    said: list[float] = []

    def report(share: float, message: str) -> None:
        said.append(share)
        assert "cluster" in message
        if share > 0:
            raise InterruptedError

    rows = toy_named("two_moons", 300)
    with pytest.raises(InterruptedError):
        choose(rows[100:], rows[:100], None, None, 0, report)
    assert len(said) == 2

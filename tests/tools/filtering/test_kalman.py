from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bethink.tools.filtering.kalman import LETKF, EnKF, kalman_update, rotated
from bethink.tools.filtering.localisation import CUTOFF, gaspari_cohn
from bethink.tools.filtering.operators import CallableOperator, operator_named

IDENTITY = operator_named("identity")
WIDE = 1e6
"""A radius that localises nothing."""


def normals(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def linear(h: Tensor) -> CallableOperator:
    """y = H x, its values said to sit at components 0, 1, ..."""
    return CallableOperator("linear", lambda x: x @ h.T, at=tuple(range(len(h))))


def moments(members: Tensor) -> tuple[Tensor, Tensor]:
    return members.mean(0), members.T.cov()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), d=st.integers(1, 6), p=st.integers(1, 6), sd=st.floats(0.1, 3))
def test_kalmans_update_is_the_information_filters(seed, d, p, sd):
    """Posterior precision P^-1 + H^T H / sd^2, mean from P^-1 m + H^T y / sd^2."""
    root, h = normals(seed, d, d), normals(seed + 1, p, d)
    prior, mean, y = root @ root.T + 0.1 * torch.eye(d), normals(seed + 2, d), normals(seed + 3, p)
    precision = torch.linalg.inv(prior) + h.T @ h / sd**2
    expected = torch.linalg.solve(precision, torch.linalg.solve(prior, mean) + h.T @ y / sd**2)
    found, covariance = kalman_update(mean, prior, h, y, sd)
    assert torch.allclose(found, expected, atol=1e-7)
    assert torch.allclose(covariance, torch.linalg.inv(precision), atol=1e-7)
    assert torch.allclose(covariance, covariance.T, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), members=st.integers(2, 12), d=st.integers(1, 6), p=st.integers(1, 6))
def test_letkf_without_localisation_is_the_ensemble_transform(seed, members, d, p):
    """Mean and covariance are Kalman's for the ensemble's own covariance; the transform is the symmetric root."""
    forecast, h, y, sd = normals(seed, members, d), normals(seed + 1, p, d), normals(seed + 2, p), 0.7
    h = h[: min(p, d)]
    y = y[: min(p, d)]
    mean, covariance = moments(forecast)
    analysis = LETKF(radius=WIDE).analyse(forecast, y, linear(h), sd, seeded())
    expected_mean, expected_covariance = kalman_update(mean, covariance.reshape(d, d), h, y, sd)
    assert torch.allclose(analysis.mean(0), expected_mean, atol=1e-8)
    assert torch.allclose(analysis.T.cov().reshape(d, d), expected_covariance, atol=1e-8)
    anomalies = forecast - mean
    s = anomalies @ h.T / sd
    values, vectors = torch.linalg.eigh(torch.eye(members) + s @ s.T / (members - 1))
    root = vectors @ torch.diag(values**-0.5) @ vectors.T
    assert torch.allclose(analysis - analysis.mean(0), root @ anomalies, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), members=st.integers(2, 12), d=st.integers(1, 6))
def test_the_enkfs_mean_is_kalmans(seed, members, d):
    """The perturbations have mean 0 over the members, so the mean has no noise of theirs."""
    forecast, h, y = normals(seed, members, d), normals(seed + 1, d, d), normals(seed + 2, d)
    mean, covariance = moments(forecast)
    expected, _ = kalman_update(mean, covariance.reshape(d, d), h, y, 0.7)
    analysis = EnKF().analyse(forecast, y, linear(h), 0.7, seeded(seed))
    assert torch.allclose(analysis.mean(0), expected, atol=1e-8)


def test_the_enkfs_covariance_is_kalmans_on_average():
    """4000 draws of the perturbations; a covariance entry's sampling error is then under 0.01 of the prior variance."""
    forecast = normals(0, 8, 3)
    _, covariance = moments(forecast)
    _, expected = kalman_update(forecast.mean(0), covariance, torch.eye(3, dtype=torch.float64), torch.zeros(3), 0.7)
    runs = EnKF().analyse(forecast.expand(4000, 8, 3), torch.zeros(4000, 3), IDENTITY, 0.7, seeded())
    anomalies = runs - runs.mean(-2, keepdim=True)
    assert torch.allclose((anomalies.mT @ anomalies / 7).mean(0), expected, atol=0.03 * float(covariance.max()))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), members=st.integers(2, 10), d=st.integers(1, 5))
def test_a_rotation_keeps_mean_and_covariance(seed, members, d):
    before = normals(seed, members, d)
    after = rotated(before, seeded(seed))
    assert torch.allclose(after.mean(0), before.mean(0), atol=1e-10)
    assert torch.allclose(after.T.cov(), before.T.cov(), atol=1e-10)
    if members > 2:  # two members can only stay or change places
        assert not torch.allclose(after, before)


def test_rotations_have_no_favourite():
    """Haar: turned anomalies are uncorrelated with the old ones; 4000 turns, standard error 0.016."""
    before = normals(1, 5, 1).expand(4000, 5, 1)
    before = before - before.mean(-2, keepdim=True)
    after = rotated(before, seeded())
    assert abs(float((before * after).sum(-2).mean() / before.square().sum(-2).mean())) < 0.06


@pytest.mark.parametrize("method", [EnKF(), LETKF(radius=3)])
def test_without_any_observation_nothing_changes(method):
    forecast = normals(0, 7, 9)
    analysis = method.analyse(forecast, torch.full((9,), math.nan, dtype=torch.float64), IDENTITY, 0.5, seeded())
    assert torch.allclose(analysis, forecast, atol=1e-12)


def test_a_missing_value_is_one_that_was_never_observed():
    forecast, y = normals(0, 7, 9), normals(1, 9)
    keep = [0, 2, 3, 5, 8]
    holes = torch.full((9,), math.nan, dtype=torch.float64)
    holes[keep] = y[keep]
    some = CallableOperator("some", lambda x: x[..., keep], at=tuple(keep))
    for method in (LETKF(radius=3), LETKF(radius=WIDE), LETKF(radius=3, periodic=False)):
        expected = method.analyse(forecast, y[keep], some, 0.5, seeded())
        assert torch.allclose(method.analyse(forecast, holes, IDENTITY, 0.5, seeded()), expected, atol=1e-10)
    means = [EnKF().analyse(forecast, *each, 0.5, seeded()).mean(0) for each in ((holes, IDENTITY), (y[keep], some))]
    assert torch.allclose(*means, atol=1e-10)


@pytest.mark.parametrize("method", [LETKF(radius=2), LETKF(radius=WIDE), EnKF(), EnKF(inflation=1.1)])
def test_a_batch_is_its_experiments_one_by_one(method):
    """LETKF's members; EnKF's means, which do not depend on its perturbations."""
    forecast, y = normals(0, 3, 2, 6, 11), normals(1, 3, 2, 11)
    together = method.analyse(forecast, y, IDENTITY, 0.5, seeded())
    for i in range(3):
        for j in range(2):
            alone = method.analyse(forecast[i, j], y[i, j], IDENTITY, 0.5, seeded())
            if isinstance(method, LETKF):
                assert torch.allclose(together[i, j], alone, atol=1e-10)
            assert torch.allclose(together[i, j].mean(0), alone.mean(0), atol=1e-10)


def test_blocks_of_components_are_only_a_matter_of_memory(monkeypatch):
    forecast, y = normals(0, 6, 23), normals(1, 23)
    whole = LETKF(radius=2).analyse(forecast, y, IDENTITY, 0.5, seeded())
    monkeypatch.setattr("bethink.tools.filtering.kalman.BLOCK_NUMBERS", 500)
    assert torch.allclose(LETKF(radius=2).analyse(forecast, y, IDENTITY, 0.5, seeded()), whole, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(site=st.integers(0, 39), radius=st.floats(0.3, 5), periodic=st.booleans())
def test_far_observations_have_no_influence(site, radius, periodic):
    forecast, y = normals(0, 6, 40), normals(1, 40)
    method = LETKF(radius=radius, periodic=periodic)
    other = y.clone()
    other[site] += 3
    change = (method.analyse(forecast, other, IDENTITY, 0.5, seeded())
              - method.analyse(forecast, y, IDENTITY, 0.5, seeded())).abs().amax(0)  # fmt: skip
    gap = (torch.arange(40) - site).abs()
    gap = torch.minimum(gap, 40 - gap) if periodic else gap
    assert change[site] > 1e-3
    assert change[gap > 2 * 1.82 * radius].eq(0).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), radius=st.floats(0.4, 6), stride=st.integers(1, 3), periodic=st.booleans())
def test_letkf_trusts_each_observation_less_with_distance(seed, radius, stride, periodic):
    """Component i: Kalman's update with the ensemble's covariance and error variances sd^2 / taper (Hunt 2007, 2.3)."""
    d, sd = 12, 0.6
    operator = operator_named("identity", stride=stride)
    forecast = normals(seed, 6, d)
    y = normals(seed + 1, len(operator.sites(d)))
    analysis = LETKF(radius=radius, periodic=periodic).analyse(forecast, y, operator, sd, seeded())
    mean, covariance = moments(forecast)
    for i in range(d):
        gap = (operator.sites(d) - i).abs().double()
        taper = gaspari_cohn(torch.minimum(gap, d - gap) if periodic else gap, radius)
        near = operator.sites(d)[taper > CUTOFF]
        rest = taper[taper > CUTOFF]
        if not len(near):
            assert torch.allclose(analysis[:, i], forecast[:, i], atol=1e-12)
            continue
        gain = torch.linalg.solve(covariance[near][:, near] + torch.diag(sd**2 / rest), covariance[near, i])
        expected = mean[i] + gain @ (y[taper > CUTOFF] - mean[near])
        assert float(analysis[:, i].mean()) == pytest.approx(float(expected), abs=1e-8)
        variance = covariance[i, i] - gain @ covariance[near, i]
        assert float(analysis[:, i].var()) == pytest.approx(float(variance), abs=1e-8)


@pytest.mark.parametrize("method", [EnKF(), LETKF(radius=3), LETKF(radius=3, rotate=True)])
def test_inflation_widens_and_leaves_the_mean(method):
    forecast, y = normals(0, 7, 9), normals(1, 9)
    plain = method.analyse(forecast, y, IDENTITY, 0.5, seeded(4))
    wide = replace(method, inflation=1.3).analyse(forecast, y, IDENTITY, 0.5, seeded(4))
    assert torch.allclose(wide.mean(0), plain.mean(0), atol=1e-10)
    assert torch.allclose(wide.T.cov(), 1.69 * plain.T.cov(), atol=1e-10)


@pytest.mark.parametrize("sd", [0.5, 1e-3])
@pytest.mark.parametrize("method", [LETKF(radius=3), EnKF()])
def test_single_precision_is_enough(method, sd):
    """Against double, in units of the forecast's spread; EnKF by its mean, which its perturbations leave alone."""
    forecast = normals(0, 12, 9)
    y = forecast[0] + sd * normals(1, 9)
    double = method.analyse(forecast, y, IDENTITY, sd, seeded())
    single = method.analyse(forecast.float(), y.float(), IDENTITY, sd, seeded())
    assert single.dtype == torch.float32
    assert torch.allclose(single.mean(0).double(), double.mean(0), atol=5e-3)
    if isinstance(method, LETKF):
        assert torch.allclose(single.double(), double, atol=5e-3)


def test_letkf_asks_where_observations_sit():
    norm = CallableOperator("norm", lambda x: x.norm(dim=-1, keepdim=True))
    forecast, y = normals(0, 7, 9), normals(1, 1)
    with pytest.raises(ValueError, match="at="):
        LETKF().analyse(forecast, y, norm, 0.5, seeded())
    placed = CallableOperator("norm", norm.function, at=(0,))
    moved = LETKF(radius=1).analyse(forecast, y, placed, 0.5, seeded()) - forecast
    assert moved[:, 0].abs().max() > 1e-3
    assert moved[:, 4].abs().max() < 1e-12
    assert torch.isfinite(EnKF().analyse(forecast, y, norm, 0.5, seeded())).all()


@pytest.mark.parametrize("method", [EnKF(), LETKF()])
@pytest.mark.parametrize(
    ("forecast", "observation", "sd", "words"),
    [
        (torch.zeros(1, 3), torch.zeros(3), 0.1, "at least 2 members"),
        (torch.full((4, 3), math.nan), torch.zeros(3), 0.1, "NaN"),
        (torch.zeros(4, 3), torch.zeros(2), 0.1, "observation has"),
        (torch.zeros(4, 3), torch.full((3,), math.inf), 0.1, "infinite"),
        (torch.zeros(4, 3), torch.zeros(3), 0.0, "positive"),
    ],
)
def test_bad_input_is_a_sentence(method, forecast, observation, sd, words):
    with pytest.raises(ValueError, match=words):
        method.analyse(forecast, observation, IDENTITY, sd, seeded())


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        (EnKF, {"inflation": 0.0}, "inflation"),
        (EnKF, {"relaxation": "rtpx"}, "rtps, rtpp"),
        (LETKF, {"relaxation_weight": 1.5}, "relaxation_weight"),
        (LETKF, {"radius": 0.0}, "radius"),
        (LETKF, {"radius": math.nan}, "radius"),
    ],
)
def test_bad_options_are_refused(kind, options, words):
    with pytest.raises(ValueError, match=words):
        kind(**options)

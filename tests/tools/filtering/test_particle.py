from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.filtering.operators import CallableOperator, operator_named
from bethink.tools.filtering.particle import ParticleFilter, systematic_resampling

IDENTITY = operator_named("identity")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 100_000), weights=st.lists(st.floats(0, 1), min_size=1, max_size=50).filter(sum))
def test_each_member_is_drawn_as_often_as_its_weight_says(seed, weights):
    """Systematic resampling: floor(M w) or ceil(M w) times."""
    w = torch.tensor(weights, dtype=torch.float64)
    w = w / w.sum()
    chosen = systematic_resampling(w, seeded(seed))
    expected = len(w) * w
    count = torch.bincount(chosen, minlength=len(w))
    assert (count >= torch.floor(expected - 1e-9)).all()
    assert (count <= torch.ceil(expected + 1e-9)).all()
    assert count.sum() == len(w)


def test_resampling_favours_nobody():
    """Mean counts over 20,000 draws are M w: standard error under 0.004."""
    w = torch.tensor([0.05, 0.45, 0.3, 0.2], dtype=torch.float64)
    chosen = systematic_resampling(w.expand(20_000, 4), seeded())
    counts = torch.nn.functional.one_hot(chosen, 4).sum(1).double().mean(0)
    assert torch.allclose(counts, 4 * w, atol=0.016)


def test_every_experiment_of_a_batch_is_resampled_by_its_own_weights():
    w = torch.eye(5, dtype=torch.float64)
    assert torch.equal(systematic_resampling(w, seeded()), torch.arange(5)[:, None].expand(5, 5))


@pytest.mark.parametrize(("prior_sd", "sd", "y"), [(1.0, 1.0, 2.0), (2.0, 0.5, -1.0)])
def test_many_members_find_kalmans_posterior(prior_sd, sd, y):
    """100,000 members; tolerance four standard errors of as many independent draws, doubled for the weights."""
    count = 100_000
    forecast = prior_sd * torch.randn(count, 1, generator=seeded(), dtype=torch.float64)
    observation = torch.tensor([y], dtype=torch.float64)
    analysis = ParticleFilter(jitter=0).analyse(forecast, observation, IDENTITY, sd, seeded(1))
    gain = prior_sd**2 / (prior_sd**2 + sd**2)
    spread = math.sqrt(1 - gain) * prior_sd
    assert float(analysis.mean()) == pytest.approx(gain * y, abs=8 * spread / math.sqrt(count))
    assert float(analysis.std()) == pytest.approx(spread, abs=8 * spread / math.sqrt(2 * count))


def test_counts_of_a_poisson_process():
    """Rates from Gamma(3, 1) and a count of 5: the posterior is Gamma(8, 2), mean 4 and sd 1.414."""
    count = 100_000
    rates = torch.distributions.Gamma(torch.tensor(3.0, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64))
    torch.manual_seed(0)
    forecast = rates.sample((count, 1))
    poisson = CallableOperator("counts", lambda x: x, density=lambda y, rate, sd: y * rate.log() - rate)
    observation = torch.tensor([5.0], dtype=torch.float64)
    analysis = ParticleFilter(jitter=0).analyse(forecast, observation, poisson, 1.0, seeded(1))
    assert float(analysis.mean()) == pytest.approx(4, abs=0.04)
    assert float(analysis.std()) == pytest.approx(math.sqrt(2), abs=0.04)
    skew = float((analysis - analysis.mean()).pow(3).mean() / analysis.std() ** 3)
    assert skew == pytest.approx(2 / math.sqrt(8), abs=0.1)


def test_without_observations_everybody_stays():
    forecast = torch.randn(3, 40, 2, generator=seeded(), dtype=torch.float64)
    nothing = torch.full((3, 2), math.nan, dtype=torch.float64)
    assert torch.equal(ParticleFilter(jitter=0).analyse(forecast, nothing, IDENTITY, 0.1, seeded(1)), forecast)


def test_without_jitter_members_are_copies():
    forecast = torch.randn(40, 2, generator=seeded())
    analysis = ParticleFilter(jitter=0).analyse(forecast, torch.zeros(2), IDENTITY, 0.3, seeded(1))
    assert {tuple(row) for row in analysis.tolist()} <= {tuple(row) for row in forecast.tolist()}
    assert len(torch.unique(analysis, dim=0)) < 40


def test_jitter_parts_copies_by_its_bandwidth():
    """One member takes all: what is left is the jitter, 0.5 M^(-1/5) forecast spreads; four standard errors."""
    count = 20_000
    forecast = 3 * torch.randn(count, 1, generator=seeded(), dtype=torch.float64)
    forecast[7] = 1000.0
    y = torch.tensor([1000.0], dtype=torch.float64)
    analysis = ParticleFilter(jitter=0.5).analyse(forecast, y, IDENTITY, 0.1, seeded(1))
    bandwidth = 0.5 * count ** (-1 / 5) * float(forecast.std())
    assert float(analysis.mean()) == pytest.approx(1000, abs=4 * bandwidth / math.sqrt(count))
    assert float(analysis.std()) == pytest.approx(bandwidth, rel=4 / math.sqrt(2 * count))


def test_impossible_likelihoods_stay_finite():
    """An observation a million errors away: the nearest member takes all."""
    forecast = torch.randn(30, 1, generator=seeded())
    analysis = ParticleFilter(jitter=0).analyse(forecast, torch.tensor([1e5]), IDENTITY, 0.1, seeded(1))
    assert torch.equal(analysis, forecast.amax().expand(30, 1))


@pytest.mark.parametrize("jitter", [-0.1, math.nan, math.inf])
def test_bad_jitter_is_refused(jitter):
    with pytest.raises(ValueError, match="jitter"):
        ParticleFilter(jitter=jitter)

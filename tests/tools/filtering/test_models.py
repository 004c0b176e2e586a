from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.filtering import models, statistics
from bethink.tools.filtering.models import (
    SYSTEM_NAMES,
    DynamicalSystem,
    double_well,
    long_run_climate,
    lorenz63,
    lorenz96,
    rk4,
    runge_kutta,
    system_named,
)

WITH_NOISE = ("double_well", "random_walk", "linear")


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_lorenz96_rests_where_all_sites_equal_the_force():
    system = lorenz96(12)
    rest = torch.full((1, 12), 8.0, dtype=torch.float64)
    assert torch.allclose(system.forecast(rest, 5), rest)


def test_lorenz63_rests_at_its_wings_centres():
    c = (8 / 3 * 27) ** 0.5
    centre = torch.tensor([[c, c, 27.0]], dtype=torch.float64)
    assert torch.allclose(lorenz63().forecast(centre, 3), centre, atol=1e-9)


def test_rk4_is_of_fourth_order():
    def error(steps: int) -> float:
        state = torch.ones(1, dtype=torch.float64)
        for _ in range(steps):
            state = rk4(lambda x: -x, state, 1 / steps)
        return abs(float(state) - torch.exp(torch.tensor(-1.0, dtype=torch.float64)).item())

    assert 14 < error(10) / error(20) < 18


@pytest.mark.parametrize(
    ("name", "states", "time"),
    [
        ("lorenz63", 64, 100.0),
        ("lorenz96", 16, 100.0),
        ("kuramoto_sivashinsky", 32, 100.0),
        ("double_well", 1000, 20.0),
        ("linear", 500, 50.0),
    ],
)
def test_the_climate_is_that_of_a_long_run(name, states, time):
    # the constants come from this function with its defaults (64 states, 1000 time units)
    system = system_named(name)
    mean, sd = long_run_climate(system, states, time, seed=1)
    stated_mean, stated_sd = mean.new_tensor(system.climate_mean), mean.new_tensor(system.climate_sd)
    if len(stated_sd) == 1:
        mean, sd = mean.mean(), sd.square().mean().sqrt()
    assert (mean - stated_mean).abs().max() < 0.05 * stated_sd.max()
    assert (sd / stated_sd - 1).abs().max() < 0.03


def test_the_double_wells_stationary_density_is_boltzmanns():
    # noise 1 so that wells are changed often; exp(-2 V / noise^2) with V = x^4 - 2 x^2
    system, generator = double_well(noise=1.0, dt=0.002), chance(3)
    state = system.draw(20_000, generator, torch.float64)
    kept = []
    for _ in range(8):
        state = system.forecast(state, 500, generator)
        kept.append(state)
    edges = torch.linspace(-2, 2, 21, dtype=torch.float64)
    counts = torch.histogram(torch.cat(kept[2:]).flatten(), bins=edges).hist
    fine = torch.linspace(-2, 2, 20 * 50 + 1, dtype=torch.float64)
    density = torch.exp(-2 * (fine**4 - 2 * fine**2))
    mass = density[:-1].view(20, 50).sum(1)
    share, expected = counts / counts.sum(), mass / mass.sum()
    assert (share - expected).abs().max() < 0.006
    assert expected.max() > 0.09  # so that the tolerance means something
    narrow = torch.exp(-1.5 * (fine**4 - 2 * fine**2))[:-1].view(20, 50).sum(1)
    assert (share - narrow / narrow.sum()).abs().max() > 0.015  # another noise's density does not fit


@pytest.mark.parametrize("noise", [1.0, 2.0])
def test_the_double_wells_spread_is_right_for_other_noises(noise):
    system = double_well(noise, dt=0.005)
    _, sd = long_run_climate(system, 4000, 5.0)
    assert float(sd) == pytest.approx(system.climate_sd[0], rel=0.02)


@pytest.mark.parametrize("name", SYSTEM_NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_system_stays_finite_and_keeps_shape_and_type(name, dtype):
    system, generator = system_named(name), chance()
    first = system.draw((2, 5), generator, dtype)
    before = first.clone()
    last = system.forecast(first, 50, generator)
    assert last.shape == first.shape == (2, 5, system.dimension)
    assert last.dtype == dtype
    assert torch.isfinite(last).all()
    assert torch.equal(first, before)
    assert not torch.equal(last, first)


@pytest.mark.parametrize("name", SYSTEM_NAMES)
def test_the_same_seed_gives_the_same_run(name):
    system = system_named(name)
    first = system.draw(4, chance())
    one, same, other = (system.forecast(first, 5, chance(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert torch.equal(one, other) == (name not in WITH_NOISE)


@pytest.mark.parametrize("name", WITH_NOISE)
def test_noise_needs_a_generator(name):
    system = system_named(name)
    with pytest.raises(ValueError, match="Generator"):
        system.forecast(torch.zeros(3, system.dimension), 1)
    quiet = system_named(name, noise=0.0)
    assert torch.equal(quiet.forecast(torch.zeros(3, quiet.dimension), 2), torch.zeros(3, quiet.dimension))


@pytest.mark.parametrize("name", ["lorenz63", "lorenz96", "kuramoto_sivashinsky"])
def test_a_forecast_in_chunks_is_the_forecast(name, monkeypatch):
    system = system_named(name)
    first = system.draw(23, chance(), torch.float64)
    whole = system.forecast(first, 4)
    monkeypatch.setattr(models, "CACHED_NUMBERS", 5 * system.dimension)
    assert torch.allclose(system.forecast(first, 4), whole, rtol=0, atol=1e-12)


@given(members=st.integers(1, 12), steps=st.integers(1, 5))
@settings(deadline=None)
def test_a_step_that_hands_back_its_input_does_not_change_it(members, steps):
    # the clip is in place: it must not reach the caller's tensor
    lazy = DynamicalSystem("lazy", 2, lambda state, dt, generator: state, 1.0, 1, (0.0,), (1.0,), bound=0.5)
    first = torch.randn(members, 2, generator=chance(members)) * 3
    before = first.clone()
    assert lazy.forecast(first, steps).abs().max() <= 0.5
    assert torch.equal(first, before)


def test_a_forecast_is_clipped_to_the_bound():
    wild = DynamicalSystem("wild", 1, runge_kutta(lambda x: x**2), 0.1, 1, (0.0,), (1.0,), bound=20.0)
    assert float(wild.forecast(torch.full((1, 1), 15.0), 50)) == 20.0


def test_your_own_tendency_is_a_system():
    decay = DynamicalSystem("decay", 2, runge_kutta(lambda x: -x), 0.1, 1, (0.0,), (1.0,), 10.0)
    assert decay.forecast(torch.ones(3, 2, dtype=torch.float64), 10)[0, 0] == pytest.approx(0.36787977, abs=1e-7)
    finer = replace(decay, dt=0.05)
    assert finer.forecast(torch.ones(1, 2, dtype=torch.float64), 20)[0, 0] == pytest.approx(0.36787944, abs=3e-8)


@pytest.mark.parametrize(
    ("name", "dimension", "options"),
    [
        ("lorenz96", 3, {}),
        ("kuramoto_sivashinsky", 65, {}),
        ("kuramoto_sivashinsky", 62, {}),
        ("random_walk", 0, {}),
        ("linear", 3, {}),
        ("linear", 6000, {}),
        ("linear", 1, {"matrix": "advection"}),
        ("double_well", None, {"noise": -1.0}),
        ("double_well", None, {"dt": 0.5}),
    ],
)
def test_impossible_systems_are_refused(name, dimension, options):
    with pytest.raises(ValueError):
        system_named(name, dimension, **options)


def test_unknown_names_and_options_are_refused_with_what_there_is():
    with pytest.raises(ValueError, match="lorenz63, lorenz96, kuramoto_sivashinsky, double_well, random_walk, linear"):
        system_named("nosuch", 10)
    with pytest.raises(ValueError, match="sigma, rho, beta"):
        system_named("lorenz63", foo=1)


@pytest.mark.parametrize(
    ("name", "own", "asked", "got"),
    [
        ("lorenz63", 3, 40, 3),
        ("double_well", 1, 40, 1),
        ("lorenz96", 40, 8, 8),
        ("kuramoto_sivashinsky", 128, 64, 64),
        ("random_walk", 1, 7, 7),
        ("linear", 2, 6, 6),
    ],
)
def test_dimensions_by_name(name, own, asked, got):
    assert system_named(name).dimension == own
    system = system_named(name, asked)
    assert (system.name, system.dimension) == (name, got)


@given(shift=st.floats(-5, 5), scale=st.floats(0.1, 3))
def test_statistics_of_a_known_ensemble(shift, scale):
    members = torch.tensor([[-1.0], [1.0]], dtype=torch.float64) * scale + shift
    truth = torch.tensor([shift], dtype=torch.float64)
    assert float(statistics.rmse(members, truth)) == pytest.approx(0, abs=1e-9)
    assert float(statistics.spread(members)) == pytest.approx(scale * 2**0.5)
    # E|X - y| - E|X - X'| / 2 = scale - scale / 2
    assert float(statistics.crps(members, truth)) == pytest.approx(scale / 2)

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.filtering.linear_systems import damped_advection, damped_rotation, linear, random_walk


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 6), steps=st.integers(1, 8), seed=st.integers(0, 999))
def test_without_noise_it_is_the_matrix_power(size, steps, seed):
    a = torch.randn(size, size, generator=chance(seed), dtype=torch.float64) / size
    x = torch.randn(4, size, generator=chance(seed + 1), dtype=torch.float64)
    power = torch.linalg.matrix_power(a, steps)
    assert torch.allclose(linear(a, noise=0.0).forecast(x, steps), x @ power.T, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(size=st.integers(1, 5), radius=st.floats(0.1, 0.9), seed=st.integers(0, 99))
def test_the_climate_solves_lyapunovs_equation(size, radius, seed):
    a = torch.randn(size, size, generator=chance(seed), dtype=torch.float64)
    a = a * (radius / torch.linalg.eigvals(a).abs().max())
    noise = [0.1 + 0.2 * i for i in range(size)]
    q = torch.diag(torch.tensor(noise, dtype=torch.float64).square()).flatten()
    # vec P = (I - A x A)^-1 vec Q
    p = torch.linalg.solve(torch.eye(size * size, dtype=torch.float64) - torch.kron(a, a), q).view(size, size)
    stated = torch.tensor(linear(a, noise).climate_sd, dtype=torch.float64)
    assert torch.allclose(stated, p.diagonal().sqrt(), rtol=1e-8)


def test_named_climates_are_those_of_their_matrices():
    for name, matrix in (("rotation", damped_rotation(6)), ("advection", damped_advection(6))):
        named, own = linear(name, 0.3, 6), linear(matrix, 0.3)
        assert named.climate_sd[0] == pytest.approx(0.3 / math.sqrt(1 - 0.98**2))
        assert own.climate_sd == pytest.approx(named.climate_sd * 6)
        x = torch.randn(3, 6, dtype=torch.float64, generator=chance())
        assert torch.equal(named.forecast(x, 3, chance(1)), own.forecast(x, 3, chance(1)))


def test_a_rotation_comes_round_and_advection_moves_ahead():
    x = torch.randn(3, 4, dtype=torch.float64, generator=chance())
    assert torch.allclose(linear("rotation", 0.0, 4).forecast(x, 20), 0.98**20 * x)
    assert torch.allclose(linear("advection", 0.0, 4).forecast(x, 1), 0.98 * x.roll(1, -1))
    assert linear("advection").periodic
    assert not linear("rotation").periodic


def test_noise_has_its_size_in_every_component():
    start = torch.zeros(40_000, 2, dtype=torch.float64)
    walk = random_walk(2, noise=(0.5, 2.0), dt=0.25)
    assert walk.forecast(start, 4, chance()).std(0).tolist() == pytest.approx([0.5, 2.0], rel=0.02)
    one = linear([[0.5, 0.0], [0.0, 0.5]], noise=(1.0, 0.0)).forecast(start, 2, chance())
    assert float(one[:, 0].std()) == pytest.approx(math.sqrt(1 + 0.25), rel=0.02)
    assert float(one[:, 1].abs().max()) == 0


def test_where_there_is_no_climate_the_start_is_as_documented():
    assert random_walk(noise=0.5).climate_sd == (5.0,)
    assert random_walk(2, noise=(0.5, 0.0)).climate_sd == (5.0, 1.0)
    walk = random_walk(2, start_mean=(100.0, -3.0), start_sd=(2.0, 0.1))
    drawn = walk.draw(20_000, chance(), torch.float64)
    assert drawn.mean(0).tolist() == pytest.approx([100.0, -3.0], abs=0.1)
    assert drawn.std(0).tolist() == pytest.approx([2.0, 0.1], rel=0.05)
    assert torch.equal(walk.spun_up(5, chance()), walk.draw(5, chance()))
    # a position with a velocity never settles
    assert linear([[1.0, 1.0], [0.0, 1.0]], noise=(0.0, 0.2)).climate_sd == (1.0, 2.0)
    assert linear([[2.0]], noise=0.3).climate_sd == (3.0,)


@pytest.mark.parametrize(
    "matrix",
    ["nosuch", [[1.0, 2.0]], [[1.0], [2.0, 3.0]], [[float("nan")]], [], [["a"]], torch.zeros(2, 2, 2)],
)
def test_matrices_that_are_none_are_refused(matrix):
    with pytest.raises(ValueError):
        linear(matrix)


@pytest.mark.parametrize(
    "options",
    [
        {"noise": -1.0},
        {"noise": (1.0, 2.0, 3.0)},
        {"start_sd": -1.0},
        {"start_mean": float("inf")},
        {"dimension": 0},
        {"dt": 0.0},
    ],
)
def test_walks_that_are_none_are_refused(options):
    with pytest.raises(ValueError):
        random_walk(**{"dimension": 2, **options})


def test_a_matrix_and_a_dimension_must_agree():
    with pytest.raises(ValueError, match="2 components, not 3"):
        linear([[1.0, 0.0], [0.0, 1.0]], dimension=3)

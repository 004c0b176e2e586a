from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.filtering.kuramoto_sivashinsky import kuramoto_sivashinsky


@pytest.fixture(scope="module")
def wave() -> torch.Tensor:
    return kuramoto_sivashinsky().spun_up(4, torch.Generator().manual_seed(0), torch.float64)


def test_errors_fall_with_about_the_fourth_power_of_the_step(wave):
    exact = kuramoto_sivashinsky(dt=1 / 512).forecast(wave, 1024)
    errors = [
        float((kuramoto_sivashinsky(dt=1 / n).forecast(wave, 2 * n) - exact).abs().max()) for n in (4, 8, 16, 32, 64)
    ]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[0] < 2e-3
    assert (orders > 2.7).all()
    assert 3.5 < orders[-1] < 4.2


def test_it_agrees_with_runge_kutta_on_the_equation_itself(wave):
    # the right-hand side by another way: complex FFT and explicit Runge-Kutta with a tiny step
    k = torch.fft.fftfreq(128, 1 / 128, dtype=torch.float64) * 2 / 32
    ik = 1j * torch.where(k == k.min(), 0.0, k)

    def tendency(u):
        v = torch.fft.fft(u)
        return torch.fft.ifft((k**2 - k**4) * v - 0.5 * ik * torch.fft.fft(u**2)).real

    u, h = wave, 0.005
    for _ in range(100):
        k1 = tendency(u)
        k2 = tendency(u + h / 2 * k1)
        k3 = tendency(u + h / 2 * k2)
        u = u + h / 6 * (k1 + 2 * k2 + 2 * k3 + tendency(u + h * k3))
    assert (kuramoto_sivashinsky(dt=0.01).forecast(wave, 50) - u).abs().max() < 1e-6


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 2e-6)])
def test_the_mean_is_conserved(wave, dtype, tolerance):
    u = wave.to(dtype)
    assert (kuramoto_sivashinsky().forecast(u, 100).mean(-1) - u.mean(-1)).abs().max() < tolerance


@settings(max_examples=15, deadline=None)
@given(shift=st.integers(1, 127), lift=st.floats(-1, 1))
def test_it_is_the_same_everywhere_on_the_circle_and_odd_under_reflection(wave, shift, lift):
    system, u = kuramoto_sivashinsky(), wave + lift
    after = system.forecast(u, 8)
    assert torch.allclose(system.forecast(u.roll(shift, -1), 8), after.roll(shift, -1), atol=1e-10)
    assert torch.allclose(system.forecast(-u.flip(-1), 8), -after.flip(-1), atol=1e-10)


def test_long_waves_grow_and_short_ones_decay_at_the_linear_rate():
    system = kuramoto_sivashinsky()
    grid = torch.arange(128, dtype=torch.float64) / 128 * 2 * torch.pi
    for j in (4, 11, 15, 20):
        k = 2 * j / 32
        small = 1e-6 * torch.sin(j * grid)[None]
        factor = float(system.forecast(small, 4).norm() / small.norm())
        assert factor == pytest.approx(np.exp(k**2 - k**4), rel=1e-4)
        assert (factor > 1) == (k < 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_start_within_the_bound_calms_down(dtype):
    system = kuramoto_sivashinsky()
    noise = torch.randn(50, 128, generator=torch.Generator().manual_seed(1), dtype=dtype) * system.bound
    noise = noise.clamp(-system.bound, system.bound)
    assert system.forecast(noise, 240).abs().max() < 6


def test_single_precision_follows_double(wave):
    system = kuramoto_sivashinsky()
    assert (system.forecast(wave.float(), 40).double() - system.forecast(wave, 40)).abs().max() < 1e-3


@pytest.mark.parametrize(
    ("dimension", "length"), [(63, None), (127, None), (62, None), (0, None), (-64, None), (128, 8.0), (60, 32.0)]
)
def test_what_cannot_be_resolved_is_refused(dimension, length):
    with pytest.raises(ValueError, match="even dimension"):
        kuramoto_sivashinsky(dimension, length)


def test_a_step_must_be_positive():
    with pytest.raises(ValueError, match="time step"):
        kuramoto_sivashinsky(dt=0.0)

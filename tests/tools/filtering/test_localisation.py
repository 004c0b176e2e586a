from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bethink.tools.filtering.localisation import CUTOFF, GASPARI_COHN, gaspari_cohn, neighbours


def double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@given(radius=st.floats(0.1, 50))
def test_gaspari_cohn_at_its_landmarks(radius):
    """1 at 0, 5/24 at the knot, about exp(-1/2) = 0.607 at the radius (0.634: DAPPER's convention), 0 from 3.64 on."""
    c = GASPARI_COHN * radius
    assert float(gaspari_cohn(double(0.0), radius)) == 1
    assert float(gaspari_cohn(double(c), radius)) == pytest.approx(5 / 24)
    assert float(gaspari_cohn(double(radius), radius)) == pytest.approx(0.6336, abs=1e-4)
    assert gaspari_cohn(double(2 * c, 2.5 * c, 100 * c), radius).abs().max() < 1e-12


def test_gaspari_cohn_is_smooth_and_falls():
    """Continuous with its first derivative, also over the knots at c and 2c, and never rising."""
    step = 1e-4
    r = torch.arange(0, 4, step, dtype=torch.float64)
    slope = gaspari_cohn(r, 1.0).diff() / step
    assert slope.max() < 1e-9
    assert slope.diff().abs().max() < 2 * step
    assert slope.min() > -0.7


@settings(max_examples=30, deadline=None)
@given(dimension=st.integers(4, 40), share=st.floats(0.05, 1))
def test_gaspari_cohn_is_a_covariance_on_a_circle(dimension, share):
    """As long as it reaches no more than half around (farther, the shorter way around is no sum of images)."""
    radius = share * dimension / 2 / (2 * GASPARI_COHN)
    place = torch.arange(dimension, dtype=torch.float64)
    gap = (place[:, None] - place).abs()
    taper = gaspari_cohn(torch.minimum(gap, dimension - gap), radius)
    assert torch.linalg.eigvalsh(taper).min() > -1e-10


def as_matrix(dimension: int, sites: Tensor, radius: float, periodic: bool) -> Tensor:
    near = neighbours(dimension, sites, radius, periodic)
    return torch.zeros(dimension, len(sites), dtype=torch.float64).scatter_add_(1, near.index, near.taper)


def by_brute_force(dimension: int, sites: Tensor, radius: float, periodic: bool) -> Tensor:
    gap = (torch.arange(dimension, dtype=torch.float64)[:, None] - sites).abs()
    gap = torch.minimum(gap, dimension - gap) if periodic else gap
    taper = gaspari_cohn(gap, radius)
    return torch.where(taper > CUTOFF, taper, 0.0)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), dimension=st.integers(1, 40), radius=st.floats(0.05, 30), periodic=st.booleans())
def test_neighbours_are_those_of_the_whole_table(data, dimension, radius, periodic):
    """Sites in any order, several on one component, or just one."""
    sites = torch.tensor(data.draw(st.lists(st.integers(0, dimension - 1), min_size=1, max_size=2 * dimension)))
    found = as_matrix(dimension, sites, radius, periodic)
    assert torch.allclose(found, by_brute_force(dimension, sites, radius, periodic), atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3, 7])
@pytest.mark.parametrize("periodic", [True, False])
def test_strides(stride, periodic):
    """A stride that does not divide the circle leaves a narrower gap at its end."""
    sites = torch.arange(0, 20, stride)
    for radius in (0.5, 1.0, 2.6, 10.0):
        found = as_matrix(20, sites, radius, periodic)
        assert torch.allclose(found, by_brute_force(20, sites, radius, periodic), atol=1e-12)


def test_large_states_need_no_table():
    """200,000 components with a radius of 4: 15 candidates each, of which those above the cutoff are kept."""
    near = neighbours(200_000, torch.arange(0, 200_000, 2), 4.0)
    assert near.index.shape == near.taper.shape
    assert near.index.shape[1] <= 15
    assert near.taper.amax(-1).min() > 0.9


def test_a_place_that_hears_nothing_has_only_pads():
    near = neighbours(40, torch.tensor([3]), 1.0)
    assert near.index.shape == (40, 1)
    assert near.taper[30].eq(0).all()
    assert near.taper[3].eq(1).all()


@pytest.mark.parametrize("radius", [0.0, -1.0, math.nan])
def test_a_radius_must_be_positive(radius):
    with pytest.raises(ValueError, match="radius"):
        neighbours(10, torch.arange(10), radius)

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bethink.tools.filtering import statistics
from bethink.tools.filtering.models import lorenz63, lorenz96, rk4, system_named


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


@pytest.mark.parametrize(("name", "dimension"), [("lorenz96", 3), ("nosuch", 10)])
def test_impossible_systems_are_refused(name, dimension):
    with pytest.raises(ValueError):
        system_named(name, dimension)


@given(shift=st.floats(-5, 5), scale=st.floats(0.1, 3))
def test_statistics_of_a_known_ensemble(shift, scale):
    members = torch.tensor([[-1.0], [1.0]], dtype=torch.float64) * scale + shift
    truth = torch.tensor([shift], dtype=torch.float64)
    assert statistics.rmse(members, truth) == pytest.approx(0, abs=1e-9)
    assert statistics.spread(members) == pytest.approx(scale * 2**0.5)
    # E|X - y| - E|X - X'| / 2 = scale - scale / 2
    assert statistics.crps(members, truth) == pytest.approx(scale / 2)

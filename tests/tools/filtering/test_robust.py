from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.filtering.kalman import kalman_update
from bethink.tools.filtering.localisation import neighbours
from bethink.tools.filtering.models import lorenz96
from bethink.tools.filtering.operators import OPERATOR_NAMES, CallableOperator, operator_named
from bethink.tools.filtering.robust import RobustFilter, _far_apart
from bethink.tools.filtering.twin import TwinExperiment, run_twin

IDENTITY = operator_named("identity")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=40, deadline=None)
@given(d=st.integers(3, 200), radius=st.floats(0.3, 12), stride=st.integers(1, 4), periodic=st.booleans())
def test_observations_of_a_group_share_no_neighbour_and_none_is_left_out(d, radius, stride, periodic):
    sites = torch.arange(0, d, stride)
    near = neighbours(d, torch.arange(d), radius, periodic)
    groups = list(_far_apart(sites, d, radius))
    assert sorted(torch.cat(groups).tolist()) == list(range(len(sites)))
    for group in groups:
        around = [set(near.index[s][near.taper[s] > 0].tolist()) for s in sites[group]]
        assert sum(map(len, around)) == len(set().union(*around))


def test_a_big_gaussian_ensemble_meets_kalmans_answer():
    """Three correlated components, the first and third seen; members hardly localised, nothing relaxed.

    Tolerance: four standard errors of 4000 members, and 2 % for the grid of cells.
    """
    members = 4000
    root = torch.tensor([[1.0, 0, 0], [0.8, 0.6, 0], [0.5, 0.3, 0.8]], dtype=torch.float64)
    forecast = torch.randn(members, 3, generator=seeded(), dtype=torch.float64) @ root.T
    h = torch.tensor([[1.0, 0, 0], [0, 0, 1.0]], dtype=torch.float64)
    y = torch.tensor([0.7, -0.4], dtype=torch.float64)
    method = RobustFilter(radius=1e4, periodic=False, relaxation_weight=0.0, grid=256)
    analysis = method.analyse(forecast, y, operator_named("identity", 2), 0.5, seeded(1))
    mean, covariance = kalman_update(forecast.mean(0), forecast.T.cov(), h, y, 0.5)
    sd = covariance.diagonal().sqrt()
    assert ((analysis.mean(0) - mean).abs() < (4 / members**0.5 + 0.02) * sd).all()
    scale = sd[:, None] * sd
    assert ((analysis.T.cov() - covariance).abs() < (4 * (2 / members) ** 0.5 + 0.04) * scale).all()


def test_a_shock_opens_the_prior_where_it_struck_and_only_there():
    forecast = 0.1 * torch.randn(20, 100, generator=seeded(), dtype=torch.float64)
    truth = torch.zeros(100, dtype=torch.float64)
    truth[40:60] = 3.0
    y = truth + 0.05 * torch.randn(100, generator=seeded(2), dtype=torch.float64)
    analysis = RobustFilter().analyse(forecast, y, IDENTITY, 0.05, seeded(1))
    error = (analysis.mean(0) - truth).abs()
    assert error[42:58].max() < 0.25
    spread = analysis.std(0)
    assert spread[5:20].max() < 0.12
    calm = RobustFilter().analyse(
        forecast, 0.05 * torch.randn(100, generator=seeded(3), dtype=torch.float64), IDENTITY, 0.05, seeded(1)
    )
    assert torch.allclose(calm.std(0)[5:20], spread[5:20], rtol=0.2)


def test_a_component_nobody_sees_follows_its_neighbour_and_widens_in_a_shock():
    common = torch.randn(40, 1, generator=seeded(), dtype=torch.float64)
    forecast = common + 0.1 * torch.randn(40, 8, generator=seeded(1), dtype=torch.float64)
    half = operator_named("identity", 2)
    analysis = RobustFilter().analyse(forecast, torch.full((4,), 1.0, dtype=torch.float64), half, 0.1, seeded(2))
    assert (analysis.mean(0)[1::2] - 1).abs().max() < 0.3
    narrow = 0.05 * forecast
    shocked = RobustFilter().analyse(narrow, torch.full((4,), 3.0, dtype=torch.float64), half, 0.1, seeded(2))
    assert shocked.std(0)[1::2].min() > 5 * narrow.std(0).max()


def test_missing_observations_leave_members_alone():
    forecast = torch.randn(20, 30, generator=seeded())
    nothing = torch.full((30,), math.nan)
    analysis = RobustFilter().analyse(forecast, nothing, IDENTITY, 0.1, seeded(1))
    assert torch.allclose(analysis, forecast, atol=1e-5)
    one = nothing.clone()
    one[3] = 2.0
    analysis = RobustFilter(radius=1.0).analyse(forecast, one, IDENTITY, 0.1, seeded(1))
    assert float(analysis[:, 3].mean()) == pytest.approx(2, abs=0.15)
    assert (analysis[:, 15:25].mean(0) - forecast[:, 15:25].mean(0)).abs().max() < 0.3


@settings(max_examples=20, deadline=None)
@given(
    name=st.sampled_from(OPERATOR_NAMES), stride=st.integers(1, 3), seed=st.integers(0, 99), far=st.floats(-1e6, 1e6)
)
def test_members_stay_finite_whatever_is_observed(name, stride, seed, far):
    operator = operator_named(name, stride)
    forecast = torch.randn(10, 12, generator=seeded(seed))
    y = operator.observe(torch.full((12,), far))
    assert torch.isfinite(RobustFilter().analyse(forecast, y, operator, 0.05, seeded(1))).all()


def test_a_batch_is_its_experiments_side_by_side():
    forecast = torch.randn(3, 20, 15, generator=seeded(), dtype=torch.float64)
    y = torch.randn(3, 15, generator=seeded(1), dtype=torch.float64)
    batch = RobustFilter().analyse(forecast, y, IDENTITY, 0.5, seeded(2))
    for k in range(3):  # every component is seen: no chance enters
        assert torch.allclose(batch[k], RobustFilter().analyse(forecast[k], y[k], IDENTITY, 0.5, seeded(9)), atol=1e-6)


def test_single_precision_is_enough_for_members_much_closer_than_their_size():
    truth = 3.6 * torch.randn(100, generator=seeded(), dtype=torch.float64) + 2.3
    forecast = truth + 2e-4 * torch.randn(20, 100, generator=seeded(1), dtype=torch.float64)
    cubic = operator_named("cubic")
    y = cubic.observe(truth) + 0.05 * torch.randn(100, generator=seeded(2), dtype=torch.float64)
    double = RobustFilter().analyse(forecast, y, cubic, 0.05, seeded(3))
    single = RobustFilter().analyse(forecast.float(), y.float(), cubic, 0.05, seeded(3)).double()
    assert (single - double).abs().max() < 3e-5


def test_an_outlier_is_drawn_in():
    forecast = torch.randn(50, 6, generator=seeded())
    forecast[0] = 40.0
    assert ((forecast - forecast.mean(0)) / forecast.std(0))[0].abs().min() > 6
    for _ in range(3):
        forecast = RobustFilter().analyse(forecast, torch.zeros(6), IDENTITY, 1.0, seeded(1))
    assert ((forecast - forecast.mean(0)) / forecast.std(0)).abs().max() < 4


@pytest.mark.parametrize(
    "options",
    [{"radius": 0.0}, {"widths": ()}, {"widths": (0.5,)}, {"relaxation_weight": 1.5}, {"grid": 3}],
)
def test_bad_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        RobustFilter(**options)


def test_an_operator_that_mixes_components_is_refused_with_advice():
    total = CallableOperator("total", lambda x: x.sum(-1, keepdim=True))
    with pytest.raises(ValueError, match="EnKF"):
        RobustFilter().analyse(torch.zeros(4, 3), torch.zeros(1), total, 0.1, seeded())


@pytest.mark.parametrize(("shock_sd", "bound"), [(0.0, 0.075), (2.0, 0.3)])
def test_calm_and_shocked_worlds_with_one_setting(shock_sd, bound):
    """d = 40, arctan, noise 0.05, 20 members; with d = 100 and 20 seeds the bench measures 0.05 and 0.2."""
    experiment = TwinExperiment(
        lorenz96(40, dt=0.01), operator_named("arctan"), 0.05, 80, 10, seed=1, replicates=3, start="origin",
        shock_every=20, shock_scale=0.0, shock_sd=shock_sd, free=False, burn_in=40,
    )  # fmt: skip
    result = run_twin(experiment, RobustFilter(), 20)
    assert not result.diverged.any()
    assert result.after_burn_in(result.rmse) < bound

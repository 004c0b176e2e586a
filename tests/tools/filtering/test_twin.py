from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.filtering import plot, statistics
from bethink.tools.filtering.models import lorenz63, lorenz96
from bethink.tools.filtering.operators import CallableOperator, operator_named
from bethink.tools.filtering.score_filter import EnsembleScoreFilter
from bethink.tools.filtering.twin import TwinExperiment, run_twin

METHOD = EnsembleScoreFilter(n_steps=30, stepper="exponential")
SMALL = TwinExperiment(lorenz96(8), operator_named("identity"), sd=0.3, cycles=12, steps_between=1, seed=3)


class Nothing:
    """A filter that ignores observations."""

    def analyse(self, forecast, observation, operator, sd, generator):
        return forecast


@pytest.mark.parametrize("system", [lorenz63(), lorenz96(40)])
def test_the_climate_is_that_of_a_long_run(system):
    state = system.draw(200, torch.Generator().manual_seed(0), torch.float64)
    state = system.forecast(state, round(10 / system.dt))
    kept = []
    for _ in range(30):
        state = system.forecast(state, round(0.5 / system.dt))
        kept.append(state)
    run = torch.cat(kept)
    mean, sd = run.new_tensor(system.climate_mean), run.new_tensor(system.climate_sd)
    assert (run.mean(0) - mean).abs().max() < 0.06 * float(sd.max())
    assert (run.std(0) / sd - 1).abs().max() < 0.05
    assert run.abs().max() < system.bound


def test_the_truth_is_the_same_for_every_filter_and_ensemble():
    ours, none = run_twin(SMALL, METHOD, 10), run_twin(SMALL, Nothing(), 25)
    assert np.array_equal(ours.truth, none.truth)
    assert np.array_equal(ours.observations, none.observations)
    assert np.allclose(none.rmse, none.free_rmse)
    assert not np.array_equal(run_twin(replace(SMALL, seed=4), METHOD, 10).truth, ours.truth)


@settings(max_examples=12, deadline=None)
@given(
    name=st.sampled_from(["identity", "arctan", "cubic"]),
    scale=st.floats(0.1, 3),
    stride=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_shocks_never_break_a_run(name, scale, stride, seed):
    experiment = replace(
        SMALL, operator=operator_named(name, stride), sd=0.05, shock_every=3, shock_scale=scale, seed=seed
    )
    result = run_twin(experiment, METHOD, 6)
    for series in (result.rmse, result.spread, result.crps):
        assert np.isfinite(series).all()
        assert (series >= 0).all()
    assert (result.crps <= np.abs(result.rmse) + result.spread).all()


def test_only_observed_components_have_observations():
    result = run_twin(replace(SMALL, operator=operator_named("identity", 3)), METHOD, 6)
    seen = ~np.isnan(result.observations).all(axis=0)
    assert list(np.flatnonzero(seen)) == [0, 3, 6]
    assert np.abs(result.observations[:, seen] - result.truth[:, seen]).max() < 5 * 0.3
    general = replace(SMALL, operator=CallableOperator("sum", lambda x: x.sum(-1, keepdim=True)))
    assert np.isnan(run_twin(general, EnsembleScoreFilter(n_steps=5), 6).observations).all()


def test_a_callback_stops_the_run_by_raising():
    def stop(done: int) -> None:
        if done == 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run_twin(SMALL, METHOD, 5, stop)


@given(count=st.integers(2, 20), seed=st.integers(0, 999))
def test_crps_is_its_definition(count, seed):
    noise = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 3, generator=noise, dtype=torch.float64)
    y = torch.randn(3, generator=noise, dtype=torch.float64)
    pairs = (x[:, None] - x[None]).abs().mean((0, 1)) / 2
    assert statistics.crps(x, y) == pytest.approx(float(((x - y).abs().mean(0) - pairs).mean()))


@pytest.mark.parametrize("cycles", [1, 2, 12])
def test_pictures_are_as_wide_as_a_chat_and_not_blank(tmp_path, cycles):
    import matplotlib.image as mpimg

    field = run_twin(replace(SMALL, cycles=cycles), METHOD, 5)
    three = run_twin(replace(SMALL, system=lorenz63(), cycles=cycles), METHOD, 5)
    paths = [
        plot.draw_field(field, tmp_path / "field.png"),
        plot.draw_errors(field, tmp_path / "errors.png"),
        plot.draw_components(three, ("x", "y", "z"), tmp_path / "components.png"),
    ]
    for path in paths:
        pixels = mpimg.imread(path)
        assert 900 < pixels.shape[1] < 1000
        assert 0.5 < pixels[..., :3].mean() < 0.995
        assert pixels[0, 0, :3].min() == 1.0

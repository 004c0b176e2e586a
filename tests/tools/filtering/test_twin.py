from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.filtering import statistics
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
    assert float(statistics.crps(x, y)) == pytest.approx(float(((x - y).abs().mean(0) - pairs).mean()))


def test_an_honest_ensemble_has_flat_ranks_and_full_coverage():
    noise = torch.Generator().manual_seed(0)
    x, y = torch.randn(40, 50_000, generator=noise), torch.randn(50_000, generator=noise)
    counts = statistics.ranks(x, y)
    expected = 50_000 / 41
    assert float(((counts - expected) ** 2 / expected).sum()) < 40 + 5 * 80**0.5  # chi squared with 40 degrees
    assert float(statistics.coverage(x, y)) == pytest.approx(0.95 * 39 / 41, abs=0.005)
    assert float(statistics.coverage(x, y + 9)) == 0


def test_replicates_are_different_worlds_and_averaged_together():
    result = run_twin(replace(SMALL, replicates=3), METHOD, 10)
    assert result.rmse.shape == result.coverage.shape == (3, 12)
    assert len({round(float(value), 6) for value in result.rmse[:, -1]}) == 3
    assert result.after_burn_in(result.rmse) == pytest.approx(result.rmse[:, 4:].mean())
    assert result.ranks.sum() == 3 * 8 * (12 - 4)
    assert result.ranks.shape == (11,)


def test_a_lost_replicate_is_counted_and_stops_nobody_else():
    class Breaks:
        calls = 0

        def analyse(self, forecast, observation, operator, sd, generator):
            self.calls += 1
            if self.calls == 3:
                forecast[1] = torch.nan
            return forecast

    result = run_twin(replace(SMALL, replicates=3), Breaks(), 10)
    assert list(result.diverged) == [False, True, False]
    assert np.isinf(result.rmse[1, 2:]).all()
    assert np.isfinite(result.rmse[[0, 2]]).all()


def test_a_model_that_blows_up_loses_its_replicate_and_nothing_else():
    def step(state, dt, generator):
        return torch.where(state > 6, torch.nan, state)

    system = replace(SMALL.system, step=step, spin_up=0.0)
    result = run_twin(replace(SMALL, system=system, replicates=20), Nothing(), 2)
    assert 0 < result.diverged.sum() < 20
    assert np.isinf(result.rmse[result.diverged][:, 0]).all()


def test_a_listed_shock_comes_once():
    calm = run_twin(SMALL, Nothing(), 10)
    shocked = run_twin(replace(SMALL, shocks=((5, 0.5),)), Nothing(), 10)
    assert np.array_equal(calm.truth[:4], shocked.truth[:4])
    assert np.abs(calm.truth[4] - shocked.truth[4]).max() > 0.1


def test_members_start_where_asked():
    near = run_twin(replace(SMALL, start="truth", start_sd=1e-3, cycles=1), Nothing(), 10)
    assert near.rmse[0, 0] < 0.01
    far = run_twin(replace(SMALL, start="origin", start_sd=0.1, cycles=1), Nothing(), 10)
    assert far.rmse[0, 0] > 1


def test_big_forecasts_need_no_run_beside_them():
    assert np.isnan(run_twin(replace(SMALL, free=False), METHOD, 10).free_rmse).all()

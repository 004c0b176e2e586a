from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.filtering.assimilation import MOST_STEPS, Assimilation, assimilate, model_steps
from bethink.tools.filtering.kalman import LETKF, EnKF, kalman_update
from bethink.tools.filtering.linear_systems import linear, random_walk
from bethink.tools.filtering.models import DynamicalSystem, lorenz63, lorenz96, runge_kutta
from bethink.tools.filtering.observations import ObservationError, ObservedSeries, read_observations
from bethink.tools.filtering.operators import CallableOperator, operator_named
from bethink.tools.filtering.particle import ParticleFilter
from bethink.tools.filtering.score_filter import EnsembleScoreFilter

DIRECT = operator_named("identity")


def chance(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def series_of(values, times=None) -> ObservedSeries:
    values = np.asarray(values, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    times = np.arange(len(values), dtype=np.float64) if times is None else np.asarray(times, dtype=np.float64)
    return ObservedSeries(times, values, tuple(f"c{i}" for i in range(values.shape[1])))


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """A Lorenz-63 run of 120 rows, observed with errors of 1 every 12 steps, a fifth of the cells blank; its truth."""
    system, generator = lorenz63(), chance(5)
    state, truth = system.spun_up(1, generator, torch.float64), []
    for _ in range(120):
        truth.append(state[0].numpy())
        state = system.forecast(state, 12)
    hidden, rng = np.array(truth), np.random.default_rng(6)
    seen = hidden + rng.standard_normal(hidden.shape)
    blank = rng.random(hidden.shape) < 0.2
    blank[40] = True
    path = tmp_path_factory.mktemp("twin") / "lorenz.csv"
    lines = [
        ",".join([f"{row * 0.12:.2f}", *("" if gone else f"{value:.6f}" for value, gone in zip(*cells, strict=True))])
        for row, cells in enumerate(zip(seen, blank, strict=True))
    ]
    path.write_text("\n".join(["time,x,y,z", *lines]) + "\n")
    return path, hidden, blank


@pytest.mark.parametrize(
    ("method", "members", "most"),
    [
        (EnKF(inflation=1.02), 50, 0.8),
        (LETKF(radius=10, periodic=False, inflation=1.02), 30, 0.8),
        (ParticleFilter(), 2000, 0.8),
        (EnsembleScoreFilter(n_steps=40, stepper="exponential", state_scale=4.0), 50, 2.0),
    ],
)
def test_a_file_of_observations_leads_to_the_hidden_truth(twin, method, members, most):
    path, hidden, blank = twin
    series = read_observations(path)
    found = assimilate(series, lorenz63(), DIRECT, 1.0, method, members, time_unit=1.0)
    errors = np.sqrt(((found.mean - hidden) ** 2).mean(1))
    assert errors[30:].mean() < most  # the observations' own error is 1, the climate's 8.5
    assert set(found.steps[1:]) == {12}
    assert np.array_equal(np.isnan(found.innovations), blank)
    assert found.notes[0] == f"{blank.sum()} of 360 values are missing."
    empty = blank.all(1).sum()
    assert found.notes[-1] == f"At {empty} of 120 rows nothing was observed: there the members were only forecast."
    assert 0.5 < found.innovation_ratio < 2


def test_where_nothing_is_observed_members_are_only_forecast(twin):
    path, _, _ = twin
    found = assimilate(read_observations(path), lorenz63(), DIRECT, 1.0, EnKF(), 20)
    assert np.allclose(found.mean[40], found.predicted[40])
    assert np.allclose(found.sd[40], found.predicted_sd[40])
    assert not np.allclose(found.mean[41], found.predicted[41])


def exact_walk(series: ObservedSeries, steps, noise: float, start: tuple[float, float], sd: float):
    """Kalman's own answer for a walk in one dimension: means and deviations before and after each row."""
    one = torch.ones(1, 1, dtype=torch.float64)
    mean, cov, rows = torch.tensor([start[0]], dtype=torch.float64), one * start[1] ** 2, []
    for value, count in zip(series.values[:, 0], steps, strict=True):
        cov = cov + count * noise**2
        before = (float(mean), float(cov) ** 0.5)
        if not np.isnan(value):
            mean, cov = kalman_update(mean, cov, one, torch.tensor([value], dtype=torch.float64), sd)
        rows.append((*before, float(mean), float(cov) ** 0.5))
    return np.array(rows).T


@pytest.mark.parametrize("seed", range(3))
def test_daily_measurements_against_kalmans_exact_answer(tmp_path, seed):
    # days without a line, days without a value; a walk of 0.5 a day seen with errors of 1
    rng = np.random.default_rng(seed)
    days = np.flatnonzero(rng.random(90) < 0.8)
    level = 20 + np.cumsum(0.5 * rng.standard_normal(90))[days]
    value = level + rng.standard_normal(len(days))
    start = np.datetime64("2024-01-20")
    path = tmp_path / "level.csv"
    path.write_text(
        "date;level\n"
        + "".join(
            f"{start + day};{'' if day % 7 == 0 else f'{v:.4f}'.replace('.', ',')}\n"
            for day, v in zip(days, value, strict=True)
        )
    )
    series = read_observations(path)
    walk = random_walk(noise=0.5, start_mean=15.0, start_sd=10.0)
    members = 500
    found = assimilate(series, walk, DIRECT, 1.0, EnKF(), members, seed=seed)
    assert found.steps[1:].tolist() == np.diff(days).tolist()
    before, before_sd, after, after_sd = exact_walk(series, found.steps, 0.5, (15.0, 10.0), 1.0)
    # the mean of M members errs by sd / sqrt(M) at the start and later by less than a few of these
    assert (np.abs(found.mean[:, 0] - after) / after_sd).max() < 6 / members**0.5
    assert (np.abs(found.predicted[:, 0] - before) / before_sd).max() < 6 / members**0.5
    # a sample's sd errs by 1 / sqrt(2 M) of itself
    assert np.abs(found.sd[:, 0] / after_sd - 1).max() < 5 / (2 * members) ** 0.5
    assert np.abs(found.predicted_sd[:, 0] / before_sd - 1).max() < 5 / (2 * members) ** 0.5
    exact_ratio = np.nanmean((series.values[:, 0] - before) ** 2 / (before_sd**2 + 1))
    assert found.innovation_ratio == pytest.approx(exact_ratio, rel=0.1)


def walk_ratio(stated_sd: float) -> float:
    rng = np.random.default_rng(0)
    level = np.cumsum(rng.standard_normal(300))
    series = series_of(level + 2 * rng.standard_normal(300))
    return assimilate(series, random_walk(start_sd=3.0), DIRECT, stated_sd, EnKF(), 100).innovation_ratio


def test_the_innovation_ratio_tells_a_wrong_error_from_the_right_one():
    assert walk_ratio(2.0) == pytest.approx(1, abs=0.2)
    assert walk_ratio(0.7) > 1.8
    assert walk_ratio(6.0) < 0.4


def test_each_column_may_have_its_own_error():
    rng = np.random.default_rng(1)
    values = rng.standard_normal((200, 2)) * (0.1, 5.0)
    still = random_walk(2, noise=0.01, start_sd=20.0)
    both = assimilate(series_of(values), still, DIRECT, (0.1, 5.0), EnKF(), 100)
    assert both.sd[0] == pytest.approx([0.1, 20 * 5 / np.hypot(20, 5)], rel=0.3)
    assert both.innovation_ratio == pytest.approx(1, abs=0.25)


def test_first_members_may_be_given_and_are_not_changed():
    given_members = torch.full((50, 1), 7.0) + 0.1 * torch.randn(50, 1, generator=chance(0))
    before = given_members.clone()
    found = assimilate(
        series_of([np.nan, 9.0]), random_walk(noise=0.1), DIRECT, 1.0, EnKF(), 50, first_members=given_members
    )
    assert found.mean[0, 0] == pytest.approx(7, abs=0.1)
    assert torch.equal(given_members, before)
    with pytest.raises(ValueError, match=r"\(40, 1\) for random_walk, not \(50, 1\)"):
        assimilate(series_of([1.0]), random_walk(), DIRECT, 1.0, EnKF(), 40, first_members=before)


def test_same_seed_same_answer_other_seed_other_answer():
    def run(seed: int) -> Assimilation:
        return assimilate(series_of([1.0, 2.0, 4.0]), linear("rotation"), first, 0.5, EnKF(), 20, seed=seed)

    first = CallableOperator("first", lambda x: x[..., :1])
    assert np.array_equal(run(1).mean, run(1).mean)
    assert not np.array_equal(run(1).mean, run(2).mean)


def test_a_callback_counts_rows_and_stops_the_run_by_raising():
    done = []

    def stop(rows: int) -> None:
        done.append(rows)
        if rows == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        assimilate(series_of([1.0, 2.0, 3.0]), random_walk(), DIRECT, 1.0, EnKF(), 5, on_cycle=stop)
    assert done == [1, 2]


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.lists(st.floats(0.3, 30), min_size=1, max_size=20),
    unit=st.floats(1e-3, 1e3),
    shift=st.floats(-1e3, 1e3),
    between=st.integers(2, 20),
)
def test_steps_are_rounded_gaps_whatever_the_files_unit(gaps, unit, shift, between):
    gaps = [1.0, *gaps, *[1.0] * len(gaps)]  # so that the median gap is 1
    system = replace(lorenz96(), steps_between=between)
    times = shift + unit * np.cumsum([0.0, *gaps])
    steps, _ = model_steps(times, system)
    assert steps[0] == 0
    assert np.abs(steps[1:] - between * np.array(gaps)).max() < 0.5 + 1e-3
    assert steps.min(initial=1, where=np.arange(len(steps)) > 0) >= 1
    same, _ = model_steps(times, system, time_unit=between * system.dt / unit)
    assert np.abs(same - steps).max() <= 1


def test_notes_say_how_gaps_were_rounded():
    system = random_walk()
    _, notes = model_steps(np.array([0.0, 1.0, 2.0, 3.4]), system)
    assert notes[0] == "One unit of the series' time is 1 of the model's; the median gap takes 1 model step."
    assert notes[1].startswith("Gaps were rounded to whole steps: the one before row 4 is 1.40 steps long and took 1.")
    assert "11.8% slow" in notes[1]
    assert len(model_steps(np.array([0.0, 1.0, 2.0]), system)[1]) == 1
    assert model_steps(np.array([3.0]), system)[0].tolist() == [0]
    assert model_steps(np.array([0.0, 0.5]), system, time_unit=1.0)[0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("times", "unit", "message"),
    [
        ([0.0, 1.0, 2.0, 2.4], None, r"Rows 3 and 4 are 0.4 steps"),
        ([0.0, 1.0, 2.0], 0.1, r"Rows 1 and 2 are 0.1 steps"),
        ([0.0, 1.0, 2.0, 3.0 + MOST_STEPS], None, f"100,003 steps of random_walk; {MOST_STEPS:,} is the most"),
        ([0.0, 1.0, 2.0], 1e300, "steps of random_walk"),
        ([-1e308, 1e308], None, "steps"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_rows_that_no_steps_reach_are_refused(times, unit, message):
    with pytest.raises(ObservationError, match=message) as caught:
        assimilate(series_of(np.ones(len(times)), times), random_walk(), DIRECT, 1.0, EnKF(), 5, time_unit=unit)
    assert caught.value.hint


@pytest.mark.parametrize("sd", [0.0, -1.0, float("nan"), float("inf"), (1.0, 1.0, 1.0), (1.0, 0.0), ()])
def test_errors_that_are_none_are_refused(sd):
    with pytest.raises(ValueError, match="standard deviation"):
        assimilate(series_of([[1.0, 2.0]]), random_walk(2), DIRECT, sd, EnKF(), 5)


def test_columns_that_the_operator_does_not_see_are_refused():
    with pytest.raises(ObservationError, match=r"sees 3 values of lorenz63 .* 2 columns \(c0, c1\)") as caught:
        assimilate(series_of([[1.0, 2.0]]), lorenz63(), DIRECT, 1.0, EnKF(), 5)
    assert caught.value.hint


def test_other_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="at least 2 members"):
        assimilate(series_of([1.0]), random_walk(), DIRECT, 1.0, EnKF(), 1)
    with pytest.raises(ValueError, match="time unit"):
        assimilate(series_of([1.0]), random_walk(), DIRECT, 1.0, EnKF(), 5, time_unit=-1.0)


def test_a_model_that_blows_up_is_named_with_its_row():
    wild = DynamicalSystem("wild", 1, runge_kutta(lambda x: x**3), 1.0, 5, (0.0,), (50.0,), bound=float("inf"))
    with pytest.raises(ValueError, match=r"no longer finite at row 2 \(time 1\)"):
        assimilate(series_of([np.nan, np.nan]), wild, DIRECT, 1.0, EnKF(), 5)


def test_a_series_of_which_nothing_is_known_has_no_ratio():
    found = assimilate(series_of([np.nan, np.nan]), random_walk(), DIRECT, 1.0, EnKF(), 5)
    assert np.isnan(found.innovation_ratio)
    assert np.isfinite(found.mean).all()

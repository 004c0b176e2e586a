"""`DiffusionDensity` as scikit-learn sees it: its checks, units, seeds, bad tables, cancelling, memory, no copies."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from bethink.tools.density import DiffusionDensity, TableError, energy_distance, memorisation_ratio
from bethink.tools.density.toys import gaussian_mixture, toy_named


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def quick(**changed: Any) -> DiffusionDensity:
    """Small enough for a fraction of a second; its samples are poor, its density is as it would be."""
    settings_ = {"labels": 200, "network_steps": 20, "ode_steps": 8, "hidden": (16,), "clusters": 2, "random_state": 0}
    return DiffusionDensity(**{**settings_, **changed})


def rows(n: int = 200, d: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


@parametrize_with_checks([quick(random_state=None), quick(clusters="auto", bandwidth=0.3)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# -- the density ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["normal", "gaps"])
def test_it_integrates_to_1_in_one_dimension(name):
    values = rows(400, 1) if name == "normal" else np.r_[rows(200, 1) * 0.1, rows(200, 1, 1) + 6] * 50
    model = quick(clusters="auto").fit(values)
    low, high = values.min() - 20 * values.std(), values.max() + 20 * values.std()
    axis = np.linspace(low, high, 40_001)[:, None]
    assert np.exp(model.log_prob(axis)).sum() * (axis[1, 0] - axis[0, 0]) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("toy", ["two_moons", "checkerboard"])
def test_it_integrates_to_1_in_two_dimensions(toy):
    values = toy_named(toy, 600)
    model = quick(clusters="auto").fit(values)
    low, high = values.min(0) - 2 * values.std(0), values.max(0) + 2 * values.std(0)
    axes = [np.linspace(a, b, 300) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
    cell = np.prod([axis[1] - axis[0] for axis in axes])
    assert np.exp(model.log_prob(grid)).sum() * cell == pytest.approx(1, abs=0.02)


def test_it_is_near_a_known_density():
    truth = gaussian_mixture(2, seed=1)
    model = quick(clusters="auto").fit(truth.sample(2000, seed=2))
    fresh = truth.sample(1000, seed=3)
    assert np.abs(model.log_prob(fresh) - truth.log_prob(fresh)).mean() < 0.15
    assert model.score(fresh) == pytest.approx(truth.log_prob(fresh).mean(), abs=0.06)
    assert model.validation_log_likelihood_ == pytest.approx(model.score(fresh), abs=0.15)


@given(st.integers(0, 100), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
@settings(max_examples=8, deadline=None)
def test_units_change_it_by_their_size_and_origins_do_not(seed, scale, shift):
    values = rows(60, 2, seed)
    scales, shifts = np.array([scale, 1.0]), np.array([shift * scale, -3.0])
    first, second = quick().fit(values), quick().fit(values * scales + shifts)
    moved = second.log_prob(values * scales + shifts)
    np.testing.assert_allclose(moved, first.log_prob(values) - np.log(scale), atol=1e-3)
    assert second.validation_log_likelihood_ == pytest.approx(
        first.validation_log_likelihood_ - np.log(scale), abs=1e-3
    )
    np.testing.assert_allclose(second.sample(20), first.sample(20) * scales + shifts, rtol=1e-3, atol=1e-2 * scale)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 1e9), (1e-12, 0.0), (1e50, 0.0), (1e-50, 0.0)])
def test_samples_keep_their_digits_far_from_1(scale, shift):
    """Seconds since 1970, or a column in metres of galaxies: more than single precision holds."""
    values = rows() * scale + shift
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = quick().fit(values)
        drawn, smoothed = model.sample(100), model.sample_smoothed(100)
    assert len(np.unique(drawn[:, 0])) > 90
    expected = quick().fit(rows()).sample(100)
    np.testing.assert_allclose((drawn - shift) / scale, expected, atol=1e-3)
    assert np.abs((smoothed - shift) / scale).max() < 6
    assert np.isfinite(model.log_prob(values)).all()


def test_score_is_the_mean_and_score_samples_is_log_prob():
    model = quick().fit(rows())
    assert model.score(rows(50)) == pytest.approx(model.log_prob(rows(50)).mean())
    np.testing.assert_array_equal(model.score_samples(rows(50)), model.log_prob(rows(50)))


def test_a_far_row_is_unlikely_but_has_a_density():
    model = quick().fit(rows())
    near, far, farther = model.log_prob([[0, 0], [8, 8], [1e6, -1e6]])
    assert near > far > farther > -np.inf


# -- samples ----------------------------------------------------------------------------------------------------------


def test_samples_are_new_rows_of_the_same_kind_and_no_copies():
    """The distance to the nearest training row is that of fresh rows of the truth."""
    train, held_out, fresh = (toy_named("two_moons", 1500, seed) for seed in (0, 1, 2))
    model = DiffusionDensity(labels=4000, network_steps=1500, hidden=(64, 64), random_state=0).fit(train)
    floor = energy_distance(fresh, held_out)
    for drawn in (model.sample(1500), model.sample_smoothed(1500)):
        assert 0.8 < memorisation_ratio(drawn, held_out, train) < 1.25
        assert energy_distance(drawn, held_out) < 4 * floor + 0.01
    far = energy_distance(np.random.default_rng(0).normal(train.mean(0), train.std(0), (1500, 2)), held_out)
    assert energy_distance(model.sample(1500), held_out) < far / 5


def test_the_same_seed_gives_the_same_model_and_samples():
    first, again, other = (quick(random_state=seed).fit(rows()) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.log_prob(rows(20)), again.log_prob(rows(20)))
    np.testing.assert_array_equal(first.sample(20), again.sample(20))
    np.testing.assert_array_equal(first.sample_smoothed(20), again.sample_smoothed(20))
    assert not np.array_equal(first.sample(20), other.sample(20))
    assert not np.array_equal(first.sample(20), first.sample(20, random_state=5))
    np.testing.assert_array_equal(first.sample(20, random_state=5), again.sample(20, random_state=5))


def test_the_generators_of_torch_and_numpy_are_left_alone():
    torch.manual_seed(3)
    np.random.seed(3)
    before, before_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()
    quick().fit(rows()).sample(3)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], before_numpy)


@pytest.mark.parametrize("method", ["sample", "sample_smoothed"])
def test_less_than_one_sample_is_refused(method):
    with pytest.raises(ValueError, match="at least 1"):
        getattr(quick().fit(rows()), method)(0)


# -- scikit-learn's ways ----------------------------------------------------------------------------------------------


def test_clones_have_the_same_parameters_and_fit_the_same():
    model = quick(bandwidth=0.3, validation_fraction=0.25)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    np.testing.assert_array_equal(copy.fit(rows()).log_prob(rows(9)), model.fit(rows()).log_prob(rows(9)))
    assert not hasattr(clone(model), "mixture_")


def test_it_works_in_a_search_and_a_pipeline():
    search = GridSearchCV(quick(), {"bandwidth": [0.02, 0.6]}, cv=2).fit(rows(100))
    assert search.best_params_ == {"bandwidth": 0.6}
    assert np.isfinite(make_pipeline(StandardScaler(), quick()).fit(rows()).score(rows(10)))


def test_names_of_a_data_frame_are_kept_and_checked():
    frame = pd.DataFrame(rows(), columns=["age", "height"])
    model = quick().fit(frame)
    assert list(model.feature_names_in_) == ["age", "height"]
    np.testing.assert_array_equal(model.log_prob(frame), quick().fit(rows()).log_prob(rows()))
    with pytest.raises(ValueError, match="feature names"):
        model.log_prob(frame.rename(columns={"age": "years"}))
    with pytest.raises(TableError, match=r"Column 'height' is constant \(3\)"):
        quick().fit(frame.assign(height=3))
    with pytest.raises(TableError, match="Column 'age' and column 'height' tell the same"):
        quick().fit(frame.assign(height=-2 * frame["age"]))


def test_what_was_chosen_is_said():
    model = quick(clusters="auto").fit(toy_named("two_moons", 300))
    assert model.n_features_in_ == 2
    assert (model.clusters_, model.bandwidth_) == model.stack_[0][:2]
    assert sum(share for _, _, share in model.stack_) == pytest.approx(1)
    assert 0 < model.bandwidth_ <= 1
    assert {count for count, _, _ in model.stack_} <= {count for count, _, _ in model.choices_}
    assert model.label_seconds_ + model.train_seconds_ < model.fit_seconds_
    assert model.history_[-1][0] == 20
    assert model.network_error_ == min(error for _, _, error in model.history_)
    given_ = quick(clusters=3, bandwidth=0.25).fit(rows())
    assert (given_.clusters_, given_.bandwidth_) == (3, 0.25)


def test_a_larger_table_is_thinned():
    assert quick(rows=100, bandwidth=0.3, clusters=1).fit(rows(1000)).mixture_.log_weights.isfinite().sum() <= 101


# -- progress ---------------------------------------------------------------------------------------------------------


def test_progress_rises_to_1_in_sentences():
    said: list[tuple[float, str]] = []
    quick(progress=lambda share, message: said.append((share, message))).fit(rows())
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert all((message and message[0].isupper()) or message[0].isdigit() for _, message in said)


class Cancelled(Exception):
    pass


def cancelled_at(share: float) -> DiffusionDensity:
    def progress(done: float, message: str) -> None:
        if done >= share:
            raise Cancelled

    return quick(progress=progress)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.99])
def test_what_progress_raises_stops_the_fit_and_leaves_no_half_a_model(share):
    model = cancelled_at(share)
    with pytest.raises(Cancelled):
        model.fit(rows())
    with pytest.raises(NotFittedError):
        model.log_prob(rows(3))
    with pytest.raises(NotFittedError):
        model.sample(3)


def test_a_fit_that_is_stopped_does_not_mix_with_the_one_before():
    model = quick().fit(rows())
    before = model.log_prob(rows(5)), model.sample(5)
    model.set_params(progress=cancelled_at(0.5).progress)
    with pytest.raises(Cancelled):
        model.fit(rows(300, 2, 1) + 5)
    try:
        after = model.log_prob(rows(5)), model.sample(5)
    except NotFittedError:
        return
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_array_equal(after[1], before[1])


# -- bad input --------------------------------------------------------------------------------------------------------


def spoilt(value: object) -> np.ndarray:
    values = rows().astype(object if isinstance(value, str) else float)
    values[3, 1] = value
    return values


BAD: dict[str, tuple[Any, str]] = {
    "NaN": (spoilt(np.nan), "contains NaN"),
    "infinity": (spoilt(np.inf), "contains infinity"),
    "constant": (np.c_[rows(), np.full(200, 5.0)], r"olumn 2 is constant \(5\)"),
    "a column twice": (np.c_[rows(), rows()[:, :1] * 2 + 1], "Column 0 and column 2 tell the same"),
    "3 rows": (rows(3), "3 rows.*At least 10"),
    "no rows": (np.empty((0, 2)), "0 sample"),
    "no columns": (np.empty((50, 0)), r"0 feature"),
    "huge": (rows() * 1e300, "too large to square"),
    "10,000 columns": (rows(20, 10_000), "10,000 columns; 500 is the most"),
    "text": (spoilt("Porto"), "Porto"),
    "complex": (rows() + 1j, "Complex data"),
    "rows all equal": (np.ones((50, 2)), "constant"),
    "four different rows": (rows() > 0, "Only 4 different rows.*categories"),
    "copies of a few rows": (np.repeat(rows(12), 20, axis=0), "copies.*categories"),
    "one row": (rows()[0], "2D array"),
    "three dimensions": (rows()[None], "dim 3"),
    "dates": (np.datetime64("2024-01-01") + np.arange(50)[:, None], "[Dd]ate"),
    "dates in a data frame": (pd.DataFrame({"x": rows()[:, 0], "day": pd.date_range("2024", periods=200)}), "day"),
    "text in a data frame": (pd.DataFrame({"x": rows()[:, 0], "city": "Porto"}), "Porto|city"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_refused_in_words(name):
    values, words = BAD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=words):
            quick().fit(values)


PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "bandwidth above 1": ({"bandwidth": 1.5}, "bandwidth is 1.5"),
    "bandwidth 0": ({"bandwidth": 0}, "bandwidth is 0"),
    "bandwidth NaN": ({"bandwidth": float("nan")}, "bandwidth is nan"),
    "bandwidth in words": ({"bandwidth": "wide"}, "bandwidth is"),
    "no clusters": ({"clusters": 0}, "clusters is 0"),
    "clusters in words": ({"clusters": "many"}, "clusters is"),
    "more clusters than rows": ({"clusters": 500}, "500 clusters"),
    "few labels": ({"labels": 5}, "labels is 5"),
    "one step": ({"ode_steps": 1}, "ode_steps is 1"),
    "no network steps": ({"network_steps": 0}, "network_steps is 0"),
    "too few rows kept": ({"rows": 2}, "rows is 2"),
    "nothing held out": ({"validation_fraction": 0.0}, "validation_fraction is 0"),
    "all held out": ({"validation_fraction": 1.0}, "validation_fraction is 1"),
    "no time": ({"max_seconds": 0}, "max_seconds is 0"),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_bad_parameters_are_refused_in_words(name):
    changed, words = PARAMETERS[name]
    with pytest.raises(ValueError, match=words):
        quick(**changed).fit(rows())


def test_queries_of_another_shape_are_refused():
    model = quick().fit(rows())
    with pytest.raises(ValueError, match="2 features"):
        model.log_prob(rows(5, 3))
    with pytest.raises(ValueError, match="NaN"):
        model.log_prob([[np.nan, 0]])
    with pytest.raises(NotFittedError, match="not fitted"):
        quick().log_prob(rows())
    with pytest.raises(NotFittedError, match="not fitted"):
        quick().sample(3)


# -- tables that are odd but have a density ---------------------------------------------------------------------------


def assert_sound(model: DiffusionDensity, values: np.ndarray) -> None:
    assert np.isfinite(model.log_prob(values)).all()
    drawn = model.sample(50)
    assert drawn.shape == (50, values.shape[1])
    assert np.isfinite(drawn).all()


def test_copies_of_rows_do_not_make_spikes():
    values = np.r_[rows(200), rows(200)]
    model = quick(clusters="auto").fit(values)
    assert_sound(model, values)
    assert model.bandwidth_ > 0.1
    once = quick(clusters="auto").fit(rows(200))
    assert model.score(rows(200, 2, 1)) == pytest.approx(once.score(rows(200, 2, 1)), abs=0.3)
    one = np.r_[rows(200), np.repeat(rows(1), 200, axis=0)]
    assert_sound(quick(clusters="auto").fit(one), one)


def test_columns_of_steps_are_taken_and_named():
    chance = np.random.default_rng(0)
    values = np.c_[rows(400, 1), chance.integers(0, 8, (400, 1)), chance.poisson(3, (400, 1))]
    model = quick(clusters="auto").fit(values)
    assert model.tied_columns_ == [1, 2]
    assert_sound(model, values)
    assert_sound(quick().fit(chance.integers(0, 100, (300, 2))), values[:, 1:])


def test_a_column_that_follows_from_two_others():
    values = np.c_[rows(), rows().sum(1)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_sound(quick(clusters="auto").fit(values), values)


def test_a_column_that_is_0_but_for_one_row_of_a_large_table():
    """Thinned to fewer rows, such a column may be constant in what is left."""
    rare = np.zeros((3000, 1))
    rare[7] = 1
    values = np.c_[rows(3000, 1), rare]
    for seed in range(3):
        with contextlib.suppress(TableError):  # as good as an answer
            assert_sound(quick(rows=500, random_state=seed).fit(values), values)


def test_a_far_value_leaves_the_density_of_the_others_as_it_was():
    values, fresh = rows(500), rows(500, 2, 1)
    before = quick(clusters="auto").fit(values).score(fresh)
    values[0, 0] = 1e6
    assert quick(clusters="auto").fit(values).score(fresh) == pytest.approx(before, abs=0.3)


def test_heavy_tails_stay_finite():
    values = np.random.default_rng(0).standard_cauchy((500, 2))
    assert_sound(quick(clusters="auto").fit(values), values)


@pytest.mark.parametrize("n", [10, 11, 15, 30])
@pytest.mark.parametrize("d", [1, 5, 40])
def test_tiny_tables(n, d):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_sound(quick(clusters="auto").fit(rows(n, d)), rows(n, d))


# -- memory -----------------------------------------------------------------------------------------------------------

CHILD = """
import numpy as np
import torch
from bethink.tools.density.diffusion import labels
from bethink.tools.density.mixture import Clusters, Layer, log_density, smooth

torch.set_num_threads(1)

def peak_megabytes():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024

def kernels(n, d, bandwidth):
    rows = np.random.default_rng(0).normal(size=(n, d))
    return smooth([Layer(Clusters(np.zeros((1, d)), np.eye(d)[None], np.zeros(n, int), rows), bandwidth, 1.0)])

many, queries = kernels(2000, 2, 0.3), torch.ones(40_000, 2, dtype=torch.float64)
few, wide = kernels(1000, 100, 1.0), torch.ones(100_000, 100, dtype=torch.float64)
large, noise = kernels(10_000, 200, 0.3).to(torch.float32), torch.ones(16, 200)
log_density(few, wide[:100]), labels(large, noise, 2)
for work in (
    lambda: log_density(many, queries),  # 640 MB of logits
    lambda: log_density(few, wide),  # 80 MB a copy of the queries
    lambda: labels(large, noise, 40),  # 640 MB of kernels, were they kept for all steps at once
):
    before = peak_megabytes()
    work()
    print(peak_megabytes() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says how much memory a process has had")
def test_memory_is_bounded():
    """What each takes beyond the peak before it: blocks of queries, of wide queries too, and the kernels of one step."""
    # what is freed goes back at once, so that the peak is of what is in use and not of what glibc keeps for later
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "1000000"}
    run = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True, env=environment)
    queries, wide, steps = map(float, run.stdout.split())
    assert queries < 100
    assert wide < 200
    assert steps < 100

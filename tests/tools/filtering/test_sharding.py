"""Two processes on this machine's processor hold one state between them; what they make is laid beside the whole's."""

from __future__ import annotations

import math
import os
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from bethink.tools.filtering import statistics
from bethink.tools.filtering.models import DynamicalSystem, lorenz96, runge_kutta
from bethink.tools.filtering.operators import operator_named
from bethink.tools.filtering.score_filter import EnsembleScoreFilter, softmax_score
from bethink.tools.filtering.sharding import (
    Stencil,
    analyse_sharded,
    forecast_sharded,
    rank_generator,
    rmse_sharded,
    shard_state,
    shard_width,
    softmax_score_sharded,
    state_of_shards,
)

RANKS = 2
MEMBERS, DIMENSION = 12, 37
"""An odd number of components: the two shards have 19 and 18."""


def states(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ring(dimension: int) -> DynamicalSystem:
    """Another local tendency, wider to the right: x_{i-1} - 2 x_i + x_{i+3}, on a circle."""

    def tendency(x: torch.Tensor) -> torch.Tensor:
        return x.roll(1, -1) - 2 * x + x.roll(-3, -1)

    return DynamicalSystem("ring", dimension, runge_kutta(tendency), 0.1, 1, (0.0,), (1.0,), 100.0)


METHODS = {
    f"{prior}_{stepper}": EnsembleScoreFilter(n_steps=40, prior=prior, stepper=stepper, state_scale=2.0)
    for prior in ("own", "softmax")
    for stepper in ("euler", "exponential")
}


def work(rank: int, folder: str) -> None:
    """What each process does; rank 0 writes everything down."""
    torch.set_num_threads(1)
    store = dist.FileStore(f"{folder}/store", RANKS)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=RANKS, timeout=timedelta(seconds=60))
    mesh = dist.init_device_mesh("cpu", (RANKS,))
    found: dict[str, np.ndarray] = {}

    def keep(name: str, value: object) -> None:
        full = value.full_tensor() if isinstance(value, dist.tensor.DTensor) else value
        found[name] = np.asarray(full)

    def message(job: object) -> str:
        try:
            job()  # type: ignore[operator]
        except ValueError as error:
            return str(error)
        return ""

    members, truth = states(1, MEMBERS, DIMENSION), states(2, DIMENSION)
    sharded, sharded_truth = shard_state(members, mesh), shard_state(truth, mesh)
    keep("width", torch.tensor(sharded.to_local().shape[-1]))
    keep("lorenz96", forecast_sharded(lorenz96(DIMENSION), sharded, 25))
    keep("ring", forecast_sharded(ring(DIMENSION), sharded, 5, Stencil(1, 3)))
    keep("rmse", rmse_sharded(sharded, sharded_truth))
    again = state_of_shards(sharded.to_local(), DIMENSION, mesh)
    keep("round_trip", again)

    z = shard_state(states(3, MEMBERS, DIMENSION), mesh)
    score = softmax_score_sharded(z.to_local(), sharded.to_local(), 0.3, 0.5, 0.025, mesh.get_group())
    keep("score", state_of_shards(score, DIMENSION, mesh))

    many, seen = shard_state(states(4, 500, 8), mesh), shard_state(torch.full((8,), 1.5, dtype=torch.float64), mesh)
    few = shard_state(states(4, 40, 8), mesh)
    identity = operator_named("identity")
    for name, method in METHODS.items():
        forecast = many if method.prior == "own" else few
        for run, seed in (("", 5), ("_again", 5), ("_other", 6)):
            analysis = analyse_sharded(method, forecast, seen, identity, 0.5, rank_generator(seed, mesh))
            keep(name + run, analysis)

    broken = states(1, MEMBERS, DIMENSION)
    broken[3, -1] = math.nan  # only the last rank's part is bad
    own = METHODS["own_euler"]
    obs, noise = shard_state(truth, mesh), rank_generator(1, mesh)
    keep("one_bad", message(lambda: analyse_sharded(own, shard_state(broken, mesh), obs, identity, 0.5, noise)))
    stride = operator_named("identity", stride=2)
    keep("stride", message(lambda: analyse_sharded(own, sharded, obs, stride, 0.5, noise)))
    batch = EnsembleScoreFilter(prior="softmax", mini_batch=3)
    keep("batch", message(lambda: analyse_sharded(batch, sharded, obs, identity, 0.5, noise)))
    small = shard_state(states(1, 3, 10), mesh)
    keep("narrow", message(lambda: forecast_sharded(lorenz96(10), small, 1)))
    keep("wrong_width", message(lambda: state_of_shards(torch.zeros(3, 4), DIMENSION, mesh)))
    if rank == 0:
        np.savez(Path(folder) / "found.npz", **found)
    # Both have what they need when both have said so. Then leave at once: gloo's threads sometimes abort a process
    # that tears its group down while the other is still there.
    (Path(folder) / f"done{rank}").touch()
    while not all((Path(folder) / f"done{other}").exists() for other in range(RANKS)):
        time.sleep(0.01)
    os._exit(0)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    folder = tmp_path_factory.mktemp("ranks")
    mp.spawn(work, args=(str(folder),), nprocs=RANKS)
    with np.load(folder / "found.npz") as file:
        return dict(file)


def test_shards_are_uneven_and_come_together_again(found):
    assert int(found["width"]) == 19
    assert [shard_width(DIMENSION, 2, rank) for rank in (0, 1)] == [19, 18]
    assert sum(shard_width(10, 4, rank) for rank in range(4)) == 10
    assert np.array_equal(found["round_trip"], states(1, MEMBERS, DIMENSION).numpy())


@pytest.mark.parametrize(("name", "system", "steps"), [("lorenz96", lorenz96(DIMENSION), 25), ("ring", ring(37), 5)])
def test_the_sharded_forecast_is_the_whole_ones(found, name, system, steps):
    expected = system.forecast(states(1, MEMBERS, DIMENSION), steps).numpy()
    assert np.abs(expected - states(1, MEMBERS, DIMENSION).numpy()).max() > 0.5
    np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-9)


def test_the_sharded_rmse_is_the_whole_ones(found):
    expected = statistics.rmse(states(1, MEMBERS, DIMENSION), states(2, DIMENSION))
    assert float(found["rmse"]) == pytest.approx(float(expected), rel=1e-12)


def test_the_sharded_softmax_score_is_the_whole_ones(found):
    expected = softmax_score(states(3, MEMBERS, DIMENSION), states(1, MEMBERS, DIMENSION), 0.3, 0.5, 0.025)
    np.testing.assert_allclose(found["score"], expected.numpy(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", METHODS)
def test_seeds_decide(found, name):
    assert np.array_equal(found[name], found[name + "_again"])
    assert not np.allclose(found[name], found[name + "_other"])


@pytest.mark.parametrize("name", METHODS)
def test_ranks_do_not_share_their_noise(found, name):
    """With one seed for all ranks, the analyses of component 0 and of 4 (the second shard's first) would agree."""
    analysis = found[name] - found[name + "_other"]
    assert abs(np.corrcoef(analysis[:, 0], analysis[:, 4])[0, 1]) < 0.6


@pytest.mark.parametrize("name", METHODS)
def test_the_sharded_analysis_has_the_whole_ones_law(found, name):
    """Mean and spread over members and components against 20 unsharded runs: four of their standard deviations."""
    method = METHODS[name]
    forecast = states(4, 500 if method.prior == "own" else 40, 8)
    runs = [
        method.analyse(
            forecast, torch.full((8,), 1.5, dtype=torch.float64), operator_named("identity"), 0.5,
            torch.Generator().manual_seed(seed),
        )
        for seed in range(20)
    ]  # fmt: skip
    for statistic in (lambda x: x.mean(), lambda x: x.std(0).mean()):
        whole = np.array([statistic(run.numpy()) for run in runs])
        assert abs(statistic(found[name]) - whole.mean()) < 4 * whole.std()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("one_bad", "Another rank"),
        ("stride", "stride 1"),
        ("batch", "mini_batch"),
        ("narrow", "fewer ranks"),
        ("wrong_width", "must have 19"),
    ],
)
def test_what_cannot_be_split_is_a_sentence(found, name, words):
    assert words in str(found[name])

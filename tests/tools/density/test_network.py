"""The network: it learns, it stops, it keeps its best state, and it leaves torch's own generator alone."""

from __future__ import annotations

import time

import pytest
import torch

from bethink.tools.density import network as module
from bethink.tools.density.network import Map, train_map


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_it_learns_a_linear_map():
    y = noise(3000, 2)
    matrix, shift = torch.tensor([[2.0, -1.0], [0.5, 30.0]]), torch.tensor([100.0, -3.0])
    model, training = train_map(y, y @ matrix + shift, None, (64, 64), 1500)
    assert training.error < 1e-3
    fresh = noise(500, 2, seed=1)
    error = (model.sample(fresh) - (fresh @ matrix + shift)) / torch.tensor([2.0, 30.0])
    assert error.square().mean() < 3e-3


def test_it_learns_from_conditions():
    y, c = noise(3000, 1), noise(3000, 2, seed=1)
    model, _ = train_map(y, c[:, :1] * 2 + y * 0.1, c, (64, 64), 1000)
    with torch.no_grad():
        found = model.sample(noise(200, 1, seed=2), torch.tensor([[1.5, -1.0]]).expand(200, 2))
    assert found.mean() == pytest.approx(3, abs=0.1)
    assert found.std() == pytest.approx(0.1, abs=0.05)


def test_training_ends_early_and_the_best_state_is_kept(monkeypatch):
    """Data that have nothing to do with the noise: the held-out error soon rises."""
    monkeypatch.setattr(module, "CHECK_EVERY", 20)
    y, x = noise(300, 2), noise(300, 2, seed=1)
    model, training = train_map(y, x, None, (64, 64), 5000, held_out=0.3)
    steps, _, error = training.history[-1]
    assert steps < 5000
    assert error > training.error
    best = min(range(len(training.history)), key=lambda i: training.history[i][2])
    assert len(training.history) - 1 - best == module.PATIENCE
    with torch.no_grad():
        held_out = ((model(y[:90]) - x[:90]) / model.scale).square().mean()
    assert held_out == pytest.approx(training.error, rel=1e-4)


def test_without_need_to_stop_all_steps_are_made():
    _, training = train_map(noise(200, 1), noise(200, 1), None, (8,), 30)
    assert [steps for steps, _, _ in training.history] == [30]


def test_the_same_seed_gives_the_same_weights():
    y = noise(400, 2)
    first, again, other = (train_map(y, y.sin(), None, (16,), 60, seed=seed)[0].state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["layers.0.weight"], other["layers.0.weight"])


def test_torchs_own_generator_is_left_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    train_map(noise(100, 2), noise(100, 2), None, (8,), 10)
    assert torch.equal(torch.get_rng_state(), before)


def test_its_time_ends_it():
    start = time.perf_counter()
    _, training = train_map(noise(2000, 2), noise(2000, 2).sin(), None, (32,), 10**7, max_seconds=0.5)
    assert time.perf_counter() - start < 30
    assert training.history[-1][1] == pytest.approx(0.5, abs=5)


def test_progress_rises_and_what_it_raises_ends_the_training():
    shares: list[float] = []

    def report(share: float, message: str) -> None:
        shares.append(share)
        assert "error" in message
        if len(shares) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_map(noise(500, 2), noise(500, 2).sin(), None, (8,), 5000, progress=report)
    assert shares == [250 / 5000, 500 / 5000]


def test_too_few_pairs_are_refused():
    with pytest.raises(ValueError, match="at least 20"):
        train_map(noise(19, 2), noise(19, 2), None, (8,), 10)
    train_map(noise(20, 2), noise(20, 2), None, (8,), 2)


def test_blocks_do_not_matter(monkeypatch):
    model, y, c = Map(2, 1, (16, 16)), noise(100, 2), noise(100, 1, seed=1)
    whole = model(torch.cat([y, c], 1)).detach()
    monkeypatch.setattr(module, "SAMPLE_ROWS", 7)
    torch.testing.assert_close(model.sample(y, c), whole)


def test_a_column_that_hardly_moves_stays_finite():
    y = noise(200, 2)
    model, training = train_map(y, torch.stack([y[:, 0], torch.full((200,), 5.0)], 1), None, (16,), 50)
    found = model.sample(y)
    assert found.isfinite().all()
    assert training.error < 2
    torch.testing.assert_close(found[:, 1], torch.full((200,), 5.0), atol=1e-3, rtol=0)

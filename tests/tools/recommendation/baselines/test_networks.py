from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from bethink.tools.recommendation.baselines import NETWORKS, baseline
from bethink.tools.recommendation.baselines.networks import NetworkBaseline, Settings, _Average, validation_score
from bethink.tools.recommendation.baselines.star import PartitionedNorm, Star, StarLinear
from bethink.tools.recommendation.metrics import auc
from tests.tools.recommendation.baselines.constructed import constructed

QUICK = {"rate": 5e-3, "hidden": (16, 8), "embedding": 4, "batch": 128, "epochs": 6, "weight_decay": 1e-4}


def installed() -> bool:
    try:
        import torch_rechub  # noqa: F401
    except ImportError:
        return False
    return True


needs_rechub = pytest.mark.skipif(not installed(), reason="the extra rechub is not installed")
networks = [name if name == "star" else pytest.param(name, marks=needs_rechub) for name in NETWORKS]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", networks)
def test_every_network_learns_what_text_says_of_new_items(name: str) -> None:
    train, valid, cold, texts = constructed(n=5000, items=200)
    model = baseline(name, texts, QUICK | {"id_dropout": 0.2}).fit(train, valid, seed=0)
    chances = model.predict(cold)
    assert chances.dtype == np.float64
    assert ((chances >= 0) & (chances <= 1)).all()
    assert auc(cold.label, chances) > 0.62
    for table in (model.features.item_dense, model.features.tastes.text):
        table[:] = np.random.default_rng(0).permutation(table)
    assert auc(cold.label, model.predict(cold)) < auc(cold.label, chances) - 0.05  # it was the text


@pytest.mark.parametrize("name", networks)
def test_the_seed_decides_and_torch_s_own_randomness_is_left_alone(name: str) -> None:
    train, valid, cold, texts = constructed(n=400)
    before = torch.get_rng_state()
    settings = QUICK | {"epochs": 1}
    one, same, other = (baseline(name, texts, settings).fit(train, valid, seed=s).predict(cold) for s in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", networks)
def test_a_domain_that_training_lacks_gets_the_mean_of_the_others(name: str) -> None:
    train, valid, cold, texts = constructed(n=400)
    model = baseline(name, texts, QUICK | {"epochs": 1}).fit(train, valid, seed=0)
    as_first, as_second, unseen = (
        model.predict(replace(cold, domain=np.full(len(cold), number))) for number in range(3)
    )
    assert unseen == pytest.approx((as_first + as_second) / 2)
    assert not np.allclose(as_first, as_second)
    mixed = replace(cold, domain=np.arange(len(cold)) % 3)
    wanted = np.stack([as_first, as_second, unseen])[mixed.domain, np.arange(len(cold))]
    assert model.predict(mixed) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", networks)
def test_a_new_item_is_judged_by_all_but_its_number(name: str) -> None:
    train, valid, cold, texts = constructed(n=400)
    model = baseline(name, texts, QUICK | {"epochs": 1}).fit(train, valid, seed=0)
    a, b = np.unique(cold.item)[:2]
    own = model.features
    for table in (own.item_dense, own.similarity[0], own.tastes.text, cold.items.sparse):
        table[b] = table[a]
    row = cold.rows(np.array([0]))
    first, second = (model.predict(replace(row, item=np.array([item])))[0] for item in (a, b))
    assert first == pytest.approx(second, abs=1e-7)


def test_a_network_can_be_given_tastes() -> None:
    train, valid, cold, texts = constructed(n=6000, users=20, items=200)
    told, plain = (
        baseline("star", texts, QUICK | {"id_dropout": 0.3}, tastes=tastes).fit(train, valid, seed=0)
        for tastes in (True, False)
    )
    assert auc(cold.label, told.predict(cold)) > auc(cold.label, plain.predict(cold))
    before = plain.predict(cold)
    assert not plain.features.encode(cold).taste.any()
    plain.features.tastes.text[:] = 1e3
    assert np.array_equal(plain.predict(cold), before)
    with pytest.raises(ValueError, match="cannot be given tastes"):
        baseline("popularity", texts, tastes=True)


def test_the_best_state_by_validation_is_kept() -> None:
    train, valid, _, texts = constructed()
    model = Star(texts, Settings(**QUICK | {"rate": 0.05, "epochs": 12, "patience": 3}))
    model.fit(train, valid, seed=0)
    scores = [score for _, score in model.history]
    assert validation_score(valid, model.predict(valid)) == pytest.approx(max(scores))
    assert scores[-1] < max(scores)  # else the state is just the last one
    assert len(scores) < 24  # stopped early: 2 checks in each of 12 passes
    assert len(scores) - scores.index(max(scores)) == 4  # the best, then three that are no better


def test_the_average_is_what_is_judged_and_the_network_goes_on_from_its_own_state() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    average = _Average(network, 0.9)
    wanted = 0.0
    for step in range(1, 200):
        network.weight.data.fill_(float(step))
        average.update()
        keep = min(0.9, step / (step + 10))
        wanted = keep * wanted + (1 - keep) * step
    with average.taken():
        assert network.weight.item() == pytest.approx(wanted, rel=1e-5)
    assert network.weight.item() == 199.0
    assert average.state()["weight"].item() == pytest.approx(wanted, rel=1e-5)
    plain = _Average(network, 0.0)
    network.weight.data.fill_(5.0)
    plain.update()
    assert plain.state()["weight"].item() == 5.0


def test_validation_is_by_domain() -> None:
    _, valid, _, _ = constructed()
    chances = np.random.default_rng(0).random(len(valid))
    of = [(auc(valid.label[valid.domain == d], chances[valid.domain == d]), (valid.domain == d).sum()) for d in (0, 1)]
    assert validation_score(valid, chances) == pytest.approx(sum(a * n for a, n in of) / len(valid))
    assert validation_score(valid, chances + 10 * valid.domain) == pytest.approx(validation_score(valid, chances))
    assert validation_score(valid, np.full(len(valid), np.nan)) == -np.inf


def test_training_ends_with_its_time() -> None:
    train, valid, _, texts = constructed()
    heard: list[float] = []
    model = Star(texts, Settings(epochs=100_000, patience=100_000))
    begun = time.perf_counter()
    model.fit(train, valid, seed=0, max_seconds=0.5, progress=lambda share, message: heard.append(share))
    assert time.perf_counter() - begun < 15
    assert model.seconds == pytest.approx(model.history[-1][0], abs=2)
    assert heard == sorted(heard)
    assert 0.9 < heard[-1] <= 1
    with pytest.raises(ValueError, match="max_seconds is 0"):
        model.fit(train, valid, seed=0, max_seconds=0)


def test_what_progress_raises_stops_the_fit() -> None:
    train, valid, _, texts = constructed(n=400)

    def stop(share: float, message: str) -> None:
        raise KeyboardInterrupt(message)

    with pytest.raises(KeyboardInterrupt, match="Star: validation"):
        Star(texts, Settings(**QUICK)).fit(train, valid, seed=0, progress=stop)


@pytest.mark.parametrize("name", networks)
def test_one_sample_more_than_a_batch_and_one_label_are_no_trouble(name: str) -> None:
    train, valid, cold, texts = constructed(n=400)
    some = train.rows(np.arange(3))
    model = baseline(name, texts, QUICK | {"batch": 2, "epochs": 2})
    assert np.isfinite(model.fit(some, valid, seed=0).predict(cold)).all()
    ones = replace(some, label=np.ones(3, np.float32))
    assert np.isfinite(model.fit(ones, ones, seed=0).predict(cold)).all()


def test_chances_that_are_not_finite_are_an_error_not_a_result() -> None:
    class Broken(NetworkBaseline):
        def make(self, sizes: tuple[int, ...], width: int, domains: int) -> torch.nn.Module:
            class Nothing(torch.nn.Module):
                def __init__(self) -> None:
                    super().__init__()
                    self.weight = torch.nn.Parameter(torch.tensor(float("nan")))

                def forward(self, columns: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
                    return self.weight.expand(len(columns))

            return Nothing()

    train, valid, _, texts = constructed(n=200)
    with pytest.raises(FloatingPointError, match="not finite"):
        Broken(texts).fit(train, valid, seed=0)


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torch_rechub"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch_rechub", None)
    train, valid, _, texts = constructed(n=200)
    with pytest.raises(ImportError, match=r"pip install 'bethink\[rechub\]'"):
        baseline("mmoe", texts).fit(train, valid, seed=0)


def test_star_multiplies_weights_and_adds_biases() -> None:
    layer = StarLinear(3, 2, domains=2)
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    z = torch.randn(5, 3)
    wanted = z @ (layer.shared.weight * layer.weight[1]).T + layer.shared.bias + layer.bias[1]
    assert torch.allclose(layer(z, 1), wanted, atol=1e-6)
    assert not torch.allclose(layer(z, 0), wanted)


def test_star_s_domains_start_as_one_network() -> None:
    layer, z = StarLinear(3, 2, domains=4), torch.randn(5, 3)
    assert torch.equal(layer(z, 0), layer(z, 3))
    assert torch.allclose(layer(z, 0), layer.shared(z))


def test_partitioned_norm_takes_each_domain_s_own_statistics() -> None:
    norm = PartitionedNorm(2, domains=2)
    low, high = torch.randn(200, 2), 5 + 3 * torch.randn(200, 2)
    for _ in range(60):
        for domain, rows in enumerate((low, high)):
            out = norm(rows, domain)
            assert out.mean(0).detach().numpy() == pytest.approx(0, abs=1e-5)
            assert out.std(0, correction=0).detach().numpy() == pytest.approx(1, abs=1e-3)
    norm.eval()
    assert norm(high, 1).mean(0).detach().numpy() == pytest.approx(0, abs=0.05)
    assert (norm(high, 0).mean(0) > 2).all()
    norm.own_gain.data[1], norm.gain.data[:], norm.own_shift.data[1], norm.shift.data[:] = 2.0, 3.0, 0.5, 0.25
    assert norm(high, 1).std(0, correction=0).detach().numpy() == pytest.approx(6, abs=0.3)
    assert norm(high, 1).mean(0).detach().numpy() == pytest.approx(0.75, abs=0.3)

"""Training: it learns, stops, resumes to the same end, repeats itself, and can be cancelled."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from bethink.tools.recommendation.encoding import Encoder
from bethink.tools.recommendation.metrics import OneClassError, auc
from bethink.tools.recommendation.model import FoundationNetwork, NetworkSettings, Tables
from bethink.tools.recommendation.text_features import TextFeatures
from bethink.tools.recommendation.training import Rows, TrainingSettings, fit, predict, validation_auc
from tests.tools.recommendation.worlds import world

SETTINGS = TrainingSettings(epochs=4, patience=4, seed=3)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def made(fake_embedder) -> tuple[FoundationNetwork, Tables, Rows, Rows]:
    samples = world(2000)
    encoder = Encoder(TextFeatures(fake_embedder).of)
    encoder.learn(samples)
    torch.manual_seed(0)
    shapes = encoder.shapes
    network = FoundationNetwork(shapes["user"], shapes["item"], None, 2, 64, NetworkSettings(width=9))
    tables, rows = encoder.tables(samples), encoder.rows(samples)
    assert network.taste is not None
    network.taste.standardise(tables.item.text[rows.batch.item.unique()])
    return network, tables, rows, encoder.rows(world(600, 1))


def weights(network: FoundationNetwork) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])


def test_it_learns_and_keeps_the_best_look(made):
    network, tables, train, valid = made
    before = auc(valid.label.numpy(), predict(network, tables, valid.batch).numpy())
    report = fit(network, tables, train, valid, TrainingSettings(epochs=20))
    score = validation_auc(valid.batch.domain, valid.label, predict(network, tables, valid.batch))
    assert before < 0.65
    assert score > 0.72
    assert score == pytest.approx(report.auc, abs=1e-6)
    assert report.best_epoch == max(report.history, key=lambda each: each[2])[0]
    assert report.seconds > 0
    assert report.joules_estimated > 0
    assert not network.training


def test_it_stops_when_validation_does_not_rise(made):
    network, tables, train, valid = made
    noise = Rows(valid.batch, torch.from_numpy(np.random.default_rng(0).integers(2, size=600).astype(np.float32)))
    report = fit(network, tables, train, noise, TrainingSettings(epochs=60, patience=2))
    looks = [epoch for epoch, _, _ in report.history]
    assert looks[-1] < 60
    assert looks.index(report.best_epoch) == len(looks) - 3


def test_a_seed_repeats_and_another_differs(made, fake_embedder):
    found = []
    for seed in (3, 3, 4):
        network, tables, train, valid = made
        network = FoundationNetwork(network.user.shape, network.item.shape, None, 2, 64, network.settings)
        network.load_state_dict(made[0].state_dict())
        state = torch.get_rng_state()
        fit(network, tables, train, valid, dataclasses.replace(SETTINGS, seed=seed))
        assert torch.equal(state, torch.get_rng_state())  # the caller's random numbers are left alone
        found.append(weights(network))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


class Stopped(Exception):
    pass


def stop_after(looks: int):
    seen: list[str] = []

    def heard(share: float, message: str) -> None:
        assert 0 <= share <= 1
        seen.append(message)
        if len(seen) == looks:
            raise Stopped

    return heard


def copy_of(network: FoundationNetwork) -> FoundationNetwork:
    made = FoundationNetwork(network.user.shape, network.item.shape, None, 2, 64, network.settings)
    made.load_state_dict(network.state_dict())
    return made


def test_a_training_broken_off_goes_on_to_the_same_end(made, tmp_path):
    network, tables, train, valid = made
    whole, broken = copy_of(network), copy_of(network)
    expected = fit(whole, tables, train, valid, SETTINGS)
    path = tmp_path / "folder" / "state.safetensors"
    with pytest.raises(Stopped):
        fit(broken, tables, train, valid, SETTINGS, checkpoint=path, progress=stop_after(2))
    again = copy_of(network)  # as a new process makes it
    report = fit(again, tables, train, valid, SETTINGS, checkpoint=path)
    assert torch.equal(weights(whole), weights(again))
    assert report.history == expected.history
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_checkpoint_of_something_else_is_refused(made, tmp_path):
    network, tables, train, valid = made
    path = tmp_path / "state.safetensors"
    fit(copy_of(network), tables, train, valid, SETTINGS, checkpoint=path)
    with pytest.raises(ValueError, match="other samples or settings"):
        fit(copy_of(network), tables, train, valid, dataclasses.replace(SETTINGS, seed=9), checkpoint=path)
    with pytest.raises(ValueError, match="other samples or settings"):
        fit(copy_of(network), tables, train.take(torch.arange(500)), valid, SETTINGS, checkpoint=path)
    path.write_bytes(b"rubbish")
    with pytest.raises(ValueError, match="cannot be read"):
        fit(copy_of(network), tables, train, valid, SETTINGS, checkpoint=path)


def test_frozen_weights_stay(made):
    network, tables, train, valid = made
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    for group, _, weight in network.groups():
        weight.requires_grad_(group not in ("text", "ids"))
    fit(network, tables, train, valid, SETTINGS)
    moved = {group for group, name, weight in network.groups() if not torch.equal(weight, before[name])}
    assert not {"text", "ids"} & moved
    assert {"sparse", "head", "towers"} <= moved
    for _, _, weight in network.groups():
        weight.requires_grad_(False)
    with pytest.raises(ValueError, match="frozen"):
        fit(network, tables, train, valid, SETTINGS)


def test_strong_priors_hold_weights_at_their_anchors(made):
    network, tables, train, valid = made
    anchors = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    distances = {}
    for prior in (0.1, 1000.0):
        tried = copy_of(network)
        fit(tried, tables, train, valid, dataclasses.replace(SETTINGS, prior=prior), anchors=anchors)
        distances[prior] = (weights(tried) - weights(network)).square().sum().item()
    assert distances[1000.0] < distances[0.1] / 5


def test_a_domain_that_weighs_nothing_teaches_nothing(made):
    network, tables, train, valid = made
    upside_down = torch.where(train.batch.domain == 1, 1 - train.label, train.label)
    only_first = torch.tensor([1.0, 0.0])
    misled = copy_of(network)
    fit(misled, tables, Rows(train.batch, upside_down), valid, SETTINGS)
    assert validation_auc(valid.batch.domain, valid.label, predict(misled, tables, valid.batch)) < 0.6
    fit(network, tables, Rows(train.batch, upside_down), valid, SETTINGS, weights=only_first)
    assert validation_auc(valid.batch.domain, valid.label, predict(network, tables, valid.batch)) > 0.62


def test_a_limit_of_time(made):
    network, tables, train, valid = made
    report = fit(network, tables, train, valid, TrainingSettings(epochs=1000, patience=1000, max_seconds=0.5))
    assert 0.4 < report.seconds < 5
    assert report.history


def test_validation_is_the_domains_own():
    label = torch.tensor([0.0, 1, 0, 1, 1, 1])
    domain = torch.tensor([0, 0, 1, 1, 2, 2])
    logit = torch.tensor([5.0, 6, -6, -5, 0, 0])
    assert validation_auc(domain, label, logit) == 1  # of all together it is not; the last domain has one label
    assert auc(label.numpy(), logit.numpy()) < 1
    with pytest.raises(OneClassError):
        validation_auc(domain, torch.ones(6), logit)


def test_one_label_and_divergence_are_said(made):
    network, tables, train, valid = made
    with pytest.raises(ValueError, match="one label"):
        fit(network, tables, train, Rows(valid.batch, torch.ones(600)), SETTINGS)
    with pytest.raises(ValueError, match="diverged"):
        fit(network, tables, train, valid, dataclasses.replace(SETTINGS, learning_rate=1e30))


@pytest.mark.parametrize(("samples", "size"), [(10, 64), (64_000, 1024), (10**7, 4096)])
def test_batches_grow_with_the_samples(samples, size):
    assert TrainingSettings().batch_size(samples) == size
    assert TrainingSettings(batch=7).batch_size(samples) == 7


def test_no_rows_no_logits(made):
    network, tables, train, _ = made
    assert predict(network, tables, train.take(torch.arange(0)).batch).shape == (0,)

from __future__ import annotations

import copy
import json
import math

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from bethink.models.energy import current
from bethink.models.training.batches import exact_match
from bethink.models.training.examples import Encoded
from bethink.models.training.settings import TrainingSettings
from bethink.models.training.trainer import adapted, half_precision, optimizer, train

EXAMPLES = [Encoded("ab"[i % 2], (5 + i % 2, 10 + i % 7, 20, 30 + i % 7, 1), 2) for i in range(40)]
METHODS = ("multilora", "lora", "rslora", "dora", "full")


@pytest.fixture(scope="module")
def base():
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    return LlamaForCausalLM(LlamaConfig(**sizes, num_key_value_heads=2, vocab_size=100))


def _settings(method: str, **more: object) -> TrainingSettings:
    return TrainingSettings(method=method, r=2, steps=40, lr=1e-2, save_every=10, precision="float32", **more)


@pytest.mark.parametrize("method", METHODS)
def test_each_method_learns_and_only_its_own_parameters_move(base, tmp_path, method):
    settings = _settings(method)
    model = adapted(copy.deepcopy(base), settings)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    losses = []
    done = train(model, EXAMPLES, settings, tmp_path, progress=lambda step, steps, loss: losses.append(loss))
    known = [loss for loss in losses if not math.isnan(loss)]
    assert known[-1] < known[0]
    assert done.finished
    assert done.steps == 40
    assert done.tokens == 40 * 16 * 5
    assert done.energy_j > 0
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == trained
    assert all(("lora" in name) == (method != "full") for name in trained)


@pytest.mark.parametrize("method", ["multilora", "lora"])
def test_a_stopped_training_goes_on_as_if_it_had_not_been_stopped(base, tmp_path, method):
    settings = _settings(method, dropout=0.1)
    reached = [0]

    def progress(step: int, steps: int, loss: float) -> None:
        reached[0] = step

    first = train(
        adapted(copy.deepcopy(base), settings),
        EXAMPLES,
        settings,
        tmp_path / "a",
        progress=progress,
        stop=lambda: reached[0] == 17,
    )
    assert (first.steps, first.finished) == (17, False)
    again = adapted(copy.deepcopy(base), settings)
    second = train(again, EXAMPLES, settings, tmp_path / "a")
    assert second.finished
    assert second.cpu_s > first.cpu_s
    straight = adapted(copy.deepcopy(base), settings)
    train(straight, EXAMPLES, settings, tmp_path / "b", keep_checkpoints=False)
    for one, other in zip(again.parameters(), straight.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_a_killed_training_still_counts_what_it_cost(base, tmp_path):
    settings = _settings("multilora")

    def killed(step: int, steps: int, loss: float) -> None:
        if step == 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(adapted(copy.deepcopy(base), settings), EXAMPLES, settings, tmp_path, progress=killed)
    kept = json.loads((tmp_path / "checkpoint-20" / "cost.json").read_text(encoding="utf-8"))
    assert kept["wall_s"] > 0
    assert kept["cpu_s"] > 0
    assert current() is None
    whole = train(adapted(copy.deepcopy(base), settings), EXAMPLES, settings, tmp_path)
    assert whole.finished
    assert whole.wall_s > kept["wall_s"]
    assert whole.energy_j > kept["energy_j"] > 0


def test_what_was_learnt_is_right(base, tmp_path):
    settings = TrainingSettings(method="full", steps=60, lr=1e-2, precision="float32")
    model = adapted(copy.deepcopy(base), settings)
    assert not all(exact_match(model.eval(), EXAMPLES))
    train(model, EXAMPLES, settings, tmp_path, keep_checkpoints=False)
    assert all(exact_match(model.eval(), EXAMPLES))


def test_the_scalings_of_multilora_have_their_own_rate(base):
    groups = optimizer(adapted(copy.deepcopy(base), _settings("multilora")), _settings("multilora")).param_groups
    assert [group["lr"] for group in groups] == pytest.approx([1e-2, 1e-2 * math.sqrt(6)])
    assert {group["weight_decay"] for group in groups} == {0.0}


def test_gradient_checkpointing_and_accumulation_train_too(base, tmp_path):
    settings = _settings("multilora", gradient_checkpointing=True, accumulation=2, batch_size=4)
    done = train(adapted(copy.deepcopy(base), settings), EXAMPLES, settings, tmp_path, keep_checkpoints=False)
    assert done.finished
    assert done.tokens == 40 * 8 * 5


def test_the_same_seed_gives_the_same_adapter(base):
    one, other = (adapted(copy.deepcopy(base), _settings("multilora")) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_precision_can_be_chosen():
    assert half_precision(TrainingSettings(precision="bfloat16"))
    assert not half_precision(TrainingSettings(precision="float32"))

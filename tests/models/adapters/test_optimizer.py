"""Two learning rates: the scalings' and everything else's."""

from __future__ import annotations

import math

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from bethink.models.adapters import parameter_groups
from tests.models.adapters.tiny import Mlp, adapted, features, layers, tuning


def test_the_groups_hold_every_trained_parameter_once():
    model = adapted(Mlp(), target_modules=["lin0", "lin1"], modules_to_save=["head"], r=3)
    rest, scalings = parameter_groups(model, lr=1e-3)
    trained = {id(p) for p in model.parameters() if p.requires_grad}
    found = [id(p) for group in (rest, scalings) for p in group["params"]]
    assert len(found) == len(set(found))
    assert set(found) == trained
    assert {id(p) for p in scalings["params"]} == {id(layer.multilora_s["default"]) for layer in layers(model).values()}
    assert scalings["lr"] / rest["lr"] == pytest.approx(math.sqrt(3 * 3))
    assert rest["weight_decay"] == scalings["weight_decay"] == 0


def test_a_ratio_of_ones_own():
    rest, scalings = parameter_groups(adapted(Mlp(), target_modules=["lin0"]), lr=1e-3, scaling_lr_ratio=1)
    assert rest["lr"] == scalings["lr"] == 1e-3


def test_the_active_adapters_rank_counts():
    model = adapted(Mlp(), target_modules=["lin0"], r=2)
    model.add_adapter("other", tuning(target_modules=["lin0"], r=5))
    assert parameter_groups(model, lr=1.0)[1]["lr"] == pytest.approx(math.sqrt(6))
    model.set_adapter("other")
    assert parameter_groups(model, lr=1.0)[1]["lr"] == pytest.approx(math.sqrt(15))


@pytest.mark.parametrize(("lr", "ratio"), [(0, None), (-1, None), (math.nan, None), (1e-3, 0), (1e-3, -2.0)])
def test_rates_are_positive(lr, ratio):
    with pytest.raises(ValueError, match="must be greater than 0"):
        parameter_groups(adapted(Mlp(), target_modules=["lin0"]), lr=lr, scaling_lr_ratio=ratio)


def test_a_model_without_the_method_is_told_how_to_get_it():
    for model in (nn.Linear(2, 2), get_peft_model(Mlp(), LoraConfig(target_modules=["lin0"]))):
        with pytest.raises(ValueError, match="get_peft_model"):
            parameter_groups(model, lr=1e-3)


def test_the_update_starts_as_fast_as_loras():
    """The reason for the ratio: after a few steps of Adam the update is about as large as that of LoRA of rank n r."""

    def moved(model, groups):
        torch.manual_seed(0)
        optimizer = torch.optim.Adam(groups)
        x, target = features(64, width=96), features(64, seed=6, width=96)
        for _ in range(10):
            optimizer.zero_grad()
            (model(x) - target).square().mean().backward()
            optimizer.step()
        layer = model.base_model.model[0]
        return float(layer.get_delta_weight("default").detach().norm())

    def base():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(96, 96, bias=False))

    lr, r, n = 5e-4, 16, 3
    lora = get_peft_model(base(), LoraConfig(r=n * r, lora_alpha=n * r, target_modules=["0"]))
    lora_moved = moved(lora, [{"params": [p for p in lora.parameters() if p.requires_grad], "lr": lr}])
    settings = {"r": r, "num_modules": n, "lora_alpha": r, "target_modules": ["0"], "init_weights": True}
    one, two = (adapted(base(), **settings).train() for _ in range(2))
    one_rate = moved(one, parameter_groups(one, lr, scaling_lr_ratio=1))
    two_rates = moved(two, parameter_groups(two, lr))
    assert lora_moved / one_rate > 3, "one rate for all is slow"
    assert 0.4 < lora_moved / two_rates < 2.5

"""A model with MultiLoRA: several adapters, files, exact sums, and what is refused."""

from __future__ import annotations

import json
import tempfile
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import PeftModel, get_peft_model, inject_adapter_in_model
from safetensors.torch import load_file, save_file
from torch import nn

from bethink.models.adapters import MultiLoraConfig, MultiLoraLinear
from tests.models.adapters.tiny import (
    ATTENTION,
    Mlp,
    adapted,
    far,
    features,
    gpt2,
    layers,
    llama,
    logits,
    tuning,
)

pytestmark = pytest.mark.filterwarnings("ignore:num_modules . r is")

BASES = [(llama, "all-linear"), (gpt2, ["c_attn", "c_proj", "c_fc"])]


@pytest.mark.parametrize(("base", "targets"), BASES)
@pytest.mark.parametrize("scaling", ["vector", "scalar"])
def test_a_whole_model_starts_at_the_base(base, targets, scaling):
    model = adapted(base(), target_modules=targets, scaling=scaling, init_weights=True)
    assert torch.equal(logits(model), logits(base()))


@pytest.mark.parametrize(("base", "targets"), BASES)
def test_a_whole_model_merged(base, targets):
    model = adapted(base(), target_modules=targets)
    wanted = logits(model)
    assert far(wanted, logits(base())) > 0.1
    assert far(logits(model.merge_and_unload()), wanted) <= 1e-5 * float(wanted.abs().max())


@pytest.mark.parametrize(("base", "targets"), BASES)
@pytest.mark.parametrize("scaling", ["vector", "scalar"])
def test_a_file_brings_every_bit_back(tmp_path, base, targets, scaling):
    model = adapted(base(), target_modules=targets, scaling=scaling)
    model.save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(base(), str(tmp_path)).eval()
    assert torch.equal(logits(again), logits(model))
    n, r = 3, 2
    count = sum(
        n * (r * (layer.in_features + layer.out_features) + (layer.out_features if scaling == "vector" else 1))
        for layer in layers(model).values()
    )
    assert sum(tensor.numel() for tensor in load_file(tmp_path / "adapter_model.safetensors").values()) == count
    assert model.get_nb_trainable_parameters()[0] == count


def test_every_init_is_saved_as_it_is(tmp_path):
    for init in (True, False, "zero_b"):
        model = adapted(Mlp(), target_modules=["lin0"], init_weights=init)
        model.save_pretrained(str(tmp_path / str(init)))
        again = PeftModel.from_pretrained(Mlp(), str(tmp_path / str(init)))
        assert torch.equal(again(features()), model(features()))
        assert again.peft_config["default"].init_weights == init


def test_adapters_switch_without_residue():
    model = adapted(llama(), "x", target_modules=ATTENTION)
    model.add_adapter("b", tuning(target_modules=["o_proj", "q_proj"], scaling="scalar", r=3))
    alone = {}
    for name in ("x", "b", "x", "b", "b", "x"):
        model.set_adapter(name)
        alone.setdefault(name, logits(model))
        assert torch.equal(logits(model), alone[name])
    with model.disable_adapter():
        assert torch.equal(logits(model), logits(llama()))
    model.merge_adapter(["b"])
    model.unmerge_adapter()
    assert far(logits(model), alone["x"]) <= 1e-5 * float(alone["x"].abs().max())


def test_two_active_adapters_add_up():
    model = adapted(Mlp(), "x", target_modules=["lin0"])
    model.add_adapter("b", tuning(target_modules=["lin0"], r=3))
    layer = layers(model)["base_model.model.lin0"]
    x = features()
    model.base_model.set_adapter(["x", "b"])
    both = layer.get_delta_weight("x") + layer.get_delta_weight("b")
    assert far(layer(x) - layer.base_layer(x), x @ both.t()) < 1e-4


def test_conv1d_without_its_setting_is_put_right_and_said():
    with pytest.warns(UserWarning, match="fan_in_fan_out is set"):
        model = adapted(gpt2(), target_modules=["c_attn"])
    assert model.peft_config["default"].fan_in_fan_out is True
    wanted = logits(model)
    assert far(logits(model.merge_and_unload()), wanted) <= 1e-5 * float(wanted.abs().max())


def test_linear_with_conv1ds_setting_is_put_right_and_said():
    with pytest.warns(UserWarning, match="fan_in_fan_out is taken back"):
        model = adapted(llama(), target_modules=["q_proj"], fan_in_fan_out=True)
    assert model.peft_config["default"].fan_in_fan_out is False
    wanted = logits(model)
    assert far(logits(model.merge_and_unload()), wanted) <= 1e-5 * float(wanted.abs().max())


def test_a_target_that_matches_nothing():
    with pytest.raises(ValueError, match=r"nosuch.*not found in the base model"):
        adapted(llama(), target_modules=["nosuch"])
    with pytest.raises(ValueError, match="target_modules"):
        adapted(Mlp(), target_modules=[])
    with pytest.raises(ValueError, match="Please specify `target_modules`"):
        adapted(Mlp())


def test_without_targets_it_is_where_lora_is():
    model = adapted(llama())
    assert {name.rsplit(".", 1)[-1] for name in layers(model)} == {"q_proj", "v_proj"}


def test_what_is_no_linear_layer_is_refused():
    with pytest.raises(ValueError, match=r"embed_tokens is a Embedding; MultiLoRA adapts linear layers only"):
        adapted(llama(), target_modules=["embed_tokens"])
    with pytest.raises(ValueError, match="is a Conv2d; MultiLoRA adapts linear layers only"):
        adapted(nn.Sequential(nn.Conv2d(3, 4, 2)), target_modules=["0"])


def test_a_head_tied_to_the_embeddings_is_refused():
    tied = llama(tie_word_embeddings=True)
    with pytest.raises(ValueError, match=r"lm_head shares its weight with the input embeddings.*exclude_modules"):
        adapted(tied, target_modules=["q_proj", "lm_head"])
    model = adapted(llama(tie_word_embeddings=True), target_modules=["q_proj", "lm_head"], exclude_modules=["lm_head"])
    assert {name.rsplit(".", 1)[-1] for name in layers(model)} == {"q_proj"}
    assert adapted(llama(), target_modules=["lm_head"]) is not None, "an untied one is a linear layer as any other"


def test_a_model_that_cannot_say_its_embeddings():
    class Silent(Mlp):
        def get_input_embeddings(self):
            raise NotImplementedError

    assert layers(inject_adapter_in_model(tuning(target_modules=["lin0"]), Silent()))


def test_a_damaged_config_does_not_fill_the_memory(tmp_path, monkeypatch):
    adapted(llama(), target_modules=ATTENTION).save_pretrained(str(tmp_path))
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "r": 10**6}))
    base = llama()
    empty = torch.empty

    def small(*shape, **options):
        assert not any(isinstance(side, int) and side >= 10**6 for side in shape), "allocated"
        return empty(*shape, **options)

    monkeypatch.setattr(torch, "empty", small)
    with pytest.raises(ValueError, match="num_modules . r is 3000000, far more than a layer"):
        PeftModel.from_pretrained(base, str(tmp_path))
    with pytest.raises(ValueError, match="Choose a smaller r"):
        adapted(llama(), target_modules=["q_proj"], rank_pattern={"1.self_attn.q_proj": 10**6})


def test_a_file_of_other_shapes_than_its_config(tmp_path):
    adapted(llama(), target_modules=ATTENTION).save_pretrained(str(tmp_path))
    path = tmp_path / "adapter_config.json"
    for change in ({"r": 3}, {"num_modules": 2}, {"scaling": "scalar"}):
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        with pytest.raises(RuntimeError, match="size mismatch for .*multilora_"):
            PeftModel.from_pretrained(llama(), str(tmp_path))


def test_another_base_of_other_shapes(tmp_path):
    adapted(llama(), target_modules=ATTENTION).save_pretrained(str(tmp_path))
    with pytest.raises(RuntimeError, match="size mismatch for .*multilora_A"):
        PeftModel.from_pretrained(llama(hidden_size=64), str(tmp_path))
    with pytest.raises(ValueError, match="not found in the base model"):
        PeftModel.from_pretrained(Mlp(), str(tmp_path))


def test_a_file_that_lacks_some_weights_is_said(tmp_path):
    adapted(llama(), target_modules=ATTENTION).save_pretrained(str(tmp_path))
    path = tmp_path / "adapter_model.safetensors"
    save_file({key: value for key, value in load_file(path).items() if "layers.1" not in key}, path)
    with pytest.warns(UserWarning, match=r"missing adapter keys.*layers\.1"):
        PeftModel.from_pretrained(llama(), str(tmp_path))


# --- exact sums ---


def combined(model, adapters, weights, name="sum"):
    model.base_model.add_weighted_adapter(adapters, weights, name)


def wanted_sums(model, adapters, weights):
    return {
        name: sum(
            w * layer.get_delta_weight(each).detach().double()
            for each, w in zip(adapters, weights, strict=True)
            if each in layer.multilora_A
        )
        for name, layer in layers(model).items()
        if any(each in layer.multilora_A for each in adapters)
    }


NAMES = ["lin0", "lin1", "lin2", "head"]
adapter_settings = st.fixed_dictionaries(
    {
        "r": st.integers(1, 5),
        "num_modules": st.integers(1, 4),
        "scaling": st.sampled_from(["vector", "scalar"]),
        "lora_alpha": st.sampled_from([0.5, 3, 8]),
        "target_modules": st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
        "rank_pattern": st.dictionaries(st.sampled_from(NAMES), st.integers(1, 6), max_size=2),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(adapter_settings, min_size=1, max_size=3), st.lists(st.floats(-2, 2, width=32), min_size=3, max_size=3))
def test_a_weighted_adapter_is_the_exact_sum_also_from_a_file(chosen, weights):
    warnings.filterwarnings("ignore", message=".*rank_pattern keys did not match")
    weights = weights[: len(chosen)]
    model = adapted(Mlp(), "a0", **chosen[0])
    for i, config in enumerate(chosen[1:], 1):
        model.add_adapter(f"a{i}", tuning(**config))
    adapters = [f"a{i}" for i in range(len(chosen))]
    wanted = wanted_sums(model, adapters, weights)
    combined(model, adapters, weights)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, selected_adapters=["sum"])
        again = PeftModel.from_pretrained(Mlp(), f"{folder}/sum").eval()
    for found, adapter in ((layers(model), "sum"), (layers(again), "default")):
        found = {name: layer for name, layer in found.items() if adapter in layer.multilora_A}
        assert set(found) == set(wanted)
        for name, layer in found.items():
            assert far(layer.get_delta_weight(adapter), wanted[name]) <= 2e-6 * max(1, wanted[name].abs().max())
    model.set_adapter("sum")
    assert torch.equal(again(features()), model(features()))


def test_a_sum_over_layers_that_only_the_second_has(tmp_path):
    """Whatever the first adapter's config leaves out must not leave the sum's file."""
    model = adapted(llama(), "x", target_modules=ATTENTION, layers_to_transform=[0], exclude_modules=["o_proj"])
    model.add_adapter("b", tuning(target_modules=["o_proj", "q_proj"]))
    wanted = wanted_sums(model, ["x", "b"], [1.0, 0.5])
    combined(model, ["x", "b"], [1.0, 0.5])
    model.save_pretrained(str(tmp_path), selected_adapters=["sum"])
    again = layers(PeftModel.from_pretrained(llama(), str(tmp_path / "sum")))
    assert set(again) == set(wanted)
    for name, layer in again.items():
        assert far(layer.get_delta_weight("default"), wanted[name]) < 1e-5


class Nested(nn.Module):
    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__()
        self.add_module("0", nn.Linear(10, 10))
        self.add_module("1", nn.Sequential(nn.Linear(10, 10), nn.Linear(10, 10)))

    def forward(self, x):
        return self.get_submodule("1")(torch.tanh(self.get_submodule("0")(x)))


def test_a_sum_over_names_that_end_alike(tmp_path):
    model = adapted(Nested(), "x", target_modules=r"0|1\.0|1\.1", rank_pattern={"^0": 1})
    model.add_adapter("b", tuning(target_modules="0"))
    combined(model, ["x", "b"], [1.0, -1.0])
    model.set_adapter("sum")
    model.save_pretrained(str(tmp_path), selected_adapters=["sum"])
    again = PeftModel.from_pretrained(Nested(), str(tmp_path / "sum")).eval()
    assert {name: layer.r["default"] for name, layer in layers(again).items()} == {
        "base_model.model.0": 9,
        "base_model.model.1.0": 6,
        "base_model.model.1.1": 6,
    }
    assert torch.equal(again(features()), model(features()))
    combined(model, ["b"], [1.0], "only")
    model.save_pretrained(str(tmp_path), selected_adapters=["only"])
    assert set(layers(PeftModel.from_pretrained(Nested(), str(tmp_path / "only")))) == {"base_model.model.0"}


def test_the_config_of_a_sum_is_short():
    model = adapted(llama(), "x", target_modules="all-linear")
    model.add_adapter("b", tuning(target_modules=ATTENTION, r=5))
    combined(model, ["x", "x"], [1, 2], "twice")
    combined(model, ["b", "x"], [1, 2])
    for name, patterns in (("twice", 0), ("sum", 4)):
        config = model.peft_config[name]
        assert (config.r, config.num_modules, config.lora_alpha) == ((12, 1, 12) if name == "twice" else (6, 1, 6))
        assert len(config.rank_pattern) == patterns
        assert config.target_modules == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def test_a_sum_goes_on_training_what_was_trained():
    model = adapted(Mlp(), "x", target_modules=["lin0"])
    model.add_adapter("b", tuning(target_modules=["lin0"]))
    before = {name for name, p in model.named_parameters() if p.requires_grad}
    combined(model, ["x", "b"], [1, 1])
    assert {name for name, p in model.named_parameters() if p.requires_grad} == before
    assert before == {f"base_model.model.lin0.multilora_{each}.x" for each in "ABs"}
    assert model.active_adapters == ["x"]
    model.delete_adapter("sum")
    assert "sum" not in layers(model)["base_model.model.lin0"].factor


def test_a_sum_on_a_bf16_base_keeps_float32():
    model = adapted(Mlp().bfloat16(), "x", target_modules=["lin0"])
    model.add_adapter("b", tuning(target_modules=["lin0"]))
    wanted = wanted_sums(model, ["x", "b"], [0.3, 0.7])["base_model.model.lin0"]
    combined(model, ["x", "b"], [0.3, 0.7])
    layer = layers(model)["base_model.model.lin0"]
    assert layer.multilora_A["sum"].dtype == layer.multilora_B["sum"].dtype == torch.float32
    assert far(layer.get_delta_weight("sum"), wanted) < 1e-6


def test_a_sum_does_not_follow_its_parts():
    model = adapted(Mlp(), "x", target_modules=["lin0"])
    combined(model, ["x"], [1.0])
    layer = layers(model)["base_model.model.lin0"]
    before = layer.get_delta_weight("sum").clone()
    with torch.no_grad():
        for parameter in layer.parameters_of("x"):
            parameter.mul_(7)
    assert torch.equal(layer.get_delta_weight("sum"), before)


def test_sums_that_are_refused_change_nothing():
    model = adapted(Mlp(), "x", target_modules=["lin0"])
    model.add_adapter("b", tuning(target_modules=["lin1"], modules_to_save=["head"]))
    before = set(model.state_dict()), set(model.peft_config)
    for adapters, weights, name, told in (
        ([], [], "sum", "one weight for each"),
        (["x"], [1, 2], "sum", "there are 1 and 2"),
        (["x"], [1], "x", "already"),
        (["x"], [1], "x.y", "cannot be named 'x.y'.*without dots"),
        (["x"], [1], "", "cannot be named ''"),
        (["x"], [1], "double", "cannot be named 'double'.*my_adapter"),
        (["x", "c"], [1, 1], "sum", "no adapter c; there are x, b"),
        (["x"], [float("nan")], "sum", "finite"),
        (["x"], [float("inf")], "sum", "finite"),
        (["x", "b"], [1, 1], "sum", "modules_to_save"),
        (["x"] * 50_000, [1.0] * 50_000, "sum", "Choose a smaller r"),
    ):
        with pytest.raises(ValueError, match=told):
            combined(model, adapters, weights, name)
        assert (set(model.state_dict()), set(model.peft_config)) == before
    with pytest.raises(ValueError, match="biases"):
        combined(adapted(Mlp(), target_modules=["lin0"], bias="all"), ["default"], [1.0])


@pytest.mark.parametrize("name", ["double", "train", "keys", "update", "a.b"])
def test_names_that_torch_cannot_keep_are_refused(name):
    model = adapted(Mlp(), target_modules=["lin0"])
    before = set(model.state_dict())
    with pytest.raises(ValueError, match=f"cannot be named '{name}'"):
        model.add_adapter(name, tuning(target_modules=["lin0"]))
    assert set(model.peft_config) == {"default"}
    assert set(model.state_dict()) == before


def test_what_a_user_sees():
    assert "multilora.MultiLoraLinear" in repr(adapted(Mlp(), target_modules=["lin0"]))
    model = get_peft_model(Mlp(), MultiLoraConfig(target_modules=["lin0"]))
    assert isinstance(model.get_submodule("base_model.model.lin0"), MultiLoraLinear)

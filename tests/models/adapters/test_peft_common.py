"""What PEFT's own tests ask of every method, asked of MultiLoRA: 48 behaviours, one a test (some for two bases).

Written anew after PEFT's ``tests/testing_common.py`` and ``tests/test_custom_models.py`` (behaviour, not code). One of
the tests on mixed batches (several sampled answers) and the last six go beyond those files: transformers' own
integration (two tests), the auto classes, ``torch.compile`` (the graph alone: generated C++ takes a minute), a
quantised base (skipped where torchao is not installed), and two processes.
"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import warnings

import pytest
import torch
from peft import (
    AutoPeftModelForCausalLM,
    PeftModel,
    get_base_model_state_dict,
    get_peft_model,
    get_peft_model_state_dict,
    inject_adapter_in_model,
    prepare_model_for_kbit_training,
    set_peft_model_state_dict,
)
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM, TorchAoConfig

from bethink.models.adapters import MultiLoraLayer, export_lora
from tests.models.adapters.tiny import ATTENTION, Mlp, adapted, far, features, gpt2, ids, layers, llama, logits, tuning

pytestmark = [
    pytest.mark.filterwarnings("ignore:num_modules . r is"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

both_bases = pytest.mark.parametrize(
    ("base", "settings"),
    [(llama, {"target_modules": ATTENTION}), (gpt2, {"target_modules": ["c_attn"], "fan_in_fan_out": True})],
    ids=["llama", "gpt2"],
)


def two(base=None, **settings):
    """A model with the adapters ``default`` (active) and ``other``."""
    model = adapted(base or llama(), **{"target_modules": ATTENTION, **settings})
    torch.manual_seed(2)
    model.add_adapter("other", tuning(**{"target_modules": ATTENTION, "r": 3, "scaling": "scalar", **settings}))
    return model.eval()


def trained_names(model) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def loss_of(model):
    return model(input_ids=ids(), labels=ids()).loss


# --- making, training ---


def test_a_peft_model_can_be_saved_loaded_and_pushed():
    model = adapted(llama(), target_modules=ATTENTION)
    assert all(hasattr(model, name) for name in ("save_pretrained", "from_pretrained", "push_to_hub"))


def test_the_adapters_name_is_in_its_parameters_and_makes_no_difference():
    first, second = (adapted(Mlp(), name, target_modules=["lin0"]) for name in ("default", "some-name"))
    assert {n.replace("default", "some-name") for n in first.state_dict()} == set(second.state_dict())
    assert torch.equal(first(features()), second(features()))


def test_prepared_for_training_only_the_adapter_is_trained():
    model = prepare_model_for_kbit_training(llama())
    assert not any(p.requires_grad for p in model.parameters())
    model = adapted(model, target_modules=ATTENTION)
    assert trained_names(model)
    assert all("multilora_" in name for name in trained_names(model))
    model.enable_input_require_grads()
    assert model.get_input_embeddings()(ids()).requires_grad


@both_bases
def test_training_moves_the_adapter_and_nothing_else(base, settings):
    model = adapted(base(), **{**settings, "init_weights": True}).train()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        losses.append(loss_of(model))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0]
    for name, parameter in model.named_parameters():
        moved = not torch.equal(parameter, before[name])
        assert moved == ("multilora_" in name), name


def test_gradient_checkpointing_gives_the_same_gradients():
    found = []
    for checkpointing in (False, True):
        model = adapted(llama(), target_modules="all-linear").train()
        if checkpointing:
            model.enable_input_require_grads()
            model.gradient_checkpointing_enable({"use_reentrant": False})
        loss_of(model).backward()
        found.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert set(found[0]) == set(found[1])
    assert len(found[0]) == 2 * 7 * 3
    assert all(far(found[0][name], found[1][name]) < 1e-6 for name in found[0])


def test_chosen_layers_alone_are_adapted_and_trained(tmp_path):
    model = adapted(llama(), target_modules=ATTENTION, layers_to_transform=[1], layers_pattern="layers").train()
    loss_of(model).backward()
    assert all("layers.1." in name for name in trained_names(model))
    assert {name for name, p in model.named_parameters() if p.grad is not None} == trained_names(model)
    assert len(trained_names(model)) == 2 * 3
    model.eval().save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(llama(), str(tmp_path)).eval()
    assert torch.equal(logits(again), logits(model))
    assert set(layers(again)) == set(layers(model))


def test_excluded_modules_are_left_alone():
    model = adapted(llama(), target_modules="all-linear", exclude_modules=["down_proj", "0.self_attn.q_proj"])
    assert len(layers(model)) == 2 * 7 - 2 - 1
    assert not any("down_proj" in name or "layers.0.self_attn.q_proj" in name for name in layers(model))


def test_all_linear_is_all_but_the_head():
    model = adapted(llama(), target_modules="all-linear")
    assert len(layers(model)) == 14
    assert isinstance(model.base_model.model.lm_head, nn.Linear)


def test_a_pattern_gives_its_modules_their_own_rank():
    model = adapted(llama(), target_modules=ATTENTION, r=2, rank_pattern={r".*\.1\..*q_proj": 4, "v_proj": 3})
    ranks = {name.split("layers.")[1]: layer.r["default"] for name, layer in layers(model).items()}
    assert ranks == {
        "0.self_attn.q_proj": 2, "1.self_attn.q_proj": 4, "0.self_attn.v_proj": 3, "1.self_attn.v_proj": 3,
    }  # fmt: skip
    assert {layer.factor["default"] for layer in layers(model).values()} == {2.0}, "alpha / r keeps the global r"


def test_given_embeddings_pass():
    model = adapted(llama(), target_modules=ATTENTION)
    with torch.no_grad():
        embedded = model(inputs_embeds=model.get_input_embeddings()(ids())).logits
    assert torch.equal(embedded, logits(model))


def test_generate_takes_names_and_positions():
    model = adapted(llama(), target_modules=ATTENTION)
    named = model.generate(input_ids=ids(), max_new_tokens=4, do_sample=False)
    assert torch.equal(named, model.generate(ids(), max_new_tokens=4, do_sample=False))
    assert named.shape[1] > ids().shape[1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_keeps_the_adapter_in_float32_unless_told(dtype):
    for autocast, kept in ((True, torch.float32), (False, dtype)):
        model = get_peft_model(
            llama().to(dtype), tuning(target_modules=ATTENTION), autocast_adapter_dtype=autocast
        ).eval()
        for layer in layers(model).values():
            assert {p.dtype for p in layer.parameters_of("default")} == {kept}
        assert logits(model).dtype == dtype
        assert torch.isfinite(logits(model)).all()
        merged = model.merge_and_unload()
        assert {p.dtype for p in merged.parameters()} == {dtype}


# --- files ---


def test_a_saved_adapter_is_two_files_and_comes_back_without_a_word(tmp_path):
    model = adapted(llama(), target_modules=ATTENTION)
    model.save_pretrained(str(tmp_path))
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {p.name for p in tmp_path.iterdir()}
    assert not {"config.json", "model.safetensors"} & {p.name for p in tmp_path.iterdir()}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        again = PeftModel.from_pretrained(llama(), str(tmp_path))
    assert not [each for each in said if "adapter keys" in str(each.message)]
    ours, theirs = model.state_dict(), again.state_dict()
    assert set(ours) == set(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_state_has_the_adapters_keys_without_its_name():
    model = two()
    state = get_peft_model_state_dict(model, adapter_name="other")
    assert len(state) == 2 * 2 * 3
    assert {key.rsplit(".", 1)[1] for key in state} == {"multilora_A", "multilora_B", "multilora_s"}
    assert not any("other" in key or "default" in key for key in state)
    fresh = adapted(llama(), target_modules=ATTENTION, r=3, scaling="scalar", init_weights=True)
    result = set_peft_model_state_dict(fresh, state)
    assert not result.unexpected_keys
    model.set_adapter("other")
    assert torch.equal(logits(fresh), logits(model))


def test_selected_adapters_are_saved_alone(tmp_path):
    model = two()
    model.save_pretrained(str(tmp_path / "all"))
    assert (tmp_path / "all" / "other" / "adapter_model.safetensors").is_file()
    again = PeftModel.from_pretrained(llama(), str(tmp_path / "all"))
    again.load_adapter(str(tmp_path / "all" / "other"), "other")
    ours, theirs = model.state_dict(), again.state_dict()
    assert set(ours) == set(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    model.save_pretrained(str(tmp_path / "one"), selected_adapters=["default"])
    assert not (tmp_path / "one" / "other").exists()


def test_names_that_hold_one_another_are_saved_apart(tmp_path):
    model = adapted(Mlp(), target_modules=["lin0"])
    for name in ("default2", "other_default", "foodefault_bar", "efaul"):
        model.add_adapter(name, tuning(target_modules=["lin0", "lin1"]))
    model.save_pretrained(str(tmp_path), selected_adapters=["default"])
    assert len(load_file(tmp_path / "adapter_model.safetensors")) == 3


def test_loading_with_a_config_uses_that_very_config(tmp_path):
    model = adapted(llama(), target_modules=ATTENTION)
    model.save_pretrained(str(tmp_path))
    config = tuning(target_modules=ATTENTION)
    again = PeftModel.from_pretrained(llama(), str(tmp_path), config=config)
    assert again.peft_config["default"] is config
    assert config.inference_mode


def test_the_file_is_loaded_under_many_names(tmp_path):
    adapted(llama(), target_modules=ATTENTION).save_pretrained(str(tmp_path))
    model = PeftModel.from_pretrained(llama(), str(tmp_path), adapter_name="first").eval()
    for name in ("second", "yet-another"):
        assert model.load_adapter(str(tmp_path), name).missing_keys == []
    found = []
    for name in ("first", "second", "yet-another"):
        model.set_adapter(name)
        found.append(logits(model))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_loading_without_memory_for_a_start(tmp_path):
    model = adapted(llama(), target_modules=ATTENTION)
    model.save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(llama(), str(tmp_path), low_cpu_mem_usage=True).eval()
    again.load_adapter(str(tmp_path), "other", low_cpu_mem_usage=True)
    assert {p.device.type for p in again.parameters()} == {"cpu"}
    assert torch.equal(logits(again), logits(model))
    empty = inject_adapter_in_model(tuning(target_modules=ATTENTION), llama(), low_cpu_mem_usage=True)
    assert {p.device.type for name, p in empty.named_parameters() if "multilora_" in name} == {"meta"}


def test_a_loaded_adapter_is_frozen_unless_it_is_to_be_trained(tmp_path):
    adapted(llama(), target_modules=ATTENTION).save_pretrained(str(tmp_path))
    assert not trained_names(PeftModel.from_pretrained(llama(), str(tmp_path)))
    model = PeftModel.from_pretrained(llama(), str(tmp_path), is_trainable=True)
    assert len(trained_names(model)) == 2 * 2 * 3
    frozen = adapted(llama(), target_modules=ATTENTION, inference_mode=True)
    assert not trained_names(frozen)


def test_trained_biases_are_saved_too(tmp_path):
    for bias, count in (("all", 4), ("multilora_only", 1)):
        model = adapted(Mlp(), target_modules=["lin0"], bias=bias)
        assert sum("bias" in name for name in trained_names(model)) == count
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name in trained_names(model) and "bias" in name:
                    parameter.add_(1)
        model.save_pretrained(str(tmp_path / bias))
        again = PeftModel.from_pretrained(Mlp(), str(tmp_path / bias)).eval()
        assert torch.equal(again(features()), model(features()))
        with pytest.warns(UserWarning, match="does not produce the same output as the base model"):
            model.disable_adapter_layers()


def test_a_second_adapter_with_biases_is_refused():
    model = adapted(Mlp(), "first", target_modules=["lin0"], bias="all")
    with pytest.raises(ValueError, match="only 1 adapter with bias"):
        model.add_adapter("second", tuning(target_modules=["lin0"], bias="all"))
    assert set(model.peft_config) == {"first"}


def test_whole_modules_are_trained_saved_and_switched(tmp_path):
    model = adapted(Mlp(), target_modules=["lin0"], modules_to_save=["head"])
    assert {"base_model.model.head.modules_to_save.default.weight"} < trained_names(model)
    with torch.no_grad():
        model.base_model.model.head.modules_to_save["default"].weight.add_(1)
    model.save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(Mlp(), str(tmp_path)).eval()
    assert torch.equal(again(features()), model(features()))
    with model.disable_adapter():
        assert torch.equal(model(features()), Mlp()(features()))
    wanted = model(features())
    assert far(model.merge_and_unload()(features()), wanted) < 1e-5


# --- merging ---


@both_bases
def test_merging_and_back(base, settings, tmp_path):
    model = adapted(base(), **settings)
    wanted, scale = logits(model), float(logits(model).abs().max())
    assert far(wanted, logits(base())) > 1e-2
    model.merge_adapter()
    assert far(logits(model), wanted) <= 1e-5 * scale
    model.unmerge_adapter()
    assert far(logits(model), wanted) <= 1e-5 * scale
    plain = model.merge_and_unload()
    assert far(logits(plain), wanted) <= 1e-5 * scale
    assert not any(isinstance(module, BaseTunerLayer) for module in plain.modules())
    assert not hasattr(plain, "peft_config")
    assert set(plain.state_dict()) == set(base().state_dict())
    plain.save_pretrained(tmp_path)
    assert torch.equal(logits(AutoModelForCausalLM.from_pretrained(tmp_path).eval()), logits(plain))


def test_merging_again_changes_nothing_and_is_said():
    model = adapted(llama(), target_modules=ATTENTION)
    model.merge_adapter()
    merged = logits(model)
    with pytest.warns(UserWarning, match="already merged, nothing to do"):
        model.merge_adapter()
    assert torch.equal(logits(model), merged)
    model.unmerge_adapter()
    with pytest.warns(UserWarning, match="Already unmerged"):
        model.unmerge_adapter()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_safe_merge_refuses_numbers_that_are_not_finite(bad):
    model = adapted(llama(), target_modules=ATTENTION)
    first = next(iter(layers(model).values()))
    weight = first.get_base_weight().clone()
    with torch.no_grad():
        first.multilora_A["default"][0] = bad
    with pytest.raises(ValueError, match="NaNs detected in the merged weights. The adapter default seems to be broken"):
        model.merge_adapter(safe_merge=True)
    assert torch.equal(first.get_base_weight(), weight)
    assert not first.merged
    with pytest.raises(ValueError, match="NaNs detected"):
        model.merge_and_unload(safe_merge=True)


def test_a_safe_merge_of_a_sound_adapter_gives_a_model_that_can_be_saved(tmp_path):
    model = adapted(Mlp(), target_modules=["lin0", "lin1"])
    wanted = model(features())
    plain = model.merge_and_unload(safe_merge=True)
    assert far(plain(features()), wanted) < 1e-5
    save_file(plain.state_dict(), tmp_path / "model.safetensors")
    assert set(load_file(tmp_path / "model.safetensors")) == set(Mlp().state_dict())


def test_several_adapters_merge_together_and_one_after_the_other():
    model = two()
    found = {}
    for names in (["default"], ["other"], ["default", "other"]):
        one = copy.deepcopy(model)
        one.base_model.set_adapter(names)
        found[str(names)] = logits(one)
        assert far(logits(copy.deepcopy(model).merge_and_unload(adapter_names=names)), logits(one)) < 1e-4
    assert len({float(each.sum()) for each in found.values()}) == 3
    model.merge_adapter(["default"])
    with pytest.warns(UserWarning, match="additionally merging other"):
        model.merge_adapter(["other"])
    assert far(logits(model), found["['default', 'other']"]) < 1e-4
    model.unmerge_adapter()
    with model.disable_adapter():
        assert far(logits(model), logits(llama())) < 1e-4


def test_unloading_leaves_the_base():
    base = llama()
    plain = adapted(llama(), target_modules=ATTENTION).unload()
    assert not any(isinstance(module, BaseTunerLayer) for module in plain.modules())
    assert torch.equal(logits(plain), logits(base))
    assert set(plain.state_dict()) == set(base.state_dict())


def test_the_bases_weights_can_be_taken_out():
    model, base = adapted(llama(), target_modules=ATTENTION), llama().state_dict()
    found = get_base_model_state_dict(model)
    assert set(found) == set(base)
    assert all(torch.equal(found[name], base[name]) for name in base)


# --- switching ---


def test_switching_off_for_a_while():
    model = adapted(llama(), target_modules=ATTENTION)
    on = logits(model)
    with model.disable_adapter():
        assert torch.equal(logits(model), logits(llama()))
    assert torch.equal(logits(model), on)
    model.disable_adapter_layers()
    with model.disable_adapter():
        pass
    assert torch.equal(logits(model), logits(llama())), "it was off before, so it is after"
    model.enable_adapter_layers()
    assert torch.equal(logits(model), on)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_switching_off_after_merging_unmerges(dtype):
    model = adapted(llama().to(dtype), target_modules=ATTENTION)
    base = logits(llama().to(dtype))
    model.merge_adapter()
    with model.disable_adapter():
        off = logits(model)
    assert far(off, base) <= (0 if dtype == torch.bfloat16 else 1e-5 * float(base.abs().max()))


def test_the_active_adapter_is_the_one_that_is_set():
    model = two()
    assert model.active_adapters == ["default"]
    model.set_adapter("other")
    assert model.active_adapters == ["other"]
    assert model.active_adapter == "other"
    model.base_model.set_adapter(["default", "other"])
    assert model.active_adapters == ["default", "other"]


def test_only_the_active_adapter_is_trained():
    model = two()
    assert len(trained_names(model)) == 12
    assert all(name.endswith(".default") for name in trained_names(model))
    model.set_adapter("other")
    assert all(name.endswith(".other") for name in trained_names(model))
    model.base_model.set_adapter(["default", "other"])
    assert len(trained_names(model)) == 24
    model.set_requires_grad("default", requires_grad=False)
    assert all(name.endswith(".other") for name in trained_names(model))


def test_adapters_on_different_layers_do_not_touch_one_another():
    model = adapted(Mlp(), target_modules=["lin0", "lin1"])
    alone = model(features())
    model.add_adapter("other", tuning(target_modules=["lin1", "lin2"]))
    assert torch.equal(model(features()), alone), "an adapter that is added is not active, also on a new layer"
    assert all(name.endswith(".default") for name in trained_names(model))
    model.set_adapter("other")
    assert {name.split(".")[2] for name in trained_names(model)} == {"lin1", "lin2"}
    reference = adapted(Mlp(), target_modules=["lin1", "lin2"])
    set_peft_model_state_dict(reference, get_peft_model_state_dict(model, adapter_name="other"))
    assert torch.equal(model(features()), reference(features()))


def test_a_name_that_is_taken_is_refused():
    model = two()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(ValueError, match="already exists"):
        model.add_adapter("other", tuning(target_modules=["o_proj"]))
    assert set(model.state_dict()) == set(before)
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items())


# --- deleting ---


def _left(model, name) -> list[str]:
    dicts = ("multilora_A", "multilora_B", "multilora_s", "multilora_dropout", "r", "num_modules", "factor")
    return [f"{key}.{each}" for key, layer in layers(model).items() for each in dicts if name in getattr(layer, each)]


def test_the_active_adapter_is_deleted():
    model = two()
    alone = logits(model)
    model.set_adapter("other")
    with pytest.warns(UserWarning, match="Setting active adapter to default"):
        model.delete_adapter("other")
    assert set(model.peft_config) == {"default"}
    assert model.active_adapters == ["default"]
    assert _left(model, "other") == []
    assert torch.equal(logits(model), alone)
    model.delete_adapter("default")
    assert _left(model, "default") == []
    with torch.no_grad():
        assert torch.equal(model.base_model(input_ids=ids()).logits, logits(llama()))


def test_an_inactive_adapter_is_deleted():
    model = two()
    alone = logits(model)
    model.delete_adapter("other")
    assert _left(model, "other") == []
    assert model.active_adapters == ["default"]
    assert torch.equal(logits(model), alone)


def test_an_unknown_adapter_is_not_deleted():
    with pytest.raises(ValueError, match="Adapter nosuch does not exist"):
        two().delete_adapter("nosuch")


def test_a_merged_adapter_is_not_deleted():
    model = two()
    model.merge_adapter(["other"])
    with pytest.raises(ValueError, match="Cannot delete adapter.*other.*while they are merged"):
        model.delete_adapter("other")
    assert _left(model, "other") != []
    model.delete_adapter("default")
    model.unmerge_adapter()
    model.delete_adapter("other")
    assert not model.peft_config


# --- several adapters in one batch ---

NAMES = ["__base__", "default", "other"]


@both_bases
def test_each_row_of_a_batch_has_its_adapter(base, settings):
    model = two(base(), **settings)
    rows = 6
    wanted = []
    with model.disable_adapter():
        wanted.append(logits(model, rows))
    for name in NAMES[1:]:
        model.set_adapter(name)
        wanted.append(logits(model, rows))
    assert far(wanted[1], wanted[2]) > 1e-2
    found = logits(model, rows, adapter_names=NAMES * 2)
    for i in range(3):
        assert far(found[i::3], wanted[i][i::3]) <= 1e-5 * float(found.abs().max())
    assert torch.equal(logits(model, rows), wanted[2]), "the active adapter is what it was"


@pytest.mark.parametrize("how", [{}, {"num_beams": 3}, {"num_beams": 2, "num_return_sequences": 2}])
def test_generating_with_an_adapter_for_each_row(how):
    model = two(target_modules="all-linear")
    how = {"max_new_tokens": 6, "do_sample": False, **how}
    answers = how.get("num_return_sequences", 1)

    def write(**more):
        return model.generate(input_ids=ids(), **how, **more)[:, ids().shape[1] :].unflatten(0, (-1, answers))

    alone = []
    with model.disable_adapter():
        alone.append(write())
    for name in NAMES[1:]:
        model.set_adapter(name)
        alone.append(write())
    mixed = write(adapter_names=NAMES)
    for row in range(3):
        found, wanted = (each[row].tolist() for each in (mixed, alone[row]))
        assert [_cut(each) for each in found] == [_cut(each) for each in wanted]
    assert mixed.tolist() != alone[0].tolist()


def _cut(tokens: list[int]) -> list[int]:
    return tokens[: tokens.index(2)] if 2 in tokens else [token for token in tokens if token != 0]


def test_several_sampled_answers_a_row_and_settings_in_an_object():
    model = two()
    settings = copy.deepcopy(model.generation_config)
    settings.do_sample, settings.num_return_sequences, settings.max_new_tokens = True, 2, 3
    written = model.generate(input_ids=ids(), generation_config=settings, adapter_names=NAMES)
    assert len(written) == 6


def test_rows_with_whole_modules_have_their_own():
    model = adapted(Mlp(), "first", target_modules=["lin0"], modules_to_save=["head"])
    model.add_adapter("second", tuning(target_modules=["lin0"], modules_to_save=["head"]))
    heads = model.base_model.model.head.modules_to_save
    with torch.no_grad():
        for i, name in enumerate(("first", "second"), 1):
            heads[name].weight.add_(i)
    x, wanted = features(6), []
    with model.disable_adapter():
        wanted.append(model(x))
    for name in ("first", "second"):
        model.set_adapter(name)
        wanted.append(model(x))
    found = model(x, adapter_names=["__base__", "first", "second"] * 2)
    for i in range(3):
        assert far(found[i::3], wanted[i][i::3]) < 1e-5


def test_rows_with_adapters_on_different_layers():
    model = adapted(Mlp(), "first", target_modules=["lin0"])
    model.add_adapter("second", tuning(target_modules=["lin1"]))
    wanted = []
    for name in ("first", "second"):
        model.set_adapter(name)
        wanted.append(model(features()))
    found = model(features(), adapter_names=["first", "second", "first"])
    assert far(found[[0, 2]], wanted[0][[0, 2]]) < 1e-6
    assert far(found[1], wanted[1][1]) < 1e-6


def test_mixed_batches_that_are_refused():
    model = two()
    with pytest.raises(ValueError, match=r"non-existing adapter\(s\): nosuch\. There are: __base__, default, other"):
        logits(model, adapter_names=["default", "nosuch", "other"])
    for names in (["default"], ["default"] * 4):
        with pytest.raises(ValueError, match="Length of `adapter_names`.*one name for each row"):
            logits(model, adapter_names=names)
    model.train()
    with pytest.raises(ValueError, match=r"in training mode. Call eval\(\) first"):
        logits(model, adapter_names=NAMES)
    model.eval().merge_adapter()
    with pytest.raises(ValueError, match="merged adapters, please call `unmerge_adapter`"):
        logits(model, adapter_names=NAMES)
    model.unmerge_adapter()
    assert not any(layer._forward_pre_hooks for layer in layers(model).values()), "no hook is left behind"


def test_a_mixed_batch_is_the_bases_where_adapters_are_off():
    model = two()
    with model.disable_adapter():
        assert torch.equal(logits(model, adapter_names=NAMES), logits(llama()))


# --- copies, looks ---


def test_a_copy_is_a_model_of_its_own():
    model = adapted(llama(), target_modules=ATTENTION)
    again = copy.deepcopy(model)
    assert torch.equal(logits(again), logits(model))
    with torch.no_grad():
        next(iter(layers(again).values())).multilora_s["default"].add_(1)
    assert far(logits(again), logits(model)) > 0
    bits = logits(model)
    again.merge_adapter()
    assert torch.equal(logits(model), bits)


def test_a_layer_shows_what_it_is_and_gives_the_bases_weight():
    model = adapted(Mlp(), target_modules=["lin0"])
    layer = layers(model)["base_model.model.lin0"]
    assert repr(layer).startswith("multilora.MultiLoraLinear(")
    assert "(multilora_A): ParameterDict" in repr(layer)
    assert layer.weight is layer.base_layer.weight
    assert layer.bias is layer.base_layer.bias
    assert (layer.in_features, layer.out_features) == (10, 20)


# --- beyond PEFT's common tests ---


def test_transformers_own_integration(tmp_path):
    model = llama()
    model.add_adapter(tuning(target_modules=ATTENTION), adapter_name="first")
    wanted = logits(model)
    assert far(wanted, logits(llama())) > 1e-2
    model.save_pretrained(tmp_path)
    again = llama()
    again.load_adapter(str(tmp_path), adapter_name="again")
    assert torch.equal(logits(again), wanted)
    again.disable_adapters()
    assert torch.equal(logits(again), logits(llama()))
    again.enable_adapters()
    again.add_adapter(tuning(target_modules=["o_proj"]), adapter_name="second")
    again.set_adapter("again")
    assert torch.equal(logits(again), wanted)
    again.delete_adapter("second")
    assert set(again.peft_config) == {"again"}


def test_an_export_from_transformers_own_integration(tmp_path):
    model = llama()
    model.add_adapter(tuning(target_modules=ATTENTION), adapter_name="first")
    export_lora(model, tmp_path, adapter_name="first")
    again = PeftModel.from_pretrained(llama(), str(tmp_path)).eval()
    assert far(logits(again), logits(model)) < 1e-5


def test_the_auto_classes_find_base_and_adapter(tmp_path):
    llama().save_pretrained(tmp_path / "base")
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    model = adapted(base, target_modules=ATTENTION)
    model.save_pretrained(str(tmp_path / "adapter"))
    for auto in (AutoModelForCausalLM, AutoPeftModelForCausalLM):
        again = auto.from_pretrained(str(tmp_path / "adapter")).eval()
        assert any(isinstance(module, MultiLoraLayer) for module in again.modules())
        assert torch.equal(logits(again), logits(model))


def test_torch_compile_takes_it_in_one_graph():
    model = adapted(Mlp(), target_modules=["lin0", "lin1"]).train()
    torch._dynamo.reset()
    compiled = torch.compile(model.base_model.model, fullgraph=True, backend="aot_eager")
    gradients = []
    for run in (model.base_model.model, compiled):
        model.zero_grad()
        out = run(features())
        out.square().sum().backward()
        gradients.append([out.detach(), *(p.grad.clone() for p in model.parameters() if p.requires_grad)])
    assert len(gradients[0]) == 1 + 2 * 3
    assert all(far(one, other) < 1e-5 for one, other in zip(*gradients, strict=True))


def test_a_quantised_base(tmp_path):
    torchao = pytest.importorskip("torchao.quantization", reason="torchao is not installed")
    llama().save_pretrained(tmp_path / "base")

    def base():
        how = TorchAoConfig(torchao.Int8WeightOnlyConfig())
        return AutoModelForCausalLM.from_pretrained(tmp_path / "base", quantization_config=how).eval()

    plain = logits(base())
    model = adapted(base(), target_modules=ATTENTION).train()
    loss_of(model).backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None} == trained_names(model)
    wanted = logits(model.eval())
    assert far(wanted, plain) > 1
    assert torch.equal(logits(model, adapter_names=["__base__", "default", "__base__"])[0], plain[0])
    model.save_pretrained(str(tmp_path / "adapter"))
    assert torch.equal(logits(PeftModel.from_pretrained(base(), str(tmp_path / "adapter")).eval()), wanted)
    model.merge_adapter()
    assert far(logits(model), wanted) < 0.1 * far(wanted, plain), "8 bits"


WORKER = """
import sys
import torch
import torch.distributed as dist
from peft import get_peft_model
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from bethink.models.adapters import MultiLoraConfig
rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
torch.manual_seed(0)
base = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 4))
model = DistributedDataParallel(get_peft_model(base, MultiLoraConfig(r=1, num_modules=2, target_modules=["0", "2"])))
optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
torch.manual_seed(10 + rank)
for step in range(3):
    optimizer.zero_grad()
    model(torch.randn(4, 8)).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    if step == 0:
        moved = [n for n, p in model.named_parameters() if p.requires_grad and p.grad.any()]
        assert moved and all("multilora_s" in n for n in moved), moved
    optimizer.step()
ours = torch.cat([p.detach().flatten() for p in model.parameters() if p.requires_grad])
both = [torch.zeros_like(ours) for _ in range(2)]
dist.all_gather(both, ours)
assert torch.equal(*both), "both processes have the same adapter"
dist.destroy_process_group()
print("trained")
"""


def test_two_processes_train_without_looking_for_unused_parameters(tmp_path):
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(rank), str(tmp_path / "meet")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for rank in range(2)
    ]
    try:
        for worker in workers:
            out, errors = worker.communicate(timeout=180)
            assert worker.returncode == 0, errors[-2000:]
            assert out.strip().endswith("trained")
    finally:
        for worker in workers:
            worker.kill()

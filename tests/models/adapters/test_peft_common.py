"""What PEFT's own tests ask of every method, first part: making, training, files. 23 behaviours, one a test.

Written anew after PEFT's ``tests/testing_common.py`` and ``tests/test_custom_models.py`` (behaviour, not code). The
second part is in ``test_peft_switching.py``; what goes beyond those files is in ``test_peft_beyond.py``.
"""

from __future__ import annotations

import warnings

import pytest
import torch
from peft import (
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    inject_adapter_in_model,
    prepare_model_for_kbit_training,
    set_peft_model_state_dict,
)
from safetensors.torch import load_file
from torch import nn

from tests.models.adapters.tiny import (
    ATTENTION,
    Mlp,
    adapted,
    both_bases,
    far,
    features,
    ids,
    layers,
    llama,
    logits,
    loss_of,
    trained_names,
    tuning,
    two,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:num_modules . r is"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


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

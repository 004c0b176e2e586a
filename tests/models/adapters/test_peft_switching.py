"""What PEFT's own tests ask of every method, second part: merging, switching, deleting, mixed batches, copies.

26 tests, one a behaviour; all but that of several sampled answers are asked in PEFT's files, too.
"""

from __future__ import annotations

import copy

import pytest
import torch
from peft import (
    get_base_model_state_dict,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

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
    trained_names,
    tuning,
    two,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:num_modules . r is"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


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

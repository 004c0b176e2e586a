"""One linear layer with MultiLoRA: what holds for every shape, and the formulas that the method is."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft.utils.quantization_utils import ForwardOnlyQuantizationBackend
from torch import nn
from transformers.pytorch_utils import Conv1D

from bethink.models.adapters import MultiLoraConfig, MultiLoraLinear
from tests.models.adapters.tiny import far

pytestmark = pytest.mark.filterwarnings("ignore:num_modules . r is")


@st.composite
def cases(draw, **fixed):
    """(layer with an adapter, inputs) of a random shape."""
    get = {
        "inputs": draw(st.integers(1, 24)),
        "outputs": draw(st.integers(1, 24)),
        "r": draw(st.integers(1, 6)),
        "n": draw(st.integers(1, 5)),
        "alpha": draw(st.sampled_from([0.5, 1, 4, 16])),
        "scaling": draw(st.sampled_from(["vector", "scalar"])),
        "conv": draw(st.booleans()),
        "bias": draw(st.booleans()),
        "init": False,
        "seed": draw(st.integers(0, 2**20)),
        **fixed,
    }
    return made(**get)


def made(inputs=8, outputs=6, r=2, n=3, alpha=4.0, scaling="vector", conv=False, bias=True, init=False, seed=0):
    torch.manual_seed(seed)
    base = Conv1D(outputs, inputs) if conv else nn.Linear(inputs, outputs, bias=bias)
    if conv:
        nn.init.normal_(base.weight, std=0.3)
    config = MultiLoraConfig(r=r, num_modules=n, lora_alpha=alpha, scaling=scaling, init_weights=init)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = MultiLoraLinear(base, "default", config, r, fan_in_fan_out=conv).eval()
    return layer, torch.randn(3, 4, inputs)


def naive(layer: MultiLoraLinear, x: torch.Tensor) -> torch.Tensor:
    """The definition, one module after the other: y = W x + (alpha / r) sum_i s_i * (B_i (A_i x))."""
    a, b, s = layer.parameters_of("default")
    r, y = layer.r["default"], layer.base_layer(x)
    for i in range(layer.num_modules["default"]):
        a_i, b_i = a[i * r : (i + 1) * r], b[:, i * r : (i + 1) * r]
        y = y + layer.factor["default"] * s[i] * (x @ a_i.t() @ b_i.t())
    return y


every_shape = settings(max_examples=200, deadline=None)
some_shapes = settings(max_examples=60, deadline=None)


@every_shape
@given(cases(init=True))
def test_the_start_is_the_base_to_the_last_bit(case):
    layer, x = case
    assert torch.equal(layer(x), layer.base_layer(x))
    assert not layer.get_delta_weight("default").any()


@some_shapes
@given(cases(init="zero_b"))
def test_zero_b_starts_at_the_base_with_s_one(case):
    layer, x = case
    _, b, s = layer.parameters_of("default")
    assert torch.equal(layer(x), layer.base_layer(x))
    assert not b.any()
    assert torch.equal(s, torch.ones_like(s))


@every_shape
@given(cases())
def test_merged_is_unmerged_and_unmerging_brings_the_base_back(case):
    layer, x = case
    before, weight = layer(x), layer.get_base_weight().clone()
    scale = max(1.0, float(before.detach().abs().max()))
    layer.merge()
    assert layer.merged
    assert far(layer(x), before) <= 1e-5 * scale
    assert far(layer.get_base_weight(), weight) > 0
    layer.unmerge()
    assert far(layer.get_base_weight(), weight) <= 1e-5 * scale
    assert far(layer(x), before) <= 1e-5 * scale


@some_shapes
@given(cases())
def test_bf16_merges_within_its_precision_and_unmerges_to_the_very_bits(case):
    layer, x = case
    layer, x = layer.bfloat16(), x.bfloat16()
    before, weight = layer(x), layer.get_base_weight().clone()
    b, a = layer.factors("default")
    flat = weight.float().t() if layer.fan_in_fan_out else weight.float()
    # every number of a sum is rounded to 8 bits a few times, so the sums of the absolute values bound the error
    reach = x.float().abs() @ (flat.abs() + b.abs() @ a.abs()).t() + before.float().abs() + 1e-3
    layer.merge()
    assert layer.get_base_weight().dtype == torch.bfloat16
    assert ((layer(x) - before).float().abs() <= 2**-6 * reach).all()
    layer.unmerge()
    assert torch.equal(layer.get_base_weight(), weight)
    assert torch.equal(layer(x), before)


@every_shape
@given(cases())
def test_fused_is_the_sum_over_the_modules(case):
    layer, x = case
    slow = naive(layer, x).detach()
    assert far(layer(x), slow) <= 1e-5 * max(1.0, float(slow.abs().max()))


@every_shape
@given(cases())
def test_the_factors_make_the_update_and_the_parameters_are_as_many_as_told(case):
    layer, x = case
    b, a = layer.factors("default")
    inputs, outputs, r, n = layer.in_features, layer.out_features, layer.r["default"], layer.num_modules["default"]
    delta = layer.get_delta_weight("default")
    assert delta.shape == layer.get_base_weight().shape
    delta = delta.t() if layer.fan_in_fan_out else delta
    assert torch.equal(b @ a, delta)
    update = layer(x) - layer.base_layer(x)
    assert far(x @ delta.t(), update) <= 1e-4 * max(1.0, float(update.abs().max()))
    count = sum(p.numel() for name, p in layer.named_parameters() if "multilora_" in name)
    width = outputs if layer.multilora_s["default"].shape[1] == outputs else 1
    assert count == n * (r * (inputs + outputs) + width)


@pytest.mark.parametrize(("scaling", "width"), [("vector", 6), ("scalar", 1)])
def test_how_many_parameters(scaling, width):
    layer, _ = made(inputs=8, outputs=6, r=2, n=3, scaling=scaling)
    trained = sum(p.numel() for p in layer.parameters() if p.requires_grad)
    assert trained - sum(p.numel() for p in layer.base_layer.parameters()) == 3 * (2 * (8 + 6) + width)


@every_shape
@given(cases(init=True))
def test_each_module_starts_within_its_own_bounds(case):
    layer, _ = case
    a, b, s = layer.parameters_of("default")
    assert a.abs().max() <= 1 / math.sqrt(layer.in_features)
    assert b.abs().max() <= 1 / math.sqrt(layer.r["default"])
    assert not s.any()


def test_the_up_projections_do_not_start_as_one_fused_matrix():
    layer, _ = made(inputs=64, outputs=64, r=4, n=9, init=True)
    a, b, _ = layer.parameters_of("default")
    for i in range(9):
        part, down = b[:, 4 * i : 4 * i + 4], a[4 * i : 4 * i + 4]
        assert part.abs().max() > 0.9 / math.sqrt(4), "over the fused B the bound would be 1 / sqrt(36)"
        assert abs(float(part.std()) - 1 / math.sqrt(3 * 4)) < 0.05
        assert down.abs().max() > 0.9 / math.sqrt(64)
        assert abs(float(down.std()) - 1 / math.sqrt(3 * 64)) < 0.01
    assert not torch.equal(b[:, :4], b[:, 4:8]), "the modules start apart"


@pytest.mark.parametrize("scaling", ["vector", "scalar"])
def test_the_first_step_moves_the_scaling_alone(scaling):
    layer, x = made(init=True, scaling=scaling)
    layer(x).square().sum().backward()
    a, b, s = layer.parameters_of("default")
    assert not a.grad.any()
    assert not b.grad.any()
    assert (s.grad != 0).all()


@some_shapes
@given(cases(scaling="vector"))
def test_the_gradients_are_the_papers_formulas(case):
    layer, x = case
    y = layer(x)
    g = torch.randn_like(y)
    y.backward(g)
    a, b, s = layer.parameters_of("default")
    r, c = layer.r["default"], layer.factor["default"]
    rows, grad = x.reshape(-1, layer.in_features), g.reshape(-1, layer.out_features)
    with torch.no_grad():
        for i in range(layer.num_modules["default"]):
            part = slice(i * r, (i + 1) * r)
            down = rows @ a[part].t()
            scaled = grad * s[i]
            close(s.grad[i], c * (grad * (down @ b[:, part].t())).sum(0))
            close(b.grad[:, part], c * scaled.t() @ down)
            close(a.grad[part], c * b[:, part].t() @ scaled.t() @ rows)


def close(found, formula):
    assert far(found, formula) <= 2e-5 * max(1.0, float(formula.abs().max()))


@some_shapes
@given(cases(scaling="scalar"))
def test_the_scalars_gradient_is_the_vectors_summed(case):
    layer, x = case
    a, b, s = layer.parameters_of("default")
    y = layer(x)
    g = torch.randn_like(y)
    y.backward(g)
    r, c = layer.r["default"], layer.factor["default"]
    for i in range(len(s)):
        part = slice(i * r, (i + 1) * r)
        close(s.grad[i, 0], c * (g * (x @ a[part].t() @ b[:, part].t())).sum())


def test_alpha_over_r_multiplies_the_update():
    small, x = made(alpha=2.0)
    large, _ = made(alpha=6.0)
    assert far(3 * (small(x) - small.base_layer(x)), large(x) - large.base_layer(x)) < 1e-5
    assert small.factor["default"] == 1.0


def test_every_row_of_the_scaling_acts_on_its_own_output():
    layer, x = made()
    with torch.no_grad():
        layer.multilora_s["default"].zero_()
        layer.multilora_s["default"][1, 4] = 1
    changed = (layer(x) - layer.base_layer(x)).abs().amax(dim=(0, 1)) > 0
    assert changed.nonzero().flatten().tolist() == [4]


def test_dropout_acts_in_training_alone():
    torch.manual_seed(0)
    config = MultiLoraConfig(r=2, num_modules=3, multilora_dropout=0.5, init_weights=False)
    layer, x = MultiLoraLinear(nn.Linear(32, 4), "default", config, 2), torch.randn(5, 32)
    layer.train()
    assert far(layer(x), layer(x)) > 0
    layer.eval()
    assert torch.equal(layer(x), layer(x))


def test_scaling_a_layer_and_back():
    layer, x = made()
    update = layer(x) - layer.base_layer(x)
    layer.scale_layer(3)
    assert far(layer(x) - layer.base_layer(x), 3 * update) < 1e-5
    b, a = layer.factors("default")
    assert far(b @ a @ x[0, 0], 3 * update[0, 0]) < 1e-5, "the export sees it, too"
    layer.unscale_layer(3)
    assert far(layer(x) - layer.base_layer(x), update) < 1e-5
    for scale in (0, None):
        with pytest.raises(ValueError, match="other than 0"):
            layer.unscale_layer(scale)


def test_an_extreme_rank_is_refused_before_anything_is_allocated(monkeypatch):
    layer, _ = made()
    monkeypatch.setattr(torch, "empty", lambda *_, **__: pytest.fail("allocated"))
    with pytest.raises(ValueError, match=r"Is the adapter's config damaged\? Choose a smaller r"):
        layer.update_layer("huge", 10**6, MultiLoraConfig(r=10**6))
    assert "huge" not in layer.r
    assert "huge" not in layer.multilora_A


def test_a_wide_layer_does_not_let_a_great_rank_through():
    torch.manual_seed(0)
    layer = MultiLoraLinear(nn.Linear(64, 40_000, bias=False), "default", MultiLoraConfig(r=1), 1)
    layer.check_rank(192)
    with pytest.raises(ValueError, match="damaged"):
        layer.check_rank(100_000)


def test_a_rank_beyond_the_layers_is_said_to_be_wasted():
    with pytest.warns(UserWarning, match="rank of at most 4: parameters are wasted"):
        MultiLoraLinear(nn.Linear(4, 9), "default", MultiLoraConfig(r=2, num_modules=3), 2)


def test_unmerging_after_the_layer_changed_its_type():
    layer, x = made()
    layer.bfloat16().merge()
    layer.float()
    layer.unmerge()
    assert layer.get_base_weight().dtype == torch.float32
    assert layer(x).dtype == torch.float32


def test_merging_in_half_precision_does_not_round_the_update_first():
    torch.manual_seed(0)
    layer, _ = made(inputs=64, outputs=64)
    layer.bfloat16()
    layer.base_layer.weight.data.zero_()
    b, a = layer.factors("default")
    layer.base_layer.float()
    layer.merge()
    assert torch.equal(layer.get_base_weight(), b @ a)


def test_a_bf16_weight_is_the_sum_rounded_once():
    layer, _ = made(inputs=64, outputs=64)
    layer.base_layer.bfloat16()
    weight = layer.get_base_weight().clone()
    b, a = layer.factors("default")
    layer.merge()
    assert torch.equal(layer.get_base_weight(), (weight.float() + b @ a).bfloat16())


def test_two_merges_in_bf16_are_taken_back_to_the_very_bits():
    layer, _ = made()
    layer.bfloat16()
    layer.update_layer("other", 2, MultiLoraConfig(r=2, init_weights=False))
    weight = layer.get_base_weight().clone()
    layer.merge(adapter_names=["default"])
    with pytest.warns(UserWarning, match="additionally merging other"):
        layer.merge(adapter_names=["other"])
    layer.unmerge()
    assert torch.equal(layer.get_base_weight(), weight)


def test_a_bf16_base_that_changed_since_is_not_undone():
    layer, _ = made()
    layer.bfloat16().merge()
    layer.unmerge()
    with torch.no_grad():
        layer.base_layer.weight.data = 2 * layer.base_layer.weight.data
    weight = layer.get_base_weight().clone()
    layer.merge()
    layer.unmerge()
    assert torch.equal(layer.get_base_weight(), weight)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_output_has_the_bases_type_with_float32_adapters(dtype):
    layer, x = made()
    layer.base_layer.to(dtype)
    y = layer(x.to(dtype))
    assert layer.multilora_A["default"].dtype == torch.float32
    assert y.dtype == dtype
    assert torch.isfinite(y).all()


def test_a_quantised_layer_that_cannot_take_an_update_says_so():
    layer, _ = made()
    layer.quantization_backend = ForwardOnlyQuantizationBackend("gptq")
    with pytest.raises(ValueError, match=r"quantised by gptq cannot take an update.*not quantised"):
        layer.merge()
    assert not layer.merged

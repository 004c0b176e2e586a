from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.models.decoder import LlamaDecoder
from bethink.models.fused_decoder import FusedDecoder, quantise_blocks, supports_fused


@pytest.fixture(scope="module")
def tiny():
    """A small random Llama with grouped heads and sizes the fused step takes."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=160,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=0.1,
    )
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for layer in model.model.layers:  # gains of one would hide a gain that is missed
            layer.input_layernorm.weight.uniform_(0.5, 1.5)
            layer.post_attention_layernorm.weight.uniform_(0.5, 1.5)
        model.model.norm.weight.uniform_(0.5, 1.5)
    return model


@pytest.fixture(scope="module")
def fused(tiny):
    return FusedDecoder(tiny, "fp32")


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@settings(max_examples=20, deadline=None)
@given(ids=st.lists(st.integers(0, 159), min_size=1, max_size=40), cut=st.integers(0, 40))
def test_steps_agree_with_transformers_but_for_rounding(tiny, fused, ids, cut):
    with torch.inference_mode():
        expected = tiny(torch.tensor([ids])).logits[0]
    cache = fused.new_cache(16)
    cut = min(cut, len(ids) - 1)
    if cut:
        fused.forward(ids[:cut], cache, prompt=True)
    for place in range(cut, len(ids)):
        assert relative(fused.forward([ids[place]], cache), expected[place]) < 0.1
    assert cache.length == len(ids)


def test_torch_and_onnxruntime_write_the_same_cache(tiny, fused):
    plain, cache = LlamaDecoder(tiny, "fp32"), fused.new_cache()
    expected = plain.new_cache()
    for token in (5, 17, 99, 3):
        fused.forward([token], cache)
        plain.forward([token], expected)
    for found, wanted in ((cache.k, expected.k), (cache.v, expected.v)):
        assert relative(found[:, :, :4], wanted[:, :, :4]) < 0.1
    # a prompt after steps reads what the steps wrote
    assert relative(fused.forward([1, 2, 3], cache), plain.forward([1, 2, 3], expected)) < 0.1


def test_caches_take_turns_grow_and_are_cloned(fused):
    """The graph is bound to memory: it must follow a cache that moves and never write into another one."""
    a, b = fused.new_cache(4), fused.new_cache(4)
    alone = [fused.forward([token], a).clone() for token in range(10)]
    noise = fused.new_cache(4)
    taken = []
    for token in range(10):
        fused.forward([150 - token], noise)
        taken.append(fused.forward([token], b).clone())
    assert all(torch.equal(x, y) for x, y in zip(alone, taken, strict=True))
    clone = b.clone(6)
    assert torch.equal(fused.forward([6], clone), alone[6])
    b.crop(3)
    assert torch.equal(fused.forward([3], b), alone[3])


def test_logits_are_the_callers_own(fused):
    cache = fused.new_cache()
    first = fused.forward([1], cache)
    kept = first.clone()
    first.clone().fill_(0)
    fused.forward([2], cache)
    assert torch.equal(first, kept)
    assert fused.forward([3], cache, every=True).shape == (1, 160)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(1e-6, 1e4))
def test_rounding_is_within_half_a_step(seed, scale):
    weight = torch.randn(5, 64, generator=torch.Generator().manual_seed(seed)) * scale
    levels, scales = quantise_blocks(weight)
    back = (levels.astype(np.float64) - 128) * scales[..., None]
    error = np.abs(back - weight.view(5, 2, 32).numpy())
    assert levels.shape == (5, 2, 32)
    assert scales.shape == (5, 2)
    assert (error <= 0.501 * scales[..., None]).all()


def test_a_row_of_zeros_stays_zero():
    levels, scales = quantise_blocks(torch.zeros(2, 32))
    assert (levels == 128).all()
    assert np.isfinite(scales).all()


def test_what_does_not_fit_is_refused(tiny):
    assert supports_fused(tiny.config)
    for name, value in (("hidden_size", 72), ("intermediate_size", 100), ("vocab_size", 30_000_000)):
        config = copy.deepcopy(tiny.config)
        setattr(config, name, value)
        assert not supports_fused(config)


def test_the_default_models_answers_hold(smollm2):
    """On the real weights: the fused step's likeliest token is nearly always the exact one's."""
    from transformers import AutoModelForCausalLM

    from bethink.models.calibrate import make_decoder
    from bethink.models.convert import smollm2_folder

    model = AutoModelForCausalLM.from_pretrained(smollm2_folder(), dtype=torch.float32)
    text = (
        "The tide rises twice a day because the Moon pulls on the sea. Sailors learned to read it long before anyone "
        "could say why, and they wrote down when a harbour could be entered and when it could not."
    )
    ids = smollm2.engine.tokenizer.encode(text)
    with torch.inference_mode():
        expected = model(torch.tensor([ids])).logits[0]
    decoder = make_decoder(model, "fused8")
    cache = decoder.new_cache()
    found = torch.stack([decoder.forward([token], cache) for token in ids])
    same = (found.argmax(-1) == expected.argmax(-1)).float().mean()
    targets = torch.tensor(ids[1:])
    losses = [torch.nn.functional.cross_entropy(logits[:-1], targets) for logits in (found, expected)]
    assert same > 0.85
    assert abs(float(losses[0] - losses[1])) < 0.1


@pytest.mark.parametrize("kernel", ["fused8", "int8", "bf16"])
def test_near_ties_are_not_rounded_together(tiny, kernel):
    """At large logits bf16 cannot tell neighbours apart: the first of them would always win."""
    from bethink.models.calibrate import make_decoder

    model = copy.deepcopy(tiny)
    head = torch.zeros(160, 64)
    head[80:120] = 0.5
    head[100] += 0.0008
    model.lm_head.weight = torch.nn.Parameter(head)
    with torch.no_grad():
        model.model.norm.weight.fill_(8.0)
        for layer in model.model.layers:
            layer.mlp.down_proj.weight.zero_()
            layer.self_attn.o_proj.weight.zero_()
        model.model.embed_tokens.weight = torch.nn.Parameter(torch.rand(160, 64) + 0.5)
    decoder = make_decoder(model, kernel)
    for prompt in ([3], [3, 4, 5]):
        assert int(decoder.forward(prompt, decoder.new_cache(), prompt=True).argmax()) == 100
    if kernel != "fused8":  # its weights are int8: there the head's own step decides
        assert int(decoder.forward([3], decoder.new_cache()).argmax()) == 100

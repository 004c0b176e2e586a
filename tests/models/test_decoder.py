from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.models.decoder import GROUP, LlamaDecoder, int4_grid, make_linear, supports
from bethink.models.transformers_decoder import TransformersDecoder


@pytest.fixture(scope="module")
def tiny():
    """A small random Llama with grouped heads: the arithmetic of the big one in milliseconds."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=128,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval()


def reference(model, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0]


@settings(max_examples=25, deadline=None)
@given(ids=st.lists(st.integers(0, 127), min_size=2, max_size=40), cut=st.integers(1, 39))
def test_reading_and_stepping_equal_transformers(tiny, ids, cut):
    decoder = LlamaDecoder(tiny, "fp32")
    expected = reference(tiny, ids)
    cache = decoder.new_cache()
    assert torch.allclose(decoder.forward(ids, cache, every=True), expected, atol=1e-4)
    # part read at once, the rest one by one
    cut = min(cut, len(ids) - 1)
    cache = decoder.new_cache(16)
    decoder.forward(ids[:cut], cache)
    for place in range(cut, len(ids)):
        assert torch.allclose(decoder.forward([ids[place]], cache), expected[place], atol=1e-4)


def test_a_cropped_and_a_cloned_cache_go_on_the_same(tiny):
    decoder = LlamaDecoder(tiny, "fp32")
    cache = decoder.new_cache(16)
    decoder.forward(list(range(20)), cache)
    clone = cache.clone(10)
    decoder.forward([99], cache)
    cache.crop(10)
    expected = reference(tiny, [*range(10), 50, 51])[-1]
    for one in (cache, clone):
        assert one.length == 10
        assert torch.allclose(decoder.forward([50, 51], one), expected, atol=1e-4)


def test_the_default_model_is_exact_in_float32(smollm2):
    from transformers import AutoModelForCausalLM

    from bethink.models.convert import smollm2_folder

    model = AutoModelForCausalLM.from_pretrained(smollm2_folder(), dtype=torch.float32)
    assert supports(model.config)
    decoder = LlamaDecoder(model, "fp32")
    ids = smollm2.engine.tokenizer.encode("The capital of France is Paris, and the capital of Portugal is Lisbon.")
    cache = decoder.new_cache()
    expected = reference(model, ids)
    assert torch.allclose(decoder.forward(ids, cache, every=True), expected, atol=1e-3)
    # its weights lie on the 4-bit grid they came from, so the small kernel loses nothing
    assert int4_grid(model.model.layers[0].mlp.down_proj.weight) is not None


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 8), groups=st.integers(1, 4))
def test_a_grid_is_found_and_nothing_else(seed, rows, groups):
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(0, 16, (rows, groups, GROUP), generator=generator)
    levels[..., 0], levels[..., 1] = 0, 15
    step = torch.rand(rows, groups, 1, generator=generator).half().float() + 0.01
    least = (-step * (5 + 5 * torch.rand(rows, groups, 1, generator=generator))).half().float()
    weight = (levels * step + least).view(rows, -1).half()
    found = int4_grid(weight)
    assert found is not None
    assert torch.equal(found[0], levels.view(rows, -1).to(torch.int32))
    assert int4_grid(torch.randn(rows, groups * GROUP, generator=generator)) is None


@pytest.mark.parametrize(("kernel", "error"), [("fp32", 1e-5), ("bf16", 0.02), ("int8", 0.03), ("int4", 0.03)])
@pytest.mark.parametrize("rows", [1, 7])
def test_every_kernel_multiplies(kernel, error, rows):
    torch.manual_seed(0)
    weight = torch.randn(64, 64)
    x = torch.randn(rows, 64)
    linear = make_linear(weight, kernel)
    given_ = x if kernel == "fp32" else x.bfloat16()
    result = (linear.one if rows == 1 else linear.many)(given_).float()
    expected = x @ weight.T
    assert (result - expected).norm() / expected.norm() < error


def test_configs_it_would_compute_wrongly_are_left_to_transformers(tiny):
    assert supports(tiny.config)
    for name, value in (("model_type", "gpt2"), ("hidden_act", "gelu"), ("attention_bias", True)):
        config = copy.deepcopy(tiny.config)
        setattr(config, name, value)
        assert not supports(config)
    scaled = copy.deepcopy(tiny.config)
    scaled.rope_parameters = {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0}
    assert not supports(scaled)


def test_transformers_own_forward_behaves_the_same(tiny):
    lean, plain = LlamaDecoder(tiny, "fp32"), TransformersDecoder(tiny)
    ids = [5, 9, 2, 77, 31]
    for decoder in (lean, plain):
        cache = decoder.new_cache()
        decoder.forward(ids, cache)
        clone = cache.clone(3)
        assert clone.length == 3
        assert cache.length == 5
        assert torch.allclose(decoder.forward(ids[3:], clone), reference(tiny, ids)[-1], atol=1e-4)
        assert clone.nbytes > 0

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from bethink.models.training.attention import NAME, branch_attention, branches_of, branching, can_branch


@st.composite
def _trees(draw):
    """Places and own tokens of up to six examples, each of which begins as some earlier one does."""
    paths, own, size = [], [], 0
    for _ in range(draw(st.integers(1, 6))):
        before = draw(st.sampled_from(paths)) if paths else []
        same = before[: draw(st.integers(0, len(before)))]
        new = draw(st.integers(1, 5))
        paths.append(same + list(range(size, size + new)))
        own.append(new)
        size += new
    return paths, own, size


@settings(deadline=None)
@given(_trees(), st.sampled_from([(4, 4), (4, 2), (3, 1)]), st.sampled_from([None, 0.3]))
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_each_token_sees_its_branch_as_a_dense_mask_says(dtype, close, tree, heads, scaling):
    paths, own, size = tree
    torch.manual_seed(size)
    q = torch.randn(1, heads[0], size, 8).to(dtype)
    k, v = torch.randn(2, 1, heads[1], size, 8).to(dtype)
    sees = torch.zeros(size, size, dtype=torch.bool)
    for path in paths:
        for i, place in enumerate(path):
            sees[place, path[: i + 1]] = True
    dense = scaled_dot_product_attention(
        q.float(), k.float(), v.float(), attn_mask=sees, scale=scaling, enable_gqa=True
    )
    ours, weights = branch_attention(None, q, k, v, None, branches=branches_of(paths, own), scaling=scaling)
    assert weights is None
    torch.testing.assert_close(ours.float(), dense.transpose(1, 2), atol=close, rtol=close)


@pytest.fixture
def model():
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **sizes, vocab_size=41))


def test_the_attention_is_the_old_one_again_even_after_an_error(model):
    before = model.config._attn_implementation
    with branching(model):
        assert model.config._attn_implementation == NAME
    assert model.config._attn_implementation == before
    with pytest.raises(RuntimeError, match="stop"), branching(model):
        raise RuntimeError("stop")
    assert model.config._attn_implementation == before


def test_models_with_windows_are_refused(model):
    assert can_branch(model)
    model.config.layer_types = ["sliding_attention"]
    assert not can_branch(model)
    with pytest.raises(ValueError, match="cannot be replaced"), branching(model):
        pass


def test_an_adapted_model_branches_too(model):
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(model, LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM"))
    assert can_branch(adapted)
    with branching(adapted):
        assert model.config._attn_implementation == NAME

"""Tiny random models for the tests of the adapters: made in milliseconds, the same for the same seed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from bethink.models.adapters import MultiLoraConfig, MultiLoraLayer

VOCABULARY = 64


def llama(seed: int = 0, **settings: Any) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        **{
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "vocab_size": VOCABULARY,
            "max_position_embeddings": 64,
            "tie_word_embeddings": False,
            "initializer_range": 0.2,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
            **settings,
        }
    )
    return LlamaForCausalLM(config).eval()


def gpt2(seed: int = 0) -> GPT2LMHeadModel:
    torch.manual_seed(seed)
    config = GPT2Config(
        n_embd=32, n_layer=2, n_head=2, n_positions=64, vocab_size=VOCABULARY, initializer_range=0.2,
        bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


class Mlp(nn.Module):
    """Three linear layers, an embedding that is not used, and a head."""

    def __init__(self, seed: int = 0, bias: bool = True) -> None:
        torch.manual_seed(seed)
        super().__init__()
        self.embedding = nn.Embedding(8, 10)
        self.lin0 = nn.Linear(10, 20, bias=bias)
        self.lin1 = nn.Linear(20, 16, bias=bias)
        self.lin2 = nn.Linear(16, 12, bias=bias)
        self.head = nn.Linear(12, 2)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.lin0(x.to(self.lin0.weight.dtype)))
        return self.head(torch.tanh(self.lin2(torch.tanh(self.lin1(x)))))


def adapted(base: nn.Module, adapter_name: str = "default", **settings: Any) -> Any:
    """A base with an adapter that changes the output at once; ``init_weights=True`` makes one that does not."""
    torch.manual_seed(1)
    return get_peft_model(base, tuning(**settings), adapter_name=adapter_name).eval()


def tuning(**settings: Any) -> MultiLoraConfig:
    return MultiLoraConfig(**{"r": 2, "num_modules": 3, "lora_alpha": 4, "init_weights": False, **settings})


ATTENTION = ["q_proj", "v_proj"]


def ids(rows: int = 3, seed: int = 5) -> Tensor:
    return torch.randint(3, VOCABULARY, (rows, 7), generator=torch.Generator().manual_seed(seed))


def features(rows: int = 3, seed: int = 5, width: int = 10) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def logits(model: Any, rows: int = 3, **more: Any) -> Tensor:
    return model(input_ids=ids(rows), **more).logits


def layers(model: nn.Module) -> dict[str, MultiLoraLayer]:
    return {name: module for name, module in model.named_modules() if isinstance(module, MultiLoraLayer)}


def far(a: Tensor, b: Tensor) -> float:
    return float((a.detach().double() - b.detach().double()).abs().max())


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

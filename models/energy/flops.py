"""Floating-point operations of a language model, from its shape: the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shape:
    """A decoder-only transformer: N parameters without embeddings and head, L layers, width d."""

    parameters: int
    layers: int
    width: int

    @classmethod
    def from_config(cls, config: Any) -> Shape | None:
        """From a transformers config; None where it lacks one of the usual names (gated MLP, grouped heads)."""
        names = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
        values = [getattr(config, name, None) for name in names]
        if not all(isinstance(value, int) and value > 0 for value in values):
            return None
        width, inner, layers, heads = (int(value) for value in values if value is not None)
        size = int(getattr(config, "head_dim", None) or width // heads)
        kv = int(getattr(config, "num_key_value_heads", None) or heads)
        attention = 2 * width * heads * size + 2 * width * kv * size
        norms = 2 * width
        return cls(layers * (attention + 3 * width * inner + norms) + width, layers, width)

    def forward(self, tokens: int) -> float:
        """F(T) = 2 N T + 2 L d T^2 for a prompt of T tokens (causal attention)."""
        return 2.0 * self.parameters * tokens + 2.0 * self.layers * self.width * tokens**2

    def decode(self, context: int, tokens: int) -> float:
        """2 N + 4 L d t, summed over so many tokens, the first at t = ``context``."""
        positions = tokens * context + tokens * (tokens - 1) // 2
        return 2.0 * self.parameters * tokens + 4.0 * self.layers * self.width * positions

    def generation(self, tokens_in: int, tokens_out: int, cached: int = 0) -> float:
        """A prompt of which ``cached`` tokens are kept from before, and an answer."""
        return self.forward(tokens_in) - self.forward(cached) + self.decode(tokens_in, tokens_out)

    def training(self, tokens: int, *, frozen: bool = False) -> float:
        """6 N D; about 4 N D where the weights are frozen and only an adapter is trained."""
        return (4.0 if frozen else 6.0) * self.parameters * tokens

"""Any other transformers causal model, on CPU or GPU, behind the same two calls as the lean decoder."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor


class TransformersCache:
    """A transformers ``DynamicCache`` with the calls of :class:`bethink.models.decoder.KVCache`."""

    def __init__(self, past: Any = None) -> None:
        from transformers import DynamicCache

        self.past = past if past is not None else DynamicCache()

    @property
    def length(self) -> int:
        """Tokens held."""
        return int(self.past.get_seq_length())

    def crop(self, length: int) -> None:
        """Forget everything after the first ``length`` tokens."""
        if length < self.length:
            # transformers counts what to take off
            self.past.crop(length - self.length)

    def clone(self, length: int) -> TransformersCache:
        """A copy of the first ``length`` tokens."""
        new = TransformersCache(copy.deepcopy(self.past))
        new.crop(length)
        return new

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        total = 0
        for layer in getattr(self.past, "layers", []):
            for part in (getattr(layer, "keys", None), getattr(layer, "values", None)):
                total += part.nbytes if isinstance(part, Tensor) else 0
        return total


READ = 128
"""Prompt tokens read at a time: cancel is heeded in between, and prefixes are kept in this grain."""


class TransformersDecoder:
    """A transformers model's own forward. ``kernel`` names its number format and device."""

    def __init__(self, model: Any) -> None:
        self.model = model.eval()
        config = model.config
        self.kernel = f"{str(model.dtype).removeprefix('torch.')} on {model.device.type}"
        self.block = READ
        self.layers = int(getattr(config, "num_hidden_layers", 0))
        self.width = int(getattr(config, "hidden_size", 0))
        self.context_length = int(getattr(config, "max_position_embeddings", 2048))

    def new_cache(self, capacity: int = 512) -> TransformersCache:
        """An empty cache."""
        return TransformersCache()

    @torch.inference_mode()
    def forward(self, ids: list[int], cache: TransformersCache, *, prompt: bool = False, every: bool = False) -> Tensor:
        """Read ``ids`` after what the cache holds; logits of the last token, (vocab,), or of all with ``every``."""
        tokens = torch.tensor([ids], device=self.model.device)
        out = self.model(tokens, past_key_values=cache.past, use_cache=True, logits_to_keep=0 if every else 1)
        cache.past = out.past_key_values
        # sampling and grammar work on the CPU
        return (out.logits[0] if every else out.logits[0, -1]).float().cpu()

"""Attention within a pack of examples that share their beginnings: each example's tokens see their own branch only.

One dense attention over a pack would cost its square, most of it between examples that do not see each other. Here each
example is attended to by itself, so that the cost is the sum of the examples' squares, whatever a pack holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

NAME = "bethink_branches"
"""What transformers knows this attention by."""


@dataclass(frozen=True)
class Branches:
    """The examples of a pack: ``places`` of all their tokens, one example behind another; how many tokens each has
    (``whole``), and how many of them, its last ones, stand in the pack for it alone (``own``)."""

    places: Tensor
    whole: tuple[int, ...]
    own: tuple[int, ...]


def branches_of(paths: Sequence[Sequence[int]], own: Sequence[int]) -> Branches:
    """Branches of the examples whose tokens have the places ``paths``, the last ``own`` of each new in the pack."""
    places = torch.tensor([place for path in paths for place in path])
    return Branches(places, tuple(map(len, paths)), tuple(own))


def branch_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    branches: Branches,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Tensor, None]:
    """Causal attention of each example's own tokens to all of its tokens.

    Cost: the sum over examples of own times whole tokens.

    Args:
        module: the attention layer (transformers passes it).
        query: (1, heads, tokens, size).
        key: (1, heads or a divisor of it, tokens, size).
        value: as ``key``.
        attention_mask: not used.
        branches: of the pack.
        scaling: of the products; none: 1 / sqrt(size).
        dropout: of the weights.

    Returns:
        (1, tokens, heads, size), and no weights.
    """
    places = branches.places.to(key.device)
    keys = key.index_select(2, places).split(branches.whole, dim=2)
    values = value.index_select(2, places).split(branches.whole, dim=2)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    parts = [
        _attend(q, k, v, scale, dropout) for q, k, v in zip(query.split(branches.own, dim=2), keys, values, strict=True)
    ]
    return torch.cat(parts, dim=2).transpose(1, 2), None


def _attend(q: Tensor, k: Tensor, v: Tensor, scale: float, dropout: float) -> Tensor:
    """Attention of an example's last tokens ``q`` (1, heads, own, size) to all of its tokens: (1, heads, own, size).

    In bfloat16 on a processor it is written out, so that its products are plain ones of matrices in bfloat16, which a
    processor that has them multiplies quickest.
    """
    own, whole = q.shape[2], k.shape[2]
    if dropout or q.device.type != "cpu" or q.dtype != torch.bfloat16:
        mask = None
        if own < whole:
            mask = torch.ones(own, whole, dtype=torch.bool, device=q.device).tril(whole - own)
        return scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=mask is None, scale=scale, enable_gqa=True
        )
    groups = k.shape[1]
    hidden = torch.full((own, whole), -torch.inf, dtype=q.dtype).triu(whole - own + 1)
    scores = (q * scale).reshape(1, groups, -1, q.shape[3]) @ k.transpose(2, 3)
    weights = torch.softmax(scores.view(1, -1, own, whole) + hidden, dim=-1)
    return (weights.view(1, groups, -1, whole) @ v).view(1, -1, own, v.shape[3])


def can_branch(model: Any) -> bool:
    """Whether transformers lets the model's attention be chosen, and all of its layers see all tokens before."""
    config = model.config.get_text_config()
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    windowed = getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True)
    return bool(model._supports_attention_backend) and layers == {"full_attention"} and not windowed


@contextmanager
def branching(model: Any) -> Iterator[None]:
    """The model's attention is :func:`branch_attention`: it must be given ``branches`` with its ids.

    Raises:
        ValueError: the model's attention cannot be replaced (see :func:`can_branch`).
    """
    from transformers import AttentionInterface

    if not can_branch(model):
        raise ValueError(f"The attention of {type(model).__name__} cannot be replaced; use packs that share nothing.")
    before = model.config._attn_implementation
    AttentionInterface.register(NAME, branch_attention)
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)

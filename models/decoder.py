"""A lean Llama forward for one CPU: what eager transformers spends on Python and on moving weights, saved.

One token of a 135M model is 30 layers of five small matrix-vector products: reading the weights is the work, so they
are read in as few bits as loses nothing. Reading a prompt is matrix-matrix work, done in bf16 where the processor has
it. Per layer and token: two norms, three fused products (q, k and v as one; gate and up as one), one complex product
for the rotary embedding, two small products for the attention. Cost of a token: linear in weights and in context.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
LEADING = 64
"""Tokens whose logits are computed exactly in a step."""
GROUP = 32
"""Columns that share a 4-bit grid in GGUF's Q4_1."""
READ = 64
"""Prompt tokens read at a time, and the grain in which prefixes are kept. A block's numbers depend on its place only,
so an answer is the same to the bit however much of its prompt was kept."""


class KVCache:
    """Keys and values of one token sequence, float32, (layers, kv heads, capacity, head size); grows by doubling."""

    def __init__(self, layers: int, heads: int, size: int, capacity: int = 512) -> None:
        self.k = torch.empty(layers, heads, capacity, size)
        self.v = torch.empty(layers, heads, capacity, size)
        self.length = 0

    def reserve(self, total: int) -> None:
        """Make room for ``total`` tokens."""
        capacity = self.k.shape[2]
        if total <= capacity:
            return
        while capacity < total:
            capacity *= 2
        for name in ("k", "v"):
            old: Tensor = getattr(self, name)
            new = torch.empty(old.shape[0], old.shape[1], capacity, old.shape[3])
            new[:, :, : self.length] = old[:, :, : self.length]
            setattr(self, name, new)

    def crop(self, length: int) -> None:
        """Forget everything after the first ``length`` tokens."""
        self.length = min(self.length, length)

    def clone(self, length: int) -> KVCache:
        """A copy of the first ``length`` tokens."""
        layers, heads, _, size = self.k.shape
        new = KVCache(layers, heads, size, max(512, 1 << (length - 1).bit_length()))
        new.k[:, :, :length] = self.k[:, :, :length]
        new.v[:, :, :length] = self.v[:, :, :length]
        new.length = length
        return new

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return 2 * self.k.nbytes


@dataclass
class Linear:
    """One weight matrix in two forms: ``one`` multiplies a single row, ``many`` several. Both take and give (n, ·)."""

    one: Callable[[Tensor], Tensor]
    many: Callable[[Tensor], Tensor]
    bits: float


def int4_grid(weight: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
    """The 4-bit grid a matrix lies on, if it does: (levels, step, least), else None.

    GGUF's Q4_1 keeps, for every 32 columns of a row, a least value m, a step d and 4-bit levels q with w = d q + m, and
    its levels 0 and 15 both occur; so m and d can be read off a dequantised matrix. It counts as lying on the grid when
    no weight is off by more than a twentieth of a step (float16 storage is good to a hundredth).
    """
    rows, columns = weight.shape
    if columns % GROUP:
        return None
    groups = weight.float().view(rows, columns // GROUP, GROUP)
    least = groups.amin(-1, keepdim=True)
    step = (groups.amax(-1, keepdim=True) - least) / 15
    levels = (groups - least) / step.clamp_min(1e-12)
    rounded = levels.round().clamp_(0, 15)
    if float((levels - rounded).abs().max()) > 0.05:
        return None
    return rounded.to(torch.int32).view(rows, columns), step.squeeze(-1), least.squeeze(-1)


def paired_rows(weight: Tensor, size: int) -> Tensor:
    """Rows of a query or key matrix (heads * size, width) reordered so that a rotary pair (i, i + size/2) of each head
    stands side by side, as a complex number's parts do."""
    order = torch.arange(size).view(2, -1).t().reshape(-1)
    return weight.view(-1, size, weight.shape[1])[:, order].reshape(weight.shape)


def make_linear(weight: Tensor, kernel: str, prefill: str | None = None) -> Linear:
    """A matrix (out, in) for ``kernel``: ``fp32``, ``bf16``, ``int8`` (a scale a row) or ``int4`` (exact, or int8).

    ``prefill`` is the format that multiplies several rows: ``fp32`` or ``bf16``; left out, the kernel's own or bf16.
    """
    prefill = prefill or (kernel if kernel in DTYPES else "bf16")
    full = weight.to(DTYPES[prefill]).contiguous()

    def many(x: Tensor) -> Tensor:
        return F.linear(x, full)

    if kernel in DTYPES:
        if kernel == prefill:
            return Linear(many, many, full.itemsize * 8)
        single = weight.to(DTYPES[kernel]).contiguous()
        return Linear(lambda x: F.linear(x, single), many, single.itemsize * 8)
    grid = int4_grid(weight) if kernel == "int4" else None
    if grid is not None:
        levels, step, least = grid
        packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(levels, 1)
        # the kernel computes (level - 8) * scale + zero
        scales = torch.stack([step, least + 8 * step], -1).transpose(0, 1).contiguous().bfloat16()
        multiply4 = torch.ops.aten._weight_int4pack_mm_for_cpu
        return Linear(lambda x: multiply4(x, packed, GROUP, scales), many, 5)
    scale = weight.float().abs().amax(1).clamp_min(1e-12) / 127
    eight = (weight.float() / scale[:, None]).round().to(torch.int8)
    scale16 = scale.bfloat16()
    multiply8 = torch.ops.aten._weight_int8pack_mm
    return Linear(lambda x: multiply8(x, eight, scale16), many, 8)


def supports(config: Any) -> bool:
    """Whether a transformers config is a plain Llama that this forward computes exactly."""
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    return (
        getattr(config, "model_type", "") == "llama"
        and getattr(config, "hidden_act", "") == "silu"
        and not getattr(config, "attention_bias", False)
        and not getattr(config, "mlp_bias", False)
        and rope.get("rope_type", "default") == "default"
    )


class LlamaDecoder:
    """A Llama's forward over a :class:`KVCache`.

    Args:
        model: a transformers ``LlamaForCausalLM`` (see :func:`supports`); its weights are copied.
        kernel: how single rows are multiplied: ``fp32``, ``bf16``, ``int8`` or ``int4``.
        prefill: the format in which prompts are read: ``bf16`` or ``fp32``; ``kernel``'s own where it is one of them.
    """

    def __init__(self, model: Any, kernel: str, prefill: str = "bf16") -> None:
        config = model.config
        prefill = kernel if kernel in DTYPES else prefill
        self.kernel, self.prefill, self.block = kernel, prefill, READ
        self.dtype = DTYPES.get(kernel, torch.bfloat16)
        self.wide = DTYPES[prefill]
        self.layers, self.width = config.num_hidden_layers, config.hidden_size
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.size = getattr(config, "head_dim", None) or self.width // self.heads
        self.eps = config.rms_norm_eps
        self.context_length = int(config.max_position_embeddings)
        self.embedding = model.get_input_embeddings().weight.detach().float()
        self.exact_head = model.get_output_embeddings().weight.detach().float()
        if kernel != "fp32":
            self.head = make_linear(self.exact_head, "int8" if kernel == "int4" else kernel, prefill)
        self.last_norm = model.model.norm.weight.detach().float()
        self.blocks = [self._block(layer, kernel) for layer in model.model.layers]
        rope = getattr(config, "rope_parameters", None) or {}
        theta = float(rope.get("rope_theta") or getattr(config, "rope_theta", None) or 10000.0)
        frequency = theta ** -(torch.arange(0, self.size, 2, dtype=torch.float64) / self.size)
        angle = torch.arange(self.context_length, dtype=torch.float64)[:, None] * frequency
        self.rotation = torch.polar(torch.ones_like(angle), angle).to(torch.complex64)

    def _block(self, layer: Any, kernel: str) -> tuple[Tensor, Linear, Linear, Tensor, Linear, Linear]:
        attention, mlp, prefill = layer.self_attn, layer.mlp, self.prefill
        query, key, value = (part.weight.detach() for part in (attention.q_proj, attention.k_proj, attention.v_proj))
        return (
            layer.input_layernorm.weight.detach().float(),
            make_linear(
                torch.cat([paired_rows(query, self.size), paired_rows(key, self.size), value]), kernel, prefill
            ),
            make_linear(attention.o_proj.weight.detach(), kernel, prefill),
            layer.post_attention_layernorm.weight.detach().float(),
            make_linear(torch.cat([mlp.gate_proj.weight.detach(), mlp.up_proj.weight.detach()]), kernel, prefill),
            make_linear(mlp.down_proj.weight.detach(), kernel, prefill),
        )

    def new_cache(self, capacity: int = 512) -> KVCache:
        """An empty cache."""
        return KVCache(self.layers, self.kv_heads, self.size, capacity)

    @torch.inference_mode()
    def forward(self, ids: list[int], cache: KVCache, *, prompt: bool = False, every: bool = False) -> Tensor:
        """Read ``ids`` after what the cache holds; logits of the last token, (vocab,), or of all with ``every``.

        ``prompt`` reads a single token as several are read (the last block of a prompt may hold only one).
        """
        cache.reserve(cache.length + len(ids))
        if len(ids) == 1 and not prompt:
            x = self._step(ids[0], cache)
        else:
            x = self._read(ids, cache)
        cache.length += len(ids)
        if not every:
            x = x[-1:]
        x = F.rms_norm(x, (self.width,), self.last_norm, self.eps)
        if prompt or len(ids) > 1:
            logits = F.linear(x, self.exact_head)
        else:
            logits = self._step_logits(x)
        return logits if every else logits[0]

    def _step_logits(self, x: Tensor) -> Tensor:
        """Logits of one token, x and result float32.

        At a logit of 25 bf16 counts in steps of an eighth: near ties fall to whichever token comes first in the
        vocabulary. So the leading ones are computed again from the unrounded weights.
        """
        if self.dtype == torch.float32:
            return F.linear(x, self.exact_head)
        logits = self.head.one(x.to(self.dtype)).float()
        leading = logits[0].topk(min(LEADING, logits.shape[1])).indices
        logits[0, leading] = self.exact_head[leading] @ x[0]
        return logits

    def _norm(self, x: Tensor, weight: Tensor, dtype: torch.dtype) -> Tensor:
        return F.rms_norm(x, (self.width,), weight, self.eps).to(dtype)

    def _step(self, token: int, cache: KVCache) -> Tensor:
        """One token. x is the residual, float32, shape (1, width)."""
        at, end, half = cache.length, cache.length + 1, self.dtype
        heads, kv, size, width, eps = self.heads, self.kv_heads, self.size, self.width, self.eps
        group, turning = heads // kv, (heads + kv) * size
        rotation = self.rotation[at]
        scale = size**-0.5
        silu, bmm, softmax = F.silu, torch.bmm, torch.softmax
        x = self.embedding[token : token + 1]
        for index, (norm1, qkv, out, norm2, gate_up, down) in enumerate(self.blocks):
            flat = x[0]
            r = torch.dot(flat, flat).div_(width).add_(eps).rsqrt_()
            row = qkv.one((x * r).mul_(norm1).to(half)).float()
            turned = torch.view_as_complex(row[0, :turning].view(heads + kv, size // 2, 2)) * rotation
            turned = torch.view_as_real(turned).view(heads + kv, size)
            keys, values = cache.k[index], cache.v[index]
            keys[:, at] = turned[heads:]
            values[:, at] = row[0, turning:].view(kv, size)
            query = turned[:heads].view(kv, group, size).mul(scale)
            weights = softmax(bmm(query, keys[:, :end].transpose(1, 2)), -1)
            mixed = bmm(weights, values[:, :end])
            x = x + out.one(mixed.view(1, heads * size).to(half))
            flat = x[0]
            r = torch.dot(flat, flat).div_(width).add_(eps).rsqrt_()
            both = gate_up.one((x * r).mul_(norm2).to(half))
            wide = both.shape[1] // 2
            x = x + down.one(silu(both[:, :wide]).mul_(both[:, wide:]))
        return x

    def _read(self, ids: list[int], cache: KVCache) -> Tensor:
        """Several tokens at once. x: float32, shape (n, width)."""
        n, at, end, half = len(ids), cache.length, cache.length + len(ids), self.wide
        heads, kv, size = self.heads, self.kv_heads, self.size
        turning = (heads + kv) * size
        rotation = self.rotation[at:end, None]
        mask = torch.ones(n, end, dtype=torch.bool).tril_(at)
        x = self.embedding[torch.tensor(ids)]
        for index, (norm1, qkv, out, norm2, gate_up, down) in enumerate(self.blocks):
            rows = qkv.many(self._norm(x, norm1, half))
            turned = torch.view_as_complex(rows[:, :turning].float().view(n, heads + kv, size // 2, 2)) * rotation
            turned = torch.view_as_real(turned).view(n, heads + kv, size)
            keys, values = cache.k[index], cache.v[index]
            keys[:, at:end] = turned[:, heads:].transpose(0, 1)
            values[:, at:end] = rows[:, turning:].view(n, kv, size).transpose(0, 1)
            query = turned[:, :heads].transpose(0, 1)[None].to(half)
            mixed = F.scaled_dot_product_attention(
                query,
                keys[None, :, :end].to(half),
                values[None, :, :end].to(half),
                attn_mask=mask,
                enable_gqa=heads != kv,
            )
            x = x + out.many(mixed[0].transpose(0, 1).reshape(n, heads * size))
            both = gate_up.many(self._norm(x, norm2, half))
            wide = both.shape[1] // 2
            x = x + down.many(F.silu(both[:, :wide]).mul_(both[:, wide:]))
        return x

"""The lean decoder with its single steps fused by onnxruntime: one call a token instead of a thousand.

A step of a small model in eager torch is half dispatch: some forty calls a layer, each on a few kilobytes. onnxruntime
has the same layer as ten fused operators (norm with residual, block-quantised product, grouped-query attention with
rotary embedding) and a thread pool that stays awake between them. Weights are int8 with a scale for every 32 columns,
activations are rounded to int8 by the same blocks, sums are exact. Prompts are read by torch, into the same cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from bethink.models.decoder import KVCache, LlamaDecoder, paired_rows
from bethink.models.onnx_graph import FLOAT, INT32, MICROSOFT, Graph

KERNEL = "fused8"
BLOCK = 32
LARGEST = 1_500_000_000
"""Weights; a protocol buffer ends at 2 GiB."""


def supports_fused(config: Any) -> bool:
    """Whether the fused step takes a model that :func:`bethink.models.decoder.supports` accepts."""
    from importlib.util import find_spec

    width, inner = int(config.hidden_size), int(config.intermediate_size)
    size = int(getattr(config, "head_dim", None) or width // config.num_attention_heads)
    weights = config.num_hidden_layers * width * (3 * inner + 4 * width) + config.vocab_size * width
    fits = width % BLOCK == 0 and inner % BLOCK == 0 and size % 16 == 0 and weights < LARGEST
    return fits and find_spec("onnxruntime") is not None


def quantise_blocks(weight: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """A matrix (out, in) as (levels, scales): uint8 around 128, (out, in/32, 32), and float32, (out, in/32).

    Symmetric rounding to 127 steps on either side of zero: the error of a weight is at most half a step.
    """
    rows, columns = weight.shape
    blocks = weight.float().view(rows, columns // BLOCK, BLOCK)
    scale = blocks.abs().amax(-1, keepdim=True).clamp_min_(1e-12).div_(127)
    levels = (blocks / scale).round_().add_(128).to(torch.uint8)
    return levels.numpy(), scale[..., 0].numpy()


class FusedDecoder(LlamaDecoder):
    """A :class:`LlamaDecoder` whose single steps run in onnxruntime.

    Args:
        model: a transformers ``LlamaForCausalLM``; its weights are copied.
        prefill: number format in which torch reads prompts, ``bf16`` or ``fp32``.
    """

    def __init__(self, model: Any, prefill: str = "bf16") -> None:
        super().__init__(model, prefill)
        self.kernel = KERNEL
        self.__dict__.pop("head", None)  # steps have their own
        self._session = self._open(self._graph(model))
        self._binding = self._session.io_binding()
        self._x = np.zeros((1, 1, self.width), np.float32)
        self._before = np.zeros(1, np.int32)
        self._total = np.zeros(1, np.int32)
        self._logits = np.zeros((1, 1, int(model.config.vocab_size)), np.float32)
        self._bind_in("x", self._x.ctypes.data, self._x.shape, np.float32)
        self._bind_in("before", self._before.ctypes.data, (1,), np.int32)
        self._bind_in("total", self._total.ctypes.data, (1,), np.int32)
        self._bind_out("logits", self._logits.ctypes.data, self._logits.shape)
        self._bound: tuple[int, int, int] | None = None

    @torch.inference_mode()
    def forward(self, ids: list[int], cache: KVCache, *, prompt: bool = False, every: bool = False) -> Tensor:
        """See :meth:`LlamaDecoder.forward`."""
        if prompt or len(ids) != 1:
            return super().forward(ids, cache, prompt=prompt, every=every)
        cache.reserve(cache.length + 1)
        self._bind_cache(cache)
        self._x[0, 0] = self.embedding[ids[0]].numpy()
        self._before[0], self._total[0] = cache.length, cache.length + 1
        self._session.run_with_iobinding(self._binding)
        cache.length += 1
        logits = torch.from_numpy(self._logits[0].copy())
        return logits if every else logits[0]

    def _bind_cache(self, cache: KVCache) -> None:
        """Point the graph at the cache: it appends in place, so past and present are the same memory."""
        place = (cache.k.data_ptr(), cache.v.data_ptr(), cache.k.shape[2])
        if place == self._bound:
            return
        for name, whole in (("k", cache.k), ("v", cache.v)):
            shape = (1, *whole.shape[1:])
            for layer in range(self.layers):
                address = whole[layer].data_ptr()
                self._bind_in(f"past_{name}{layer}", address, shape, np.float32)
                self._bind_out(f"{name}{layer}", address, shape)
        self._bound = place

    def _bind_in(self, name: str, address: int, shape: tuple[int, ...], kind: type) -> None:
        self._binding.bind_input(name, "cpu", 0, kind, list(shape), address)

    def _bind_out(self, name: str, address: int, shape: tuple[int, ...]) -> None:
        self._binding.bind_output(name, "cpu", 0, np.float32, list(shape), address)

    @staticmethod
    def _open(model: bytes) -> Any:
        import onnxruntime  # type: ignore[import-untyped]

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def _graph(self, model: Any) -> bytes:
        """One step: x (1, 1, width) and the caches in, logits and the caches out."""
        graph = Graph()
        graph.input("x", FLOAT, [1, 1, self.width])
        # onnxruntime counts the keys from zero: "before" is the last index, not the number
        graph.input("before", INT32, [1])
        graph.input("total", INT32, [1])
        graph.constant("cos", self.rotation.real.float().contiguous().numpy())
        graph.constant("sin", self.rotation.imag.float().contiguous().numpy())
        graph.constant("gain", model.model.layers[0].input_layernorm.weight.detach().float().numpy())
        normed = graph.node("SimplifiedLayerNormalization", ["x", "gain"], ["norm"], axis=-1, epsilon=self.eps)
        residual = "x"
        for index, layer in enumerate(model.model.layers):
            mixed = self._attention(graph, index, layer.self_attn, normed)
            weight = layer.post_attention_layernorm.weight
            normed, residual = self._norm_after(graph, f"a{index}", residual, mixed, weight)
            widened = self._perceptron(graph, index, layer.mlp, normed)
            last = index + 1 == self.layers
            weight = model.model.norm.weight if last else model.model.layers[index + 1].input_layernorm.weight
            normed, residual = self._norm_after(graph, f"m{index}", residual, widened, weight)
        head = model.get_output_embeddings().weight.detach()
        _product(graph, "logits", normed, head)
        graph.output("logits", FLOAT, [1, 1, head.shape[0]])
        return graph.serialize()

    def _norm_after(self, graph: Graph, name: str, residual: str, addend: str, gain: Tensor) -> tuple[str, str]:
        """(RMS norm of the new residual, the new residual)."""
        graph.constant(f"{name}_gain", gain.detach().float().numpy())
        outputs = [f"{name}_norm", "", "", f"{name}_sum"]
        inputs = [residual, addend, f"{name}_gain"]
        graph.node("SkipSimplifiedLayerNormalization", inputs, outputs, MICROSOFT, epsilon=self.eps)
        return outputs[0], outputs[3]

    def _attention(self, graph: Graph, index: int, attention: Any, x: str) -> str:
        query, key, value = (part.weight.detach() for part in (attention.q_proj, attention.k_proj, attention.v_proj))
        weight = torch.cat([paired_rows(query, self.size), paired_rows(key, self.size), value])
        rows = _product(graph, f"qkv{index}", x, weight)
        shape = [1, self.kv_heads, "capacity", self.size]
        for name in ("k", "v"):
            graph.input(f"past_{name}{index}", FLOAT, shape)
            graph.output(f"{name}{index}", FLOAT, shape)
        mixed = graph.node(
            "GroupQueryAttention",
            [rows, "", "", f"past_k{index}", f"past_v{index}", "before", "total", "cos", "sin"],
            [f"mixed{index}", f"k{index}", f"v{index}"],
            MICROSOFT,
            num_heads=self.heads,
            kv_num_heads=self.kv_heads,
            do_rotary=1,
            rotary_interleaved=1,
        )
        return _product(graph, f"out{index}", mixed, attention.o_proj.weight.detach())

    @staticmethod
    def _perceptron(graph: Graph, index: int, mlp: Any, x: str) -> str:
        gate = _product(graph, f"gate{index}", x, mlp.gate_proj.weight.detach())
        up = _product(graph, f"up{index}", x, mlp.up_proj.weight.detach())
        # x sigmoid(x), as QuickGelu with alpha 1
        opened = graph.node("QuickGelu", [gate], [f"silu{index}"], MICROSOFT, alpha=1.0)
        wide = graph.node("Mul", [opened, up], [f"wide{index}"])
        return _product(graph, f"down{index}", wide, mlp.down_proj.weight.detach())


def _product(graph: Graph, name: str, x: str, weight: Tensor) -> str:
    """x W^T with W in int8 blocks; ``accuracy_level`` 4 rounds x to int8 too, which the fast instructions need."""
    levels, scales = quantise_blocks(weight)
    graph.constant(f"{name}_levels", levels)
    graph.constant(f"{name}_scales", scales)
    return graph.node(
        "MatMulNBits",
        [x, f"{name}_levels", f"{name}_scales"],
        [name],
        MICROSOFT,
        K=weight.shape[1],
        N=weight.shape[0],
        bits=8,
        block_size=BLOCK,
        accuracy_level=4,
    )

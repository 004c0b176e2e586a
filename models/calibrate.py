"""Which kernels are fastest on this processor: measured for a moment on a few layers, and remembered.

Rules do not do: under load bf16 was slower than fp32 on one machine and twice as fast on another.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

KERNELS = ("fused8", "int4", "int8", "bf16", "fp32")
FORMATS = ("bf16", "fp32")
LAYERS = 4
ROUNDS = 4
STEPS = 8


def make_decoder(model: Any, kernel: str, prefill: str = "bf16") -> Any:
    """A lean decoder of a transformers Llama that decodes with ``kernel`` and reads prompts in ``prefill``.

    Raises:
        ValueError: there is no such kernel, or onnxruntime is missing for ``fused8``.
    """
    from bethink.models.decoder import LlamaDecoder
    from bethink.models.fused_decoder import KERNEL, FusedDecoder, supports_fused

    if kernel not in KERNELS:
        raise ValueError(f"There is no precision {kernel!r}. Choose auto or one of {', '.join(KERNELS)}.")
    if kernel != KERNEL:
        return LlamaDecoder(model, kernel, "fp32" if kernel == "fp32" else prefill)
    if not supports_fused(model.config):
        raise ValueError("This model or machine has no fused step (it needs onnxruntime). Use auto, int8 or bf16.")
    return FusedDecoder(model, prefill)


def choose_kernels(model: Any) -> tuple[str, str]:
    """(kernel that decodes fastest, format that reads prompts fastest). Takes a second or two, once.

    Args:
        model: a transformers Llama.
    """
    from bethink.models.convert import default_cache

    key = "|".join((_processor(), torch.__version__, _onnxruntime(), str(torch.get_num_threads()), _shape(model)))
    path = default_cache() / "calibration.json"
    noted = _noted(path)
    known = noted.get(key)
    if isinstance(known, dict) and known.get("decode") in KERNELS and known.get("prefill") in FORMATS:
        return str(known["decode"]), str(known["prefill"])
    prefill = max((speeds := measure_prefill(model)), key=lambda kind: speeds[kind])
    steps = measure_decode(model, prefill)
    decode = max(steps, key=lambda kernel: steps[kernel])
    rounded = {kernel: round(speed, 1) for kernel, speed in steps.items()}
    _note(path, {**noted, key: {"decode": decode, "prefill": prefill, "steps_per_s_of_few_layers": rounded}})
    return decode, prefill


def candidates(model: Any) -> list[str]:
    """Kernels worth trying. ``int4`` only where it is exact and nothing fused is at hand: it is slow to load."""
    from bethink.models.decoder import int4_grid
    from bethink.models.fused_decoder import supports_fused

    if supports_fused(model.config):
        return ["fused8", "int8", "bf16", "fp32"]
    exact = int4_grid(model.model.layers[0].mlp.down_proj.weight.detach()) is not None
    return [kernel for kernel in KERNELS[1:] if exact or kernel != "int4"]


def measure_decode(model: Any, prefill: str) -> dict[str, float]:
    """Steps per second of each kernel on the model's first layers (for comparison only, not the model's speed).

    The kernels take turns and the best turn counts, so that other work on the machine hits none of them alone.
    """
    whole, count = model.model.layers, model.config.num_hidden_layers
    model.model.layers, model.config.num_hidden_layers = whole[:LAYERS], min(LAYERS, count)
    decoders, speeds = {}, {}
    try:
        for kernel in candidates(model):
            # a kernel may lack support for this processor or shape; fp32 never does
            with suppress(RuntimeError, ValueError, NotImplementedError):
                decoders[kernel] = make_decoder(model, kernel, prefill)
        for kernel, decoder in list(decoders.items()):
            with suppress(RuntimeError):
                decoder.forward([0], decoder.new_cache())
                speeds[kernel] = 0.0
        for _ in range(ROUNDS):
            for kernel in speeds:
                decoder = decoders[kernel]
                speeds[kernel] = max(speeds[kernel], _speed(decoder.forward, decoder.new_cache()))
    finally:
        model.model.layers, model.config.num_hidden_layers = whole, count
    return speeds


def _speed(forward: Callable[[list[int], Any], Any], cache: Any) -> float:
    start = time.perf_counter()
    for token in range(STEPS):
        forward([token], cache)
    return STEPS / (time.perf_counter() - start)


@torch.inference_mode()
def measure_prefill(model: Any, rows: int = 256) -> dict[str, float]:
    """Products per second of ``rows`` tokens with the widest matrix of a layer, in each format."""
    weight = model.model.layers[0].mlp.gate_proj.weight.detach()
    speeds = dict.fromkeys(FORMATS, 0.0)
    pairs = {}
    for kind, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        pairs[kind] = (torch.ones(rows, weight.shape[1], dtype=dtype), weight.to(dtype))
        F.linear(*pairs[kind])
    for _ in range(3 * ROUNDS):
        for kind, (x, matrix) in pairs.items():
            start = time.perf_counter()
            F.linear(x, matrix)
            speeds[kind] = max(speeds[kind], 1 / (time.perf_counter() - start))
    return speeds


def _noted(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _note(path: Path, data: dict[str, Any]) -> None:
    """Write whole or not at all; where the cache cannot be written it is measured again at the next start."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
        Path(aside).replace(path)


def _shape(model: Any) -> str:
    config = model.config
    return f"{config.hidden_size}x{config.num_hidden_layers}x{config.intermediate_size}x{config.vocab_size}"


def _onnxruntime() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("onnxruntime")
    except PackageNotFoundError:
        return "-"


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()

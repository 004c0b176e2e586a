"""Which kernel decodes fastest on this processor: measured for a moment on a few layers, and remembered.

Rules do not do: under load bf16 was slower than fp32 on one machine and twice as fast on another.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

KERNELS = ("int4", "int8", "bf16", "fp32")
LAYERS = 6


def choose_kernel(model: Any, make: Callable[[Any, str], Any]) -> str:
    """The fastest kernel for a model; ``int4`` is tried only where it is exact. Takes about a second, once.

    Args:
        model: a transformers Llama.
        make: :class:`bethink.models.decoder.LlamaDecoder`.
    """
    from bethink.models.convert import default_cache

    key = "|".join((_processor(), torch.__version__, str(torch.get_num_threads()), _shape(model)))
    path = default_cache() / "calibration.json"
    noted = _noted(path)
    if noted.get(key) in KERNELS:
        return str(noted[key])
    speeds = measure(model, make)
    best = max(speeds, key=lambda kernel: speeds[kernel])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**noted, key: best}, indent=1), encoding="utf-8")
    except OSError:
        pass  # it is measured again at the next start
    return best


def measure(model: Any, make: Callable[[Any, str], Any]) -> dict[str, float]:
    """Tokens per second of each kernel on the model's first layers (for comparison only, not the model's speed)."""
    from bethink.models.decoder import int4_grid

    layers = model.model.layers
    exact = int4_grid(layers[0].mlp.down_proj.weight.detach()) is not None
    speeds = {}
    whole, count = model.model.layers, model.config.num_hidden_layers
    model.model.layers, model.config.num_hidden_layers = whole[:LAYERS], min(LAYERS, count)
    try:
        for kernel in KERNELS if exact else KERNELS[1:]:
            decoder = make(model, kernel)
            cache = decoder.new_cache()
            best = 0.0
            for _ in range(3):
                cache.crop(0)
                start = time.perf_counter()
                for token in range(12):
                    decoder.forward([token], cache)
                best = max(best, 12 / (time.perf_counter() - start))
            speeds[kernel] = best
    finally:
        model.model.layers, model.config.num_hidden_layers = whole, count
    return speeds


def _noted(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _shape(model: Any) -> str:
    config = model.config
    return f"{config.hidden_size}x{config.num_hidden_layers}x{config.intermediate_size}x{config.vocab_size}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()

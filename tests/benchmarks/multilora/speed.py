"""Seconds of a training step of the default backbone: MultiLoRA, LoRA of the same rank, DoRA, a loop over modules."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear
from transformers import AutoModelForCausalLM

from bethink.models.adapters.layer import MultiLoraLinear
from bethink.models.convert import smollm2_folder
from bethink.models.training.batches import batch_loss, collate
from bethink.models.training.examples import Encoded
from bethink.models.training.settings import TrainingSettings
from bethink.models.training.trainer import adapted, half_precision
from tests.benchmarks.report import Bar, alternate, bar, show

ROUNDS, ROWS, LENGTH, ANSWER = 9, 8, 64, 16
METHODS: dict[str, dict[str, Any]] = {
    "MultiLoRA, 3 modules of rank 8": {"method": "multilora"},
    "LoRA, rank 24": {"method": "lora", "r": 24},
    "DoRA, rank 24": {"method": "dora", "r": 24},
    "MultiLoRA, a loop over the modules": {"method": "multilora"},
}


class Looped(MultiLoraLinear):
    """The same with one pair of products for each module, as the formula is written."""

    def _update(self, x: Tensor, adapter: str) -> Tensor:
        a, b, s = self.parameters_of(adapter)
        r, x = self.r[adapter], self._cast_input_dtype(x, a.dtype)
        parts = [slice(i * r, (i + 1) * r) for i in range(self.num_modules[adapter])]
        updates = [s[i] * linear(linear(x, a[part]), b[:, part]) for i, part in enumerate(parts)]
        return self.factor[adapter] * torch.stack(updates).sum(dim=0)


def step_of(name: str, half: bool) -> Callable[[], float]:
    """A function that does one forward and backward pass and tells its seconds."""
    settings = TrainingSettings(**METHODS[name])
    dtype = torch.bfloat16 if half else torch.float32
    model = adapted(AutoModelForCausalLM.from_pretrained(smollm2_folder(), dtype=dtype), settings).train()
    if "loop" in name:
        for module in model.modules():
            if isinstance(module, MultiLoraLinear):
                module.__class__ = Looped
    ids = torch.randint(0, 49_000, (ROWS, LENGTH), generator=torch.Generator().manual_seed(0)).tolist()
    batch = collate([Encoded("speed", tuple(row), ANSWER) for row in ids])

    def step() -> float:
        begun = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = batch_loss(model, batch)
        loss.backward()
        spent = time.perf_counter() - begun
        model.zero_grad()
        return spent

    step()
    return step


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    half = half_precision(TrainingSettings())
    seconds = alternate({name: step_of(name, half) for name in METHODS}, ROUNDS)
    ours, lora, *_ = METHODS
    loop = next(name for name in METHODS if "loop" in name)
    ratios = {name: value / seconds[lora] for name, value in seconds.items()}
    show(
        f"A step of {ROWS} x {LENGTH} tokens, {'bfloat16' if half else 'float32'}, median of {ROUNDS}",
        ("", "ms", "beside LoRA"),
        [(name, 1e3 * value, ratios[name]) for name, value in seconds.items()],
    )
    return [
        bar("a step of MultiLoRA beside LoRA of the same rank", ratios[ours], "<=", 1.10),
        bar("a loop over the modules beside the fused forward", seconds[loop] / seconds[ours], ">=", 1.0),
    ], {"ms": {name: round(1e3 * value, 1) for name, value in seconds.items()}, "precision": "bf16" if half else "fp32"}

"""Which parameters learn how fast."""

from __future__ import annotations

import math
from typing import Any

from bethink.models.adapters.layer import MultiLoraLayer


def parameter_groups(model: Any, lr: float, scaling_lr_ratio: float | None = None) -> list[dict[str, Any]]:
    """Groups for a torch optimizer: what the adapters' scalings s are, and everything else that is trained.

    At the start s is 0, so A and B get no gradient and s alone moves, by at most lr a step with Adam. A row of B_i A_i
    has norm about 1/3, so after t steps a row of the update has norm c lr t sqrt(n) / 3; LoRA of rank n r has
    c lr t sqrt(n r / 3). The ratio of the two is sqrt(3 r): with one rate for all, MultiLoRA starts that much slower
    than the LoRA it is compared with. (The idea of two rates is LoRA+'s, arXiv 2402.12354.) Weight decay is off:
    on s it pulls back to the base model, on A and B it only shrinks the start.

    Args:
        model: a PEFT model with MultiLoRA adapters.
        lr: the rate of A and B.
        scaling_lr_ratio: the rate of s divided by lr; None: sqrt(3 r).

    Raises:
        ValueError: the model has no MultiLoRA adapter, or a rate that is not greater than 0.
    """
    layers = [module for module in model.modules() if isinstance(module, MultiLoraLayer)]
    ranks = {layer.r[name] for layer in layers for name in layer.active_adapters if name in layer.r}
    if not ranks:
        raise ValueError(
            "The model has no MultiLoRA adapter. Make one with peft.get_peft_model(model, MultiLoraConfig(...))."
        )
    ratio = math.sqrt(3 * max(ranks)) if scaling_lr_ratio is None else scaling_lr_ratio
    if not (lr > 0 and ratio > 0):
        raise ValueError(f"lr and scaling_lr_ratio must be greater than 0, not {lr!r} and {ratio!r}.")
    scalings = {id(s) for layer in layers for s in layer.multilora_s.parameters()}
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if id(p) not in scalings], "lr": lr, "weight_decay": 0.0},
        {"params": [p for p in trained if id(p) in scalings], "lr": lr * ratio, "weight_decay": 0.0},
    ]

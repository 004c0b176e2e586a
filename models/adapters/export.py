"""A MultiLoRA adapter written as a plain LoRA adapter, which every server that knows LoRA can load."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from safetensors.torch import save_file
from torch import Tensor

from bethink.models.adapters.layer import MultiLoraLayer
from bethink.models.adapters.targets import exact_pattern, exact_targets, most_common

PREFIX = "base_model.model."


class ExportError(ValueError):
    """An adapter cannot be written as plain LoRA; the message says why and what to do."""


@dataclass(frozen=True)
class Exported:
    """What was written: the folder, the rank, the modules, and how far the updates moved (Frobenius norm)."""

    folder: Path
    rank: int
    modules: int
    error: float
    norm: float


def truncated(b: Tensor, a: Tensor, rank: int) -> tuple[Tensor, Tensor, float]:
    """The best approximation of b a with the given rank, as factors, and its error in the Frobenius norm.

    With b = Q_b R_b and a^T = Q_a R_a, the singular values of b a are those of the small core R_b R_a^T; the (out, in)
    matrix is never formed. The error is sqrt(sum of the dropped singular values squared) (Eckart and Young).

    Args:
        b: (out, k).
        a: (k, in).
        rank: at least 1; a rank of k or more loses nothing but rounding.
    """
    q_b, r_b = torch.linalg.qr(b.double())
    q_a, r_a = torch.linalg.qr(a.double().t())
    u, sigma, vt = torch.linalg.svd(r_b @ r_a.t(), full_matrices=False)
    root = sigma[:rank].sqrt()
    left = (q_b @ u[:, :rank]) * root
    right = (root[:, None] * vt[:rank]) @ q_a.t()
    return left.to(b.dtype), right.to(a.dtype), math.sqrt(float((sigma[rank:] ** 2).sum()))


@torch.no_grad()
def export_lora(
    model: Any,
    path: str | Path,
    adapter_name: str = "default",
    rank: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> Exported:
    """Write an adapter as ``adapter_model.safetensors`` and ``adapter_config.json`` of plain LoRA.

    sum_i diag(s_i) B_i A_i = [diag(s_1) B_1 | ... | diag(s_n) B_n] [A_1; ...; A_n], so the adapter *is* a LoRA of rank
    n r with scaling 1: with ``rank=None`` nothing is lost but the rounding of ``dtype`` (float16 and bfloat16 halve the
    file). The keys are those that vLLM, SGLang, llama.cpp's converter and PEFT read.

    Args:
        model: a PEFT model with a MultiLoRA adapter.
        path: the folder to write; made if it is not there.
        adapter_name: which adapter.
        rank: a smaller rank than n r, by the best approximation of each update; the error is told.
        dtype: of the file.

    Raises:
        ExportError: no such MultiLoRA adapter, a rank below 1, whole modules beside the adapter or trained biases
            (plain LoRA, as servers read it, has neither), or numbers that are not finite; nothing was written.
    """
    config = getattr(model, "peft_config", {}).get(adapter_name)
    layers = {
        name.removeprefix(PREFIX): module
        for name, module in model.named_modules()
        if isinstance(module, MultiLoraLayer) and adapter_name in module.multilora_A
    }
    if config is None or not layers:
        known = ", ".join(getattr(model, "peft_config", {})) or "none"
        raise ExportError(f"There is no MultiLoRA adapter {adapter_name!r} on this model; it has: {known}.")
    if rank is not None and (not isinstance(rank, int) or rank < 1):
        raise ExportError(f"The rank must be a whole number of at least 1, not {rank!r}.")
    if config.modules_to_save:
        raise ExportError(
            f"The adapter saves whole modules ({', '.join(config.modules_to_save)}); LoRA servers refuse these."
        )
    if config.bias != "none":
        raise ExportError("The adapter trains biases, which LoRA servers do not load. Merge it into the model instead.")
    every = [name.removeprefix(PREFIX) for name, _ in model.named_modules() if ".base_layer" not in name]
    tensors: dict[str, Tensor] = {}
    ranks: dict[str, int] = {}
    lost = norm = 0.0
    for name, layer in layers.items():
        b, a = layer.factors(adapter_name)
        norm += float(torch.sum((b.t() @ b) * (a @ a.t())))
        if rank is not None and rank < len(a):
            b, a, error = truncated(b, a, rank)
            lost += error**2
        ranks[name] = len(a)
        tensors[f"{PREFIX}{name}.lora_A.weight"] = a.to("cpu", dtype).contiguous()
        tensors[f"{PREFIX}{name}.lora_B.weight"] = b.to("cpu", dtype).contiguous()
        for tensor in (tensors[f"{PREFIX}{name}.lora_{each}.weight"] for each in "AB"):
            if not torch.isfinite(tensor).all():
                raise ExportError(
                    f"The update of {name} has numbers that are not finite in {dtype}. Is the adapter damaged? "
                    "If only the type is too small, export in float32 or bfloat16."
                )
    common = most_common(ranks.values())
    others = {exact_pattern(name): value for name, value in ranks.items() if value != common}
    lora = LoraConfig(
        r=common,
        lora_alpha=common,
        rank_pattern=others,
        alpha_pattern=dict(others),
        target_modules=exact_targets(layers, every),
        fan_in_fan_out=config.fan_in_fan_out,
        task_type=config.task_type,
        base_model_name_or_path=config.base_model_name_or_path,
        inference_mode=True,
    )
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    lora.save_pretrained(str(folder))
    return Exported(folder, max(ranks.values()), len(layers), math.sqrt(lost), math.sqrt(max(norm, 0.0)))

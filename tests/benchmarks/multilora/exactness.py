"""The identities of MultiLoRA on the default backbone: start, merge, round trip, export."""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from peft import PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from bethink.models.adapters import MultiLoraConfig, export_lora
from bethink.models.convert import smollm2_folder
from tests.benchmarks.report import Bar, bar, show

TOKENS = 48
CONFIG: dict[str, Any] = {"r": 8, "num_modules": 3, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
SMALL = 0.02
"""Scale of the scalings in place of a training: updates of the size that a training makes, not of random noise."""


def base() -> Any:
    """A fresh backbone in float32."""
    return AutoModelForCausalLM.from_pretrained(smollm2_folder(), dtype=torch.float32).eval()


@torch.no_grad()
def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    ids = torch.randint(0, 49_000, (2, TOKENS), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    plain = base()(ids).logits
    model = get_peft_model(base(), MultiLoraConfig(**CONFIG)).eval()
    start = _apart(model(ids).logits, plain)
    for name, parameter in model.named_parameters():
        if "multilora_s" in name:
            parameter.copy_(SMALL * torch.randn_like(parameter))
    wanted = model(ids).logits
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        loaded = _apart(PeftModel.from_pretrained(base(), folder).eval()(ids).logits, wanted)
    with tempfile.TemporaryDirectory() as folder:
        export_lora(model, folder)
        exported = _apart(PeftModel.from_pretrained(base(), folder).eval()(ids).logits, wanted)
    trained = sum(p.numel() for name, p in model.named_parameters() if "multilora_" in name)
    model.merge_adapter()
    merged = _apart(model(ids).logits, wanted)
    model.unmerge_adapter()
    with model.disable_adapter():
        unmerged = _apart(model(ids).logits, plain)
    figures = {
        "start from the base": start,
        "loaded from saved": loaded,
        "exported, in plain PEFT": exported,
        "merged from not merged": merged,
        "unmerged from the base": unmerged,
    }
    rows = [(name, f"{value:.1e}") for name, value in figures.items()]
    moved, greatest = _apart(wanted, plain), float(wanted.abs().max())
    show(f"Greatest difference of logits (the adapter moves them by {moved:.1f})", ("", "difference"), rows)
    return [
        bar("start from the base", start, "<=", 1e-6),
        bar("exported, in plain PEFT", exported, "<=", 1e-4),
        bar("merged from not merged, of the greatest logit", merged / greatest, "<=", 1e-5),
        bar("loaded from saved", loaded, "<=", 0),
    ], {**figures, "moved": moved, "greatest logit": greatest, "trained_parameters": trained}


def _apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max())

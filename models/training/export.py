"""An adapter's folder written for other programs, and looked at afterwards by loading it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from bethink.models.adapter_folder import CARD, AdapterError, load_adapter, read_json

PROBE = 32
"""Tokens of the probe that the written model is compared on."""


def export_adapter(
    folder: str | Path,
    out: str | Path,
    *,
    kind: Literal["lora", "merged"] | str = "lora",
    rank: int | None = None,
    base: str | None = None,
    report: Callable[[float, str], None] = lambda done, message: None,
) -> dict[str, Any]:
    """Write an adapter as plain LoRA or merged into its base, load what was written, and compare the logits.

    Args:
        folder: the adapter's.
        out: a folder that is not there yet, or is empty.
        kind: ``lora`` or ``merged``.
        rank: for ``lora``, a smaller rank.
        base: the model string of the base; None: what the adapter's card says.
        report: told (share done, message).

    Returns:
        path, kind, rank, error and norm of the updates (``lora``), max_abs_difference of the logits.

    Raises:
        AdapterError: no adapter, another base, or ``out`` has files in it.
        ExportError: see :func:`bethink.models.adapters.export_lora`.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    from bethink.models.adapters import export_lora
    from bethink.models.registry import local_folder

    logging.disable_progress_bar()
    folder, out = Path(folder), Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AdapterError(f"{out} has files in it. Choose a folder that is not there yet.")
    card = read_json(folder / CARD) if (folder / CARD).is_file() else {}
    spec = base or card.get("base", {}).get("name")
    if not spec:
        raise AdapterError(f"{folder} has no card that names its base; say which model by --base.")
    place = local_folder(spec, progress=report)[1]()
    report(0.2, "Loading the model …")

    def fresh() -> Any:
        return AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32).eval()

    model = load_adapter(fresh(), folder, base_folder=place)
    ids = torch.arange(10, 10 + PROBE)[None]
    with torch.no_grad():
        wanted = model(ids).logits
        report(0.6, "Writing …")
        if kind == "lora":
            written = export_lora(model, out, rank=rank)
            found = PeftModel.from_pretrained(fresh(), str(out)).eval()(ids).logits
            figures: dict[str, Any] = {"rank": written.rank, "error": written.error, "norm": written.norm}
        else:
            merged = model.merge_and_unload()
            merged.save_pretrained(str(out), safe_serialization=True)
            AutoTokenizer.from_pretrained(place).save_pretrained(str(out))
            found = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32).eval()(ids).logits
            figures = {"rank": None, "error": 0.0, "norm": None}
    report(1.0, "Done.")
    return {"path": str(out), "kind": kind, **figures, "max_abs_difference": float((found - wanted).abs().max())}

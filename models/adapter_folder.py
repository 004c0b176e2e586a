"""An adapter in a folder: its weights, PEFT's config, and a card that says what it was trained on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

CARD, WEIGHTS, CONFIG = "bethink-adapter.json", "adapter_model.safetensors", "adapter_config.json"
LORA = "lora"
"""The folder inside an adapter's folder that holds the same adapter as plain LoRA."""


class AdapterError(ValueError):
    """A folder holds no adapter that can be used here; the message says why and what to do."""


def weights_sha256(folder: str | Path) -> str:
    """What the weights of a model's folder are known by: names, types, shapes and bytes of its tensors.

    The order in the files and their metadata do not count. Cost: reading the weights once.

    Raises:
        AdapterError: the folder holds no safetensors.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    files = sorted(Path(folder).glob("*.safetensors"))
    if not files:
        raise AdapterError(f"{folder} holds no .safetensors files, so it is no model that an adapter can be put on.")
    digest = hashlib.sha256()
    try:
        where = {}
        for file in files:
            with safe_open(file, "pt") as tensors:
                where.update(dict.fromkeys(tensors.keys(), file))
        for name in sorted(where):
            with safe_open(where[name], "pt") as tensors:
                value = tensors.get_tensor(name).contiguous()
            digest.update(f"{name}|{value.dtype}|{tuple(value.shape)}|".encode())
            digest.update(value.view(torch.uint8).numpy().data if value.numel() else b"")
    except SafetensorError as why:
        raise AdapterError(f"The weights in {folder} are damaged ({why}). Copy or convert the model again.") from why
    return digest.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """An object of a JSON file.

    Raises:
        AdapterError: no file, no JSON, no object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as why:
        raise AdapterError(f"{path} cannot be read ({why}). Is {path.parent} the folder of an adapter?") from why
    if not isinstance(found, dict):
        raise AdapterError(f"{path} is no JSON object. Is {path.parent} the folder of an adapter?")
    return found


def tensors_of(folder: str | Path) -> dict[str, Tensor]:
    """An adapter's tensors by name, from safetensors only (a pickle would run code when it is read).

    Raises:
        AdapterError: no such file, or a damaged one.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(folder) / WEIGHTS
    if not path.is_file():
        raise AdapterError(f"{folder} holds no {WEIGHTS}; adapters in other formats are not loaded.")
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as why:
        raise AdapterError(f"{path} is damaged ({why}). Copy or download it again.") from why


def load_adapter(base: Any, folder: str | Path, *, base_folder: str | Path | None = None) -> Any:
    """A PEFT model with the adapter of a folder, in evaluation mode.

    Args:
        base: the transformers model.
        folder: of a MultiLoRA adapter, or of any other of PEFT's.
        base_folder: where the base was loaded from; given, it is compared with the base the adapter was trained on.

    Raises:
        AdapterError: no adapter, a damaged one, one of another base or of other shapes.
    """
    from peft import PeftModel

    import bethink.models.adapters  # noqa: F401  makes MultiLoRA known to PEFT

    folder = Path(folder)
    config = read_json(folder / CONFIG)
    _check_ranks(folder, config)
    card = read_json(folder / CARD) if (folder / CARD).is_file() else {}
    known = card.get("base", {}).get("sha256")
    if base_folder is not None and known and known != weights_sha256(base_folder):
        raise AdapterError(
            f"The adapter {folder.name} was trained on other weights ({card['base'].get('name', 'unknown')}) than "
            f"those in {base_folder}. On them it would answer nonsense; load the base it was trained on."
        )
    try:
        return PeftModel.from_pretrained(base, str(folder)).eval()
    except (RuntimeError, KeyError, ValueError, TypeError) as why:
        raise AdapterError(f"The adapter in {folder} does not fit this model: {why}.") from why


def _check_ranks(folder: Path, config: dict[str, Any]) -> None:
    """Compare the config with the shapes in the file before anything is allocated by the config."""
    if config.get("peft_type") != "MULTILORA":
        return
    try:
        wanted = int(config["r"]) * int(config["num_modules"])
    except (KeyError, TypeError, ValueError) as why:
        raise AdapterError(f"{folder / CONFIG} names no r and num_modules; it is damaged.") from why
    ranks = {len(value) for name, value in tensors_of(folder).items() if name.endswith("multilora_A")}
    if not config.get("rank_pattern") and ranks != {wanted}:
        raise AdapterError(
            f"{folder / CONFIG} speaks of rank {wanted}, the weights beside it have {sorted(ranks)}. "
            "They do not belong together; copy the adapter again."
        )


def list_adapters(place: str | Path) -> list[dict[str, Any]]:
    """The adapters in the folders of ``place``, by name: name, kind, base, tasks, when, bytes."""
    found = []
    for folder in sorted(Path(place).glob("*")) if Path(place).is_dir() else []:
        if not (folder / WEIGHTS).is_file() or not (folder / CONFIG).is_file():
            continue
        try:
            config = read_json(folder / CONFIG)
            card = read_json(folder / CARD) if (folder / CARD).is_file() else {}
        except AdapterError:  # one damaged adapter does not hide the others
            config, card = {"peft_type": "damaged"}, {}
        found.append(
            {
                "name": folder.name,
                "kind": str(config.get("peft_type", "unknown")).lower(),
                "base": card.get("base", {}).get("name") or config.get("base_model_name_or_path"),
                "tasks": [task["task"] for task in card.get("tasks", [])],
                "created": card.get("created"),
                "bytes": (folder / WEIGHTS).stat().st_size,
            }
        )
    return found


def adapter_report(folder: str | Path) -> dict[str, Any]:
    """What an adapter is: kind, rank, modules, parameters, the card's tasks and cost, and the shape of its updates.

    Computed from the file alone; the base is not loaded.

    Raises:
        AdapterError: see :func:`tensors_of`, or config and weights do not belong together.
    """
    folder = Path(folder)
    config, tensors = read_json(folder / CONFIG), tensors_of(folder)
    card = read_json(folder / CARD) if (folder / CARD).is_file() else {}
    try:
        spectra = list(_spectra(config, tensors).values())
    except (KeyError, TypeError, ValueError, RuntimeError, ZeroDivisionError) as why:
        raise AdapterError(
            f"{folder / CONFIG} and the weights beside it do not belong together ({why!r}). Copy the adapter again."
        ) from why
    added = sum(value.numel() for value in tensors.values())
    base = card.get("base", {}).get("parameters")
    return {
        "adapter": folder.name,
        "kind": str(config.get("peft_type", "unknown")).lower(),
        "rank": max((len(s.sigma) for s in spectra), default=None),
        "modules": len(spectra),
        "added_parameters": added,
        "percent": round(100 * added / base, 2) if base else None,
        "base": card.get("base", {}).get("name"),
        "tasks": card.get("tasks", []),
        "training": card.get("training"),
        "spectrum": {
            "top1_share": round(sum(s.top1_share for s in spectra) / len(spectra), 4),
            "effective_rank": round(sum(s.effective_rank for s in spectra) / len(spectra), 2),
        }
        if spectra
        else None,
    }


def _spectra(config: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Any]:
    from bethink.models.adapters.spectrum import of_product

    found = {}
    for name, a in tensors.items():
        if name.endswith(".multilora_A"):
            stem = name.removesuffix("multilora_A")
            b, s = tensors[f"{stem}multilora_B"].float(), tensors[f"{stem}multilora_s"].float()
            factor = float(config["lora_alpha"]) / int(config["r"])
            scaled = (b.view(len(b), len(s), -1) * (factor * s).t().unsqueeze(-1)).reshape(b.shape)
            found[stem] = of_product(scaled, a.float())
        elif name.endswith(".lora_A.weight"):
            stem = name.removesuffix("lora_A.weight")
            factor = float(config["lora_alpha"]) / int(config["r"]) ** (0.5 if config.get("use_rslora") else 1)
            found[stem] = of_product(factor * tensors[f"{stem}lora_B.weight"].float(), a.float())
    return found

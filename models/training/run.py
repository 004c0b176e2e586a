"""From a settings file to an adapter in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

from bethink.models.training.examples import Encoded, Example, ExampleError, encode, read_examples
from bethink.models.training.settings import TrainingSettings

Report = Callable[[float, str], None]
CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class AdapterRun:
    """Where the adapter is, its card, and whether the training came to its end."""

    folder: Path
    card: dict[str, Any]
    finished: bool


def train_adapter(
    settings: TrainingSettings,
    out: str | Path,
    *,
    report: Report = lambda done, message: None,
    stop: Callable[[], bool] = lambda: False,
) -> AdapterRun:
    """Train an adapter and write it: PEFT's files, the same as plain LoRA in ``lora/``, a card, a picture.

    A training that was stopped or killed goes on from its last checkpoint when called again with the same folder and
    settings. Of several processes (``torchrun``, ``accelerate launch``) the first one reports, scores and writes. Cost:
    steps * batch_size examples, forward and backward; a checkpoint holds the adapter three times.

    Args:
        settings: see :class:`TrainingSettings`; the method must be one that makes an adapter.
        out: the adapter's folder.
        report: told (share done, message).
        stop: asked after each step.

    Raises:
        ExampleError: the examples cannot be read, or none is short enough.
        ValueError: ``full`` makes no adapter; the folder has a training with other settings; a batch cannot be shared
            out to the processes.
        AdapterError: the adapter to start from is none, of another base, method or shape.
        MissingModelError, UnknownModelError: the base is not there.
    """
    from bethink.models.registry import local_folder
    from bethink.models.training import processes

    if settings.method == "full":
        raise ValueError("Full fine-tuning makes no adapter. Choose multilora, lora, rslora or dora.")
    if not settings.examples:
        raise ExampleError('The settings name no examples. Add a table [examples] with name = "file.jsonl".')
    sets = {kind: _read(getattr(settings, kind)) for kind in ("examples", "validation")}
    name, folder_of = local_folder(settings.base, progress=report)
    out = Path(out)
    first = processes.rank() == 0
    if first:
        _same_training(out, settings)
    else:
        report = _nobody
    base = folder_of()
    report(0.0, "Loading the model …")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    from bethink.models.training.trainer import adapted, half_precision, train

    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(base)
    examples, left_out = encode(sets["examples"], tokenizer, settings.max_length)
    if not examples:
        raise ExampleError(f"Every example is longer than max_length = {settings.max_length} tokens; raise it.")
    half = half_precision(settings)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16 if half else torch.float32)
    model = adapted(model, settings)
    if settings.start is not None:
        _start_from(model, _start_folder(settings.start), base)
    before = _history(settings)
    model.peft_config["default"].base_model_name_or_path = settings.base

    def progress(done: int, steps: int, loss: float) -> None:
        report(done / steps, f"Step {done} of {steps}" + (f", loss {loss:.3f}" if loss == loss else ""))

    done = train(model, examples, settings, out / CHECKPOINTS, progress=progress, stop=stop)
    if not done.finished or not first:
        return AdapterRun(out, {"tasks": [], "training": _cost(done, left_out)}, finished=done.finished)
    model.eval()
    tasks = [{"task": task, "trained_on": n} for task, n in _counts(examples).items()]
    if sets["validation"]:
        report(1.0, "Scoring the validation examples …")
        known = encode(sets["validation"], tokenizer, 8 * settings.max_length)[0]
        with torch.autocast(model.device.type, torch.bfloat16, enabled=half):
            tasks = _scored(tasks, model, known)
    card = {
        "base": {"name": name, "sha256": _sha256(base), "parameters": _size(model)},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "tasks": tasks,
        "training": _cost(done, left_out),
        "settings": _portable(settings),
        "before": before,
    }
    _write(model, out, card, settings)
    return AdapterRun(out, card, finished=True)


def _nobody(done: float, message: str) -> None:
    """Another process reports."""


def _read(files: dict[str, str]) -> list[Example]:
    return [example for path in files.values() for example in read_examples(path)]


def _portable(settings: TrainingSettings) -> dict[str, Any]:
    """The settings with the files' names only: a card goes to other machines."""
    values = settings.model_dump()
    for kind in ("examples", "validation"):
        values[kind] = {name: Path(path).name for name, path in values[kind].items()}
    if values["start"] is not None:
        values["start"] = Path(values["start"]).name
    return values


def _start_folder(start: str) -> Path:
    from bethink.models.adapted import ADAPTED, PACKAGED

    return PACKAGED if start == ADAPTED else Path(start)


def _history(settings: TrainingSettings) -> list[dict[str, Any]]:
    """What the adapter that was started from had learnt, and at what cost: its trainings, the oldest first."""
    from bethink.models.adapter_folder import CARD, read_json

    if settings.start is None or not (_start_folder(settings.start) / CARD).is_file():
        return []
    card = read_json(_start_folder(settings.start) / CARD)
    if not {"tasks", "training"} <= card.keys():
        return []
    return [*card.get("before", []), {key: card.get(key) for key in ("created", "tasks", "training")}]


def _start_from(model: Any, start: Path, base: Path) -> None:
    """Give a new adapter the weights of another one of the same method and shape."""
    from peft import set_peft_model_state_dict

    from bethink.models.adapter_folder import CARD, CONFIG, AdapterError, read_json, tensors_of

    config, wanted = read_json(start / CONFIG), model.peft_config["default"].to_dict()
    names = ("peft_type", "r", "num_modules", "lora_alpha", "use_rslora", "use_dora", "scaling")
    other = [name for name in names if config.get(name) != wanted.get(name)]
    if other:
        raise AdapterError(f"The adapter in {start} cannot be started from: its {', '.join(other)} is another.")
    known = read_json(start / CARD).get("base", {}).get("sha256") if (start / CARD).is_file() else None
    if known and known != _sha256(base):
        raise AdapterError(f"The adapter in {start} was trained on other weights than those of {base.name}.")
    try:
        found = set_peft_model_state_dict(model, tensors_of(start))
    except RuntimeError as why:
        raise AdapterError(f"The adapter in {start} does not fit this model: {why}.") from why
    if found.unexpected_keys:
        raise AdapterError(f"The adapter in {start} adapts other layers: {found.unexpected_keys[0]} and more.")


def _same_training(out: Path, settings: TrainingSettings) -> None:
    note = out / CHECKPOINTS / "settings.json"
    wanted = json.loads(json.dumps(_portable(settings)))
    if note.is_file() and json.loads(note.read_text(encoding="utf-8")) != wanted:
        raise ValueError(f"{out} holds a training with other settings. Choose another folder, or delete that one.")
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(wanted, indent=1), encoding="utf-8")


def _counts(examples: list[Encoded]) -> dict[str, int]:
    names = sorted({example.task for example in examples})
    return {name: sum(example.task == name for example in examples) for name in names}


def _scored(tasks: list[dict[str, Any]], model: Any, known: list[Encoded]) -> list[dict[str, Any]]:
    from bethink.models.training.batches import exact_match

    right = exact_match(model, known)
    found = {task["task"]: dict(task) for task in tasks}
    for name, n in _counts(known).items():
        rows = [ok for ok, example in zip(right, known, strict=True) if example.task == name]
        found.setdefault(name, {"task": name}).update(metric="exact match, %", value=round(100 * mean(rows), 1), n=n)
    return list(found.values())


def _cost(done: Any, left_out: int) -> dict[str, Any]:
    return {
        "steps": done.steps,
        "tokens": done.tokens,
        "loss": round(done.loss, 4),
        "wall_s": round(done.wall_s, 1),
        "cpu_s": round(done.cpu_s, 1),
        "energy_j_estimated": round(done.energy_j),
        "examples_too_long": left_out,
    }


def _sha256(base: Path) -> str:
    from bethink.models.adapter_folder import weights_sha256

    return weights_sha256(base)


def _size(model: Any) -> int:
    return sum(p.numel() for p in model.parameters()) - sum(p.numel() for p in model.parameters() if p.requires_grad)


def _write(model: Any, out: Path, card: dict[str, Any], settings: TrainingSettings) -> None:
    from bethink.models.adapter_folder import CARD, LORA
    from bethink.models.adapters import export_lora, plot_spectra, update_spectrum

    model.save_pretrained(str(out))
    (out / "README.md").unlink(missing_ok=True)  # PEFT's form with nothing filled in; the card says it all
    if settings.method == "multilora":
        export_lora(model, out / LORA)
    plot_spectra({settings.method: update_spectrum(model)}, out / "spectrum.png")
    (out / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

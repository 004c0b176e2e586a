"""A model with an adapter merged into it, once, as a folder of the user's cache that every engine loads like any other.

Merging costs nothing at use: the adapted model is as quick as its base. An adapter that has a chat template of its own
(``chat_template.jinja`` beside its weights) gives it to the merged model.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from bethink.models.adapter_folder import CARD, CONFIG, WEIGHTS, AdapterError, load_adapter
from bethink.models.convert import Progress, default_cache, made_once, write_model

ADAPTED = "bethink"
"""The packaged model with the packaged adapter, which :mod:`bethink.models.training.agent` trains."""
PACKAGED = Path(__file__).with_name("agent_adapter")
"""The adapter that makes SmolLM2 Bethink's own model."""
TEMPLATE = "chat_template.jinja"


def adapted_folder(base: Path, adapter: Path, *, cache: Path | None = None, progress: Progress | None = None) -> Path:
    """The folder of ``base`` with ``adapter`` merged in, made if need be.

    Cost: the first time, loading the base in float32 and writing it in float16; later a few checksums.

    Raises:
        AdapterError: no adapter there, or one of another base.
        ConversionError: the cache cannot be written.
    """
    report = progress or (lambda done, message: None)
    folder = (cache or default_cache()) / "models" / f"{base.name}+{adapter.name}-{_fingerprint(base, adapter)}"
    return made_once(folder, lambda: _merge(base, adapter, folder, report), report)


def _fingerprint(base: Path, adapter: Path) -> str:
    """Twelve hexadecimal digits of the adapter's files and the base's name, size and configuration."""
    if not (adapter / WEIGHTS).is_file():
        raise AdapterError(f"{adapter} holds no {WEIGHTS}, so there is no adapter. `bethink adapter list` names them.")
    digest = hashlib.sha256()
    for name in (CONFIG, WEIGHTS, CARD, TEMPLATE):
        digest.update((adapter / name).read_bytes() if (adapter / name).is_file() else b"|")
    digest.update((base / "config.json").read_bytes())
    for file in sorted(base.glob("*.safetensors")):
        digest.update(f"{file.name}|{file.stat().st_size}|".encode())
    return digest.hexdigest()[:12]


def _merge(base: Path, adapter: Path, folder: Path, report: Progress) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    report(0.2, "Putting the adapter on the model (only this once) …")
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    merged = load_adapter(model, adapter, base_folder=base).merge_and_unload()
    tokenizer = AutoTokenizer.from_pretrained(base)
    if (adapter / TEMPLATE).is_file():
        tokenizer.chat_template = (adapter / TEMPLATE).read_text(encoding="utf-8")
    report(0.7, "Writing the adapted model (only this once) …")
    write_model(folder, f"{base.name} + {adapter.name}", tokenizer, merged)
    report(1.0, "The adapter is in the model.")

"""The one file that says how an adapter is trained."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bethink.models.adapted import ADAPTED

Method = Literal["multilora", "lora", "rslora", "dora", "full"]
Precision = Literal["auto", "float32", "bfloat16"]


class SettingsError(ValueError):
    """A settings file cannot be used; the message says which line of it and what is wanted."""


class TrainingSettings(BaseModel):
    """How an adapter is trained. Written as TOML; every name has a default but ``examples``.

    ``steps`` batches of ``batch_size`` are learnt with AdamW, the rate rising over the first ``warmup`` share of the
    steps and falling linearly to nothing. ``scaling_lr_ratio`` (MultiLoRA only) is the rate of the scalings divided
    by ``lr``; none: sqrt(3 r). ``length_exponent``: an answer of n tokens weighs n to this power; 0, each answer alike;
    1, each token alike. The gradient's norm, so ``max_grad_norm``, grows with it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    examples: dict[str, str] = Field(default_factory=dict, description="name of a set: its JSONL file")
    validation: dict[str, str] = Field(default_factory=dict)
    base: str = "smollm2"
    start: str | None = None
    method: Method = "multilora"
    r: Annotated[int, Field(ge=1, le=4096)] = 8
    num_modules: Annotated[int, Field(ge=1, le=64)] = 3
    lora_alpha: Annotated[float, Field(gt=0)] = 16.0
    scaling: Literal["vector", "scalar"] = "vector"
    init_weights: bool | Literal["zero_b"] = True
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: str | list[str] = "all-linear"
    lr: Annotated[float, Field(gt=0, le=1)] = 5e-4
    scaling_lr_ratio: Annotated[float | None, Field(gt=0)] = None
    steps: Annotated[int, Field(ge=1)] = 400
    batch_size: Annotated[int, Field(ge=1)] = 16
    accumulation: Annotated[int, Field(ge=1)] = 1
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    length_exponent: Annotated[float, Field(ge=0, le=1)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    temperature: Annotated[float, Field(ge=1)] = 2.0
    max_length: Annotated[int, Field(ge=8)] = 512
    precision: Precision = "auto"
    gradient_checkpointing: bool = False
    save_every: Annotated[int, Field(ge=1)] = 50
    seed: int = 0


def read_settings(path: str | Path) -> TrainingSettings:
    """Settings of a TOML file; paths of examples in it are relative to its folder.

    Raises:
        SettingsError: no file, no TOML, an unknown name, or a value out of its range.
    """
    path = Path(path)
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as why:
        raise SettingsError(f"{path} cannot be read as TOML: {why}.") from why
    try:
        settings = TrainingSettings(**values)
    except ValidationError as why:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in why.errors())
        raise SettingsError(f"{path}: {problems}.") from why
    sets = {kind: getattr(settings, kind) for kind in ("examples", "validation")}
    placed = {kind: {name: str(path.parent / file) for name, file in files.items()} for kind, files in sets.items()}
    if settings.start not in (None, ADAPTED):
        placed["start"] = str(path.parent / str(settings.start))  # type: ignore[assignment]
    return settings.model_copy(update=placed)

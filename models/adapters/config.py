"""Settings of a MultiLoRA adapter."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from peft import PeftConfig

from bethink.models.adapters.registration import PEFT_TYPE

Scaling = Literal["vector", "scalar"]
InitWeights = bool | Literal["zero_b"]


@dataclass
class MultiLoraConfig(PeftConfig):
    """MultiLoRA (Wang, Lin, Zeng and Zhang 2023, arXiv 2311.11501): n low-rank modules side by side on each linear.

    y = W x + (lora_alpha / r) sum_i s_i * (B_i A_i dropout(x)), with A_i (r, in) and B_i (out, r) drawn
    Kaiming-uniform, each module on its own, and s_i (out,) zero, so that the first output is the base model's.
    The first gradient step moves s alone; see :func:`bethink.models.adapters.parameter_groups` for its rate.

    Args:
        r: rank of one module.
        num_modules: n; the update's rank is at most n * r.
        lora_alpha: the update is multiplied by ``lora_alpha / r``, as in LoRA.
        scaling: ``vector``: one learnable number for each module and output channel (the default); ``scalar``: one for
            each module.
        multilora_dropout: share of the inputs that are dropped in training.
        init_weights: True: the paper's. ``zero_b``: B zero and s one, as n LoRA modules would start (for comparison).
            False: s is random, so the adapter changes the output at once (for tests).
        target_modules: names, a regular expression or ``all-linear``; None: what LoRA adapts on that architecture.
        exclude_modules: names or a regular expression of what is left alone.
        modules_to_save: other modules that are trained and saved whole.
        layers_to_transform: numbers of the layers that are adapted.
        layers_pattern: name of the list that these numbers refer to.
        rank_pattern: module name or regular expression to the rank of one module there. ``lora_alpha / r`` keeps the
            global r, so that one learning rate fits all.
        fan_in_fan_out: the weights are stored (in, out), as GPT-2's ``Conv1D`` does.
        bias: ``none``, ``all`` or ``multilora_only``: which biases are trained.

    Raises:
        ValueError: a number out of its range, or an unknown word; before any weight is allocated.
    """

    r: int = 8
    num_modules: int = 3
    lora_alpha: float = 16.0
    scaling: Scaling = "vector"
    multilora_dropout: float = 0.0
    init_weights: InitWeights = True
    target_modules: list[str] | set[str] | str | None = None
    exclude_modules: list[str] | set[str] | str | None = None
    modules_to_save: list[str] | None = None
    layers_to_transform: list[int] | int | None = None
    layers_pattern: list[str] | str | None = None
    rank_pattern: dict[str, int] = field(default_factory=dict)
    fan_in_fan_out: bool = False
    bias: Literal["none", "all", "multilora_only"] = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = PEFT_TYPE
        self.rank_pattern = self.rank_pattern or {}
        for name in ("target_modules", "exclude_modules"):
            value = getattr(self, name)
            setattr(self, name, set(value) if isinstance(value, list) else value)
        for name, value in (("r", self.r), ("num_modules", self.num_modules), *self._ranks()):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}.")
        if not (_is_number(self.lora_alpha) and 0 < self.lora_alpha < math.inf):
            raise ValueError(f"lora_alpha must be a number greater than 0, not {self.lora_alpha!r}.")
        if not (_is_number(self.multilora_dropout) and 0 <= self.multilora_dropout < 1):
            raise ValueError(f"multilora_dropout must be at least 0 and less than 1, not {self.multilora_dropout!r}.")
        _one_of("scaling", self.scaling, ("vector", "scalar"))
        _one_of("init_weights", self.init_weights, (True, False, "zero_b"))
        _one_of("bias", self.bias, ("none", "all", "multilora_only"))
        if isinstance(self.target_modules, str) and (self.layers_to_transform, self.layers_pattern) != (None, None):
            raise ValueError("layers_to_transform and layers_pattern need target_modules as a list of names.")
        if self.layers_pattern and self.layers_to_transform is None:
            raise ValueError("layers_pattern is given without layers_to_transform; give both or neither.")

    def _ranks(self) -> list[tuple[str, int]]:
        return [(f"rank_pattern[{name!r}]", rank) for name, rank in self.rank_pattern.items()]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _one_of(name: str, value: Any, known: tuple[Any, ...]) -> None:
    if not any(value is each or (isinstance(value, str) and value == each) for each in known):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, not {value!r}.")

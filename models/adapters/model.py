"""A model whose linear layers have MultiLoRA adapters: what PEFT calls a tuner."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTuner
from peft.utils import (
    TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING,
    get_quantization_kwargs,
    resolve_quantization_backend,
)
from peft.utils.other import AuxiliaryTrainingWrapper, get_pattern_key
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from bethink.models.adapters.config import MultiLoraConfig
from bethink.models.adapters.layer import BASE, MultiLoraLayer, MultiLoraLinear, check_name
from bethink.models.adapters.targets import exact_pattern, exact_targets, most_common


class MultiLoraModel(BaseTuner):
    """MultiLoRA (arXiv 2311.11501) on a model; made by ``peft.get_peft_model(model, MultiLoraConfig(...))``."""

    prefix: str = "multilora_"
    tuner_layer_cls = MultiLoraLayer
    target_module_mapping = TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING

    def _create_and_replace(
        self,
        config: MultiLoraConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        **_: Any,
    ) -> None:
        pattern = get_pattern_key(config.rank_pattern.keys(), current_key)
        r = config.rank_pattern.get(pattern, config.r)
        if isinstance(target, MultiLoraLayer):
            target.update_layer(adapter_name, r, config, inference_mode=config.inference_mode)
            return
        quantisation = get_quantization_kwargs(self)
        fan_in_fan_out = _fan_in_fan_out(target, config, current_key, quantisation)
        self._refuse_tied(target, current_key)
        new = MultiLoraLinear(
            target,
            adapter_name,
            config,
            r,
            fan_in_fan_out=fan_in_fan_out,
            inference_mode=config.inference_mode,
            **quantisation,
        )
        if adapter_name not in self.active_adapters:
            new.requires_grad_(False)
        self._replace_module(parent, target_name, new, target)

    def _refuse_tied(self, target: nn.Module, key: str) -> None:
        weight = getattr(target, "weight", None)
        if weight is not None and weight is getattr(_input_embeddings(self.model), "weight", None):
            raise ValueError(
                f"{key} shares its weight with the input embeddings, which MultiLoRA does not adapt: merging would "
                "change both. Leave it out of target_modules, or put it into exclude_modules."
            )

    @contextmanager
    def _enable_peft_forward_hooks(self, *_: Any, **kwargs: Any) -> Iterator[None]:
        """Hand ``adapter_names`` (one for each row of the batch; ``__base__`` for none) to each layer.

        Raises:
            ValueError: in training, or an adapter that is not there.
        """
        names = kwargs.pop("adapter_names", None)
        if names is None:
            yield
            return
        if self.training:
            raise ValueError("Cannot pass `adapter_names` when the model is in training mode. Call eval() first.")
        layers = [m for m in self.modules() if isinstance(m, MultiLoraLayer | AuxiliaryTrainingWrapper)]
        known = {BASE}.union(*(layer.multilora_A.keys() for layer in layers if isinstance(layer, MultiLoraLayer)))
        if unknown := sorted(set(names) - known):
            raise ValueError(
                f"Trying to infer with non-existing adapter(s): {', '.join(unknown)}. There are: "
                f"{', '.join(sorted(known))}."
            )
        repeated = [name for name in names for _ in range(_copies(kwargs))]
        encoder = self.model.get_encoder() if hasattr(self.model, "get_encoder") else None
        once = set() if encoder is None or encoder is self.model else set(encoder.modules())
        handles = [
            layer.register_forward_pre_hook(
                partial(_with_names, names=list(names) if layer in once else repeated), with_kwargs=True
            )
            for layer in layers
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @torch.no_grad()
    def add_weighted_adapter(self, adapters: Sequence[str], weights: Sequence[float], adapter_name: str) -> None:
        """Add an adapter whose update is sum_j weights_j dW_j, exactly: the modules are put side by side.

        The new adapter has one module of rank sum_j n_j r_j, its scaling and weights folded into B, in float32 or
        better. It is frozen and not active; what is being trained goes on being trained.

        Raises:
            ValueError: no adapters, other numbers of weights, a weight that is not finite, a name that is taken, an
                unknown adapter, one with trained biases or whole modules, or too great a rank; nothing was changed.
        """
        if not adapters or len(adapters) != len(weights):
            raise ValueError(f"Give one weight for each adapter; there are {len(adapters)} and {len(weights)}.")
        if not all(map(math.isfinite, weights)):
            raise ValueError(f"The weights must be finite numbers, not {', '.join(map(str, weights))}.")
        check_name(adapter_name)
        if adapter_name in self.peft_config:
            raise ValueError(f"There is an adapter {adapter_name} already; choose another name or delete it first.")
        if missing := [name for name in adapters if name not in self.peft_config]:
            raise ValueError(f"There is no adapter {', '.join(missing)}; there are {', '.join(self.peft_config)}.")
        if any(self.peft_config[name].modules_to_save for name in adapters):
            raise ValueError("An adapter with modules_to_save cannot be combined: whole modules have no exact sum.")
        if any(self.peft_config[name].bias != "none" for name in adapters):
            raise ValueError("An adapter with trained biases cannot be combined: a model has one set of biases.")
        sums: dict[str, tuple[MultiLoraLayer, Tensor, Tensor]] = {}
        every: list[str] = []
        for key, layer in self.model.named_modules():
            if ".base_layer" not in key:
                every.append(key)
            if not isinstance(layer, MultiLoraLayer):
                continue
            there = [(name, w) for name, w in zip(adapters, weights, strict=True) if name in layer.multilora_A]
            layer.check_rank(sum(len(layer.multilora_A[name]) for name, _ in there))
            pairs = [(w * b, a) for (b, a), w in ((layer.factors(name), w) for name, w in there)]
            if pairs:
                sums[key] = layer, torch.cat([b for b, _ in pairs], dim=1), torch.cat([a for _, a in pairs])
        ranks = {key: len(a) for key, (_, _, a) in sums.items()}
        common = most_common(ranks.values())
        first = self.peft_config[adapters[0]]
        self.peft_config[adapter_name] = MultiLoraConfig(
            r=common,
            num_modules=1,
            lora_alpha=common,
            scaling="scalar",
            target_modules=exact_targets(sums, every),
            rank_pattern={exact_pattern(key): rank for key, rank in ranks.items() if rank != common},
            fan_in_fan_out=first.fan_in_fan_out,
            task_type=first.task_type,
            base_model_name_or_path=first.base_model_name_or_path,
            inference_mode=True,
        )
        for layer, b, a in sums.values():
            layer.add_factors(adapter_name, b, a)


def _input_embeddings(model: Any) -> nn.Module | None:
    try:
        found = model.get_input_embeddings() if callable(getattr(model, "get_input_embeddings", None)) else None
    except NotImplementedError:  # transformers' answer for a model that has none
        return None
    return found if isinstance(found, nn.Module) else None


def _copies(kwargs: dict[str, Any]) -> int:
    """How often ``generate`` repeats each row: for beams, and for several answers."""
    settings = kwargs.get("generation_config")
    numbers = (kwargs.get(name, getattr(settings, name, None)) for name in ("num_beams", "num_return_sequences"))
    return max([1, *(number for number in numbers if isinstance(number, int))])


def _with_names(
    _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], names: list[str]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, {**kwargs, "adapter_names": names}


def _fan_in_fan_out(target: Any, config: MultiLoraConfig, key: str, quantisation: dict[str, Any]) -> bool:
    """How a layer stores its weight; what is no linear layer is refused."""
    base = target.get_base_layer() if hasattr(target, "get_base_layer") else target
    if isinstance(base, Conv1D):
        if not config.fan_in_fan_out:
            warnings.warn("The target is a Conv1D, which stores (in, out): fan_in_fan_out is set.", stacklevel=2)
            config.fan_in_fan_out = True
        return True
    backend = resolve_quantization_backend(base, **quantisation)
    if isinstance(base, nn.Linear) or (backend is not None and backend.layer_type == "linear"):
        if config.fan_in_fan_out:
            warnings.warn("The target is an nn.Linear: fan_in_fan_out is taken back.", stacklevel=2)
            config.fan_in_fan_out = False
        return False
    raise ValueError(
        f"{key} is a {type(base).__name__}; MultiLoRA adapts linear layers only (nn.Linear, Conv1D, quantised). "
        "Leave it out of target_modules, or train it whole by modules_to_save."
    )

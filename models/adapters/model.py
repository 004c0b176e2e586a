"""A model whose linear layers have MultiLoRA adapters: what PEFT calls a tuner."""

from __future__ import annotations

import copy
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
from peft.utils.other import get_pattern_key
from torch import nn
from transformers.pytorch_utils import Conv1D

from bethink.models.adapters.config import MultiLoraConfig
from bethink.models.adapters.layer import BASE, MultiLoraLayer, MultiLoraLinear


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
        self._refuse_tied(target, current_key)
        quantisation = get_quantization_kwargs(self)
        new = MultiLoraLinear(
            target,
            adapter_name,
            config,
            r,
            fan_in_fan_out=_fan_in_fan_out(target, config, current_key, quantisation),
            inference_mode=config.inference_mode,
            **quantisation,
        )
        if adapter_name not in self.active_adapters:
            new.requires_grad_(False)
        self._replace_module(parent, target_name, new, target)

    def _refuse_tied(self, target: nn.Module, key: str) -> None:
        embeddings = self.model.get_input_embeddings() if hasattr(self.model, "get_input_embeddings") else None
        weight = getattr(target, "weight", None)
        if weight is not None and weight is getattr(embeddings, "weight", None):
            raise ValueError(
                f"{key} shares its weight with the input embeddings, which MultiLoRA does not adapt: merging would "
                "change both. Leave it out of target_modules, or put it into exclude_modules."
            )

    @contextmanager
    def _enable_peft_forward_hooks(self, *_: Any, **kwargs: Any) -> Iterator[None]:
        """Hand ``adapter_names`` (one for each row of the batch; ``__base__`` for none) to each layer."""
        names = kwargs.pop("adapter_names", None)
        if names is None:
            yield
            return
        if self.training:
            raise ValueError("adapter_names is for inference; call eval() first.")
        layers = [module for module in self.modules() if isinstance(module, MultiLoraLayer)]
        known = {BASE}.union(*(layer.multilora_A.keys() for layer in layers))
        if unknown := sorted(set(names) - known):
            raise ValueError(f"There is no adapter {', '.join(unknown)}; there are {', '.join(sorted(known))}.")
        beams = kwargs.get("num_beams")
        if isinstance(beams, int) and beams > 1:
            names = [name for name in names for _ in range(beams)]
        hook = partial(_with_names, names=names)
        handles = [layer.register_forward_pre_hook(hook, with_kwargs=True) for layer in layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def add_weighted_adapter(self, adapters: Sequence[str], weights: Sequence[float], adapter_name: str) -> None:
        """Add an adapter whose update is sum_j weights_j dW_j, exactly: the modules are put side by side.

        The new adapter has one module of rank sum_j n_j r_j, its scaling and weights folded into B. It is not active.

        Raises:
            ValueError: no adapters, other numbers of weights, a name that is taken, or an unknown adapter.
        """
        if not adapters or len(adapters) != len(weights):
            raise ValueError(f"Give one weight for each adapter; there are {len(adapters)} and {len(weights)}.")
        if adapter_name in self.peft_config:
            raise ValueError(f"There is an adapter {adapter_name} already; choose another name or delete it first.")
        if missing := [name for name in adapters if name not in self.peft_config]:
            raise ValueError(f"There is no adapter {', '.join(missing)}; there are {', '.join(self.peft_config)}.")
        if any(self.peft_config[name].modules_to_save for name in adapters):
            raise ValueError("An adapter with modules_to_save cannot be combined: whole modules have no exact sum.")
        config = copy.deepcopy(self.peft_config[adapters[0]])
        ranks = [self.peft_config[name].num_modules * self.peft_config[name].r for name in adapters]
        config.num_modules, config.r, config.scaling, config.init_weights = 1, sum(ranks), "scalar", True
        config.lora_alpha, config.rank_pattern, config.inference_mode = config.r, {}, True
        targets: set[str] = set()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="num_modules . r is")
            for key, layer in self.model.named_modules():
                there = [(name, w) for name, w in zip(adapters, weights, strict=True) if name in _adapters_of(layer)]
                if not there:
                    continue
                targets.add(key)
                assert isinstance(layer, MultiLoraLayer)
                with torch.no_grad():
                    pairs = [(w * b, a) for (b, a), w in ((layer.factors(name), w) for name, w in there)]
                    b, a = torch.cat([b for b, _ in pairs], dim=1), torch.cat([a for _, a in pairs])
                    if len(a) != config.r:
                        config.rank_pattern[key] = len(a)
                    layer.update_layer(adapter_name, len(a), config, inference_mode=True)
                    layer.factor[adapter_name] = 1.0
                    for parameter, value in zip(layer.parameters_of(adapter_name), (a, b, torch.ones(1)), strict=True):
                        parameter.copy_(value)
        config.target_modules = targets
        self.peft_config[adapter_name] = config


def _adapters_of(layer: nn.Module) -> Sequence[str]:
    return list(layer.multilora_A.keys()) if isinstance(layer, MultiLoraLayer) else ()


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

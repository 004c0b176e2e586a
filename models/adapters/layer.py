"""One linear layer with MultiLoRA adapters on it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer, _get_in_out_features, check_adapters_to_merge
from peft.utils import quantization_extra_repr, resolve_quantization_backend
from peft.utils.other import transpose
from torch import Tensor, nn
from torch.nn.functional import linear

from bethink.models.adapters.config import MultiLoraConfig

BASE = "__base__"
"""PEFT's name for a row of a mixed batch that no adapter changes."""
HALF = (torch.float16, torch.bfloat16)
DICTIONARIES = (nn.ParameterDict(), nn.ModuleDict())
LARGEST = 4
"""An adapter of more numbers than this many times the layer's is refused: a damaged config must not fill the memory."""
ALWAYS_ALLOWED = 1 << 20
"""How many numbers an adapter of one layer may have however small the layer is."""


def check_name(adapter_name: str) -> None:
    """Refuse a name under which torch's dictionaries of parameters and modules cannot keep anything.

    Raises:
        ValueError: no name, a dot in it, or the name of one of their methods, such as ``train`` or ``double``.
    """
    if not adapter_name or "." in adapter_name or any(hasattr(each, adapter_name) for each in DICTIONARIES):
        raise ValueError(
            f"An adapter cannot be named {adapter_name!r}: torch needs a name without dots that is none of its own "
            "methods. Choose another, such as 'my_adapter'."
        )


class MultiLoraLayer(BaseTunerLayer):
    """What a layer keeps for each adapter: A (n r, in), B (out, n r), s (n, out) or (n, 1).

    The n modules lie side by side in one A and one B, so the forward pass is two products whatever n is.
    """

    adapter_layer_names = ("multilora_A", "multilora_B", "multilora_s")
    other_param_names = ("r", "num_modules", "factor", "multilora_dropout")

    def __init__(self, base_layer: nn.Module, fan_in_fan_out: bool = False, **kwargs: Any) -> None:
        self.base_layer = base_layer
        self.fan_in_fan_out = fan_in_fan_out
        self.quantization_backend = resolve_quantization_backend(
            self.get_base_layer(), get_apply_tensor_subclass=kwargs.get("get_apply_tensor_subclass")
        )
        self.r: dict[str, int] = {}
        self.num_modules: dict[str, int] = {}
        self.factor: dict[str, float] = {}
        self.multilora_dropout = nn.ModuleDict({})
        self.multilora_A = nn.ParameterDict({})
        self.multilora_B = nn.ParameterDict({})
        self.multilora_s = nn.ParameterDict({})
        self._disable_adapters = False
        self.merged_adapters: list[str] = []
        self._before_merge: Tensor | None = None
        self.cast_input_dtype_enabled = True
        self.in_features, self.out_features = _get_in_out_features(self.get_base_layer())

    def update_layer(
        self, adapter_name: str, r: int, config: MultiLoraConfig, inference_mode: bool = False, **_: Any
    ) -> None:
        """Add an adapter to this layer.

        Raises:
            ValueError: a name that cannot be kept, or a rank n * r that is far greater than the layer; nothing was
                allocated.
        """
        check_name(adapter_name)
        n = config.num_modules
        self.check_rank(n * r)
        narrow = min(self.in_features, self.out_features)
        if n * r > narrow:
            warnings.warn(
                f"num_modules * r is {n * r}, but the update of this layer has a rank of at most {narrow}: "
                "parameters are wasted.",
                stacklevel=2,
            )
        self.r[adapter_name], self.num_modules[adapter_name] = r, n
        self.factor[adapter_name] = config.lora_alpha / config.r
        dropout = config.multilora_dropout
        self.multilora_dropout[adapter_name] = nn.Dropout(dropout) if dropout > 0 else nn.Identity()
        self.multilora_A[adapter_name] = nn.Parameter(torch.empty(n * r, self.in_features))
        self.multilora_B[adapter_name] = nn.Parameter(torch.empty(self.out_features, n * r))
        width = self.out_features if config.scaling == "vector" else 1
        self.multilora_s[adapter_name] = nn.Parameter(torch.empty(n, width))
        self.reset_parameters(adapter_name, config)
        self._move_adapter_to_device_of_base_layer(adapter_name)
        self.set_adapter(self.active_adapters, inference_mode=inference_mode)

    def add_factors(self, adapter_name: str, b: Tensor, a: Tensor) -> None:
        """Add a frozen adapter with the update b a: one module of rank k, its scalar s one.

        Args:
            adapter_name: a new name.
            b: (out, k).
            a: (k, in).
        """
        self.r[adapter_name], self.num_modules[adapter_name], self.factor[adapter_name] = len(a), 1, 1.0
        self.multilora_dropout[adapter_name] = nn.Identity()
        self.multilora_A[adapter_name] = nn.Parameter(a.detach(), requires_grad=False)
        self.multilora_B[adapter_name] = nn.Parameter(b.detach(), requires_grad=False)
        self.multilora_s[adapter_name] = nn.Parameter(b.new_ones(1, 1), requires_grad=False)

    def check_rank(self, rank: int) -> None:
        """Refuse a rank n * r whose factors would be far greater than the layer itself.

        Raises:
            ValueError: such a rank.
        """
        numbers = rank * (self.in_features + self.out_features)
        if numbers > max(LARGEST * self.in_features * self.out_features, ALWAYS_ALLOWED):
            raise ValueError(
                f"num_modules * r is {rank}, far more than a layer of {self.in_features} x {self.out_features} can "
                "use. Is the adapter's config damaged? Choose a smaller r."
            )

    @torch.no_grad()
    def reset_parameters(self, adapter_name: str, config: MultiLoraConfig) -> None:
        """The start: A and B Kaiming-uniform with a = sqrt(5), each module on its own, s zero.

        So A is uniform in +-1/sqrt(in) and B in +-1/sqrt(r); over a fused B it would be +-1/sqrt(n r).
        """
        a, b, s = self.parameters_of(adapter_name)
        r = self.r[adapter_name]
        for module in range(self.num_modules[adapter_name]):
            part = slice(module * r, (module + 1) * r)
            nn.init.kaiming_uniform_(a[part], a=math.sqrt(5))
            nn.init.kaiming_uniform_(b[:, part], a=math.sqrt(5))
        if config.init_weights == "zero_b":
            nn.init.zeros_(b)
            nn.init.ones_(s)
        elif config.init_weights:
            nn.init.zeros_(s)
        else:
            nn.init.normal_(s)

    def parameters_of(self, adapter: str) -> tuple[Tensor, Tensor, Tensor]:
        """(A, B, s) of an adapter; see the class for their shapes."""
        return self.multilora_A[adapter], self.multilora_B[adapter], self.multilora_s[adapter]

    def factors(self, adapter: str) -> tuple[Tensor, Tensor]:
        """(B', A') with the update dW = B' A': B' (out, n r) = factor * [diag(s_1) B_1 | ... | diag(s_n) B_n].

        In float32 where the parameters are in half precision.
        """
        a, b, s = (each.float() if each.dtype in HALF else each for each in self.parameters_of(adapter))
        return self._scaled(b, s, adapter), a

    def _scaled(self, b: Tensor, s: Tensor, adapter: str) -> Tensor:
        n, r = self.num_modules[adapter], self.r[adapter]
        by_module = (s * self.factor[adapter]).t().unsqueeze(-1)
        return (b.reshape(-1, n, r) * by_module).reshape(-1, n * r)

    def get_delta_weight(self, adapter: str) -> Tensor:
        """The update dW as the base layer stores its weight, in the adapter's type (computed in float32 or better)."""
        return self._delta(adapter).to(self.multilora_A[adapter].dtype)

    def _delta(self, adapter: str) -> Tensor:
        b, a = self.factors(adapter)
        return transpose(b @ a, self.fan_in_fan_out)

    def scale_layer(self, scale: float) -> None:
        """Multiply the active adapters' updates."""
        for adapter in self.active_adapters:
            if adapter in self.factor:
                self.factor[adapter] *= scale

    def unscale_layer(self, scale: float | None = None) -> None:
        """Divide the active adapters' updates by ``scale``.

        Raises:
            ValueError: no scale, or 0.
        """
        if not scale:
            raise ValueError("Say by which scale to divide, other than 0.")
        self.scale_layer(1 / scale)

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Add the updates of some adapters (None: the active ones) to the base layer's weight.

        A weight in half precision is kept aside, so that :meth:`unmerge` brings back exactly what was there. A
        quantised one is quantised anew, so there merging and unmerging both round.

        Raises:
            ValueError: ``safe_merge`` and the result is not finite (nothing was changed for that adapter), or a
                quantisation that cannot take an update.
        """
        backend = self.quantization_backend
        if backend is not None and not backend.supports_merge:
            raise ValueError(
                f"A layer quantised by {backend.backend_name} cannot take an update into its weight. Leave the adapter "
                "beside it, or merge it into the model that is not quantised."
            )
        for adapter in check_adapters_to_merge(self, adapter_names):
            if adapter not in self.multilora_A:
                continue
            weight = self.get_base_weight()
            merged = (weight.float() if weight.dtype in HALF else weight) + self._delta(adapter)
            if safe_merge and not torch.isfinite(merged).all():
                raise ValueError(
                    f"NaNs detected in the merged weights. The adapter {adapter} seems to be broken. Take back what is "
                    "merged already with unmerge_adapter(), then load the adapter again from its file."
                )
            if self._before_merge is None and weight.dtype in HALF and backend is None:
                self._before_merge = weight.detach().clone()
            self.set_base_weight(merged.to(weight.dtype))
            self.merged_adapters.append(adapter)

    def unmerge(self) -> None:
        """Take all merged updates out of the base layer's weight again."""
        if not self.merged:
            warnings.warn("Already unmerged. Nothing to do.", stacklevel=2)
            return
        if self._before_merge is not None:
            self.set_base_weight(self._before_merge.to(self.get_base_weight()))
            self._before_merge = None
            self.merged_adapters.clear()
            return
        while self.merged_adapters:
            adapter = self.merged_adapters.pop()
            if adapter in self.multilora_A:
                weight = self.get_base_weight()
                self.set_base_weight((weight - self._delta(adapter)).to(weight.dtype))

    def supports_lora_conversion(self, adapter_name: str = "default") -> bool:
        """PEFT may convert it to LoRA (by SVD); :func:`bethink.models.adapters.export_lora` does so exactly."""
        return True


class MultiLoraLinear(nn.Module, MultiLoraLayer):
    """A linear layer (``nn.Linear``, GPT-2's ``Conv1D``, or a quantised one) with adapters."""

    base_layer: Any
    active_adapters: Any
    _cast_input_dtype: Any

    def __init__(
        self, base_layer: nn.Module, adapter_name: str, config: MultiLoraConfig, r: int, **kwargs: Any
    ) -> None:
        super().__init__()
        MultiLoraLayer.__init__(self, base_layer, **kwargs)
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, r, config, **kwargs)

    def forward(self, x: Tensor, *args: Any, adapter_names: list[str] | None = None, **kwargs: Any) -> Tensor:
        """x (..., in) to (..., out) in the base layer's type; ``adapter_names`` has one name for each row of a batch.

        Raises:
            ValueError: names for another number of rows, or while an adapter is merged.
        """
        if adapter_names is not None:
            self._check_names(x, adapter_names)
        if self.disable_adapters:
            if self.merged:
                self.unmerge()
            return self.base_layer(x, *args, **kwargs)
        result = self.base_layer(x, *args, **kwargs)
        if self.merged:
            return result
        dtype = result.dtype
        if self.quantization_backend is not None:
            result = self.quantization_backend.maybe_clone_base_result(result)
        if adapter_names is not None:
            for adapter in set(adapter_names) & set(self.multilora_A.keys()):
                rows = [row for row, name in enumerate(adapter_names) if name == adapter]
                result[rows] = result[rows] + self._update(x[rows], adapter).to(dtype)
            return result
        for adapter in self.active_adapters:
            if adapter in self.multilora_A:
                result = result + self._update(x, adapter)
        return result.to(dtype)

    def _update(self, x: Tensor, adapter: str) -> Tensor:
        a, b, s = self.parameters_of(adapter)
        if not torch.is_autocast_enabled(x.device.type):  # which would cast x back again
            x = self._cast_input_dtype(x, a.dtype)
        x = self.multilora_dropout[adapter](x)
        return linear(linear(x, a), self._scaled(b, s, adapter))

    def _check_names(self, x: Tensor, adapter_names: list[str]) -> None:
        if len(x) != len(adapter_names):
            raise ValueError(
                "Length of `adapter_names` should be the same as the number of inputs, but got "
                f"{len(adapter_names)} and {len(x)} respectively. Give one name for each row of the batch."
            )
        if self.merged:
            raise ValueError(
                "Cannot pass `adapter_names` when there are merged adapters, please call `unmerge_adapter` first."
            )

    def __repr__(self) -> str:
        return "multilora." + super().__repr__()

    def extra_repr(self) -> str:
        """The quantisation, if there is one."""
        return str(quantization_extra_repr(self))

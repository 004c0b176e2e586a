"""What distribution is this, which rows are odd, and more like them: density by a training-free diffusion."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bethink.tools.density.checks import TableError
    from bethink.tools.density.estimator import DiffusionDensity
    from bethink.tools.density.metrics import energy_distance, memorisation_ratio, sliced_wasserstein
    from bethink.tools.density.score import score

_WHERE = {
    "DiffusionDensity": "estimator",
    "TableError": "checks",
    "energy_distance": "metrics",
    "memorisation_ratio": "metrics",
    "score": "score",
    "sliced_wasserstein": "metrics",
}
__all__ = ["DiffusionDensity", "TableError", "energy_distance", "memorisation_ratio", "score", "sliced_wasserstein"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"bethink.tools.density.{_WHERE[name]}"), name)

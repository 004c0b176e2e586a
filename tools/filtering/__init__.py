"""Filtering: tracking a state seen only in part and with errors. A data assimilation library; see docs/filtering.md."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE = {
    "Assimilation": "assimilation",
    "CallableOperator": "operators",
    "DynamicalSystem": "models",
    "EnKF": "kalman",
    "EnsembleScoreFilter": "score_filter",
    "Filter": "twin",
    "LETKF": "kalman",
    "ObservationError": "observations",
    "ObservedSeries": "observations",
    "ParticleFilter": "particle",
    "RobustFilter": "robust",
    "TwinExperiment": "twin",
    "TwinResult": "twin",
    "assimilate": "assimilation",
    "operator_named": "operators",
    "read_observations": "observations",
    "run_twin": "twin",
    "runge_kutta": "models",
    "system_named": "models",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return __all__

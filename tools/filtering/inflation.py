"""Remedies for ensembles that have grown too narrow, by their names in the field."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

Relaxation = Literal["none", "rtps", "rtpp"]


def check_inflation(inflation: float, relaxation: Relaxation, weight: float) -> None:
    """Check the three options.

    Raises:
        ValueError: what no ensemble can be widened by.
    """
    if not 0 < inflation < 100:
        raise ValueError(f"inflation multiplies the anomalies and must lie between 0 and 100, not {inflation}.")
    if relaxation not in ("none", "rtps", "rtpp"):
        raise ValueError(f"There is no relaxation {relaxation!r}. Choose from none, rtps, rtpp.")
    if not 0 <= weight <= 1:
        raise ValueError(f"relaxation_weight must lie between 0 and 1, not {weight}.")


def widen(forecast: Tensor, analysis: Tensor, inflation: float, relaxation: Relaxation, weight: float) -> Tensor:
    """Analysis members (..., M, d) with wider anomalies: first relaxed towards the forecast's, then multiplied.

    ``rtpp`` mixes the anomalies (Zhang, Snyder, Sun 2004), ``rtps`` scales them by
    1 + weight * (forecast spread - analysis spread) / analysis spread (Whitaker and Hamill 2012, eq. 2);
    ``inflation`` multiplies what comes out, as in DAPPER's ``infl``.
    """
    if relaxation == "none" and inflation == 1:
        return analysis
    mean = analysis.mean(-2, keepdim=True)
    anomalies = analysis - mean
    if relaxation == "rtpp":
        anomalies = anomalies.lerp(forecast - forecast.mean(-2, keepdim=True), weight)
    elif relaxation == "rtps":
        before, after = forecast.std(-2, keepdim=True), anomalies.std(-2, keepdim=True)
        anomalies = anomalies * (1 + weight * (before - after) / after.clamp_min(1e-12))
    return mean.add(anomalies, alpha=inflation)

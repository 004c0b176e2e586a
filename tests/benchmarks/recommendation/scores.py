"""What is measured of one model on one part of a split, and what several seeds say of a difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.metrics import OneClassError, auc, expected_calibration_error, gauc, log_loss
from bethink.tools.recommendation.samples import Samples

MEASURES = ("auc", "domain_auc", "gauc")
"""AUC of all samples together; the mean of the domains' own, weighed by their samples; within users."""


def scores(samples: Samples, chances: NDArray[np.float64]) -> dict[str, Any]:
    """AUC, GAUC, log loss and calibration, of all samples and of each domain; None where there is one label only."""
    names = samples.domains
    domains = {
        names[number]: _within(samples, chances, samples.domain == number) for number in np.unique(samples.domain)
    }
    weights = [(own["auc"], own["samples"]) for own in domains.values() if own["auc"] is not None]
    return {
        **_within(samples, chances, np.ones(len(samples), bool)),
        "domain_auc": sum(a * n for a, n in weights) / sum(n for _, n in weights) if weights else None,
        "log_loss": log_loss(samples.label, chances),
        "ece": expected_calibration_error(samples.label, chances),
        "domains": domains,
    }


def _within(samples: Samples, chances: NDArray[np.float64], keep: NDArray[np.bool_]) -> dict[str, Any]:
    label, chance, user = samples.label[keep], chances[keep], samples.user[keep]
    found: dict[str, Any] = {"samples": int(keep.sum())}
    for name, measure in (("auc", lambda: auc(label, chance)), ("gauc", lambda: gauc(user, label, chance))):
        try:
            found[name] = measure()
        except OneClassError:
            found[name] = None
    return found


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval by Student's t; the half width of one value is infinite."""
    from scipy.stats import t

    if len(values) < 2:
        return values[0], math.inf
    return mean(values), float(t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))


def cell(values: Sequence[float | None], digits: int = 4) -> str:
    """Mean (and standard deviation) over seeds, for a table."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    return f"{mean(known):.{digits}f}" + (f" ({stdev(known):.{digits}f})" if len(known) > 1 else "")

"""How likely each row of a table is under the density of the *other* rows.

A row's own kernel holds its density up: among the rows a density was learnt from, no row can look odd. So the table is
cut into parts, and each part's rows are scored by a density learnt from the others (cross-fitting).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from bethink.tools.density.tool_limits import parts_of

if TYPE_CHECKING:
    from bethink.tools.density.estimator import DiffusionDensity

CHUNK = 2_000
"""Rows scored between two looks at the cancel button."""
FITTING = 0.5
"""Share of the progress that is given to learning; the rest is scoring."""


def cross_fitted(
    model: DiffusionDensity | None,
    rows: np.ndarray,
    centres: np.ndarray,
    conditions: np.ndarray | None,
    most: int,
    seed: int,
    progress: Callable[[float, str], None],
) -> np.ndarray:
    """Log density (n,) of ``centres`` (n, k) under densities learnt from ``rows`` (n, k) of other parts.

    Each learns from at most ``most`` rows. ``centres`` are the rows without the noise of columns of steps. Where a part
    cannot be learnt from (too few different rows), its counterpart is scored by ``model``.

    Raises:
        ValueError: such a part, and no ``model``.
    """
    parts = parts_of(len(rows))
    part = np.random.default_rng(seed).permutation(len(rows)) % parts
    found = np.empty(len(rows))
    for number in range(parts):
        others, own = part != number, np.flatnonzero(part == number)
        begun, width = number / parts, 1 / parts

        def step(share: float, message: str, begun: float = begun, width: float = width) -> None:
            progress(begun + width * FITTING * share, "Learning each row's density from the others")

        fitted = _learn(rows[others], None if conditions is None else conditions[others], most, seed, step) or model
        if fitted is None:
            raise ValueError("A part of the table has no density, and no model of the whole was given; see its rows.")
        for place in range(0, len(own), CHUNK):
            progress(begun + width * (FITTING + (1 - FITTING) * place / len(own)), "Ranking the rows")
            some = own[place : place + CHUNK]
            given: dict[str, Any] = {} if conditions is None else {"conditions": conditions[some]}
            found[some] = fitted.log_prob(centres[some], **given)
    return found


def _learn(
    rows: np.ndarray, conditions: np.ndarray | None, most: int, seed: int, progress: Callable[[float, str], None]
) -> DiffusionDensity | None:
    """A density of the rows, without a network since nothing is drawn from it; None where there is no density."""
    from bethink.tools.density.estimator import DiffusionDensity

    quick = DiffusionDensity(rows=most, labels=0, random_state=seed, progress=progress)
    try:
        return quick.fit(rows, conditions=conditions)
    except ValueError:
        return None

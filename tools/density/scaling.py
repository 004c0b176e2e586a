"""Columns brought to one scale by their middle, so that a few far values do not set it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NORMAL_QUARTILES = 1.3489795
"""Interquartile range of a standard normal."""


@dataclass(frozen=True)
class Scaling:
    """x -> (x - centre) / scale, column by column; both (d,)."""

    centre: np.ndarray
    scale: np.ndarray

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Values (n, d) in standardised units."""
        return (values - self.centre) / self.scale

    def undo(self, values: np.ndarray) -> np.ndarray:
        """Standardised values (n, d) in the data's own units."""
        return values * self.scale + self.centre

    @property
    def log_volume(self) -> float:
        """log |det| of the scale: what a log density in standardised units is too large by."""
        return float(np.log(self.scale).sum())


def clipped_deviation(values: np.ndarray, share: float = 0.005) -> np.ndarray:
    """Standard deviations (d,) of the columns of values (n, d), the ``share`` at either end drawn in to its quantile.

    A column that is constant but for those has its plain deviation.
    """
    low, high = np.quantile(values, [share, 1 - share], axis=0)
    found = np.clip(values, low, high).std(0)
    return np.where(found > 0, found, values.std(0))


def robust_scaling(values: np.ndarray) -> Scaling:
    """Median and interquartile range (as a normal's standard deviation) of the columns of values (n, d).

    A column half of whose values are the same has no such range: its standard deviation stands in.
    """
    low, centre, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    scale = (high - low) / NORMAL_QUARTILES
    return Scaling(centre, np.where(scale > 0, scale, values.std(0)))

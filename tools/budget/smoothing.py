"""Cell means that lean on each other: kriging over a table of states and amounts.

A log has few rows in most pairs of state and amount, and their means are noisy; yet states that share factors
(segment, engagement) and amounts that are near behave alike, as far as the log says so. The table is a Gaussian process
with an analysis-of-variance kernel (Stitson et al. 1999; Duvenaud et al. 2011): k(x, y) = s prod_i (1 + w_i k_i(x_i,
y_i)), plus what is each cell's own. Its few hyper-parameters are those of greatest marginal likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Bools, Floats, Ints

MOST_CELLS = 1_000
"""More cells than this are not smoothed: the cost is cubic, a second a table at 720 cells."""
STEPS = 40
WIDTH = 3.0
"""Standard deviation of the log-normal prior of the hyper-parameters; it decides only where the data say nothing."""
JITTER = 1e-10
PASSES = 2
"""Of estimating binomial variances."""
FAR = 1e3
"""A distance at which the kernel is zero, whatever its length."""


@dataclass(frozen=True)
class Factors:
    """What state numbers are made of: ``places`` [S, k] whole numbers, and which of the k factors have an order.

    Raises:
        ValueError: shapes that do not fit, or two states in one place.
    """

    places: Ints
    ordered: Sequence[bool]

    def __post_init__(self) -> None:
        if self.places.ndim != 2 or self.places.shape[1] != len(self.ordered):
            raise ValueError(f"places has shape {self.places.shape}; {len(self.ordered)} columns are needed.")
        if len(np.unique(self.places, axis=0)) != len(self.places):
            raise ValueError("Two states have the same factors.")


@dataclass(frozen=True)
class Axes:
    """The cells' places [C, k]: whole numbers along each factor, and which factors have an order (numbers, amounts)."""

    places: Floats
    ordered: Bools

    @classmethod
    def of(cls, factors: Factors, actions: int) -> Axes:
        """The places of all pairs of state and amount, states first: the factors, and the amounts in their order."""
        states = len(factors.places)
        amounts = np.tile(np.arange(actions), states)[:, None]
        places = np.concatenate([np.repeat(factors.places, actions, axis=0), amounts], axis=1)
        varied = np.ptp(places, axis=0) > 0
        return cls(places[:, varied].astype(float), np.array([*factors.ordered, True])[varied])

    def distances(self) -> list[tuple[Floats, Ints]]:
        """Along each factor the few distances that occur, and which of them lies between two cells [C, C].

        The longest one is 1; where there is no order, they are 0 and ``FAR``.
        """
        found = []
        for places, ordered in zip(self.places.T, self.ordered, strict=True):
            apart = np.abs(places[:, None] - places[None])
            lengths, which = np.unique(apart if ordered else apart > 0, return_inverse=True)
            found.append((lengths / max(lengths.max(), 1e-300) * (1 if ordered else FAR), which.reshape(apart.shape)))
        return found


def smooth(axes: Axes, means: Floats, variances: Floats) -> Floats:
    """Posterior means of a table of cells, in the shape it came; O(C^3) some fifty times.

    Args:
        axes: where the cells lie.
        means: of each cell's rows, C of them in any shape.
        variances: of those means; infinite where a cell has no rows.

    Raises:
        ValueError: no cell with rows, more than ``MOST_CELLS`` cells.

    Example:
        >>> axes = Axes(np.arange(8.0)[:, None], np.array([True]))
        >>> noisy, variances = np.array([0.0, 1, 2, 9, 4, 5, 6, 7]), np.array([0.1, 0.1, 0.1, 100, 0.1, 0.1, 0.1, 0.1])
        >>> bool(abs(smooth(axes, noisy, variances)[3] - 3) < 0.5)
        True
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve
    from scipy.linalg.lapack import dpotri
    from scipy.optimize import minimize

    if means.size > MOST_CELLS:
        raise ValueError(f"{means.size:,} cells are more than {MOST_CELLS:,}; use fewer, or plain means.")
    known = np.isfinite(variances).ravel()
    if not known.any():
        raise ValueError("No cell has any rows.")
    found, noise = means.ravel()[known], variances.ravel()[known]
    scale = float(found.std())
    centre = float(np.average(found, weights=1 / (noise + scale**2 + 1e-300)))
    if scale <= 1e-12 * abs(centre) or known.sum() < 3:  # nothing to learn how to lean on each other from
        return np.where(np.isfinite(variances), means, centre)
    y, noise = (found - centre) / scale, noise / scale**2
    apart = axes.distances()
    k = len(apart)
    seen = [(lengths, np.ascontiguousarray(which[known][:, known])) for lengths, which in apart]
    start = np.array([-1.0] + [0.0] * k + [-0.7] * k + [-6.0])

    def loss(theta: Floats) -> tuple[float, Floats]:
        """Minus the log posterior of the hyper-parameters, with its gradient."""
        kernel, by_weight, by_length = _kernel(theta, seen)
        covariance = kernel.copy()
        covariance.flat[:: len(y) + 1] += np.exp(theta[-1]) + noise + JITTER * kernel[0, 0]
        factor = cho_factor(covariance, lower=True, check_finite=False)
        solved = cho_solve(factor, y, check_finite=False)
        half = np.tril(dpotri(factor[0], lower=1)[0])
        pull = half + np.tril(half, -1).T - np.outer(solved, solved)
        data = y @ solved / 2 + np.log(np.diag(factor[0])).sum()
        weighted = pull * kernel / 2
        sums = [np.bincount(which.ravel(), weighted.ravel(), len(lengths)) for lengths, which in seen]
        gradient = [weighted.sum(), *map(np.dot, by_weight, sums), *map(np.dot, by_length, sums)]
        gradient.append(pull.trace() / 2 * np.exp(theta[-1]))
        away = (theta - start) / WIDTH
        return float(data + away @ away / 2), np.array(gradient) + away / WIDTH

    bounds = [(-10, 4)] * (k + 1) + [(-3, 3)] * k + [(-16, 1)]
    try:
        best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}).x
    except LinAlgError:  # a covariance that is singular in floating point, met on the way
        best = start
    kernel = _kernel(best, apart)[0][:, known]
    kernel[known, np.arange(len(y))] += np.exp(best[-1])
    inner = kernel[known] + np.diag(noise + JITTER * kernel.max())
    return (kernel @ np.linalg.solve(inner, y) * scale + centre).reshape(means.shape)


def _kernel(theta: Floats, distances: list[tuple[Floats, Ints]]) -> tuple[Floats, list[Floats], list[Floats]]:
    """s prod_i (1 + w_i k_i) [C, C]; for each distance, its logarithm's derivatives by log w_i and by log length_i.

    k_i is a Gaussian of the distance along the factor; where there is no order, 1 for equal levels and else 0.
    """
    k = len(distances)
    kernel: Floats | float = np.exp(theta[0])
    by_weight, by_length = [], []
    for (lengths, which), weight, scale in zip(distances, theta[1 : 1 + k], theta[1 + k : -1], strict=True):
        square = (lengths / np.exp(scale)) ** 2
        near = np.exp(weight - square / 2)
        kernel = kernel * (1 + near)[which]
        by_weight.append(near / (1 + near))
        by_length.append(by_weight[-1] * square)
    return np.asarray(kernel), by_weight, by_length


def smooth_shares(axes: Axes, hits: NDArray, rows: NDArray) -> Floats:
    """Smoothed probabilities of a hit, by cells in any shape; 0 without any rows.

    Twice: the binomial variances p (1 - p) / rows are first those of the shares found, then those of the smoothed ones,
    p drawn towards the share of all rows by two rows. A share of 0 in a cell of few rows would else look sharp.
    """
    if not rows.any():
        return np.zeros(rows.shape)
    shares = p = hits / np.maximum(rows, 1)
    overall = hits.sum() / rows.sum()
    for _ in range(PASSES):
        drawn = (rows * p + 2 * overall) / (rows + 2)
        spread = np.maximum(drawn * (1 - drawn), 1e-4)
        p = np.clip(smooth(axes, shares, np.where(rows > 0, spread / np.maximum(rows, 1), np.inf)), 0.0, 1.0)
    return p


def mean_variance(rows: NDArray, means: Floats, squares: Floats) -> Floats:
    """Variances of means [..., A] of anything, infinite without rows: by the variance within the amount's cells.

    ``squares`` are sums of squares over the rows. No less than a ten-thousandth of the greatest mean squared.
    """
    axes = tuple(range(rows.ndim - 1))
    within = np.maximum((squares - rows * means**2).sum(axes), 0.0)
    spread = within / np.maximum(rows.sum(axes) - (rows > 0).sum(axes), 1)
    floor = 1e-4 * max(float(np.abs(means).max()) ** 2, 1e-12)
    return np.where(rows > 0, np.maximum(spread, floor) / np.maximum(rows, 1), np.inf)

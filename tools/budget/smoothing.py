"""Cell means that lean on each other: kriging over a table of states and amounts.

A log has few rows in most pairs of state and amount, and their means are noisy; yet states that share factors
(segment, engagement) and amounts that are near behave alike, as far as the log says so. The table is a Gaussian process
with an analysis-of-variance kernel (Stitson et al. 1999; Duvenaud et al. 2011): k(x, y) = s prod_i (1 + w_i k_i(x_i,
y_i)), plus what is each cell's own. Its few hyper-parameters are those of greatest marginal likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.budget.cmdp import Bools, Floats

if TYPE_CHECKING:
    import torch

MOST_CELLS = 1_500
"""More cells than this are not smoothed: the cost is cubic, a minute and more from here on (estimated)."""
STEPS = 40
WIDTH = 3.0
"""Standard deviation of the log-normal prior of the hyper-parameters; it decides only where the data say nothing."""


@dataclass(frozen=True)
class Axes:
    """The cells' places [C, k]: whole numbers along each factor, and which factors have an order (numbers, amounts)."""

    places: Floats
    ordered: Bools

    def distances(self) -> Floats:
        """Distances [k, C, C] along each factor, the longest one 1."""
        found = np.abs(self.places[:, None] - self.places[None]).transpose(2, 0, 1)
        return found / np.maximum(found.max((1, 2), keepdims=True), 1e-300)


def smooth(axes: Axes, means: Floats, variances: Floats) -> Floats:
    """Posterior means [C, m] of m tables of cells; O(C^3) some fifty times for each table.

    Args:
        axes: where the cells lie.
        means: of the cells' rows [C, m].
        variances: of those means [C, m]; infinite where a cell has no rows.

    Raises:
        ValueError: a table without any rows, more than ``MOST_CELLS`` cells.

    Example:
        >>> axes = Axes(np.arange(8.0)[:, None], np.array([True]))
        >>> noisy = np.array([[0.0], [1], [2], [9], [4], [5], [6], [7]])
        >>> variance = np.array([[0.1], [0.1], [0.1], [100], [0.1], [0.1], [0.1], [0.1]])
        >>> bool(abs(smooth(axes, noisy, variance)[3, 0] - 3) < 0.5)
        True
    """
    if len(means) > MOST_CELLS:
        raise ValueError(f"{len(means):,} cells are more than {MOST_CELLS:,}; use fewer, or plain means.")
    distances = axes.distances()
    return np.stack([_one(distances, axes.ordered, *table) for table in zip(means.T, variances.T, strict=True)], axis=1)


def _one(distances: Floats, ordered: Bools, means: Floats, variances: Floats) -> Floats:
    import torch
    from scipy.optimize import minimize

    known = np.isfinite(variances)
    if not known.any():
        raise ValueError("No cell has any rows.")
    weights = 1 / variances[known]
    centre = float(np.average(means[known], weights=weights))
    scale = float(np.sqrt(np.average((means[known] - centre) ** 2, weights=weights)))
    if scale == 0 or known.sum() < 3:
        return np.full(len(means), centre)
    y = torch.from_numpy((means[known] - centre) / scale)
    noise = torch.from_numpy(variances[known] / scale**2).diag()
    apart = torch.from_numpy(distances)
    seen = apart[:, known][:, :, known]
    k = len(ordered)
    start = torch.tensor([-1.0] + [0.0] * k + [-0.7] * k + [-6.0], dtype=torch.float64)

    def loss(values: Floats) -> tuple[float, Floats]:
        """Minus the log posterior of the hyper-parameters, with its gradient."""
        theta = torch.from_numpy(values).requires_grad_()
        factor = torch.linalg.cholesky(_kernel(theta, seen, ordered) + noise)
        solved = torch.cholesky_solve(y[:, None], factor)[:, 0]
        found = y @ solved / 2 + factor.diagonal().log().sum() + ((theta - start) / WIDTH).square().sum() / 2
        found.backward()  # type: ignore[no-untyped-call]
        assert theta.grad is not None
        return float(found.detach()), theta.grad.numpy()

    bounds = [(-10, 4)] * (k + 1) + [(-3, 3)] * k + [(-16, 1)]
    best = minimize(loss, start.numpy(), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}).x
    with torch.no_grad():
        kernel = _kernel(torch.from_numpy(best), apart, ordered)[:, torch.from_numpy(known)]
        found = kernel @ torch.linalg.solve(kernel[torch.from_numpy(known)] + noise, y)
    return found.numpy() * scale + centre


def _kernel(theta: torch.Tensor, distances: torch.Tensor, ordered: Bools) -> torch.Tensor:
    """s prod_i (1 + w_i k_i) + own [C, C]; k_i is a Gaussian along what has an order, else equality."""
    k, size = len(ordered), distances.shape[1]
    found = theta[0].exp() * distances.new_ones(size, size)
    for axis in range(k):
        if ordered[axis]:
            near = (-(distances[axis] / theta[1 + k + axis].exp()).square() / 2).exp()
        else:
            near = (distances[axis] == 0).to(distances.dtype)
        found = found * (1 + theta[1 + axis].exp() * near)
    return found + theta[-1].exp() * distances.new_ones(size).diag()

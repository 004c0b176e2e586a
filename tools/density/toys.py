"""Named two-dimensional distributions of the flow literature, and Gaussian mixtures whose density is known.

Example:
    >>> toy_named("two_moons", rows=1000, seed=0).shape
    (1000, 2)
    >>> truth = gaussian_mixture(5, seed=0)
    >>> truth.log_prob(truth.sample(10, seed=1)).shape
    (10,)

The six of ``TOY_NAMES`` have the shapes and constants of FFJORD (Grathwohl et al. 2018, section 4.1), where most
papers on flows take them from; two moons have noise 0.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

Table = NDArray[np.float64]


def two_moons(rows: int, chance: Generator) -> Table:
    """Two half circles of radius 1 that reach into each other, with normal noise of sd 0.1."""
    angle = math.pi * chance.random(rows)
    lower = chance.integers(0, 2, rows) == 1
    x = np.where(lower, 1 - np.cos(angle), np.cos(angle))
    y = np.where(lower, 0.5 - np.sin(angle), np.sin(angle))
    return np.stack([x, y], 1) + 0.1 * chance.standard_normal((rows, 2))


def checkerboard(rows: int, chance: Generator) -> Table:
    """Uniform on the eight dark squares, each 2 by 2, of a board from -4 to 4."""
    square = chance.integers(0, 8, rows)
    column, row = square // 2, 2 * (square % 2) + (square // 2) % 2
    corner = 2.0 * np.stack([column, row], 1) - 4
    return corner + 2 * chance.random((rows, 2))


def swiss_roll(rows: int, chance: Generator) -> Table:
    """The roll seen from its end: t (cos t, sin t) / 5, t uniform between 1.5 pi and 4.5 pi, noise of sd 0.2."""
    t = 1.5 * math.pi * (1 + 2 * chance.random(rows))
    roll = t[:, None] * np.stack([np.cos(t), np.sin(t)], 1)
    return (roll + chance.standard_normal((rows, 2))) / 5


def eight_gaussians(rows: int, chance: Generator) -> Table:
    """Eight round Gaussians of sd 0.5 on a circle of radius 4, all over the square root of 2."""
    angle = math.pi / 4 * chance.integers(0, 8, rows)
    centres = 4 * np.stack([np.cos(angle), np.sin(angle)], 1)
    return (centres + 0.5 * chance.standard_normal((rows, 2))) / math.sqrt(2)


def pinwheel(rows: int, chance: Generator) -> Table:
    """Five blades: Gaussians of sd 0.3 along the radius and 0.1 across it, turned the more the farther out."""
    radius = 1 + 0.3 * chance.standard_normal(rows)
    across = 0.1 * chance.standard_normal(rows)
    turn = 2 * math.pi / 5 * chance.integers(0, 5, rows) + 0.25 * np.exp(radius)
    cos, sin = np.cos(turn), np.sin(turn)
    return 2 * np.stack([radius * cos - across * sin, radius * sin + across * cos], 1)


def rings(rows: int, chance: Generator) -> Table:
    """Four circles of radius 0.75, 1.5, 2.25 and 3, equally likely, with noise of sd 0.08."""
    radius = 0.75 * chance.integers(1, 5, rows)
    angle = 2 * math.pi * chance.random(rows)
    circles = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return circles + 0.08 * chance.standard_normal((rows, 2))


_TOYS: dict[str, Callable[[int, Generator], Table]] = {
    toy.__name__: toy for toy in (two_moons, checkerboard, swiss_roll, eight_gaussians, pinwheel, rings)
}
TOY_NAMES: tuple[str, ...] = tuple(_TOYS)
"""What ``toy_named`` knows."""


def toy_named(name: str, rows: int, seed: int = 0) -> Table:
    """Independent draws of a two-dimensional toy, (rows, 2).

    Raises:
        ValueError: an unknown name, or fewer than one row.
    """
    if name not in _TOYS:
        raise ValueError(f"There is no toy named {name!r}. Choose from {', '.join(TOY_NAMES)}.")
    if rows < 1:
        raise ValueError(f"{rows} rows were asked for. Ask for one or more.")
    return _TOYS[name](rows, np.random.default_rng(seed))


@dataclass(frozen=True)
class GaussianMixtureToy:
    """A mixture of k Gaussians in d dimensions: weights (k,), means (k, d), covariances' Cholesky factors (k, d, d)."""

    weights: Table
    means: Table
    factors: Table

    @property
    def dimension(self) -> int:
        """Number of columns, d."""
        return self.means.shape[1]

    def sample(self, n: int, seed: int = 0) -> Table:
        """Independent draws, (n, d)."""
        chance = np.random.default_rng(seed)
        which = chance.choice(len(self.weights), size=n, p=self.weights)
        noise = chance.standard_normal((n, self.dimension))
        return self.means[which] + np.einsum("nij,nj->ni", self.factors[which], noise)

    def log_prob(self, x: ArrayLike) -> Table:
        """Log density at x (n, d), natural logarithm, (n,)."""
        points = np.asarray(x, dtype=np.float64)
        each = []
        for weight, mean, factor in zip(self.weights, self.means, self.factors, strict=True):
            z = np.linalg.solve(factor, (points - mean).T)
            scale = np.log(np.diag(factor)).sum() + self.dimension / 2 * math.log(2 * math.pi)
            each.append(math.log(weight) - scale - (z * z).sum(0) / 2)
        return np.asarray(np.logaddexp.reduce(each, axis=0))


def gaussian_mixture(d: int, seed: int = 0, components: int = 5) -> GaussianMixtureToy:
    """A random mixture in ``d`` dimensions whose components overlap, the less the larger ``d``.

    Weights are Dirichlet(5); means are normal with a typical distance of 4 between two; covariances have random axes
    and standard deviations along them log-uniform between 0.5 and 1.5.

    Raises:
        ValueError: ``d`` or ``components`` below one.
    """
    if d < 1 or components < 1:
        raise ValueError(f"A mixture of {components} Gaussians in {d} dimensions: both must be one or more.")
    chance = np.random.default_rng(seed)
    weights = chance.dirichlet(np.full(components, 5.0))
    means = 4 / math.sqrt(2 * d) * chance.standard_normal((components, d))
    axes, _ = np.linalg.qr(chance.standard_normal((components, d, d)))
    sds = np.exp(chance.uniform(math.log(0.5), math.log(1.5), (components, 1, d)))
    spread = axes * sds
    return GaussianMixtureToy(weights, means, np.linalg.cholesky(spread @ spread.transpose(0, 2, 1)))

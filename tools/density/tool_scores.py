"""What ``estimate_density`` measures: held-out likelihood, a Gaussian's beside it, distances, odd rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Z = 1.96
"""Half the width of a 95 % interval, in standard errors."""


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


def interval(values: np.ndarray) -> Interval:
    """The mean of independent values (n,) and its 95 % interval by the normal approximation.

    Example:
        >>> interval(np.array([1.0, 3.0] * 50)).mean
        2.0
    """
    mean = float(values.mean())
    half = Z * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else float("inf")
    return Interval(mean, mean - half, mean + half)


def gaussian_log_prob(
    train: np.ndarray,
    rows: np.ndarray,
    train_conditions: np.ndarray | None = None,
    conditions: np.ndarray | None = None,
) -> np.ndarray:
    """Log density (n,) of ``rows`` (n, k) under the Gaussian with the mean and covariance of ``train``.

    With conditions (n, c), under the Gaussian whose mean is linear in them (least squares).
    """
    scale = train.std(0)
    scale[scale == 0] = 1.0
    centre = train.mean(0)
    fit, asked = (train - centre) / scale, (rows - centre) / scale
    if train_conditions is not None and conditions is not None:
        ones = np.ones((len(train_conditions), 1))
        weights = np.linalg.lstsq(np.hstack([ones, train_conditions]), fit, rcond=None)[0]
        fit = fit - np.hstack([ones, train_conditions]) @ weights
        asked = asked - np.hstack([np.ones((len(conditions), 1)), conditions]) @ weights
    covariance = np.cov(fit, rowvar=False).reshape(fit.shape[1], fit.shape[1])
    covariance += 1e-9 * np.eye(len(covariance))
    lower = np.linalg.cholesky(covariance)
    white = np.linalg.solve(lower, asked.T)
    volume = float(np.log(np.diag(lower)).sum() + np.log(scale).sum())
    return np.asarray(-0.5 * (white**2).sum(0) - volume - 0.5 * len(lower) * np.log(2 * np.pi))


@dataclass(frozen=True)
class Quality:
    """Distances of generated rows to held-out ones, beside those of training rows, in standardised columns."""

    energy_distance: float
    energy_distance_floor: float
    sliced_wasserstein: float
    sliced_wasserstein_floor: float
    memorisation_ratio: float | None
    compared: int


def quality(made: np.ndarray, held_out: np.ndarray, train: np.ndarray, most: int, seed: int) -> Quality:
    """Compare as many generated as held-out rows, at most ``most``; the floor takes as many training rows.

    The memorisation ratio is None where rows repeat in the table, so that nearest distances are zero.
    """
    from bethink.tools.density.metrics import energy_distance, memorisation_ratio, sliced_wasserstein, standardised

    chance = np.random.default_rng(seed)
    made, held_out, whole = standardised(train, made, held_out, train)
    count = min(len(made), len(held_out), len(whole), most)
    some = [table[chance.choice(len(table), count, replace=False)] for table in (made, held_out, whole)]
    new, old, known = some
    reference = whole[chance.choice(len(whole), min(len(whole), 4 * most), replace=False)]
    ratio = memorisation_ratio(new, old, reference)
    return Quality(
        energy_distance(new, old),
        energy_distance(known, old),
        sliced_wasserstein(new, old),
        sliced_wasserstein(known, old),
        ratio if np.isfinite(ratio) else None,
        count,
    )


@dataclass(frozen=True)
class Oddness:
    """Rows of a table from the oddest on: their places, and which column is how many sds off its mean."""

    places: np.ndarray
    columns: np.ndarray
    sds: np.ndarray


def oddest(log_density: np.ndarray, values: np.ndarray, count: int) -> Oddness:
    """The ``count`` rows of lowest log density (n,) and what is most unusual in each of ``values`` (n, d).

    The sds of each column are those of the rows that are not among them, so that one wild value cannot hide itself.
    """
    places = np.argsort(log_density, kind="stable")[:count]
    usual = np.ones(len(values), dtype=bool)
    usual[places] = False
    usual = usual if usual.sum() > 1 else ~usual
    mean, sd = values[usual].mean(0), values[usual].std(0)
    sd = np.where(sd > 1e-9 * values.std(0), sd, values.std(0))  # a column that is the same in all other rows
    off = np.where(sd > 0, values[places] - mean, 0.0) / np.where(sd > 0, sd, 1.0)
    columns = np.abs(off).argmax(1)
    return Oddness(places, columns, off[np.arange(len(places)), columns])

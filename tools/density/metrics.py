"""How far samples are from held-out rows, and whether they are copies of the training rows.

All take tables of numbers, (rows, columns), and work in double precision in blocks, so that memory stays bounded. They
weigh every column by its units: standardise first (``standardised``). Distances to held-out rows alone do not tell
a good sampler from one that repeats its training rows; ``memorisation_ratio`` and ``duplicates_share`` do.

Example:
    >>> import numpy as np
    >>> a, b = np.zeros((4, 1)), np.ones((3, 1))
    >>> energy_distance(a, b), sliced_wasserstein(a, b)
    (2.0, 1.0)

AUROC is scikit-learn's ``roc_auc_score``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Table = NDArray[np.float64]

BLOCK = 2_000_000
"""Numbers a block holds: 16 MB."""


def energy_distance(a: ArrayLike, b: ArrayLike, *, block: int = BLOCK) -> float:
    """Energy distance 2 E|x - y| - E|x - x'| - E|y - y'| of two tables, x and x' from ``a``, y and y' from ``b``.

    The V-statistic: means over all pairs, a row with itself among them. So it is never negative, zero for equal
    tables, and for two samples of one distribution about E|x - x'| (1/n + 1/m) rather than zero; compare it with
    that of fresh samples of the truth. Not square-rooted.

    Args:
        a: (n, d) finite numbers, standardised.
        b: (m, d) likewise.
        block: distances held at once.

    Raises:
        ValueError: tables without rows, with different columns, or with numbers that are not finite.

    Cost: (n m + n²/2 + m²/2) distances, each d multiplications; 10,000 rows against 10,000 take seconds.
    Source: Székely and Rizzo 2013, Energy statistics, eq. 5 (with nm/(n + m) left out).
    """
    first, second = _pair(a, b)
    across = _mean_distance(first, second, block)
    within = _mean_distance(first, None, block) + _mean_distance(second, None, block)
    return max(0.0, 2 * across - within)


def sliced_wasserstein(
    a: ArrayLike, b: ArrayLike, directions: int = 200, seed: int = 0, *, block: int = BLOCK
) -> float:
    """Mean over random directions u of the Wasserstein-1 distance between a·u and b·u.

    One direction's distance is exact for any two sizes: the integral over q of the difference of the two quantile
    functions, both steps. u is uniform on the sphere; in one dimension u = ±1, and one direction is all.

    Args:
        a: (n, d) finite numbers, standardised.
        b: (m, d) likewise.
        directions: how many u; the spread of the mean over seeds falls as its square root.
        seed: of the directions; the same seed gives the same directions for the same d.
        block: numbers held at once (at least one direction).

    Raises:
        ValueError: as ``energy_distance``; or no direction.

    Cost: directions * (n + m) * (d + log n).
    Source: Bonneel, Rabin, Peyré and Pfister 2015, Sliced and Radon Wasserstein barycenters, eq. 8 (with p = 1).
    """
    first, second = _pair(a, b)
    if directions < 1:
        raise ValueError(f"{directions} directions give no distance. Ask for one or more.")
    (n, d), m = first.shape, len(second)
    u = np.random.default_rng(seed).standard_normal((directions, d)) if d > 1 else np.ones((1, 1))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    # levels q = cut / (n m) at which either quantile function steps, as whole numbers: exact
    cuts = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    weight = np.diff(cuts, prepend=0) / (n * m)
    of_first, of_second = (cuts - 1) // m, (cuts - 1) // n
    total, step = 0.0, max(1, block // len(cuts))
    for start in range(0, len(u), step):
        some = u[start : start + step]
        gap = np.sort(some @ first.T)[:, of_first] - np.sort(some @ second.T)[:, of_second]
        total += float((np.abs(gap) @ weight).sum())
    return total / len(u)


def nearest_distance(points: ArrayLike, train: ArrayLike, *, block: int = BLOCK) -> Table:
    """Distance of each point to its nearest training row, (n,); zero exactly where the point is one of them.

    Args:
        points: (n, d) finite numbers, standardised by ``train``.
        train: (m, d) likewise.
        block: distances held at once.

    Raises:
        ValueError: as ``energy_distance``.

    Cost: n m distances.
    """
    ours, theirs = _pair(points, train)
    centre = theirs.mean(0)
    near, to = ours - centre, theirs - centre
    squares = np.einsum("ij,ij->i", to, to)
    step = max(1, block // len(to))
    nearest = np.concatenate(
        [np.argmin(squares - 2 * (near[i : i + step] @ to.T), axis=1) for i in range(0, len(near), step)]
    )
    # the product above decides which row; the distance itself comes from the difference, so that copies give zero
    return np.asarray(np.linalg.norm(ours - theirs[nearest], axis=1))


def memorisation_ratio(
    samples: ArrayLike, held_out: ArrayLike, train: ArrayLike, statistic: Literal["median", "mean"] = "median"
) -> float:
    """Median (or mean) distance of samples to their nearest training row, over that of held-out rows.

    About 1 for new draws of the same distribution; towards 0 when samples repeat training rows; above 1 when they
    lie farther off than real rows do, as smoothed ones. Infinite when held-out rows are themselves copies (tables
    with repeated rows); NaN when samples are so too.

    Args:
        samples: (n, d) finite numbers, all three tables standardised alike.
        held_out: (m, d), rows that the sampler has not seen.
        train: (k, d), the rows it learnt from.
        statistic: the median is the measure; the mean also sees the tails.

    Raises:
        ValueError: as ``energy_distance``.

    Cost: (n + m) k distances.
    Source: the ratio of Meehan, Chaudhuri and Dasgupta 2020 (A non-parametric test to detect data-copying) in its
    plainest form, without their cells and rank test.
    """
    summary = np.median if statistic == "median" else np.mean
    near, usual = (float(summary(nearest_distance(rows, train))) for rows in (samples, held_out))
    if usual == 0:
        return float("nan") if near == 0 else float("inf")
    return near / usual


def duplicates_share(samples: ArrayLike, train: ArrayLike, tolerance: float = 1e-6) -> float:
    """Share of samples within ``tolerance`` (in standardised units) of a training row.

    Raises:
        ValueError: as ``energy_distance``.
    """
    return float((nearest_distance(samples, train) <= tolerance).mean())


def standardised(reference: ArrayLike, *tables: ArrayLike) -> list[Table]:
    """Each of ``tables`` less the reference's column means, over its column standard deviations (1 where zero).

    Raises:
        ValueError: a table's columns differ from the reference's, or are not finite.
    """
    base = _table(reference)
    mean, sd = base.mean(0), base.std(0)
    sd[sd == 0] = 1
    return [(_pair(table, base)[0] - mean) / sd for table in tables]


def _mean_distance(a: Table, b: Table | None, block: int) -> float:
    """Mean Euclidean distance over all pairs of rows of (n, d) and (m, d); None: of ``a`` with itself."""
    centre = a.mean(0)
    first, second = a - centre, (a if b is None else b) - centre
    total, step = 0.0, max(1, block // len(second))
    for start in range(0, len(first), step):
        some = first[start : start + step]
        if b is None:  # symmetric: the square on the diagonal once, what is right of it twice
            total += _sum_distances(some, some) + 2 * _sum_distances(some, second[start + step :])
        else:
            total += _sum_distances(some, second)
    return total / (len(first) * len(second))


def _sum_distances(a: Table, b: Table) -> float:
    squares = a @ b.T
    squares *= -2
    squares += (a * a).sum(1)[:, None]
    squares += (b * b).sum(1)
    np.maximum(squares, 0, out=squares)  # round-off
    return float(np.sqrt(squares, out=squares).sum())


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[Table, Table]:
    first, second = _table(a), _table(b)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"The tables have {first.shape[1]} and {second.shape[1]} columns. Compare the same columns.")
    return first, second


def _table(values: ArrayLike) -> Table:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"A table needs rows and columns; this one has the shape {table.shape}.")
    if not np.isfinite(table).all():
        raise ValueError("The table holds NaN or infinite numbers. Leave those rows out.")
    return table

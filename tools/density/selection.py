"""How many clusters, and how wide a kernel: chosen by the likelihood of rows held out.

Many clusters with a wide kernel are a Gaussian mixture, one cluster with a narrow kernel is a kernel density; the
likelihood says where between them the data want to be.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from bethink.tools.density.mixture import Clusters, Layer

CLUSTERS = (1, 2, 3, 5, 8, 12, 20, 32, 50, 80, 128)
BANDWIDTHS = (0.02, 0.03, 0.045, 0.065, 0.09, 0.12, 0.17, 0.24, 0.33, 0.45, 0.6, 1.0)
WIDE_SHARES = (0.001, 0.01)
EM_ROWS = 10_000
"""Rows from which clusters are found; more change them little."""
EM_STEPS = 60
REFINING_STEPS = 10
STACKING_STEPS = 50
MOST_STACKED = 6
LEAST_ROWS_A_CLUSTER = 4
"""Times the columns plus one; fewer rows give no covariance."""
REGULARISER = 1e-6
"""Added to the variances of a cluster, in standardised units."""


@dataclass(frozen=True)
class Choice:
    """What was chosen, and how it did on the rows held out.

    Attributes:
        layers: clusters with the bandwidth and the share of each, the largest share first.
        wide: share of the wide kernel.
        log_likelihood: mean over the held-out rows, standardised units. The shares were fitted to these rows, so it is
            a little too good.
        table: (K, best h, log-likelihood) of every K tried.
    """

    layers: list[Layer]
    wide: float
    log_likelihood: float
    table: list[tuple[int, float, float]]


def find_clusters(rows: np.ndarray, count: int, seed: int, start: Clusters | None = None) -> Clusters:
    """``count`` Gaussian clusters by expectation-maximisation (scikit-learn), each row put into one of them by chance.

    It goes on from the clusters ``start`` where given, else from k-means.

    A row joins a cluster with its probability under the mixture, so that a cluster's rows have the cluster's own
    Gaussian shape also where clusters overlap; the most probable one would cut the shapes off.

    Raises:
        ValueError: rows without any spread.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    generator = np.random.default_rng(seed)
    if count == 1:
        covariance = np.atleast_2d(np.cov(rows.T, bias=True)) + REGULARISER * np.eye(rows.shape[1])
        return Clusters(rows.mean(0)[None], covariance[None], np.zeros(len(rows), dtype=int), rows)
    model = GaussianMixture(count, reg_covar=REGULARISER, max_iter=EM_STEPS, random_state=seed)
    if start is not None:
        # a cluster may have drawn no row; its weight must not be 0
        weights = np.maximum(np.bincount(start.member, minlength=count), 1).astype(float)
        weights /= weights.sum()
        model.set_params(
            max_iter=REFINING_STEPS,
            means_init=start.means,
            weights_init=weights,
            precisions_init=precisions(start.covariances),
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows if len(rows) <= EM_ROWS else rows[generator.choice(len(rows), EM_ROWS, replace=False)])
    chance = model.predict_proba(rows).cumsum(1)
    member = (chance < generator.random(len(rows))[:, None]).sum(1).clip(0, count - 1)
    return Clusters(model.means_, model.covariances_, member, rows)


def precisions(covariances: np.ndarray) -> np.ndarray:
    """Inverses of covariances (count, d, d), symmetric to the bit and positive definite in their rounded form too."""
    roots = np.linalg.inv(np.linalg.cholesky(covariances))
    found = np.swapaxes(roots, 1, 2) @ roots
    found = (found + np.swapaxes(found, 1, 2)) / 2
    values = np.linalg.eigvalsh(found)
    short = np.maximum(1e-14 * values[:, -1] - values[:, 0], 0.0)  # a cluster flat in one direction, long in another
    return found + short[:, None, None] * np.eye(covariances.shape[1])


class HeldOut:
    """Log-likelihood of held-out rows under clusters smoothed by any bandwidth: distances are found once."""

    def __init__(self, clusters: Clusters, rows: np.ndarray) -> None:
        self._count, self._columns = len(clusters.rows), rows.shape[1]
        self._parts = []
        for index, (mean, covariance) in enumerate(zip(clusters.means, clusters.covariances, strict=True)):
            own = clusters.rows[clusters.member == index]
            if not len(own):
                continue
            root = np.linalg.cholesky(covariance)
            inverse = torch.from_numpy(np.linalg.inv(root).T)
            inside, outside = torch.from_numpy(own - mean) @ inverse, torch.from_numpy(rows - mean) @ inverse
            self._parts.append((inside.float(), outside.float(), float(np.log(np.diag(root)).sum())))

    def __call__(self, bandwidth: float) -> torch.Tensor:
        """Log density of each held-out row, (n,)."""
        keep, found = math.sqrt(max(0.0, 1 - bandwidth**2)), []
        for inside, outside, volume in self._parts:
            if keep == 0.0:
                found.append(math.log(len(inside)) - outside.square().sum(1) / 2 - volume)
                continue
            logits = outside @ (inside.T * (keep / bandwidth**2))
            logits -= inside.square().sum(1) * (keep**2 / (2 * bandwidth**2))
            top = logits.amax(1, keepdim=True)
            # what is below exp(-80) counts as that: smaller ones take many times as long
            total = logits.sub_(top).clamp_(min=-80.0).exp_().sum(1).log() + top.squeeze(1)
            found.append(total - outside.square().sum(1) / (2 * bandwidth**2) - volume)
        constant = math.log(self._count) + self._columns * (math.log(bandwidth) + math.log(2 * math.pi) / 2)
        return torch.stack(found).logsumexp(0) - constant


def choose(
    train: np.ndarray,
    held_out: np.ndarray,
    clusters: int | None,
    bandwidth: float | None,
    seed: int,
    progress: Callable[[float, str], None],
) -> Choice:
    """Clusters and bandwidths for rows ``train`` (n, d), by the likelihood of ``held_out`` (m, d).

    What is given is kept. The best few (clusters, bandwidth) are mixed, with the shares that the held-out rows want
    (stacking: Smyth and Wolpert, "Linearly combining density estimators via stacking", 1999). Costs one
    expectation-maximisation a number of clusters tried, and n * m distances.
    """
    counts = [clusters] if clusters else [k for k in CLUSTERS if _enough(len(train), train.shape[1], k)]
    table: list[tuple[int, float, float]] = []
    tried: dict[int, Clusters] = {}
    found: dict[tuple[int, float], torch.Tensor] = {}
    place = 0
    for number, count in enumerate(counts):
        progress(number / len(counts), f"Trying {count} cluster{'' if count == 1 else 's'}")
        tried[count] = find_clusters(train, count, seed)
        place = _best_bandwidth(HeldOut(tried[count], held_out), count, bandwidth, place, found)
        best = max((key for key in found if key[0] == count), key=lambda key: float(found[key].mean()))
        table.append((count, best[1], float(found[best].mean())))
        levels = [level for _, _, level in table]
        if number >= 4 and levels[-1] < levels[-2] < levels[-3] and levels[-1] < max(levels) - 0.02:
            break
    best_first = sorted(found, key=lambda key: -float(found[key].mean()))[:MOST_STACKED]
    shares = stack(torch.stack([found[key] for key in best_first], 1).double())
    kept = [index for index in np.argsort(-shares) if shares[index] > 0]
    layers = [Layer(tried[best_first[i][0]], best_first[i][1], float(shares[i])) for i in kept]
    level = torch.stack([found[best_first[i]].double() + math.log(shares[i]) for i in kept], 1).logsumexp(1)
    wide, mean = _wide_share(train, held_out, level)
    return Choice(layers, wide, mean, table)


def stack(log_density: torch.Tensor, least: float = 0.1) -> np.ndarray:
    """Shares (M,) of M densities that make held-out rows most likely: log_density (m, M), by expectation-maximisation.

    The smallest share below ``least`` becomes 0, until none is.
    """
    kept = torch.arange(log_density.shape[1])
    while True:
        shares = torch.full((len(kept),), 1 / len(kept), dtype=log_density.dtype)
        for _ in range(STACKING_STEPS):
            shares = (log_density[:, kept] + shares.log()).softmax(1).mean(0)
        if float(shares.min()) >= least or len(kept) == 1:
            break
        kept = kept[torch.arange(len(kept)) != shares.argmin()]
    found = np.zeros(log_density.shape[1])
    found[kept.numpy()] = shares.numpy()
    return found


def _enough(rows: int, columns: int, clusters: int) -> bool:
    return clusters == 1 or clusters * LEAST_ROWS_A_CLUSTER * (columns + 1) <= rows


def _best_bandwidth(
    likelihood: HeldOut,
    count: int,
    bandwidth: float | None,
    place: int,
    found: dict[tuple[int, float], torch.Tensor],
) -> int:
    """Climb from the bandwidth at ``place``, the best with fewer clusters, to the best for these."""

    def level(index: int) -> float:
        key = (count, BANDWIDTHS[index])
        if key not in found:
            found[key] = likelihood(BANDWIDTHS[index])
        return float(found[key].mean())

    if bandwidth is not None:
        found[count, bandwidth] = likelihood(bandwidth)
        return 0
    level(len(BANDWIDTHS) - 1)
    if not place:
        return max(range(len(BANDWIDTHS)), key=level)
    for step in (1, -1):
        while 0 <= place + step < len(BANDWIDTHS) and level(place + step) > level(place):
            place += step
    return place


def _wide_share(train: np.ndarray, held_out: np.ndarray, level: torch.Tensor) -> tuple[float, float]:
    """(share of a wide kernel, mean log-likelihood with it): 0 unless it helps by more than a standard error."""
    mean, covariance = train.mean(0), np.atleast_2d(np.cov(train.T)) * 9
    root = np.linalg.cholesky(covariance + REGULARISER * np.eye(len(mean)))
    scaled = np.linalg.solve(root, (held_out - mean).T)
    far = -np.square(scaled).sum(0) / 2 - np.log(np.diag(root)).sum() - len(mean) / 2 * math.log(2 * math.pi)
    best, top = 0.0, level
    for share in WIDE_SHARES:
        mixed = torch.logaddexp(level.double() + math.log1p(-share), torch.from_numpy(far) + math.log(share))
        gain = mixed - top
        if float(gain.mean()) > float(gain.std()) / math.sqrt(len(gain)):
            best, top = share, mixed
    return best, float(top.mean())

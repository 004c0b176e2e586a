"""How an item's text fits what its user liked before: a part of our model, for baselines to be given as a feature.

A user's taste is a linear function of an item's text t (centred), by ridge regression with one covariance C for all:

    taste_u = (C + lambda I)^-1 sum_j r_j t_j / (n_u + 20),    s(u, i) = taste_u . t_i,

r_j the label less what its domain, user and item have on average (the last two shrunk), n_u the user's samples. Two
lambdas, small and large. A training sample gets the taste learned from the other folds, so that its label is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.samples import Floats, Ints, Samples

RIDGES = (0.1, 0.001)
"""lambda, as shares of the texts' total variance."""
SHRINK, PRIOR, FOLDS = 20.0, 5.0, 4
"""Samples of a user that count as none; of a user or item, for their mean; folds of the training samples."""
ROWS_AT_ONCE = 8192


@dataclass(frozen=True, eq=False)
class Tastes:
    """What all training samples together say.

    Args:
        text: centred text of each item [items, D]; zeros where it has none.
        table: tastes of each user, one a lambda [users, 2, D]; zeros for users without samples.
    """

    text: Floats
    table: Floats

    def scores(self, user: Ints, item: Ints) -> Floats:
        """How well items [n] fit users [n]: float32 [n, 2], of standard deviation near 1 in training."""
        return _scores(self.table, self.text, user, item)


def learn_tastes(samples: Samples, texts: Floats, rng: np.random.Generator) -> tuple[Tastes, Floats]:
    """Tastes of all training samples; and the training samples' own scores, of the other folds' tastes [n, 2].

    Args:
        samples: of training.
        texts: vectors of the items [items, D].
        rng: draws the folds.

    Cost: D^3 + 5 (users D^2 + n D).
    """
    seen = np.unique(samples.item)
    filled = texts[seen][texts[seen].any(1)].astype(np.float64)
    mean = filled.mean(0) if len(filled) else np.zeros(texts.shape[1])
    text = np.where(texts.any(1, keepdims=True), texts - mean, 0).astype(np.float32)
    kernels = _kernels(filled - mean)
    fold = rng.integers(FOLDS, size=len(samples))
    own = np.zeros((len(samples), len(RIDGES)), np.float32)
    for held in range(FOLDS):
        rows = np.flatnonzero(fold == held)
        if len(rows) and len(rows) < len(samples):
            table = _table(samples.rows(fold != held), text, kernels)
            own[rows] = _scores(table, text, samples.user[rows], samples.item[rows])
    unit = own.std(0)
    unit[unit == 0] = 1
    table = _table(samples, text, kernels) / unit[:, None]
    return Tastes(text, table.astype(np.float32)), own / unit


def _kernels(centred: NDArray[np.float64]) -> list[Floats]:
    """(C + lambda I)^-1 [D, D] for each lambda."""
    width = centred.shape[1]
    covariance = centred.T @ centred / max(1, len(centred))
    total = max(float(np.trace(covariance)), 1e-12)
    return [np.linalg.inv(covariance + ridge * total * np.eye(width)).astype(np.float32) for ridge in RIDGES]


def _table(samples: Samples, text: Floats, kernels: list[Floats]) -> Floats:
    """Tastes [users, lambdas, D]."""
    from scipy.sparse import csr_array

    left = samples.label.astype(np.float64)
    for group, prior in ((samples.domain, 0.0), (samples.user, PRIOR), (samples.item, PRIOR)):
        count = np.bincount(group)
        left -= (np.bincount(group, left) / np.maximum(count + prior, 1))[group]
    shape = (len(samples.users), len(samples.items))
    sums = csr_array((left.astype(np.float32), (samples.user, samples.item)), shape=shape) @ text
    shrunk = sums / (np.bincount(samples.user, minlength=shape[0]) + SHRINK)[:, None]
    return np.stack([(shrunk @ kernel).astype(np.float32) for kernel in kernels], axis=1)


def _scores(table: Floats, text: Floats, user: Ints, item: Ints) -> Floats:
    found = np.empty((len(user), table.shape[1]), np.float32)
    for start in range(0, len(user), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        found[rows] = np.einsum("nkd,nd->nk", table[user[rows]], text[item[rows]])
    return found

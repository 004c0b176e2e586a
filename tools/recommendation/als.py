"""What other users liked: popularity, and matrix factorisation with the package implicit (optional).

Both need ids that were seen: they say nothing of a cold item, which is why they are what texts are compared with.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.samples import Floats, Ints, Samples


class MissingImplicitError(ImportError):
    """The package implicit is not installed; the message says how to get it."""


def popularity(samples: Samples, *, now: float | None = None, half_life: float | None = None) -> NDArray[np.float64]:
    """How many samples of label 1 each item has [N]; with a half-life, a sample that old counts half.

    Args:
        samples: those that are known; their time is used with a half-life.
        now: in the unit of the samples' time; the last of them if left out.
        half_life: in the same unit.

    Raises:
        ValueError: a half-life without times, or not above 0.
    """
    weights = samples.label.astype(np.float64)
    if half_life is not None:
        if samples.time is None or not half_life > 0:
            raise ValueError("A half-life above 0 needs samples with times.")
        last = float(samples.time.max()) if now is None else now
        weights *= 0.5 ** (np.maximum(last - samples.time, 0) / half_life)
    return np.bincount(samples.item, weights, len(samples.items)).astype(np.float64)


def als_vectors(
    samples: Samples, *, width: int = 64, rounds: int = 15, strength: float = 0.01, trust: float = 1.0, seed: int = 0
) -> tuple[Floats, Floats]:
    """Vectors of users and items whose inner product says what a user would click, learned from the label-1 samples.

    Users and items without such a sample get zeros.

    Args:
        samples: each pair of user and item counts once for each time it occurs with label 1.
        width: of the vectors.
        rounds: of alternating least squares.
        strength: of the regularisation, lambda.
        trust: how much more a click weighs than its absence, alpha.
        seed: of the first vectors; one thread, so that it decides them.

    Returns:
        Users [U, width] and items [N, width], float32.

    Raises:
        MissingImplicitError: the package is missing.
        ValueError: no sample has label 1.

    Source: Hu, Koren and Volinsky 2008, Collaborative filtering for implicit feedback datasets; implicit's conjugate
    gradient version (Takács et al. 2011).
    Cost: rounds (samples width + (U + N) width^2), about.
    """
    if find_spec("implicit") is None:
        raise MissingImplicitError("Alternating least squares needs the package implicit. Run: pip install implicit")
    from scipy import sparse
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    liked = samples.label > 0
    if not liked.any():
        raise ValueError("No sample has label 1: there is nothing to learn from.")
    shape = (len(samples.users), len(samples.items))
    ones = np.ones(int(liked.sum()), np.float32)
    clicks = sparse.csr_matrix((ones, (samples.user[liked], samples.item[liked])), shape=shape)
    model = import_module("implicit.als").AlternatingLeastSquares(
        factors=width, iterations=rounds, regularization=strength, alpha=trust, random_state=seed, num_threads=1
    )
    with threadpool_limits(1, user_api="blas"):
        model.fit(clicks, show_progress=False)
    users, items = np.array(model.user_factors, np.float32), np.array(model.item_factors, np.float32)
    users[np.asarray(clicks.sum(1)).ravel() == 0] = 0
    items[np.asarray(clicks.sum(0)).ravel() == 0] = 0
    return users, items


def items_of(samples: Samples, users: Ints) -> list[Ints]:
    """Of each user, the numbers of the items in ``samples``, to be left out of what is recommended."""
    order = np.argsort(samples.user, kind="stable")
    starts = np.searchsorted(samples.user[order], users, "left")
    ends = np.searchsorted(samples.user[order], users, "right")
    return [np.unique(samples.item[order[first:end]]) for first, end in zip(starts, ends, strict=True)]

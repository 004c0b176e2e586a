"""Baselines of counts alone: how often an item is clicked, everywhere or in its domain. They know nothing of texts.

They belong into every table: where they come close, popularity is what the others have learned.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.baselines.protocol import Progress, quiet
from bethink.tools.recommendation.metrics import log_loss
from bethink.tools.recommendation.samples import Ints, Samples

Doubles = NDArray[np.float64]
PRIORS = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Pseudo-counts tried."""


@dataclass
class Popularity:
    """Share of clicks of each item, shrunk to the share of all: (clicks + a m) / (n + a), a by validation.

    An item that training did not see gets m.

    Example:
        >>> Popularity().fit(train, valid, seed=0).predict(test)  # doctest: +SKIP
    """

    prior: float = field(default=float("nan"), init=False)
    rates: Doubles = field(default_factory=lambda: np.zeros(0), init=False)

    def fit(
        self,
        samples: Samples,
        valid: Samples,
        *,
        seed: int,
        max_seconds: float | None = None,
        progress: Progress = quiet,
    ) -> Popularity:
        """Count; ``seed``, ``max_seconds`` and ``progress`` are not needed."""
        mean = float(samples.label.mean())

        def rates(prior: float) -> Doubles:
            return shrunk(samples.item, samples.label, np.full(len(samples.items), mean), prior)

        self.prior = min(PRIORS, key=lambda prior: log_loss(valid.label, rates(prior)[valid.item]))
        self.rates = rates(self.prior)
        return self

    def predict(self, samples: Samples) -> Doubles:
        """The item's rate [n]."""
        return self.rates[samples.item]


@dataclass
class DomainPopularity:
    """Share of clicks of each item within a domain, shrunk to what domain and item have elsewhere.

    A domain's rate m_d is shrunk to the share of all, an item's log odds over all domains add to those of m_d, and the
    item's counts in the domain are shrunk to that. One pseudo-count for all, by validation.
    """

    prior: float = field(default=float("nan"), init=False)
    rates: Doubles = field(default_factory=lambda: np.zeros((0, 0)), init=False)

    def fit(
        self,
        samples: Samples,
        valid: Samples,
        *,
        seed: int,
        max_seconds: float | None = None,
        progress: Progress = quiet,
    ) -> DomainPopularity:
        """Count; ``seed``, ``max_seconds`` and ``progress`` are not needed."""
        domains, items = len(samples.domains), len(samples.items)
        mean = float(samples.label.mean())

        def rates(prior: float) -> Doubles:
            of_domain = shrunk(samples.domain, samples.label, np.full(domains, mean), prior)
            of_item = shrunk(samples.item, samples.label, np.full(items, mean), prior)
            expected = _chance(_odds(of_domain)[:, None] + _odds(of_item) - _odds(np.array(mean)))
            cell = samples.domain * items + samples.item
            return shrunk(cell, samples.label, expected.ravel(), prior).reshape(domains, items)

        def loss(prior: float) -> float:
            return log_loss(valid.label, rates(prior)[valid.domain, valid.item])

        self.prior = min(PRIORS, key=loss)
        self.rates = rates(self.prior)
        return self

    def predict(self, samples: Samples) -> Doubles:
        """The item's rate in the sample's domain [n]."""
        return self.rates[samples.domain, samples.item]


def shrunk(group: Ints, label: NDArray, expected: Doubles, prior: float) -> Doubles:
    """(ones + prior * expected) / (samples + prior) of every group [groups]; ``group`` is numbers [n].

    >>> shrunk(np.array([0, 0]), np.array([1.0, 1.0]), np.array([0.5, 0.25]), 2.0)
    array([0.75, 0.25])
    """
    count = np.bincount(group, minlength=len(expected))
    ones = np.bincount(group, label.astype(np.float64), len(expected))
    return (ones + prior * expected) / (count + prior)


def _odds(chance: Doubles) -> Doubles:
    kept = np.clip(chance, 1e-6, 1 - 1e-6)
    return np.log(kept) - np.log1p(-kept)


def _chance(odds: Doubles) -> Doubles:
    return 1 / (1 + np.exp(-odds))

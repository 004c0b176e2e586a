"""Logistic regression on text alone: what an item's words say of its clicks, the same for every user."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.baselines.features import Features, Texts, learn_features
from bethink.tools.recommendation.baselines.protocol import Progress, quiet
from bethink.tools.recommendation.metrics import log_loss
from bethink.tools.recommendation.samples import Floats, Ints, Samples

Doubles = NDArray[np.float64]
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
"""Inverse penalties C tried."""


@dataclass
class TextLogistic:
    """Item's text, query's text, their cosine, is there a query, and the domain; the penalty by validation.

    Args:
        texts: vectors of items and queries.

    Cost: the distinct (item, query, domain) are rows; each once, weighed by its clicks and by its others.
    """

    texts: Texts
    strength: float = field(default=float("nan"), init=False)
    features: Features = field(init=False)
    model: Any = field(init=False)

    def fit(
        self,
        samples: Samples,
        valid: Samples,
        *,
        seed: int,
        max_seconds: float | None = None,
        progress: Progress = quiet,
    ) -> TextLogistic:
        """Try each penalty; ``max_seconds`` is not looked at.

        Raises:
            ValueError: one label only, or texts of other items or queries.
        """
        from sklearn.linear_model import LogisticRegression

        both_labels(samples)
        self.features, _ = learn_features(samples, self.texts, seed)
        keys, cell = np.unique(_keys(samples), axis=0, return_inverse=True)
        clicks = np.bincount(cell.ravel(), samples.label, len(keys))
        others = np.bincount(cell.ravel(), 1 - samples.label, len(keys))
        rows, weights = self._rows(keys, len(samples.domains)), np.concatenate([clicks, others])
        table = np.concatenate([rows[clicks > 0], rows[others > 0]])
        labels, weights = np.repeat([1, 0], len(keys))[weights > 0], weights[weights > 0]
        best = np.inf
        for number, strength in enumerate(STRENGTHS):
            progress(number / len(STRENGTHS), f"Logistic regression on text, C = {strength:g}")
            tried = LogisticRegression(C=strength, max_iter=500, random_state=seed)
            tried.fit(table, labels, sample_weight=weights)
            loss = log_loss(valid.label, self._chances(tried, valid))
            if loss < best:
                best, self.strength, self.model = loss, strength, tried
        return self

    def predict(self, samples: Samples) -> Doubles:
        """Chances [n]."""
        self.texts.check(samples)
        return self._chances(self.model, samples)

    def _chances(self, model: Any, samples: Samples) -> Doubles:
        keys, cell = np.unique(_keys(samples), axis=0, return_inverse=True)
        chances = model.predict_proba(self._rows(keys, len(samples.domains)))[:, 1]
        return np.asarray(chances, dtype=np.float64)[cell.ravel()]

    def _rows(self, keys: Ints, domains: int) -> Floats:
        item, query, domain = keys.T
        vectors, queries = self.features.similarity
        cosine = np.einsum("nd,nd->n", vectors[item], queries[query])
        parts = [self.features.item_dense[item, -self.texts.items.shape[1] :], self.features.query_dense[query]]
        return np.concatenate(
            [*parts, cosine[:, None], query[:, None] >= 0, np.eye(domains)[domain]], axis=1, dtype=np.float32
        )


def both_labels(samples: Samples) -> None:
    """Refuse samples of one label.

    Raises:
        ValueError: all zeros or all ones.
    """
    if samples.label.min() == samples.label.max():
        raise ValueError(f"All {len(samples):,} training labels are {samples.label[0]:g}; both 0 and 1 are needed.")


def _keys(samples: Samples) -> Ints:
    return np.stack([samples.item, samples.query, samples.domain], axis=1)

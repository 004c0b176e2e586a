"""A small logistic regression to solve AntM2C's tasks with: ids, and how alike users and items are by text and numbers.

It stands for any model with ``fit`` and ``predict``; it is not one of the baselines. And text vectors of no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from bethink.tools.recommendation.samples import Entities, Samples


class Bigrams:
    """A stand-in for a language model: the sum of a random direction for each two characters, so that no model is
    needed for texts in Chinese."""

    name, dim = "hashed bigrams", 64

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        directions = np.random.default_rng(0).normal(size=(2**12, self.dim))
        return normalize(_cut().transform(texts) @ directions).astype(np.float32)


class Logistic:
    """One weight for each user, item and scene, and for three likenesses in each scene.

    Likenesses are cosines: of the user's text and the item's, of the item's text and those of what the user clicked in
    training, and of the item's numbers and those.
    """

    def fit(self, samples: Samples, valid: Samples, **settings: Any) -> Logistic:
        self.item_words, self.user_words = _words(samples.items), _words(samples.users)
        self.numbers = normalize(np.c_[np.nan_to_num(samples.items.numbers), np.zeros(len(samples.items))])
        self.train = samples
        shape = (len(samples.users), len(samples.items))
        self.clicked = sparse.coo_array((samples.label, (samples.user, samples.item)), shape).tocsr()
        self.model = LogisticRegression(C=0.5, max_iter=300).fit(self._features(samples, own=True), samples.label)
        return self

    def predict(self, samples: Samples) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self.model.predict_proba(self._features(samples, own=False))[:, 1]
        return found

    def _features(self, samples: Samples, own: bool) -> Any:
        user, item, rows = samples.user, samples.item, np.arange(len(samples))
        columns = [(user, len(samples.users)), (item, len(samples.items)), (samples.domain, len(samples.domains))]
        ones = np.ones(len(samples))
        parts = [sparse.coo_array((ones, (rows, k)), (len(rows), n)) for k, n in columns]
        known = sparse.coo_array((np.isin(item, self.train.item).astype(float), (rows, 0 * rows)), (len(rows), 1))
        alike = [(self.user_words[user] * self.item_words[item]).sum(1)]
        for table in (self.item_words, sparse.csr_array(self.numbers)):
            taste = (self.clicked @ table)[user]
            if own:  # without the sample itself
                taste = taste - table[item] * samples.label[:, None]
            alike.append((normalize(taste) * table[item]).sum(1))
        wide = np.zeros((len(rows), 3 * len(samples.domains)))
        for number, values in enumerate(alike):
            wide[rows, 3 * samples.domain + number] = np.asarray(values).ravel()
        return sparse.hstack([*parts, known, sparse.csr_array(wide * 3)]).tocsr()


def _words(entities: Entities) -> Any:
    return sparse.csr_array(_cut().transform(entities.texts))


def _cut() -> HashingVectorizer:
    return HashingVectorizer(analyzer="char", ngram_range=(2, 2), n_features=2**12, alternate_sign=False)

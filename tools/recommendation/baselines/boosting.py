"""Gradient-boosted trees (scikit-learn's histogram ones) on sparse features, numbers, counts and reduced text."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.baselines.features import Texts, unit_vectors
from bethink.tools.recommendation.baselines.protocol import Progress, quiet
from bethink.tools.recommendation.baselines.taste import learn_tastes
from bethink.tools.recommendation.baselines.text import both_labels
from bethink.tools.recommendation.metrics import log_loss
from bethink.tools.recommendation.samples import UNKNOWN, Floats, Ints, Samples

Doubles = NDArray[np.float64]
GRID = tuple({"learning_rate": rate, "max_leaf_nodes": leaves} for rate in (0.05, 0.15) for leaves in (15, 31))
"""Settings tried."""
ROUNDS, BLOCK = 400, 50
"""Trees at most, and how many are added at once."""
COMPONENTS, FOLDS, LEVELS = 32, 5, 250
"""Components of text; folds of the means; levels of a sparse feature that trees can tell apart."""
HIDDEN = 0.2
"""Share of training items whose mean is withheld, so that trees learn what to do with new ones."""


@dataclass
class Boosting:
    """Trees see what networks see, in the form that suits them; settings and number of trees by validation.

    Sparse features and the domain as categories; numbers as they are, NaN where missing; the first 32 principal
    components of the item's text and of the query's in the same directions; their cosine; shares of clicks of the user
    and of the item, from other folds.

    Args:
        texts: vectors of items and queries.
        taste: whether it is told, too, how the item's text fits the user's taste (:mod:`.taste`), from other folds.

    Cost: 4 settings x up to 400 trees x rows x features.
    """

    texts: Texts
    taste: bool = False
    chosen: dict[str, Any] = field(default_factory=dict, init=False)
    trees: int = field(default=0, init=False)
    model: Any = field(init=False)

    def fit(
        self,
        samples: Samples,
        valid: Samples,
        *,
        seed: int,
        max_seconds: float | None = None,
        progress: Progress = quiet,
    ) -> Boosting:
        """Try each setting, adding trees until validation does not improve or its share of the time is over.

        Raises:
            ValueError: one label only, or texts of other items or queries.
        """
        from sklearn.ensemble import HistGradientBoostingClassifier

        both_labels(samples)
        self.texts.check(samples)
        self._learn(samples)
        rng = np.random.default_rng(seed)
        self.tastes, own_taste = learn_tastes(samples, self.texts.items, rng)
        rows = self._rows(samples, *self._own_means(samples, rng), own_taste)
        self.told = ~np.isnan(rows).all(0)  # scikit-learn fails on a column that is nowhere known
        rows, held = rows[:, self.told], self._all_rows(valid)
        categories = np.flatnonzero(self.told) < self.categories
        best, begun = np.inf, time.perf_counter()
        for number, setting in enumerate(GRID):
            progress(number / len(GRID), "Gradient boosting: " + ", ".join(f"{k} {v}" for k, v in setting.items()))
            tried = HistGradientBoostingClassifier(
                **setting,
                min_samples_leaf=min(20, max(1, len(samples) // 20)),
                early_stopping=False,
                warm_start=True,
                categorical_features=categories,
                random_state=seed,
            )
            losses: list[float] = []
            while len(losses) < ROUNDS:
                tried.set_params(max_iter=len(losses) + BLOCK).fit(rows, samples.label)
                stages = islice(tried.staged_predict_proba(held), len(losses), None)
                losses += [log_loss(valid.label, chances[:, 1]) for chances in stages]
                spent = time.perf_counter() - begun
                over = max_seconds is not None and spent > max_seconds * (number + 1) / len(GRID)
                if over or int(np.argmin(losses)) < len(losses) - BLOCK:
                    break
            if min(losses) < best:
                best, self.trees = min(losses), int(np.argmin(losses)) + 1
                self.chosen, self.model = setting, tried
        return self

    def predict(self, samples: Samples) -> Doubles:
        """Chances [n] of as many trees as were best on validation."""
        self.texts.check(samples)
        stages = self.model.staged_predict_proba(self._all_rows(samples))
        return np.asarray(next(islice(stages, self.trees - 1, None))[:, 1], dtype=np.float64)

    def _learn(self, samples: Samples) -> None:
        """Directions of text, sums of clicks, sums of text; of the training samples only."""
        seen = np.unique(samples.item)
        self.unit = unit_vectors(self.texts.items)
        mean_text = self.unit[seen].mean(0)
        centred = self.unit - mean_text
        _, _, directions = np.linalg.svd(centred[seen], full_matrices=False)
        directions = directions[:COMPONENTS].T
        self.item_text = centred @ directions
        nothing = np.full((1, directions.shape[1]), np.nan)
        self.query_unit = unit_vectors(self.texts.queries)
        self.query_text = np.concatenate([(self.query_unit - mean_text) @ directions, nothing])
        self.query_unit = np.concatenate([self.query_unit, np.full((1, self.unit.shape[1]), np.nan)])
        self.mean = float(samples.label.mean())
        numbers, lengths = (samples.user, samples.item), (len(samples.users), len(samples.items))
        self.means = [_means(n, samples.label, size, self.mean) for n, size in zip(numbers, lengths, strict=True)]
        of_users, of_items = (_common(table.sparse) for table in (samples.users, samples.items))
        self.sparse = (of_users, of_items)
        self.categories = 1 + of_users.shape[1] + of_items.shape[1]

    def _own_means(self, samples: Samples, rng: np.random.Generator) -> tuple[Doubles, Doubles]:
        """Shares of clicks of each sample's user and item in the other folds; NaN for the items withheld."""
        fold, found = rng.integers(FOLDS, size=len(samples)), []
        for numbers, size in ((samples.user, len(samples.users)), (samples.item, len(samples.items))):
            own = np.full(len(samples), np.nan)
            for held in range(FOLDS):
                rest = fold != held
                own[~rest] = _means(numbers[rest], samples.label[rest], size, self.mean)[numbers[~rest]]
            found.append(own)
        hidden = rng.random(len(samples.items)) < HIDDEN
        return found[0], np.where(hidden[samples.item], np.nan, found[1])

    def _all_rows(self, samples: Samples) -> Doubles:
        """Rows of samples that are not training's."""
        taste = self.tastes.scores(samples.user, samples.item)
        shares = (self.means[0][samples.user], self.means[1][samples.item])
        return self._rows(samples, *shares, taste)[:, self.told]

    def _rows(self, samples: Samples, user_share: Doubles, item_share: Doubles, taste: Floats) -> Doubles:
        of_users, of_items = self.sparse
        cosine = np.einsum("nd,nd->n", self.unit[samples.item], self.query_unit[samples.query])
        parts = [
            np.minimum(samples.domain, LEVELS)[:, None],
            of_users[samples.user],
            of_items[samples.item],
            samples.users.numbers[samples.user],
            samples.items.numbers[samples.item],
            self.item_text[samples.item],
            self.query_text[samples.query],
            np.stack([cosine, user_share, item_share], axis=1),
            *([taste] if self.taste else []),
        ]
        return np.concatenate(parts, axis=1, dtype=np.float64)


def _means(numbers: Ints, label: NDArray, size: int, mean: float, prior: float = 3.0) -> Doubles:
    """Shrunk share of ones of each number; NaN where there is no sample."""
    count = np.bincount(numbers, minlength=size)
    ones = np.bincount(numbers, label, size)
    return np.where(count > 0, (ones + prior * mean) / (count + prior), np.nan)


def _common(levels: Ints) -> Ints:
    """Levels [n, f] renumbered by how common they are; the rarest of more than 250 become unknown."""
    found = np.zeros_like(levels)
    for number, column in enumerate(levels.T):
        values, counts = np.unique(column[column != UNKNOWN], return_counts=True)
        for new, value in enumerate(values[counts.argsort(kind="stable")[::-1]][: LEVELS - 1], start=1):
            found[column == value, number] = new
    return found

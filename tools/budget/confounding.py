"""Whether what users were given can be told from what was known of them: then increments are associational."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.budget.cmdp import Bools, Floats, Ints
from bethink.tools.budget.encoding import numbers_in
from bethink.tools.quantities import coded

if TYPE_CHECKING:
    import pandas as pd

LIMIT = 0.6
"""AUC above which an amount counts as predictable."""
DEVIATIONS = 3.0
"""Standard errors that the AUC must be above one half, too: with few rows chance alone passes the limit."""
MOST_ROWS = 12_000
MOST_ACTIONS = 6
LEAST_ROWS = 20


@dataclass(frozen=True)
class Predictability:
    """Held-out AUC of telling each of the more frequent actions from the rest; ``errors`` are standard errors."""

    actions: tuple[int, ...]
    auc: Floats
    errors: Floats

    @property
    def worst(self) -> int:
        """Place of the most predictable action."""
        return int(np.argmax(self.auc))

    @property
    def confounded(self) -> bool:
        """Whether one of them is beyond the limit and beyond chance."""
        return bool(((self.auc > LIMIT) & (self.auc - 0.5 > DEVIATIONS * self.errors)).any())


def predictability(features: pd.DataFrame, actions: Ints, users: Ints, *, seed: int = 0) -> Predictability | None:
    """Boosted trees on half of the users, judged on the other half, both ways; at most ``MOST_ROWS`` rows.

    Args:
        features: numbers and categories; n rows.
        actions: [n].
        users: dense numbers [n]; rows of one user stay in one half.
        seed: of the halves.

    Returns:
        None without features, or where fewer than two actions have ``LEAST_ROWS`` rows and occur in both halves.

    Example:
        >>> import pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> age = rng.normal(size=2000)
        >>> found = predictability(pd.DataFrame({"age": age}), (age > 0).astype(int), np.arange(2000))
        >>> found.confounded, bool(found.auc[0] > 0.95)
        (True, True)
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(seed)
    rows = np.arange(len(actions))
    if len(rows) > MOST_ROWS:
        rows = np.sort(rng.choice(len(rows), MOST_ROWS, replace=False))
    counts = np.bincount(actions[rows])
    frequent = np.argsort(-counts, kind="stable")[:MOST_ACTIONS]
    frequent = np.sort(frequent[counts[frequent] >= LEAST_ROWS])
    if not len(features.columns) or len(frequent) < 2:
        return None
    rows = rows[np.isin(actions[rows], frequent)]
    half = _halves(actions[rows], users[rows], rng)
    frequent = np.intersect1d(actions[rows[half]], actions[rows[~half]])
    if len(frequent) < 2:
        return None
    kept = np.isin(actions[rows], frequent)
    rows, half = rows[kept], half[kept]
    matrix, categorical = _codes(features.iloc[rows])
    y = actions[rows]
    scores = np.zeros((len(rows), len(frequent)))
    for test in (half, ~half):
        model = HistGradientBoostingClassifier(
            max_depth=3,
            max_iter=40,
            learning_rate=0.15,
            min_samples_leaf=40,
            early_stopping=False,
            categorical_features=categorical,
            random_state=0,
        )
        scores[test] = model.fit(matrix[~test], y[~test]).predict_proba(matrix[test])
    found = [_auc(scores[:, place], y == action, half) for place, action in enumerate(frequent)]
    auc, errors = (np.array(part) for part in zip(*found, strict=True))
    return Predictability(tuple(int(action) for action in frequent), auc, errors)


def _halves(actions: Ints, users: Ints, rng: np.random.Generator) -> Bools:
    """Which half each row is in [n]: users in random order within the action of their first row, in turn.

    Whatever the generator was used for before, even to draw the actions, both halves hold like shares of each.
    """
    _, first, place = np.unique(users, return_index=True, return_inverse=True)
    order = np.lexsort((rng.random(len(first)), actions[first]))
    half = np.zeros(len(first), bool)
    half[order[1::2]] = True
    found: Bools = half[place]
    return found


def _codes(frame: pd.DataFrame) -> tuple[Floats, Bools]:
    """A frame as numbers, categories as their most frequent 200; which columns are categories."""
    columns, categorical = [np.zeros(len(frame))], [False]
    for name in frame.columns:
        numbers = numbers_in(frame[name])
        if numbers is None:
            codes, levels = coded(frame[name])
            rank = np.argsort(np.argsort(-np.bincount(codes[codes >= 0], minlength=len(levels)), kind="stable"))
            numbers = np.where(codes >= 0, np.minimum(np.r_[rank, 0][codes], 200.0), np.nan)
        columns.append(numbers)
        categorical.append(numbers_in(frame[name]) is None)
    return np.stack(columns, axis=1), np.array(categorical)


def _auc(scores: Floats, positive: Bools, half: Bools) -> tuple[float, float]:
    """Mean AUC of both halves, whose scores are of different models; and its standard error (Hanley, McNeil 1982).

    Each half is foretold by the other, so that chance moves both the same way: their errors do not average out.
    """
    from scipy.stats import rankdata

    auc, variance = [], 0.0
    for part in (half, ~half):
        p, n = int(positive[part].sum()), int((~positive[part]).sum())
        ranks = rankdata(scores[part])
        auc.append((ranks[positive[part]].sum() - p * (p + 1) / 2) / (p * n))
        variance += (p + n + 1) / (12 * p * n) / 2  # of no relation at all
    return float(np.mean(auc)), float(np.sqrt(variance))

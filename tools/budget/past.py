"""Do states tell enough? In a decision process what comes next depends on the state and the amount, not on the past.

If users of one state who got one amount do different things depending on what they got the step before, the states miss
something (that coupons tire, say), and every estimate that chains steps is off, by more than its interval says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bethink.tools.budget.log import Log

LEAST_ROWS = 10
"""Of a group whose mean counts."""


@dataclass(frozen=True)
class PastDependence:
    """How rewards go with the amount of the step before, beyond state and amount.

    Args:
        z: (X - df) / sqrt(2 df) of the statistic X; about standard normal if the past does not matter.
        share: of the variance of rewards that is left within state and amount, what the amount before explains; 0 or
            above.
        rows: that were looked at.
    """

    z: float
    share: float
    rows: int

    @property
    def matters(self) -> bool:
        """Whether chance does not explain it and it is not negligible."""
        return self.z > 4.0 and self.share > 0.001


def dependence_on_past(log: Log) -> PastDependence:
    """Compare means of rewards between amounts of the step before, within each state and amount; O(n log n).

    X = sum over groups g of n_g (mean_g - mean)^2 / variance within, over the pairs (s, a) with more than one group of
    ten rows or more; chi-squared with as many degrees of freedom as there are groups less pairs.

    Raises:
        ValueError: a log of one step.

    Example:
        >>> from bethink.tools.budget.environment import campaign
        >>> dependence_on_past(campaign(2000, seed=0)).matters
        False
    """
    if log.horizon < 2:
        raise ValueError("A log of one step has no past.")
    order = np.lexsort((log.steps, log.users))
    users, steps = log.users[order], log.steps[order]
    later = np.flatnonzero((users[1:] == users[:-1]) & (steps[1:] == steps[:-1] + 1)) + 1
    here, before = order[later], order[later - 1]
    k = len(log.amounts)
    pair = np.unique(log.states[here] * k + log.actions[here], return_inverse=True)[1]
    group = pair * k + log.actions[before]
    rewards = log.rewards[here]
    size = (int(pair.max()) + 1) * k if len(pair) else k
    n = np.bincount(group, minlength=size).astype(float)
    total, squares = (np.bincount(group, values, size) for values in (rewards, rewards**2))
    keep = n >= LEAST_ROWS
    n, total, squares = (np.where(keep, each, 0.0).reshape(-1, k) for each in (n, total, squares))
    groups, rows = (n > 0).sum(1), n.sum(1)
    means = np.divide(total, n, out=np.zeros_like(n), where=n > 0)
    mean = np.divide(total.sum(1), rows, out=np.zeros_like(rows), where=rows > 0)
    inside = (squares - n * means**2).sum(1)
    variance = np.divide(inside, rows - groups, out=np.zeros_like(rows), where=rows > groups)
    used = (groups > 1) & (variance > 1e-12)
    if not used.any():
        return PastDependence(0.0, 0.0, 0)
    between = (n * (means - mean[:, None]) ** 2).sum(1)
    statistic = float((between[used] / variance[used]).sum())
    freedom = float((groups[used] - 1).sum())
    count = float(rows[used].sum())
    z = (statistic - freedom) / math.sqrt(2 * freedom)
    return PastDependence(z, max(0.0, statistic - freedom) / count, int(count))

"""What an off-policy evaluation answers: a value with its error, and whether it may be relied on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from bethink.tools.budget.cmdp import Floats

MINIMUM_ESS = 200.0
"""Fewer effective samples than this make an estimate unreliable: its interval cannot be trusted either."""

BLOCK = 4_000_000
"""Most bootstrap weights in memory at a time."""
STREAM = 0xB0075
"""Keeps bootstrap weights apart from a log that was simulated with the same seed: shared draws would not be random."""


@dataclass(frozen=True)
class Estimate:
    """A value per user (or row), as estimated from a log.

    Args:
        value: the point estimate; for a comparison, the difference.
        se: standard error.
        ci: low and high end of the confidence interval.
        level: its nominal coverage.
        ess: effective sample size, in users (or rows): how many of the policy's own users would say as much.
        n: users (or rows) in the log.
        method: the estimator's name.
        reliable: False where ``reason`` is given.
        reason: why not to rely on it; empty if there is no reason.
    """

    value: float
    se: float
    ci: tuple[float, float]
    level: float
    ess: float
    n: int
    method: str
    reliable: bool = True
    reason: str = ""

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out zero; for a difference, whether there is one."""
        return not self.ci[0] <= 0.0 <= self.ci[1]


@dataclass(frozen=True)
class Evaluation:
    """Reward and cost per user of a policy; and, if there is a baseline, how much more than the baseline's."""

    reward: Estimate
    cost: Estimate
    reward_gain: Estimate | None = None
    cost_gain: Estimate | None = None


def effective_sample_size(weights: Floats) -> float:
    """(sum w)^2 / sum w^2 of importance weights [n] (Kish 1965); zero if all of them are."""
    squares = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def normal_interval(value: float, se: float, level: float) -> tuple[float, float]:
    """The interval of a normal estimate.

    Raises:
        ValueError: a level outside of (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"The level of the interval is {level}; it must be within (0, 1).")
    half = NormalDist().inv_cdf(0.5 + level / 2) * se
    return value - half, value + half


def bootstrap_weights(n: int, replicates: int, seed: int) -> Iterator[Floats]:
    """Exponential weights [replicates, n] of the Bayesian bootstrap (Rubin 1981), in blocks of rows.

    The blocks keep memory low; their size does not change the weights. No weight is zero, so that no group that has
    data in the log is without data in a replicate.

    Raises:
        ValueError: fewer than 2 replicates.
    """
    if replicates < 2:
        raise ValueError(f"replicates is {replicates}; a bootstrap needs at least 2.")
    rng = np.random.default_rng([seed, STREAM])
    size = max(1, BLOCK // n)
    for start in range(0, replicates, size):
        yield rng.standard_exponential((min(size, replicates - start), n))


def judged(
    value: float,
    se: float,
    ci: tuple[float, float],
    *,
    level: float,
    ess: float,
    n: int,
    method: str,
    doubts: Sequence[str] = (),
) -> Estimate:
    """An estimate that says itself whether it may be relied on: by the ESS rule, and if there are no other doubts."""
    reasons = list(doubts)
    if ess < MINIMUM_ESS:
        reasons.insert(
            0,
            f"The {n:,} logged users tell as little about this policy as {ess:,.3g} of its own would "
            f"(effective sample size; at least {MINIMUM_ESS:g} are needed).",
        )
    return Estimate(value, se, ci, level, ess, n, method, not reasons, " ".join(reasons))


def median_of(splits: Sequence[Estimate], level: float = 0.95) -> Estimate:
    """One estimate of several that differ in how users were split at random into folds, and so in what was learned.

    One split's result may be due to the split. The value is the median, and so are the ends of the interval: medians of
    the ends of the splits' own intervals at the level 1 - (1 - level) / 2, as medians over splits hold at half of the
    confidence only (Chernozhukov, Demirer, Duflo and Fernandez-Val 2018, arXiv 1712.04802). One split alone keeps its
    interval. The estimate is reliable if most of the splits are.

    Raises:
        ValueError: no estimate, a level outside of (0, 1).
    """
    if not splits:
        raise ValueError("There is no estimate to take the median of.")
    own = level if len(splits) == 1 else 1 - (1 - level) / 2
    ends = np.array([normal_interval(each.value, each.se, own) for each in splits])
    low, high = np.median(ends, axis=0)
    doubts = [each.reason for each in splits if not each.reliable]
    doubtful = 2 * len(doubts) > len(splits)
    return Estimate(
        value=float(np.median([each.value for each in splits])),
        se=float(np.median([each.se for each in splits])),
        ci=(float(low), float(high)),
        level=level,
        ess=float(np.median([each.ess for each in splits])),
        n=splits[0].n,
        method=splits[0].method,
        reliable=not doubtful,
        reason=doubts[0] if doubtful else "",
    )

"""Importance sampling for one-shot campaigns (T = 1), and per decision for longer ones, where it seldom works.

IPS (Horvitz, Thompson 1952), SNIPS (Swaminathan, Joachims 2015) and DR (Dudik, Langford, Li 2011) say what a policy
would have brought from rows whose amounts were drawn with known probabilities. Each is a mean, or a ratio of means, of
numbers per row, kept as :class:`Scores`: so that intervals, differences between policies and parts of a population come
from the same rows. PDIS (Precup, Sutton, Singh 2000) multiplies the ratios along a user's steps; its effective sample
size falls by a factor per step, and the ESS rule marks what is left as unreliable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.log import Log
from bethink.tools.budget.ope.estimate import (
    Estimate,
    bootstrap_weights,
    effective_sample_size,
    judged,
    normal_interval,
)
from bethink.tools.budget.ope.target import Target, components, probabilities


@dataclass(frozen=True)
class Scores:
    """What each row says of a policy: the estimate is mean(numerator) / mean(denominator).

    Args:
        method: the estimator's name.
        numerator: [n].
        denominator: [n]; ones unless the estimator normalises itself.
        weights: importance weights [n], for the effective sample size.
    """

    method: str
    numerator: Floats
    denominator: Floats
    weights: Floats

    @property
    def value(self) -> float:
        """The point estimate; NaN if the log holds nothing of what the policy does."""
        with np.errstate(invalid="ignore"):
            return float(self.numerator.mean() / self.denominator.mean())

    def rows(self, keep: NDArray) -> Scores:
        """The scores of a part of the rows (a mask or numbers), such as a segment."""
        return Scores(self.method, self.numerator[keep], self.denominator[keep], self.weights[keep])

    def estimate(
        self,
        baseline: Scores | None = None,
        *,
        level: float = 0.95,
        interval: Literal["normal", "bootstrap"] = "normal",
        replicates: int = 1000,
        seed: int = 0,
    ) -> Estimate:
        """The estimate with its interval; with a baseline on the same rows, the difference to it, row by row.

        Args:
            baseline: scores of another policy.
            level: of the interval.
            interval: "normal": the standard error of the influence values (for a ratio, the delta method), O(n);
                "bootstrap": standard deviation and percentiles of a Bayesian bootstrap over rows, O(n replicates).
            replicates: of the bootstrap.
            seed: of the bootstrap.

        Raises:
            ValueError: a baseline of another number of rows, fewer than 2 rows, or a level outside of (0, 1).
        """
        both = [self] if baseline is None else [self, baseline]
        n = len(self.numerator)
        if n < 2 or any(len(scores.numerator) != n for scores in both):
            raise ValueError("An interval needs at least 2 rows, and a baseline on the same rows.")
        values = [scores.value for scores in both]
        value = values[0] - sum(values[1:])
        ess = min(effective_sample_size(scores.weights) for scores in both)
        if interval == "bootstrap":
            drawn = _bootstrap(both, replicates, seed)
            normal_interval(0.0, 0.0, level)
            low, high = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
            se, ci = float(drawn.std(ddof=1)), (float(low), float(high))
        else:
            parts = [scores._influence(known) for scores, known in zip(both, values, strict=True)]
            se = float((parts[0] - sum(parts[1:])).std(ddof=1) / np.sqrt(n))
            ci = normal_interval(value, se, level)
        return judged(value, se, ci, level=level, ess=ess, n=n, method=self.method)

    def _influence(self, value: float) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.numerator - value * self.denominator) / self.denominator.mean()


def importance_weights(actions: Ints, propensities: Floats, target: Floats) -> Floats:
    """pi(a | row) / mu(a | row) of the logged actions [n].

    Args:
        actions: logged [n].
        propensities: probability with which the log's policy chose them [n].
        target: the policy's probabilities of every action on every row [n, K].

    Raises:
        ValueError: shapes that do not fit, propensities outside of (0, 1], probabilities that do not sum to one.
    """
    actions, propensities, target = np.asarray(actions), np.asarray(propensities), np.asarray(target)
    n = len(actions)
    if not n or propensities.shape != (n,) or target.ndim != 2 or len(target) != n:
        raise ValueError(
            f"{n} actions need as many propensities and rows of probabilities [n, K]; the shapes are "
            f"{propensities.shape} and {target.shape}."
        )
    if actions.min() < 0 or actions.max() >= target.shape[1]:
        raise ValueError(f"Actions must be within 0..{target.shape[1] - 1}, as the policy has so many.")
    if not ((propensities > 0) & (propensities <= 1)).all():
        raise ValueError("Propensities must be within (0, 1]: what cannot happen is not in a log.")
    if not ((target >= 0).all() and np.allclose(target.sum(1), 1.0, rtol=0, atol=1e-6)):
        raise ValueError("The policy's probabilities must be zero or more and sum to one on each row.")
    return target[np.arange(n), actions] / propensities


def ips(outcomes: Floats, actions: Ints, propensities: Floats, target: Floats) -> Scores:
    """Inverse propensity scoring: mean of w y; unbiased, and as noisy as its greatest weights.

    Args:
        outcomes: reward or cost [n].
        actions: logged [n].
        propensities: of the logged actions [n].
        target: the policy's probabilities [n, K].

    Raises:
        ValueError: as :func:`importance_weights`, or outcomes that are not finite numbers [n].

    Example:
        >>> import numpy as np
        >>> clicks, actions = np.array([1.0, 0.0, 0.0, 1.0]), np.array([0, 0, 1, 1])
        >>> always_1 = np.tile([0.0, 1.0], (4, 1))
        >>> ips(clicks, actions, np.full(4, 0.5), always_1).value
        0.5
    """
    weights = importance_weights(actions, propensities, target)
    return Scores("IPS", weights * _finite(outcomes, len(weights)), np.ones_like(weights), weights)


def snips(outcomes: Floats, actions: Ints, propensities: Floats, target: Floats) -> Scores:
    """Self-normalised IPS: sum w y / sum w; a small bias, never outside of the outcomes' range. Arguments as ips."""
    weights = importance_weights(actions, propensities, target)
    return Scores("SNIPS", weights * _finite(outcomes, len(weights)), weights, weights)


def dr(outcomes: Floats, actions: Ints, propensities: Floats, target: Floats, predicted: Floats) -> Scores:
    """Doubly robust: the model's mean under the policy plus its weighted errors, sum_a pi(a) q(a) + w (y - q(a_log)).

    Args:
        outcomes: reward or cost [n].
        actions: logged [n].
        propensities: of the logged actions [n].
        target: the policy's probabilities [n, K].
        predicted: expected outcome of every action on every row [n, K], by a model that did not see the row
            (:func:`bethink.tools.budget.response.cross_predict`).

    Raises:
        ValueError: as :func:`ips`, or predictions of another shape or not finite.
    """
    weights = importance_weights(actions, propensities, target)
    predicted = np.asarray(predicted, np.float64)
    if predicted.shape != np.shape(target) or not np.isfinite(predicted).all():
        raise ValueError(f"Predictions must be finite numbers of shape {np.shape(target)}, not {predicted.shape}.")
    errors = _finite(outcomes, len(weights)) - predicted[np.arange(len(weights)), actions]
    return Scores("DR", (target * predicted).sum(1) + weights * errors, np.ones_like(weights), weights)


def pdis(log: Log, policy: Target) -> tuple[Scores, Scores]:
    """Per-decision importance sampling of reward and cost over a user's steps; one score per user; O(rows).

    Args:
        log: with propensities; a row for each user and step.
        policy: a policy or a mixture drawn once per user: weights are products within a component, then averaged.

    Raises:
        ValueError: no propensities or some outside of (0, 1], or users without all of their steps.
    """
    if log.propensities is None:
        raise ValueError("Importance sampling needs the propensities of the logged actions; use FQE without them.")
    order = np.lexsort((log.steps, log.users))
    n = len(order) // log.horizon
    if len(order) % log.horizon or (log.steps[order].reshape(n, -1) != np.arange(log.horizon)).any():
        raise ValueError(f"Every user needs one row for each of the {log.horizon} steps.")
    totals, last = np.zeros((2, n)), np.zeros(n)
    for part, share in components(policy):
        target = probabilities(part, log.states, log.steps, len(log.amounts))
        ratios = importance_weights(log.actions, log.propensities, target)[order].reshape(n, -1)
        weights = share * np.cumprod(ratios, axis=1)
        totals += [(weights * outcomes[order].reshape(n, -1)).sum(1) for outcomes in (log.rewards, log.costs)]
        last += weights[:, -1]
    reward, cost = (Scores("PDIS", total, np.ones(n), last) for total in totals)
    return reward, cost


def _finite(outcomes: Floats, n: int) -> Floats:
    found = np.asarray(outcomes, np.float64)
    if found.shape != (n,) or not np.isfinite(found).all():
        raise ValueError(f"Outcomes must be {n} finite numbers, one per row; the shape is {found.shape}.")
    return found


def _bootstrap(both: list[Scores], replicates: int, seed: int) -> Floats:
    """Replicates of the value, or of the difference of two, on common weights."""
    table = np.stack([part for scores in both for part in (scores.numerator, scores.denominator)], axis=1)
    drawn = []
    for weights in bootstrap_weights(len(table), replicates, seed):
        sums = weights @ table
        ratios = sums[:, ::2] / sums[:, 1::2]
        drawn.append(ratios[:, 0] - ratios[:, 1:].sum(1))
    return np.concatenate(drawn)

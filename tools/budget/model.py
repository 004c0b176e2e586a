"""A process learned from counts, and exact best responses in it: the tabular oracle for logged campaigns.

Plain means per state and amount make a plan that believes in its luckiest cells. Where the states' factors are known
the means lean on each other (:mod:`bethink.tools.budget.smoothing`), in two parts (Duan et al. 1983): whether users
respond, and, given that, what they bring, what they cost, and where they move to. Both parts are exact by the chain
rule; the second often hardly depends on the amount, and then all amounts' rows tell of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bethink.tools.budget.cmdp import Floats, TabularCMDP
from bethink.tools.budget.counts import MICRO, MINOR, SQUARE, Counts
from bethink.tools.budget.log import Log
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.smoothing import MOST_CELLS, Axes, Factors, mean_variance, smooth, smooth_shares
from bethink.tools.budget.transitions import frequencies, smoothed_moves


@dataclass(frozen=True)
class ModelOracle(TabularOracle):
    """Exact best responses in a process that was learned from a log."""

    @classmethod
    def from_log(
        cls, log: Log, states: int | None = None, factors: Factors | None = None, *, least_share: float = 0.0
    ) -> ModelOracle:
        """Learn from a log of state numbers; see :func:`estimate`. ``states``: S, where not all of them were seen.

        A log in parts is learned from by ``ModelOracle(estimate(counts))``, where ``counts`` is the parts' sum.

        Example:
            >>> from bethink.tools.budget.chord import chord_search
            >>> from bethink.tools.budget.environment import campaign
            >>> plan = chord_search(ModelOracle.from_log(campaign(2000, seed=0)), 6.0)
            >>> len(plan.components), round(plan.outcome.cost, 6)
            (2, 6.0)
        """
        if states is None:
            states = len(factors.places) if factors is not None else 1 + int(max(log.states.max(), _last(log)))
        return cls(estimate(Counts.of(log, states), factors, least_share=least_share))


def estimate(counts: Counts, factors: Factors | None = None, *, least_share: float = 0.0) -> TabularCMDP:
    """The process that the counts tell of.

    An amount is allowed in a state where it was given there to at least one user, and to ``least_share`` of those who
    got the most frequent one (the filter of discrete BCQ, Fujimoto et al. 2019; 0.1 is usual for logs that are not
    uniform). No coupon is always allowed; in a state that was never seen nothing else is.

    Without ``factors``, or with more than ``MOST_CELLS`` pairs, the estimates are plain means; users stay in a state
    that was never seen.

    Raises:
        ValueError: factors of another number of states, no user at step 0, a share outside of [0, 1].
    """
    if not counts.starts.sum():
        raise ValueError("No row of the log is of step 0, where users start.")
    if factors is not None and len(factors.places) != counts.states:
        raise ValueError(f"The factors are of {len(factors.places)} states; the counts have {counts.states}.")
    if not 0 <= least_share <= 1:
        raise ValueError(f"least_share is {least_share}; it must be within 0 and 1.")
    given = counts.given
    allowed = (given > 0) & (given >= least_share * given.max(1, keepdims=True))
    allowed[:, 0] = True
    if factors is None or given.size > MOST_CELLS:
        reward, cost, transition = counts.mean_reward, counts.mean_cost, frequencies(counts)
    else:
        axes = Axes.of(factors, len(counts.amounts))
        response = smooth_shares(axes, counts.rows[1], given)
        reward, cost = _rewards(counts, axes, response), _costs(counts, axes, response)
        transition = smoothed_moves(counts, factors, axes, response)
    initial = counts.starts / counts.starts.sum()
    return TabularCMDP(reward, cost, transition, initial, counts.horizon, allowed=allowed)


def _rewards(counts: Counts, axes: Axes, response: Floats) -> Floats:
    """Smoothed rewards [S, A]: of those who responded and, where there are losses, of those who did not."""
    found = np.zeros(response.shape)
    for share, rows, sums, squares in zip(
        (1 - response, response), counts.rows, counts.rewards / MICRO, counts.squares[0] / SQUARE, strict=True
    ):
        if sums.any():
            means = sums / np.maximum(rows, 1)
            found += share * smooth(axes, means, mean_variance(rows, means, squares))
    return found


def _costs(counts: Counts, axes: Axes, response: Floats) -> Floats:
    """Smoothed costs [S, A], as shares of the amounts, so that rare amounts lean on how often others are redeemed.

    What has no face value costs what it did on average.
    """
    priced = counts.amounts > 0
    value = np.where(priced, counts.amounts, 1.0)
    found = np.zeros(response.shape)
    for share, rows, sums, squares in zip(
        (1 - response, response), counts.rows, counts.costs / MINOR, counts.squares[1] / SQUARE, strict=True
    ):
        used = np.where(priced, rows, 0)
        if not (used * np.abs(sums)).any():
            continue
        taken = sums / value
        if counts.face_value:
            found += share * value * smooth_shares(axes, np.where(priced, taken, 0), used)
        else:
            means = taken / np.maximum(rows, 1)
            variance = np.where(priced, mean_variance(rows, means, squares / value**2), np.inf)
            found += share * value * np.maximum(smooth(axes, means, variance), 0.0)
    spent = counts.costs.sum((0, 1)) / MINOR / np.maximum(counts.given.sum(0), 1)
    return np.where(priced, found, spent)


def _last(log: Log) -> int:
    going = log.next_states[~log.done]
    return int(going.max()) if len(going) else 0

"""A process learned from counts, and exact best responses in it: the tabular oracle for logged campaigns.

Plain means per state and amount make a plan that believes in its luckiest cells. Where the states' factors are known
the means lean on each other (:mod:`bethink.tools.budget.smoothing`): rewards, redemptions, and where users move to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bethink.tools.budget.cmdp import Bools, Floats, Ints, TabularCMDP
from bethink.tools.budget.counts import MINOR, Counts
from bethink.tools.budget.log import Log
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.smoothing import MOST_CELLS, Axes, smooth

MOST_MOVES = 30
"""More kinds of moves than this are not smoothed: the factors then have no coordinates in which moves repeat."""


@dataclass(frozen=True)
class Factors:
    """What state numbers are made of: ``places`` [S, k] whole numbers, and which of the k factors have an order.

    Raises:
        ValueError: shapes that do not fit, or two states in one place.
    """

    places: Ints
    ordered: Sequence[bool]

    def __post_init__(self) -> None:
        if self.places.ndim != 2 or self.places.shape[1] != len(self.ordered):
            raise ValueError(f"places has shape {self.places.shape}; {len(self.ordered)} columns are needed.")
        if len(np.unique(self.places, axis=0)) != len(self.places):
            raise ValueError("Two states have the same factors.")


@dataclass(frozen=True)
class ModelOracle(TabularOracle):
    """Exact best responses in a process that was learned from a log."""

    @classmethod
    def from_log(cls, log: Log, states: int | None = None, factors: Factors | None = None) -> ModelOracle:
        """Learn from a log of state numbers; see :func:`estimate`. ``states``: S, where not all of them were seen."""
        if states is None:
            states = len(factors.places) if factors is not None else 1 + int(max(log.states.max(), _last(log)))
        return cls(estimate(Counts.of(log, states), factors))


def estimate(counts: Counts, factors: Factors | None = None, *, least_share: float = 0.0) -> TabularCMDP:
    """The process that the counts tell of.

    An amount is allowed in a state where it was given there to at least one user, and to ``least_share`` of those who
    got the most frequent one (the filter of discrete BCQ, Fujimoto et al. 2019; 0.1 is usual for logs that are not
    uniform). No coupon is always allowed; in a state that was never seen nothing else is, and users stay.

    Without ``factors``, or with more than ``MOST_CELLS`` pairs, the estimates are plain means.

    Raises:
        ValueError: factors of another number of states, or no user at step 0.
    """
    if not counts.starts.sum():
        raise ValueError("No row of the log is of step 0, where users start.")
    if factors is not None and len(factors.places) != counts.states:
        raise ValueError(f"The factors are of {len(factors.places)} states; the counts have {counts.states}.")
    rows = counts.rows
    allowed = (rows > 0) & (rows >= least_share * rows.max(1, keepdims=True))
    allowed[:, 0] = True
    if factors is None or rows.size > MOST_CELLS:
        reward, cost, transition = counts.mean_reward, counts.mean_cost, plain_moves(counts)
    else:
        axes = axes_of(factors, len(counts.amounts))
        reward, cost = outcomes(counts, axes)
        transition = moves(counts, factors, axes)
    initial = counts.starts / counts.starts.sum()
    return TabularCMDP(reward, cost, transition, initial, counts.horizon, allowed=allowed)


def axes_of(factors: Factors, actions: int) -> Axes:
    """The places of all pairs of state and amount: the factors, and the amounts in their order."""
    states = len(factors.places)
    places = np.concatenate(
        [np.repeat(factors.places, actions, axis=0), np.tile(np.arange(actions), states)[:, None]], axis=1
    )
    varied = np.ptp(places, axis=0) > 0
    return Axes(places[:, varied].astype(float), np.array([*factors.ordered, True])[varied])


def outcomes(counts: Counts, axes: Axes) -> tuple[Floats, Floats]:
    """Smoothed rewards and costs [S, A]. Costs are smoothed as shares of the amounts, so that rare amounts lean on
    how often the others are redeemed; no coupon costs what it did on average."""
    rows = counts.rows
    share = np.where(counts.amounts > 0, counts.amounts, 1.0)
    rewards, costs = counts.mean_reward, counts.mean_cost / share
    variance = np.stack(
        [
            _variance(rows, rewards, counts.squares[0] / 100, counts.binary),
            _variance(rows, costs, counts.squares[1] / 100 / share**2, counts.face_value),
        ]
    )
    free = counts.amounts <= 0
    variance[1][:, free] = np.inf
    found = np.empty((2, rows.size))
    for part, means in enumerate((rewards, costs)):
        if np.isfinite(variance[part]).any():
            found[part] = smooth(axes, means.reshape(-1, 1), variance[part].reshape(-1, 1))[:, 0]
        else:
            found[part] = 0.0
    reward, cost = found.reshape(2, *rows.shape)
    if counts.binary:
        reward = np.clip(reward, 0.0, 1.0)
    cost = np.clip(cost, 0.0, 1.0 if counts.face_value else None) * share
    spent = counts.costs[:, free].sum() / MINOR / max(1, rows[:, free].sum())
    cost[:, free] = spent
    return reward, cost


def moves(counts: Counts, factors: Factors, axes: Axes) -> Floats:
    """Smoothed transitions [S, A, S]: the probability of each kind of move, a difference of factors, leans on cells
    that lie near. Where moves have too many kinds, as between categories, the plain ones."""
    state, action, following, times = counts.moves.T
    if not len(state):
        return plain_moves(counts)
    kinds, kind = np.unique(factors.places[following] - factors.places[state], axis=0, return_inverse=True)
    if len(kinds) > MOST_MOVES:
        return plain_moves(counts)
    leaving = counts.leaving
    target = {tuple(place): number for number, place in enumerate(factors.places.tolist())}
    transition = np.zeros((counts.states, counts.rows.shape[1], counts.states))
    for number, move in enumerate(kinds):
        made = np.zeros(leaving.shape, np.int64)
        mine = kind.ravel() == number
        np.add.at(made, (state[mine], action[mine]), times[mine])
        ends = [target.get(tuple(place)) for place in (factors.places + move).tolist()]
        possible = np.array([end is not None for end in ends])
        means = made / np.maximum(leaving, 1)
        variance = np.where(possible[:, None], _variance(leaving, means, means, True), np.inf)
        found = smooth(axes, means.reshape(-1, 1), variance.reshape(-1, 1)).reshape(leaving.shape)
        for at, end in enumerate(ends):
            if end is not None:
                transition[at, :, end] += np.clip(found[at], 0.0, 1.0)
    total = transition.sum(-1, keepdims=True)
    return np.where(total > 0, transition / np.where(total > 0, total, 1.0), plain_moves(counts))


def plain_moves(counts: Counts) -> Floats:
    """Relative frequencies of next states [S, A, S]; the state's own where an amount was never given, else staying."""
    count = np.zeros((counts.states, counts.rows.shape[1], counts.states))
    state, action, following, times = counts.moves.T
    count[state, action, following] = times
    of_state = count.sum(1)
    unseen = of_state.sum(1) == 0
    of_state[unseen] = np.eye(counts.states)[unseen]
    of_state = of_state / of_state.sum(1, keepdims=True)
    total = count.sum(-1, keepdims=True)
    return np.where(total > 0, count / np.maximum(total, 1), of_state[:, None])


def _variance(rows: Ints, means: Floats, squares: Floats, binary: bool) -> Floats:
    """Variances of cell means [S, A], infinite without rows.

    Of outcomes that are 0 or 1 by their mean, drawn towards the overall one by two rows; of others by the variance
    within the amount's cells. ``squares`` are sums of squares over the rows.
    """
    everything = rows.sum()
    if binary:
        overall = (means * rows).sum() / max(1, everything)
        p = (means * rows + 2 * overall) / (rows + 2)
        spread: Bools | Floats = p * (1 - p)
    else:
        within = (squares - rows * means**2).sum(0)
        spread = np.maximum(within, 0.0) / np.maximum(rows.sum(0) - (rows > 0).sum(0), 1)
    floor = 1e-4 * max(float(np.abs(means).max()) ** 2, 1e-12)
    return np.where(rows > 0, np.maximum(spread, floor) / np.maximum(rows, 1), np.inf)


def _last(log: Log) -> int:
    going = log.next_states[~log.done]
    return int(going.max()) if len(going) else 0

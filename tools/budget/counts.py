"""Sufficient statistics of a logged campaign on state numbers: what every tabular estimate is made of.

Counts add up: those of two parts of a log are the sum of both, whatever the partition and its order. Money is counted
in whole minor units (cents) and rewards in millionths, so sums are the same to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.log import Log

MINOR = 100
"""Minor units of money in a major one."""
MICRO = 1_000_000
"""Rewards are summed in whole millionths."""


@dataclass(frozen=True)
class Counts:
    """Sums over rows, by state and action; all whole numbers.

    Args:
        rows: n(s, a), [S, A].
        rewards: sums of rewards in millionths [S, A].
        costs: sums of money in minor units [S, A].
        squares: sums of squared rewards and of squared costs in hundredths [2, S, A].
        moves: n(s, a, s') as (s, a, s', count) rows [m, 4], sorted; rows of the last step are not in it.
        starts: users by first state [S].
        horizon: T.
        amounts: face values [A].
        binary: whether every reward was 0 or 1.
        face_value: whether every cost was 0 or the amount.
    """

    rows: Ints
    rewards: Ints
    costs: Ints
    squares: Ints
    moves: Ints
    starts: Ints
    horizon: int
    amounts: Floats
    binary: bool
    face_value: bool

    @classmethod
    def of(cls, log: Log, states: int) -> Counts:
        """Count one log, or a part of one, whose state numbers are below ``states``; O(n + S A).

        Raises:
            ValueError: features instead of state numbers, or numbers out of range.
        """
        if log.states.ndim != 1 or not np.issubdtype(log.states.dtype, np.integer):
            raise ValueError("State numbers are needed, one a row; make them of the features first.")
        going = ~log.done
        for name, found in (("states", log.states), ("next_states", log.next_states[going])):
            if len(found) and not 0 <= found.min() <= found.max() < states:
                raise ValueError(f"{name} must be within 0..{states - 1}; found {found.min()} to {found.max()}.")
        count = len(log.amounts)
        cell = log.states * count + log.actions

        def tally(values: Ints) -> Ints:
            found = np.zeros(states * count, np.int64)
            np.add.at(found, cell, values)
            return found.reshape(states, count)

        keys = cell[going] * states + log.next_states[going]
        key, times = np.unique(keys, return_counts=True)
        moves = np.stack([key // (count * states), key // states % count, key % states, times], axis=1)
        return cls(
            rows=np.bincount(cell, minlength=states * count).reshape(states, count),
            rewards=tally(np.rint(log.rewards * MICRO).astype(np.int64)),
            costs=tally(np.rint(log.costs * MINOR).astype(np.int64)),
            squares=np.stack([tally(np.rint(100 * values**2).astype(np.int64)) for values in (log.rewards, log.costs)]),
            moves=moves.astype(np.int64),
            starts=np.bincount(log.states[log.steps == 0], minlength=states),
            horizon=log.horizon,
            amounts=log.amounts,
            binary=bool(np.isin(log.rewards, (0.0, 1.0)).all()),
            face_value=bool(((log.costs == 0) | (log.costs == log.amounts[log.actions])).all()),
        )

    def __add__(self, other: Counts) -> Counts:
        """Both logs together.

        Raises:
            ValueError: other states, amounts or horizon.
        """
        same = self.rows.shape == other.rows.shape and self.horizon == other.horizon
        if not same or not np.array_equal(self.amounts, other.amounts):
            raise ValueError("Counts can be added where states, amounts and horizon are the same.")
        moves = np.concatenate([self.moves, other.moves])
        place, inverse = np.unique(moves[:, :3], axis=0, return_inverse=True)
        times = np.zeros(len(place), np.int64)
        np.add.at(times, inverse.ravel(), moves[:, 3])
        return Counts(
            self.rows + other.rows,
            self.rewards + other.rewards,
            self.costs + other.costs,
            self.squares + other.squares,
            np.concatenate([place, times[:, None]], axis=1),
            self.starts + other.starts,
            self.horizon,
            self.amounts,
            self.binary and other.binary,
            self.face_value and other.face_value,
        )

    @property
    def states(self) -> int:
        """S."""
        return self.rows.shape[0]

    @property
    def mean_reward(self) -> Floats:
        """Mean reward [S, A]; zero where there are no rows."""
        return self.rewards / MICRO / np.maximum(self.rows, 1)

    @property
    def mean_cost(self) -> Floats:
        """Mean money spent [S, A]; zero where there are no rows."""
        return self.costs / MINOR / np.maximum(self.rows, 1)

    @property
    def leaving(self) -> Ints:
        """How many moves leave each pair [S, A]."""
        found = np.zeros(self.rows.shape, np.int64)
        np.add.at(found, (self.moves[:, 0], self.moves[:, 1]), self.moves[:, 3])
        return found

    @property
    def unsupported(self) -> list[tuple[int, int]]:
        """Pairs of a state that users were in and an amount that none of them got there."""
        there = self.rows.sum(1, keepdims=True) > 0
        return [(int(state), int(action)) for state, action in zip(*np.nonzero(there & (self.rows == 0)), strict=True)]

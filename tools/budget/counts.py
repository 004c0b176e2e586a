"""Sufficient statistics of a logged campaign on state numbers: what every tabular estimate is made of.

Counts add up: those of two parts of a log are the sum of both, whatever the partition and its order. Money is counted
in whole minor units (cents) and rewards in millionths, so sums are the same to the bit. Rows are told apart by whether
the user responded, that is, whether the reward was above zero: most of what follows from an amount follows from that.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.log import Log

MINOR = 100
"""Minor units of money in a major one."""
MICRO = 1_000_000
"""Rewards are summed in whole millionths."""
SQUARE = 100
"""Squares are summed in whole hundredths."""
LARGEST = 2**62
"""Sums stay below this, so that they are exact in 64 bits."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Sums over rows by response (0: none, 1: a reward above zero), state and action; all whole numbers.

    Memory is O(S A + distinct moves), whatever the number of users.

    Args:
        rows: n(response, s, a), [2, S, A].
        rewards: sums of rewards in millionths [2, S, A].
        costs: sums of money in minor units [2, S, A].
        squares: sums of squared rewards and of squared costs in hundredths [2, 2, S, A].
        moves: (response, s, a, s', count) rows [m, 5], sorted; the rows of the last step are not in it.
        starts: users by first state [S].
        horizon: T.
        amounts: face values [A].
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
    face_value: bool

    @classmethod
    def of(cls, log: Log, states: int) -> Counts:
        """Count one log, or a part of one, whose state numbers are below ``states``; O(n log n + S A).

        Raises:
            ValueError: features instead of state numbers, numbers out of range, values too large to add up exactly.

        Example:
            >>> from bethink.tools.budget.environment import campaign
            >>> log = campaign(1000, seed=0)
            >>> early = log.steps < 6
            >>> Counts.of(log.rows(early), 60) + Counts.of(log.rows(~early), 60) == Counts.of(log, 60)
            True
        """
        if log.states.ndim != 1 or not np.issubdtype(log.states.dtype, np.integer):
            raise ValueError("State numbers are needed, one a row; make them of the features first.")
        going = ~log.done
        for name, found in (("states", log.states), ("next_states", log.next_states[going])):
            if len(found) and not 0 <= found.min() <= found.max() < states:
                raise ValueError(f"{name} must be within 0..{states - 1}; found {found.min()} to {found.max()}.")
        for name, values in (("rewards", log.rewards), ("costs", log.costs)):
            with np.errstate(over="ignore"):
                most = max(MICRO * np.abs(values).sum(), SQUARE * (values**2).sum())
            if most >= LARGEST:
                raise ValueError(f"The {name} are too large to be added up exactly; count them in a larger unit.")
        shape = (2, states, len(log.amounts))
        cell = np.ravel_multi_index(((log.rewards > 0).astype(np.int64), log.states, log.actions), shape)

        def tally(values: Floats, unit: int) -> Ints:
            found = np.zeros(shape, np.int64)
            np.add.at(found.reshape(-1), cell, np.rint(unit * values).astype(np.int64))
            return found

        key, times = np.unique(cell[going] * states + log.next_states[going], return_counts=True)
        moves = np.stack([*np.unravel_index(key, (*shape, states)), times], axis=1)
        return cls(
            rows=np.bincount(cell, minlength=2 * states * shape[2]).reshape(shape).astype(np.int64),
            rewards=tally(log.rewards, MICRO),
            costs=tally(log.costs, MINOR),
            squares=np.stack([tally(values**2, SQUARE) for values in (log.rewards, log.costs)]),
            moves=moves.astype(np.int64),
            starts=np.bincount(log.states[log.steps == 0], minlength=states).astype(np.int64),
            horizon=log.horizon,
            amounts=np.asarray(log.amounts, np.float64),
            face_value=bool(((log.costs == 0) | (log.costs == log.amounts[log.actions])).all()),
        )

    def __add__(self, other: Counts) -> Counts:
        """Both logs together.

        Raises:
            ValueError: other states, amounts or horizon, sums too large to be exact.
        """
        same = self.rows.shape == other.rows.shape and self.horizon == other.horizon
        if not same or not np.array_equal(self.amounts, other.amounts):
            raise ValueError("Counts can be added where states, amounts and horizon are the same.")
        for name in ("rewards", "costs", "squares"):
            if sum(float(np.abs(getattr(part, name)).sum(dtype=np.float64)) for part in (self, other)) >= LARGEST:
                raise ValueError(f"The {name} are too large to be added up exactly; count them in a larger unit.")
        moves = np.concatenate([self.moves, other.moves])
        place, inverse = np.unique(moves[:, :-1], axis=0, return_inverse=True)
        times = np.zeros(len(place), np.int64)
        np.add.at(times, inverse.ravel(), moves[:, -1])
        return Counts(
            self.rows + other.rows,
            self.rewards + other.rewards,
            self.costs + other.costs,
            self.squares + other.squares,
            np.concatenate([place, times[:, None]], axis=1),
            self.starts + other.starts,
            self.horizon,
            self.amounts,
            self.face_value and other.face_value,
        )

    def __eq__(self, other: object) -> bool:
        """Whether both are of the same rows, as far as sums can tell."""
        if not isinstance(other, Counts):
            return NotImplemented
        return all(np.array_equal(getattr(self, each.name), getattr(other, each.name)) for each in fields(self))

    @property
    def states(self) -> int:
        """S."""
        return self.rows.shape[1]

    @property
    def given(self) -> Ints:
        """How often each amount was given in each state [S, A]."""
        return self.rows.sum(0)

    @property
    def mean_reward(self) -> Floats:
        """Mean reward [S, A]; zero where there are no rows."""
        return self.rewards.sum(0) / MICRO / np.maximum(self.given, 1)

    @property
    def mean_cost(self) -> Floats:
        """Mean money spent [S, A]; zero where there are no rows."""
        return self.costs.sum(0) / MINOR / np.maximum(self.given, 1)

    def rare(self, least: int = 1) -> NDArray[np.bool_]:
        """Where a state was seen and an amount given there fewer than ``least`` times, by default never [S, A].

        Raises:
            ValueError: ``least`` below 1.
        """
        if least < 1:
            raise ValueError(f"least is {least}; it must be at least 1.")
        given = self.given
        return (given.sum(1, keepdims=True) > 0) & (given < least)

"""A logged campaign as arrays: who was in which state, got what, did what, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Floats, Ints

FOLDS = 0xF01D5
"""Makes the random numbers that draw folds others than those of a simulated campaign of the same seed."""


@dataclass(frozen=True)
class Log:
    """Transitions of N users over T steps; every user has one row for each step 0..T-1, rows in any order.

    Args:
        states: state numbers int64 [n] or features float32 [n, d].
        actions: index into ``amounts`` [n]; 0 is no coupon.
        rewards: what is to be increased [n].
        costs: money spent, not face value [n].
        next_states: like ``states``; never looked at in the last step.
        steps: 0-based [n].
        users: dense numbers 0..N-1 [n].
        horizon: T.
        amounts: face value of each action [K]; the first is 0.
        propensities: probability with which the logging policy chose the action [n], or None if unknown.

    Raises:
        ValueError: lengths that differ, numbers out of range or not finite.
    """

    states: NDArray
    actions: Ints
    rewards: Floats
    costs: Floats
    next_states: NDArray
    steps: Ints
    users: Ints
    horizon: int
    amounts: Floats
    propensities: Floats | None = None

    def __post_init__(self) -> None:
        names = ("states", "actions", "rewards", "costs", "next_states", "steps", "users")
        lengths = {name: len(getattr(self, name)) for name in names}
        if self.propensities is not None:
            lengths["propensities"] = len(self.propensities)
        if len(set(lengths.values())) != 1 or not len(self.states):
            raise ValueError(f"Every array needs one entry per row, at least one; the lengths are {lengths}.")
        ranges = {"actions": len(self.amounts), "steps": self.horizon}
        for name, most in ranges.items():
            values = getattr(self, name)
            if values.min() < 0 or values.max() >= most:
                raise ValueError(f"{name} must be within 0..{most - 1}; found {values.min()} to {values.max()}.")
        for name in ("rewards", "costs"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} has values that are not finite.")

    @property
    def done(self) -> NDArray[np.bool_]:
        """Whether the episode ends after the row [n]."""
        return self.steps == self.horizon - 1

    @property
    def user_count(self) -> int:
        """N."""
        return int(self.users.max()) + 1

    def rows(self, keep: NDArray) -> Log:
        """The rows of ``keep`` (a mask or numbers [m]); users keep their numbers."""
        parts = {name: getattr(self, name)[keep] for name in ("states", "actions", "rewards", "costs", "next_states")}
        propensities = None if self.propensities is None else self.propensities[keep]
        return Log(
            **parts,
            steps=self.steps[keep],
            users=self.users[keep],
            horizon=self.horizon,
            amounts=self.amounts,
            propensities=propensities,
        )

    def folds(self, count: int, seed: int) -> list[NDArray[np.bool_]]:
        """Masks [n] of ``count`` disjoint groups of users, drawn at random; a user's rows stay together."""
        group = np.random.default_rng([seed, FOLDS]).permutation(self.user_count) % count
        return [group[self.users] == number for number in range(count)]

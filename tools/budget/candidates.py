"""Best responses among a finite list of policies whose outcomes are known or estimated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Ints, Outcome, Policy


@dataclass(frozen=True)
class SameForAll:
    """One action for everybody in every step; 0 is to send no coupon at all."""

    action: int = 0

    def act(self, states: NDArray, step: int | Ints) -> Ints:
        """That action for n users, int64 [n]."""
        return np.full(len(states), self.action, np.int64)


@dataclass(frozen=True)
class Candidates:
    """An oracle that answers with the best of ``policies``, each of them expected to have its one of ``outcomes``.

    Estimates that bend the wrong way do no harm to a search on it: only policies on the upper hull of the outcomes
    answer a price, and their costs fall as it rises. ``gap`` and the like then speak of these policies only.

    Raises:
        ValueError: no policy, another number of outcomes, or outcomes that are not finite.
    """

    policies: tuple[Policy, ...]
    outcomes: tuple[Outcome, ...]

    def __post_init__(self) -> None:
        if not self.policies or len(self.policies) != len(self.outcomes):
            raise ValueError(f"{len(self.policies)} policies and {len(self.outcomes)} outcomes; one of each is needed.")
        if not np.isfinite(np.array(self.outcomes)).all():
            raise ValueError("Outcomes must be finite numbers.")

    def solve(self, multiplier: float) -> Policy:
        """The policy with the greatest J_r - lambda J_c; ties go to the cheaper one; O(policies).

        Raises:
            ValueError: a multiplier below zero or NaN.
        """
        if not multiplier >= 0:
            raise ValueError(f"The multiplier is {multiplier}; it must be zero or more.")

        def worth(number: int) -> tuple[float, float]:
            reward, cost = self.outcomes[number]
            return (-cost, reward) if math.isinf(multiplier) else (reward - multiplier * cost, -cost)

        return self.policies[max(range(len(self.policies)), key=worth)]

    def evaluate(self, policy: Policy) -> Outcome:
        """The outcome of one of the policies.

        Raises:
            ValueError: a policy that is not one of them.
        """
        for known, outcome in zip(self.policies, self.outcomes, strict=True):
            if known is policy:
                return outcome
        raise ValueError(f"The outcome of this {type(policy).__name__} is not known; evaluate it on a log first.")

"""Two processes to solve on paper: one defeats rules that look at one week only, the other every fixed price."""

from __future__ import annotations

import numpy as np

from bethink.tools.budget.cmdp import TabularCMDP

BUDGET = 0.5
"""Money per user at which the closed forms of both toys hold."""


def greedy_trap(horizon: int) -> TabularCMDP:
    """Users A (half) and B (half); a coupon costs 1 and the budget is 1/2 per user: the larger uplift is the wrong one.

    A coupon makes A active with probability 1/2, in that week only. It makes B active with probability 2/5, and from
    then on B is active in every week. The largest immediate uplift is A's: 1/4 per user whatever T is, be it one price
    for all weeks or 1/T of the budget in each. The optimum gives B a coupon in week 0: T/5 per user (T >= 2; at T = 1
    it is A's 1/4). The ratio 4T/5 has no bound, so no myopic rule is within a constant factor of the optimum.

    States: 0 A, 1 B, 2 B who became active. Actions: 0 no coupon, 1 coupon.

    Raises:
        ValueError: a horizon below 1.
    """
    reward = np.array([[0.0, 0.5], [0.0, 0.4], [1.0, 1.0]])
    cost = np.tile([0.0, 1.0], (3, 1))
    transition = np.zeros((3, 2, 3))
    transition[0, :, 0] = transition[1, 0, 1] = transition[2, :, 2] = 1.0
    transition[1, 1] = 0.0, 0.6, 0.4
    return TabularCMDP(reward, cost, transition, np.array([0.5, 0.5, 0.0]), horizon)


def kink() -> TabularCMDP:
    """One state, one step, r = c = a for a in {0, 1}, and 1/2 of money per user: only a mixture will do.

    One deterministic policy brings 0, the other costs twice the budget. The optimum 1/2 is both with weight 1/2. The
    cost of the best response falls from 1 to 0 at lambda = 1, so no price buys exactly 1/2 and the last iterate of a
    learner of prices goes back and forth for ever.
    """
    table = np.array([[0.0, 1.0]])
    return TabularCMDP(table, table, np.ones((1, 2, 1)), np.ones(1), 1)

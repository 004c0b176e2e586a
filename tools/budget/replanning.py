"""Planning again in every step on the money that is left and the states that users are in now.

Errors of the plan, and luck, are corrected by what was really spent: only the last step's are left at the end. Under
the hard guarantee an open coupon blocks its whole face value until it is settled, one step later. A plan that does not
know this meets the guard when little money is left; one that does spends early, and at the end only on users who will
redeem. With occupancies x_t(s, a), costs c and face values f that is a linear program with T budgets instead of one:

    max sum x_t(s,a) r(s,a)   s.t.   sum_{u<t} x_u . c + x_t . f <= B   for each step t, and the flow of x.

Example:
    >>> from bethink.tools.budget.environment import AMOUNTS, tabular
    >>> plan = hard_mixture(tabular(), 6.0, AMOUNTS)
    >>> round(plan.outcome.reward, 5), round(plan.outcome.cost, 4), len(plan.components)
    (5.56349, 5.7531, 6)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Floats, Ints, TabularCMDP, best_response
from bethink.tools.budget.column_generation import column_generation
from bethink.tools.budget.lp import (
    InfeasibleBudget,
    LPSolution,
    Program,
    check_budget,
    program,
    solution,
    solve_program,
)
from bethink.tools.budget.vector_oracle import InfeasibleBudgets, TabularVectorOracle, VectorMixture

MOST_SOLVES = 5_000
GOLDEN = 0.6180339887498949
"""Turns the order of users from step to step."""


def solve_hard(cmdp: TabularCMDP, budget: float, faces: Floats) -> LPSolution:
    """The optimum where no step's open coupons may exceed, in face value, the money that is left.

    The expected occupancies of any rule that keeps the hard guarantee satisfy this program, whatever the rule looks at
    and however many users there are: its value is the limit that :class:`Replanner` is measured by, reached as N grows.
    ``shadow_price`` is what one more unit of budget per user brings. T S A variables, T (S + 1) rows.

    Args:
        cmdp: the process.
        budget: money per user.
        faces: face value of each action [A].

    Raises:
        InfeasibleBudget: no policy keeps it.
        ValueError: a budget or face values that are none.
    """
    check_budget(budget)
    x, price = solve_program(program(cmdp, cmdp.horizon, _checked(faces, cmdp)), cmdp.initial, budget)
    return solution(cmdp, x, price)


def hard_mixture(cmdp: TabularCMDP, budget: float, faces: Floats, *, tolerance: float | None = None) -> VectorMixture:
    """The optimum of :func:`solve_hard` as at most T + 1 tables of which each user keeps one, by column generation.

    ``costs`` and ``multipliers`` [T + 1] are those of the money spent in all, which the last of the T budgets limits
    too, and then of each step's: money spent before it and the face value of what is open in it. ``multiplier`` is the
    sum of the prices: what one more unit of budget per user brings. Each best response takes O(T A S^2 + T^2 A S);
    there are more of them the tighter the budget is, some 20 to 140 at T = 12.

    Args:
        cmdp: the process.
        budget: money per user.
        faces: face value of each action [A].
        tolerance: stop once no policy can be better by more than this, in units of reward; None: at the optimum.

    Raises:
        InfeasibleBudget: no policy keeps it.
        ValueError: a budget or face values that are none.
    """
    check_budget(budget)
    faces = _checked(faces, cmdp)
    costs = _settled_and_open(cmdp, faces)
    most = cmdp.horizon * float(np.maximum(faces, np.abs(cmdp.cost)).max())
    limits = [budget + most, *[budget] * cmdp.horizon]  # the first never binds
    oracle = TabularVectorOracle(cmdp, costs)
    try:
        found = column_generation(oracle, limits, tolerance=tolerance or 0.0, max_solves=MOST_SOLVES)
    except InfeasibleBudgets:
        raise InfeasibleBudget(budget, _least_budget(cmdp, costs[1:], most)) from None
    return replace(found, multiplier=sum(found.multipliers))


def _settled_and_open(cmdp: TabularCMDP, faces: Floats) -> Floats:
    """What is spent in all, and for each step what is spent before it and open in it; [T + 1, T, S, A]."""
    steps = np.arange(cmdp.horizon)
    before = (steps[None] < np.append(cmdp.horizon, steps)[:, None])[..., None, None]
    now = (steps[None] == np.append(cmdp.horizon, steps)[:, None])[..., None, None]
    return before * cmdp.cost + now * np.broadcast_to(faces, cmdp.cost.shape)


def _least_budget(cmdp: TabularCMDP, costs: Floats, most: float) -> float:
    """The least B that all of ``costs`` [q, T, S, A] can be kept within, if none of them can exceed ``most``.

    All budgets are as far below zero as costs can be above: the least common raise of them is in equal units then.
    """
    try:
        column_generation(TabularVectorOracle(cmdp, costs), [-most] * len(costs), max_solves=MOST_SOLVES)
    except InfeasibleBudgets as error:
        return max(error.minima)
    return -most


@dataclass
class Replanner:
    """Plans again in every step, for all users together, and says who gets what now.

    Args:
        cmdp: the process as it is known, or was learned.
        amounts: face value of each action [A], 0 for the first; a coupon is redeemed as a whole or not at all.
        hard: whether open coupons block money: for use with a
            :class:`~bethink.tools.budget.guarantee.BudgetGuard`, which then has nothing to cut.
        alpha: hold back, in the last step, what that step's luck may cost, so that the budget is exceeded with about
            this probability; None: about half of the time, by very little.

    A step takes one linear program: some 10 to 100 ms with 60 states, 4 amounts and 12 steps.
    """

    cmdp: TabularCMDP
    amounts: Floats
    hard: bool = False
    alpha: float | None = None
    _programs: dict[int, Program] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.amounts = _checked(self.amounts, self.cmdp)
        if self.alpha is not None and not 0 < self.alpha <= 0.5:
            raise ValueError(f"alpha is {self.alpha}; it must be above 0 and at most 0.5.")

    def propose(self, states: Ints, step: int, left: float, order: Floats) -> Ints:
        """The actions of n users now, int64 [n].

        Args:
            states: where users are, [n].
            step: 0-based.
            left: money left in total; what is below zero counts as nothing.
            order: a number in [0, 1) for each user, as :func:`~bethink.tools.budget.assignment.draw` gives: who comes
                first where not all users of a state get the same. It is turned in every step.

        Where shares of users are no whole numbers, the cheaper action gets one more.

        Raises:
            ValueError: no users, a step beyond the horizon, an amount left that is no number.
        """
        if not len(states) or len(states) != len(order):
            raise ValueError(f"{len(states)} states and {len(order)} places in the order; one each is needed.")
        if not 0 <= step < self.cmdp.horizon:
            raise ValueError(f"Step {step} is not within 0..{self.cmdp.horizon - 1}.")
        if not np.isfinite(left):
            raise ValueError(f"The money left is {left}; give a number.")
        turned = (order + step * GOLDEN) % 1.0
        actions = self._plan(states, step, left, turned)
        if self.alpha is not None and step == self.cmdp.horizon - 1:
            held = NormalDist().inv_cdf(1 - self.alpha) * self._deviation(states, actions)
            actions = self._plan(states, step, left - held, turned)
        return actions

    def _plan(self, states: Ints, step: int, left: float, order: Floats) -> Ints:
        count = np.bincount(states, minlength=self.cmdp.states)
        ahead = self.cmdp.horizon - step
        if ahead not in self._programs:
            self._programs[ahead] = program(self.cmdp, ahead, self.amounts if self.hard else None)
        try:
            x, _ = solve_program(self._programs[ahead], count / len(states), max(0.0, left) / len(states))
        except InfeasibleBudget:
            return best_response(self.cmdp, np.inf).actions[step, states]
        return _shared_out(x[: self.cmdp.states * self.cmdp.actions].reshape(-1, self.cmdp.actions), states, order)

    def _deviation(self, states: Ints, actions: Ints) -> float:
        """Standard deviation of what these coupons cost in total."""
        cost = self.cmdp.cost[states, actions]
        return float(np.sqrt(np.maximum(cost * (self.amounts[actions] - cost), 0.0).sum()))


def _shared_out(x: Floats, states: Ints, order: Floats) -> Ints:
    """Actions [n], so that of the users in each state the shares of ``x`` [S, A] get each; the rest the lower one."""
    count = np.bincount(states, minlength=len(x))
    mass = x.sum(1, keepdims=True)
    upto = np.cumsum(np.where(mass > 0, x / np.maximum(mass, 1e-300), np.eye(1, x.shape[1])), axis=1)
    upto = np.ceil(upto * count[:, None] - 1e-6)
    sorted_users = np.lexsort((order, states))
    place = np.arange(len(states)) - np.repeat(np.cumsum(count) - count, count)
    actions = np.empty(len(states), np.int64)
    actions[sorted_users] = (place[:, None] >= upto[states[sorted_users], :-1]).sum(1)
    return actions


def _checked(faces: NDArray, cmdp: TabularCMDP) -> Floats:
    """Face values as floats [A].

    Raises:
        ValueError: another number of them, values below zero, not finite, or less than what the action costs.
    """
    faces = np.asarray(faces, float)
    if faces.shape != (cmdp.actions,):
        raise ValueError(f"{cmdp.actions} face values are needed, one for each action; found shape {faces.shape}.")
    if not np.isfinite(faces).all() or (faces < 0).any():
        raise ValueError("Face values must be finite and zero or more.")
    usable = np.ones(cmdp.cost.shape, bool) if cmdp.allowed is None else cmdp.allowed
    if (np.where(usable, cmdp.cost, 0.0) > faces * (1 + 1e-9) + 1e-9).any():
        raise ValueError("An action costs more on average than its face value; give the most that it can cost.")
    return faces

"""The linear program over occupancies: the physical limit of any policy, learned or not, under one budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Floats, StochasticPolicy, TabularCMDP, best_response, outcome

INFEASIBLE = 2
"""HiGHS by way of scipy: no solution."""
TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


class InfeasibleBudget(ValueError):
    """No policy is cheap enough; ``minimum`` is the least budget per user that one needs."""

    def __init__(self, budget: float, minimum: float) -> None:
        super().__init__(f"No policy costs {budget:.6g} per user or less; the least that one needs is {minimum:.6g}.")
        self.budget, self.minimum = budget, minimum


@dataclass(frozen=True)
class LPSolution:
    """The optimum: value and cost per user, the price of money lambda* = dV/dB, and the policy that reaches it."""

    value: float
    cost: float
    shadow_price: float
    policy: StochasticPolicy


def check_budget(budget: float) -> None:
    """Refuse what is no budget per user.

    Raises:
        ValueError: NaN, infinite or negative.
    """
    if not (np.isfinite(budget) and budget >= 0):
        raise ValueError(f"The budget per user is {budget}; give a number of zero or more.")


def solve_lp(cmdp: TabularCMDP, budget: float) -> LPSolution:
    """max sum x_t(s,a) r(s,a) over occupancies x whose cost is within ``budget`` per user, by HiGHS.

    T S A variables and T S + 1 rows; some 0.05 s at 2,880 variables. A basic optimum draws lots in at most one
    reachable state of one step.

    Raises:
        InfeasibleBudget: no policy is cheap enough.
        ValueError: a budget that is NaN, infinite or negative.
    """
    check_budget(budget)
    minimum = outcome(cmdp, best_response(cmdp, np.inf)).cost
    if minimum > budget + 1e-12 * (1 + abs(minimum)):
        raise InfeasibleBudget(budget, minimum)
    x, price = solve_program(program(cmdp, cmdp.horizon), cmdp.initial, budget)
    return solution(cmdp, x, price)


def solution(cmdp: TabularCMDP, x: Floats, price: float) -> LPSolution:
    """Policy, value and cost of occupancies x (flat); what is never reached follows the best response to ``price``."""
    x = x.reshape(cmdp.horizon, cmdp.states, cmdp.actions)
    mass = x.sum(-1, keepdims=True)
    unreached = np.eye(cmdp.actions)[best_response(cmdp, price).actions]
    policy = StochasticPolicy(np.where(mass > 1e-12, x / np.maximum(mass, 1e-300), unreached))
    discount = cmdp.gamma ** np.arange(cmdp.horizon)
    value = float(np.einsum("t,tsa,sa->", discount, x, cmdp.reward))
    return LPSolution(value, float(np.einsum("tsa,sa->", x, cmdp.cost)), price, policy)


class Program(NamedTuple):
    """The linear program but for the budget and the first states; variables (t, s, a)."""

    gain: Floats
    flow: Any
    blocked: Any
    bounds: Floats


def program(cmdp: TabularCMDP, horizon: int, faces: Floats | None = None) -> Program:
    """The tables of ``horizon`` steps. ``faces``: value of each action while it is open [A]; None: one budget."""
    from scipy.sparse import block_array, csr_array, eye_array, kron

    s, a = cmdp.states, cmdp.actions
    leaves = kron(eye_array(s), np.ones((1, a)))
    enters = csr_array(cmdp.transition.reshape(s * a, s).T)
    flow = [[leaves if j == i else -enters if j == i - 1 else None for j in range(horizon)] for i in range(horizon)]
    steps = np.arange(horizon)
    if faces is None:
        blocked: NDArray = np.tile(cmdp.cost.ravel(), horizon)[None]
    else:
        before, now = steps[None] < steps[:, None], steps[None] == steps[:, None]
        blocked = np.kron(before, cmdp.cost.ravel()) + np.kron(now, np.tile(faces, s))
    gain = (cmdp.gamma**steps)[:, None, None] * cmdp.reward
    allowed = np.ones((s, a), bool) if cmdp.allowed is None else cmdp.allowed
    most = np.where(np.tile(allowed.ravel(), horizon), np.inf, 0.0)
    bounds = np.stack([np.zeros_like(most), most], 1)
    return Program(gain.ravel(), block_array(flow, format="csr"), csr_array(blocked), bounds)


def solve_program(tables: Program, initial: Floats, budget: float) -> tuple[Floats, float]:
    """Occupancies (flat) and the price of money, both per user.

    Raises:
        InfeasibleBudget: no policy keeps within ``budget``.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, hstack

    rows = tables.blocked.shape[0]
    start = np.zeros(tables.flow.shape[0])
    start[: len(initial)] = initial
    found = linprog(
        -tables.gain,
        A_ub=tables.blocked,
        b_ub=np.full(rows, budget),
        A_eq=tables.flow,
        b_eq=start,
        bounds=tables.bounds,
        method="highs-ds",
        options=TIGHT,
    )
    if found.status == INFEASIBLE:
        least = linprog(
            np.append(np.zeros(len(tables.gain)), 1.0),
            A_ub=hstack([tables.blocked, csr_array(-np.ones((rows, 1)))]),
            b_ub=np.zeros(rows),
            A_eq=hstack([tables.flow, csr_array((len(start), 1))]),
            b_eq=start,
            bounds=np.vstack([tables.bounds, [0.0, np.inf]]),
            method="highs-ds",
        )
        raise InfeasibleBudget(budget, float(least.fun))
    if not found.success:
        raise RuntimeError(f"HiGHS did not solve the linear program: {found.message}")
    return np.clip(found.x, 0.0, None), max(0.0, -float(found.ineqlin.marginals.sum()))

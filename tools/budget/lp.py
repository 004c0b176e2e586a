"""The linear program over occupancies: the physical limit of any policy, learned or not, under one budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bethink.tools.budget.cmdp import StochasticPolicy, TabularCMDP, TabularPolicy, best_response, outcome


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
    from scipy.optimize import linprog
    from scipy.sparse import block_array, csr_array, eye_array, kron

    check_budget(budget)
    minimum = outcome(cmdp, best_response(cmdp, np.inf)).cost
    if minimum > budget + 1e-12 * (1 + abs(minimum)):
        raise InfeasibleBudget(budget, minimum)
    s, a, t = cmdp.states, cmdp.actions, cmdp.horizon
    leaves = kron(eye_array(s), np.ones((1, a)))  # [S, S A]: sum over actions
    enters = csr_array(cmdp.transition.reshape(s * a, s).T)
    flows = [[leaves if j == i else -enters if j == i - 1 else None for j in range(t)] for i in range(t)]
    discount = cmdp.gamma ** np.arange(t)
    gain = (discount[:, None, None] * cmdp.reward).ravel()
    allowed = np.ones((s, a), bool) if cmdp.allowed is None else cmdp.allowed
    bounds = np.stack([np.zeros(t * s * a), np.where(np.tile(allowed.ravel(), t), np.inf, 0.0)], 1)
    found = linprog(
        -gain,
        A_ub=np.tile(cmdp.cost.ravel(), t)[None],
        b_ub=[budget],
        A_eq=block_array(flows, format="csr"),
        b_eq=np.concatenate([cmdp.initial, np.zeros((t - 1) * s)]),
        bounds=bounds,
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if not found.success:
        raise RuntimeError(f"HiGHS did not solve the linear program: {found.message}")
    x = np.clip(found.x.reshape(t, s, a), 0.0, None)
    mass = x.sum(-1, keepdims=True)
    unreached = best_response(cmdp, max(0.0, -float(found.ineqlin.marginals[0])))
    fallback = np.eye(a)[unreached.actions]
    policy = StochasticPolicy(np.where(mass > 1e-12, x / np.maximum(mass, 1e-300), fallback))
    return LPSolution(
        -float(found.fun), float(np.tile(cmdp.cost.ravel(), t) @ found.x), -float(found.ineqlin.marginals[0]), policy
    )


__all__ = ["InfeasibleBudget", "LPSolution", "TabularPolicy", "check_budget", "solve_lp"]

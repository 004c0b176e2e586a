"""Random processes, and the linear program over occupancies with any number of budgets, for several tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from bethink.tools.budget.cmdp import Floats, TabularCMDP
from bethink.tools.budget.vector_oracle import TabularVectorOracle


def random_process(seed: int, most_states: int = 8, integer: bool = False, gamma: float = 1.0) -> TabularCMDP:
    """Amount 0 is free; ``integer``: rewards and costs are small whole numbers, so that there are ties."""
    rng = np.random.default_rng(seed)
    states, actions, horizon = int(rng.integers(1, most_states + 1)), int(rng.integers(1, 4)), int(rng.integers(1, 6))
    reward, cost = rng.random((states, actions)), rng.random((states, actions)) * np.arange(actions)
    if integer:
        reward, cost = np.floor(3 * reward), np.floor(2 * cost)
    transition = rng.dirichlet(np.full(states, 0.4), size=(states, actions))
    return TabularCMDP(reward, cost, transition, rng.dirichlet(np.ones(states)), horizon, gamma)


@st.composite
def processes(draw: st.DrawFn, most_states: int = 8, masked: bool = False) -> TabularCMDP:
    """A random process; ``masked``: with a discount and some actions that are not allowed, too."""
    seed = draw(st.integers(0, 10**6))
    gamma = draw(st.sampled_from([1.0, 0.9, 0.3])) if masked else 1.0
    made = random_process(seed, most_states, draw(st.booleans()), gamma)
    if not masked or draw(st.booleans()):
        return made
    allowed = np.random.default_rng(seed).random(made.reward.shape) < 0.6
    allowed[np.arange(made.states), np.random.default_rng(seed + 1).integers(made.actions, size=made.states)] = True
    return TabularCMDP(made.reward, made.cost, made.transition, made.initial, made.horizon, gamma, allowed)


def random_budgets(seed: int) -> tuple[TabularVectorOracle, Floats]:
    """A process with 2 to 5 costs, and budgets from 5 to 90 % of what the unlimited policy costs."""
    rng = np.random.default_rng(seed)
    process = random_process(seed, 12)
    costs = rng.random((int(rng.integers(2, 6)), *process.cost.shape)) * np.arange(process.actions)
    oracle = TabularVectorOracle(process, costs)
    unlimited = oracle.evaluate(oracle.solve(np.zeros(len(costs)), 1.0))
    return oracle, np.array(unlimited.costs) * rng.uniform(0.05, 0.9, len(costs))


def limit(oracle: TabularVectorOracle, budgets: ArrayLike) -> float | None:
    """The optimum within all budgets by HiGHS, None if there is none; O(T S A) variables, written out in loops."""
    from scipy.optimize import linprog

    process, budgets = oracle.cmdp, np.asarray(budgets, float)
    t, s, a = process.horizon, process.states, process.actions
    flow = np.zeros((t, s, t, s, a))
    for step in range(t):
        for state in range(s):
            flow[step, state, step, state] += 1.0
            if step:
                flow[step, state, step - 1] -= process.transition[:, :, state]
    gain = process.gamma ** np.arange(t)[:, None, None] * process.reward
    scale = np.maximum(1e-9, np.abs(oracle.costs).max((1, 2)))
    found = linprog(
        -gain.ravel(),
        A_ub=np.tile(oracle.costs.reshape(len(budgets), -1), (1, t)) / scale[:, None],
        b_ub=budgets / scale,
        A_eq=flow.reshape(t * s, -1),
        b_eq=np.concatenate([process.initial, np.zeros((t - 1) * s)]),
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    return -float(found.fun) if found.success else None


def one_cost(process: TabularCMDP) -> TabularVectorOracle:
    """The process with its own cost as the only one."""
    return TabularVectorOracle(process, process.cost[None])

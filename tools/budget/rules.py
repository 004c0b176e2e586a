"""Rules that a constrained plan is measured against: uniform, myopic, one-step uplift, Q* with a budget per period.

Each takes a process (the true one, or one estimated from a log) and a budget per user, and gives a plan whose outcome
in any process with the same states :func:`plan_outcome` knows exactly.

Example:
    >>> from bethink.tools.budget.environment import tabular
    >>> cmdp = tabular()
    >>> for name, rule in RULES.items():
    ...     print(name, round(plan_outcome(cmdp, rule(cmdp, 6.0)).reward, 3))
    uniform 4.885
    myopic 5.087
    myopic_per_period 4.969
    one_step_uplift 5.467
    q_star_per_period 5.379
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from bethink.tools.budget.candidates import Candidates
from bethink.tools.budget.chord import Mixture, Solve, between, chord_search, mix
from bethink.tools.budget.cmdp import (
    Bools,
    Floats,
    Ints,
    Outcome,
    StochasticPolicy,
    TabularCMDP,
    TabularPolicy,
    best_response,
    outcome,
)
from bethink.tools.budget.lp import InfeasibleBudget, check_budget, solve_lp
from bethink.tools.budget.oracle import TabularOracle

Plan = TabularPolicy | StochasticPolicy | Mixture
"""What a rule gives: one table, a table of probabilities, or tables of which each user draws one."""


def plan_outcome(cmdp: TabularCMDP, plan: Plan) -> Outcome:
    """The exact expected reward and cost per user of ``plan`` in ``cmdp``, wherever the plan was made.

    Raises:
        TypeError: a mixture of policies that are not tables.
    """
    if not isinstance(plan, Mixture):
        return outcome(cmdp, plan)
    oracle = TabularOracle(cmdp)
    found = [(weight, oracle.evaluate(policy)) for policy, weight in plan.components]
    reward = math.fsum(weight * each.reward for weight, each in found)
    return Outcome(reward, math.fsum(weight * each.cost for weight, each in found))


def always(cmdp: TabularCMDP, action: int) -> TabularPolicy:
    """The same amount for everybody in every step; where it is not allowed, the first one that is.

    Raises:
        ValueError: no such action.
    """
    if not 0 <= action < cmdp.actions:
        raise ValueError(f"Action {action} is not one of 0..{cmdp.actions - 1}.")
    allowed = _allowed(cmdp)
    row = np.where(allowed[:, action], action, allowed.argmax(1))
    return TabularPolicy(np.tile(row, (cmdp.horizon, 1)))


def independent(cmdp: TabularCMDP, probabilities: ArrayLike) -> StochasticPolicy:
    """Amounts drawn with the same probabilities [A] whatever the state and step, as a randomised campaign does.

    Raises:
        ValueError: not A probabilities that sum to one, or one above zero for an amount that a state does not allow.
    """
    row = np.asarray(probabilities, float)
    if row.shape != (cmdp.actions,) or not (row >= 0).all() or not np.isclose(row.sum(), 1.0, rtol=0, atol=1e-8):
        raise ValueError(f"{cmdp.actions} probabilities that sum to one are needed, not {row}.")
    if not _allowed(cmdp)[:, row > 0].all():
        raise ValueError("An amount with a probability above zero is not allowed in every state.")
    return StochasticPolicy(np.tile(row, (cmdp.horizon, cmdp.states, 1)))


def uniform(cmdp: TabularCMDP, budget: float) -> StochasticPolicy:
    """Everybody gets a coupon with probability q, any amount alike; q is what makes the cost equal the budget.

    q is one where even that is within the budget. "No coupon" is a state's first allowed action, coupons are the
    others. Some 10 to 20 evaluations of a policy.

    Raises:
        InfeasibleBudget: nobody getting a coupon costs more than the budget.
        ValueError: a budget that is NaN, infinite or negative.
    """
    from scipy.optimize import brentq

    check_budget(budget)
    allowed = _allowed(cmdp)
    none = np.eye(cmdp.actions)[allowed.argmax(1)]
    coupons = allowed - none
    count = coupons.sum(1, keepdims=True)
    coupons = np.where(count > 0, coupons / np.maximum(count, 1), none)

    def policy(q: float) -> StochasticPolicy:
        return StochasticPolicy(np.tile((1 - q) * none + q * coupons, (cmdp.horizon, 1, 1)))

    def excess(q: float) -> float:
        return outcome(cmdp, policy(q)).cost - budget

    least = excess(0.0)
    if least > 1e-12 * (1 + budget):
        raise InfeasibleBudget(budget, least + budget)
    if excess(1.0) <= 0:
        return policy(1.0)
    return policy(0.0 if least >= 0 else float(brentq(excess, 0.0, 1.0, xtol=1e-15, rtol=1e-15)))


def random_users(cmdp: TabularCMDP, budget: float) -> Mixture:
    """The same amount in every step for users drawn at random, the rest get none: what targeting must beat.

    The best mixture of policies that give everybody the same, so that the amount that is worth its money is chosen;
    K evaluations.

    Raises:
        InfeasibleBudget: nobody getting a coupon costs more than the budget.
        ValueError: a budget that is NaN, infinite or negative.
    """
    policies = tuple(always(cmdp, action) for action in range(cmdp.actions))
    known = Candidates(policies, tuple(outcome(cmdp, policy) for policy in policies))
    return chord_search(known, budget, tolerance=0.0)


def myopic(cmdp: TabularCMDP, budget: float) -> Mixture:
    """The greatest r - lambda c of the week alone, at one lambda for all weeks; two such policies mixed to the budget.

    The policy changes with lambda only at the slopes between two amounts of a state. A binary search over the at most
    S A (A - 1) / 2 slopes finds two neighbours, one of which costs more than the budget and the other does not;
    mixing them spends it exactly, or the policy of lambda = 0 is returned where that costs no more.

    Not monotone in the budget: on ``CouponRetention-v0`` 2.00 per user buys less than 1.00 does (4.688 against
    4.769 active weeks), as coupons tire their holders and the rule does not look that far. Its cost need not fall as
    lambda rises either; of several pairs of neighbours around the budget the search finds one.

    Raises:
        InfeasibleBudget: even the policy of the greatest lambda costs more.
        ValueError: a budget that is NaN, infinite or negative.
    """
    check_budget(budget)
    week = replace(cmdp, horizon=1)
    slopes = _slopes(cmdp)
    prices = np.concatenate([[0.0], np.sqrt(slopes[1:] * slopes[:-1]), [math.inf]])
    trace: list[Solve] = []

    def solve(number: int) -> Solve:
        policy = TabularPolicy(np.tile(best_response(week, float(prices[number])).actions, (cmdp.horizon, 1)))
        trace.append(Solve(float(prices[number]), policy, outcome(cmdp, policy)))
        return trace[-1]

    affordable = budget + 1e-12 * (1 + budget)
    low = solve(0)
    if low.outcome.cost <= affordable:
        return Mixture(((low.policy, 1.0),), low.outcome, 0.0, None, tuple(trace))
    high = solve(len(prices) - 1)
    if high.outcome.cost > affordable:
        raise InfeasibleBudget(budget, high.outcome.cost)
    first, last = 0, len(prices) - 1
    while last - first > 1:
        middle = (first + last) // 2
        found = solve(middle)
        if found.outcome.cost > budget:
            first, low = middle, found
        else:
            last, high = middle, found
    components, mixed = mix(between(low, high, budget))
    return Mixture(components, mixed, float(slopes[first]), None, tuple(trace))


def myopic_per_period(cmdp: TabularCMDP, budget: float) -> StochasticPolicy:
    """The greatest reward of the week alone within B / T in each week; see :func:`per_period`."""
    return per_period(cmdp, budget, np.tile(cmdp.reward, (cmdp.horizon, 1, 1)))


def one_step_uplift(cmdp: TabularCMDP, budget: float) -> StochasticPolicy:
    """The long-run uplift of one coupon with none after it, within B / T in each week; see :func:`per_period`.

    Long-term uplift modelling with an allocation on top: Q is that of never sending a coupon again.
    """
    return per_period(cmdp, budget, action_values(cmdp, always(cmdp, 0).actions))


def q_star_per_period(cmdp: TabularCMDP, budget: float) -> StochasticPolicy:
    """Q of the plan without a budget, then an allocation within B / T in each week; see :func:`per_period`.

    After BCRLSP (arXiv 2207.07790): unconstrained values, a linear program over them when serving. Such a Q counts
    on coupons that there is no money for.
    """
    return per_period(cmdp, budget, action_values(cmdp))


def action_values(cmdp: TabularCMDP, actions: Ints | None = None) -> Floats:
    """Q_t(s, a), the reward from step t on, discounted to t: of a table [T, S], or of the best one; [T, S, A]."""
    q = np.zeros((cmdp.horizon, cmdp.states, cmdp.actions))
    value = np.zeros(cmdp.states)
    allowed, every = _allowed(cmdp), np.arange(cmdp.states)
    for step in reversed(range(cmdp.horizon)):
        q[step] = cmdp.reward + cmdp.gamma * (cmdp.transition @ value)
        chosen = np.where(allowed, q[step], -np.inf).argmax(1) if actions is None else actions[step]
        value = q[step][every, chosen]
    return q


def per_period(cmdp: TabularCMDP, budget: float, gains: Floats) -> StochasticPolicy:
    """The greatest expected ``gains`` [T, S, A] of each step within B / T in each; what is unspent is not carried on.

    T linear programs with S A variables, each over the distribution of states that the steps before it lead to. The
    costs are those of the step alone. Unlike a mixture it draws lots in every step, in one state of each.

    Raises:
        InfeasibleBudget: some step cannot be had for B / T; the least is T times what that step needs.
        ValueError: a budget that is NaN, infinite or negative, or gains of another shape.
    """
    check_budget(budget)
    wanted = (cmdp.horizon, cmdp.states, cmdp.actions)
    if gains.shape != wanted:
        raise ValueError(f"gains has shape {gains.shape}; {wanted} is needed.")
    share = budget / cmdp.horizon
    mass = cmdp.initial
    probabilities = np.zeros(wanted)
    for step, gain in enumerate(gains):
        try:
            found = solve_lp(replace(cmdp, reward=gain, initial=mass / mass.sum(), horizon=1), share)
        except InfeasibleBudget as error:
            raise InfeasibleBudget(budget, error.minimum * cmdp.horizon) from error
        probabilities[step] = found.policy.probabilities[0]
        mass = (mass[:, None] * probabilities[step]).ravel() @ cmdp.transition.reshape(-1, cmdp.states)
    return StochasticPolicy(probabilities)


RULES: dict[str, Callable[[TabularCMDP, float], StochasticPolicy | Mixture]] = {
    "uniform": uniform,
    "random_users": random_users,
    "myopic": myopic,
    "myopic_per_period": myopic_per_period,
    "one_step_uplift": one_step_uplift,
    "q_star_per_period": q_star_per_period,
}
"""Every rule that takes a process and a budget, by name."""


def _allowed(cmdp: TabularCMDP) -> Bools:
    return np.ones((cmdp.states, cmdp.actions), bool) if cmdp.allowed is None else cmdp.allowed


def _slopes(cmdp: TabularCMDP) -> Floats:
    """Reward per money between every two allowed amounts of a state where more of one is more of the other; sorted."""
    allowed = _allowed(cmdp)
    first, second = np.triu_indices(cmdp.actions, 1)
    costs = cmdp.cost[:, second] - cmdp.cost[:, first]
    rewards = cmdp.reward[:, second] - cmdp.reward[:, first]
    kept = allowed[:, first] & allowed[:, second] & (costs * rewards > 0)
    return np.unique(rewards[kept] / costs[kept])

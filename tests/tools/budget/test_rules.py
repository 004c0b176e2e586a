"""The rules a plan is measured against: known figures, budgets kept, and what they may not beat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.chord import Mixture
from bethink.tools.budget.cmdp import StochasticPolicy, TabularCMDP, TabularPolicy, best_response, outcome
from bethink.tools.budget.environment import tabular
from bethink.tools.budget.lp import InfeasibleBudget, solve_lp
from bethink.tools.budget.rules import (
    RULES,
    Plan,
    action_values,
    always,
    independent,
    myopic,
    per_period,
    plan_outcome,
    uniform,
)

# budget: uniform, myopic with one lambda
KNOWN = {
    1: (4.59718, 4.76931),
    2: (4.65887, 4.68837),
    4: (4.77645, 4.87481),
    6: (4.88527, 5.08737),
    8: (4.98390, 5.18845),
    12: (5.14392, 5.34770),
    18: (5.26406, 5.57403),
}
# percent of the optimal increment over no coupon at a budget of 6
SHARES = {
    "uniform": 32.7,
    "random_users": 16.4,
    "myopic": 51.5,
    "myopic_per_period": 40.4,
    "one_step_uplift": 86.7,
    "q_star_per_period": 78.6,
}


def random_cmdp(seed: int, free: bool = True) -> TabularCMDP:
    """A random process, some amounts not allowed in some states; ``free``: the first action costs nothing."""
    rng = np.random.default_rng(seed)
    states, actions, horizon = int(rng.integers(1, 9)), int(rng.integers(2, 5)), int(rng.integers(1, 6))
    cost = rng.random((states, actions)) * (np.arange(actions) + (not free))
    allowed = rng.random((states, actions)) < 0.7
    allowed[:, 0] = True
    transition = rng.dirichlet(np.full(states, 0.5), size=(states, actions))
    start = rng.dirichlet(np.ones(states))
    return TabularCMDP(rng.random((states, actions)), cost, transition, start, horizon, 1.0, allowed)


BLIND = ("uniform", "random_users")
"""Rules that do not look at states."""


def disallowed(cmdp: TabularCMDP, plan: TabularPolicy | StochasticPolicy | Mixture) -> float:
    """The greatest probability that ``plan`` gives to an amount that is not allowed."""
    assert cmdp.allowed is not None
    if isinstance(plan, Mixture):
        return max(disallowed(cmdp, policy) for policy, _ in plan.components if isinstance(policy, TabularPolicy))
    tables = plan.probabilities if isinstance(plan, StochasticPolicy) else np.eye(cmdp.actions)[plan.actions]
    return float(np.where(cmdp.allowed, 0.0, tables).max())


@pytest.mark.parametrize("budget", KNOWN)
def test_known_figures(budget: int) -> None:
    cmdp = tabular()
    for rule, reward in zip((uniform, myopic), KNOWN[budget], strict=True):
        found = plan_outcome(cmdp, rule(cmdp, budget))
        assert found.reward == pytest.approx(reward, abs=5e-6)
        assert found.cost == pytest.approx(budget, abs=1e-9)


def test_shares_of_the_increment_at_six() -> None:
    cmdp = tabular()
    nothing = outcome(cmdp, always(cmdp, 0)).reward
    whole = solve_lp(cmdp, 6.0).value - nothing
    assert whole == pytest.approx(1.0758, abs=5e-5)
    assert RULES.keys() == SHARES.keys()
    for name, rule in RULES.items():
        found = plan_outcome(cmdp, rule(cmdp, 6.0))
        assert 100 * (found.reward - nothing) / whole == pytest.approx(SHARES[name], abs=0.05), name
        assert found.cost == pytest.approx(6.0, abs=1e-8), name


def test_more_money_may_buy_less_by_the_myopic_rule() -> None:
    cmdp = tabular()
    assert myopic(cmdp, 2.0).outcome.reward < myopic(cmdp, 1.0).outcome.reward - 0.08


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 1.2))
def test_rules_keep_the_budget_and_never_beat_the_optimum(seed: int, share: float) -> None:
    cmdp = random_cmdp(seed)
    budget = share * outcome(cmdp, best_response(cmdp, 0.0)).cost
    limit = solve_lp(cmdp, budget).value
    for name, rule in RULES.items():
        plan = rule(cmdp, budget)
        found = plan_outcome(cmdp, plan)
        assert found.cost <= budget + 1e-8, name
        assert found.reward <= limit + 1e-7, name
        assert disallowed(cmdp, plan) == 0.0, name


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_every_rule_that_looks_at_states_is_optimal_in_a_single_week(seed: int, share: float) -> None:
    cmdp = replace(random_cmdp(seed), horizon=1)
    budget = share * outcome(cmdp, best_response(cmdp, 0.0)).cost
    limit = solve_lp(cmdp, budget).value
    for name, rule in RULES.items():
        found = plan_outcome(cmdp, rule(cmdp, budget)).reward
        assert found == pytest.approx(limit, abs=1e-8) or (name in BLIND and found < limit), name


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.95))
def test_myopic_mixes_neighbours_around_the_budget(seed: int, share: float) -> None:
    """Between two neighbouring slopes only ties change, so the two policies may differ at one price alone."""
    cmdp = random_cmdp(seed)
    week = replace(cmdp, horizon=1)
    found = myopic(cmdp, share * outcome(cmdp, best_response(week_for_ever(cmdp), 0.0)).cost)
    assert found.outcome == pytest.approx(plan_outcome(cmdp, found), abs=1e-12)
    score = cmdp.reward - found.multiplier * cmdp.cost
    best = np.where(week.allowed, score, -np.inf).max(1)
    for policy, _ in found.components:
        assert isinstance(policy, TabularPolicy)
        assert (policy.actions == policy.actions[0]).all(), "the same rule in every week"
        np.testing.assert_allclose(score[np.arange(cmdp.states), policy.actions[0]], best, rtol=0, atol=1e-9)


def week_for_ever(cmdp: TabularCMDP) -> TabularCMDP:
    """The process with nothing to plan for: rewards and costs of now, states that do not depend on the action."""
    return replace(cmdp, transition=np.repeat(cmdp.transition[:, :1], cmdp.actions, axis=1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 0.9]))
def test_action_values(seed: int, gamma: float) -> None:
    cmdp = replace(random_cmdp(seed), gamma=gamma)
    table = always(cmdp, 0).actions
    for q, policy in ((action_values(cmdp, table), table), (action_values(cmdp), best_response(cmdp, 0.0).actions)):
        value = cmdp.initial @ q[0][np.arange(cmdp.states), policy[0]]
        assert value == pytest.approx(outcome(cmdp, TabularPolicy(policy)).reward, abs=1e-10)
    assert (action_values(cmdp) >= action_values(cmdp, table) - 1e-12).all()


def test_a_plan_made_in_one_process_is_judged_in_another() -> None:
    truth = tabular()
    wrong = replace(truth, reward=truth.reward**1.1, cost=0.8 * truth.cost)
    for name, rule in RULES.items():
        plan = rule(wrong, 6.0)
        assert plan_outcome(wrong, plan).cost == pytest.approx(6.0, abs=1e-8), name
        assert plan_outcome(truth, plan).cost == pytest.approx(7.5, abs=1e-7), name


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_bad_budgets(rule: Callable[[TabularCMDP, float], Plan]) -> None:
    cmdp = random_cmdp(3, free=False)
    for budget in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="zero or more"):
            rule(cmdp, budget)
    with pytest.raises(InfeasibleBudget) as error:
        rule(cmdp, 0.0)
    assert error.value.budget == 0.0
    assert error.value.minimum > 0
    enough = plan_outcome(cmdp, rule(cmdp, error.value.minimum * 1.000001))
    assert enough.cost <= error.value.minimum * 1.000001 + 1e-9
    with pytest.raises(InfeasibleBudget):
        rule(cmdp, error.value.minimum * 0.999)


def test_no_money_buys_no_coupon_and_plenty_leaves_a_rest() -> None:
    cmdp = tabular()
    nothing = outcome(cmdp, always(cmdp, 0))
    for name, rule in RULES.items():
        assert plan_outcome(cmdp, rule(cmdp, 0.0)) == pytest.approx(nothing, abs=1e-9), name
        assert plan_outcome(cmdp, rule(cmdp, 1e9)).cost < 60, name
    everybody = uniform(cmdp, 1e9).probabilities
    np.testing.assert_allclose(everybody, np.broadcast_to([0, 1 / 3, 1 / 3, 1 / 3], everybody.shape))


def test_fixed_policies() -> None:
    cmdp = replace(tabular(), allowed=np.tile([True, True, True, False], (60, 1)))
    assert (always(cmdp, 2).actions == 2).all()
    assert (always(cmdp, 3).actions == 0).all()
    for action in (-1, 4):
        with pytest.raises(ValueError, match=r"0\.\.3"):
            always(cmdp, action)
    for row in ([0.5, 0.5], [0.5, 0.5, 0.5, -0.5], [0.5, 0.4, 0.0, 0.0], [np.nan, 1.0, 0.0, 0.0]):
        with pytest.raises(ValueError, match="sum to one"):
            independent(cmdp, row)
    with pytest.raises(ValueError, match="not allowed"):
        independent(cmdp, [0.7, 0.1, 0.1, 0.1])
    with pytest.raises(ValueError, match="shape"):
        per_period(cmdp, 1.0, cmdp.reward)

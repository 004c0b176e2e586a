"""Best responses and outcomes against exhaustion and an independent evaluation."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.cmdp import (
    Outcome,
    StochasticPolicy,
    TabularCMDP,
    TabularPolicy,
    best_response,
    occupancy,
    outcome,
)
from bethink.tools.budget.oracle import TabularOracle
from tests.tools.budget.processes import processes

PRICES = st.sampled_from([0.0, 0.5, 1.0, 2.0, math.inf]) | st.floats(0.0, 20.0)


def by_hand(process: TabularCMDP, policy: TabularPolicy) -> Outcome:
    """Forwards, state by state, as the definition says."""
    mass, reward, cost = list(process.initial), 0.0, 0.0
    for step in range(process.horizon):
        after = [0.0] * process.states
        for state, weight in enumerate(mass):
            action = policy.actions[step, state]
            reward += weight * process.gamma**step * process.reward[state, action]
            cost += weight * process.cost[state, action]  # money is not discounted
            for following in range(process.states):
                after[following] += weight * process.transition[state, action, following]
        mass = after
    return Outcome(reward, cost)


def every_policy(process: TabularCMDP) -> list[Outcome]:
    """The outcomes of all allowed tables of a tiny process."""
    allowed = np.ones(process.reward.shape, bool) if process.allowed is None else process.allowed
    rows = list(product(*(np.flatnonzero(row) for row in allowed)))
    return [outcome(process, TabularPolicy(np.array(table))) for table in product(rows, repeat=process.horizon)]


@st.composite
def tiny(draw) -> TabularCMDP:
    process = draw(processes(most_states=2, masked=True))
    return replace(process, horizon=min(process.horizon, 2))


@settings(max_examples=150, deadline=None)
@given(tiny(), PRICES)
def test_the_best_response_is_the_best_of_all_and_the_cheapest_of_the_best(process, price) -> None:
    found = outcome(process, best_response(process, price))
    every = every_policy(process)
    if math.isinf(price):  # the cheapest, and of those the one with the greatest reward
        least = min(each.cost for each in every)
        assert found.cost == pytest.approx(least, abs=1e-9)
        assert found.reward == pytest.approx(max(e.reward for e in every if e.cost <= least + 1e-12), abs=1e-9)
        return
    best = max(each.reward - price * each.cost for each in every)
    assert found.reward - price * found.cost == pytest.approx(best, abs=1e-9)
    tied = [each.cost for each in every if each.reward - price * each.cost >= best - 1e-13]
    assert found.cost <= min(tied) + 1e-9


@settings(max_examples=60, deadline=None)
@given(processes(masked=True), PRICES)
def test_outcomes_by_hand(process, price) -> None:
    policy = best_response(process, price)
    assert outcome(process, policy) == pytest.approx(by_hand(process, policy), rel=1e-9, abs=1e-12)
    table = np.eye(process.actions)[policy.actions]
    assert outcome(process, StochasticPolicy(table)) == pytest.approx(outcome(process, policy))
    x = occupancy(process, policy)
    assert x.sum((1, 2)) == pytest.approx(np.ones(process.horizon))
    assert (x >= 0).all()


@settings(max_examples=60, deadline=None)
@given(processes(masked=True), PRICES)
def test_no_action_that_is_not_allowed(process, price) -> None:
    actions = best_response(process, price).actions
    assert actions.shape == (process.horizon, process.states)
    if process.allowed is not None:
        assert process.allowed[np.arange(process.states), actions].all()


@settings(max_examples=60, deadline=None)
@given(processes(masked=True), st.lists(PRICES, min_size=2, max_size=6))
def test_cost_and_reward_fall_as_money_gets_dearer(process, prices) -> None:
    found = [outcome(process, best_response(process, price)) for price in sorted(prices)]
    for cheap, dear in pairwise(found):
        assert dear.cost <= cheap.cost + 1e-9
        assert dear.reward <= cheap.reward + 1e-9


@settings(max_examples=60, deadline=None)
@given(processes(masked=True))
def test_an_endless_price_is_the_limit_of_high_ones(process) -> None:
    endless = outcome(process, best_response(process, math.inf))
    assert outcome(process, best_response(process, 1e6)).cost == pytest.approx(endless.cost, abs=1e-4)
    assert endless.cost <= outcome(process, best_response(process, 1e6)).cost + 1e-9


@settings(max_examples=40, deadline=None)
@given(processes(), st.floats(0.05, 1.0))
def test_money_is_not_discounted(process, gamma) -> None:
    policy = best_response(process, 0.3)
    discounted = outcome(replace(process, gamma=gamma), policy)
    assert discounted.cost == outcome(process, policy).cost
    assert discounted.reward <= outcome(process, policy).reward + 1e-12


def test_a_discounted_reward_later_does_not_pay_for_money_at_full_price() -> None:
    """One state, r = c = a: a coupon pays in the steps where gamma^t is above lambda."""
    table = np.array([[0.0, 1.0]])
    process = TabularCMDP(table, table, np.ones((1, 2, 1)), np.ones(1), 4, gamma=0.5)
    assert best_response(process, 0.4).actions.ravel().tolist() == [1, 1, 0, 0]
    assert best_response(process, 0.5).actions.ravel().tolist() == [1, 0, 0, 0]  # a tie in step 1: the cheaper
    assert outcome(process, best_response(process, 0.4)) == (1.5, 2.0)


def test_ties_go_to_the_cheaper_and_then_to_the_lower_action() -> None:
    reward, cost = np.array([[1.0, 2.0, 3.0, 1.0]]), np.array([[0.0, 1.0, 2.0, 0.0]])
    process = TabularCMDP(reward, cost, np.ones((1, 4, 1)), np.ones(1), 1)
    assert best_response(process, 1.0).actions.item() == 0
    assert best_response(process, 0.999).actions.item() == 2
    allowed = np.array([[False, True, True, True]])
    assert best_response(replace(process, allowed=allowed), 1.0).actions.item() == 3
    assert best_response(replace(process, allowed=allowed & [[True, True, True, False]]), 1.0).actions.item() == 1
    rounded = replace(process, reward=np.array([[0.3, 0.1 + 0.2, 0.0, 0.0]]))  # 0.1 + 0.2 > 0.3 in floats
    assert best_response(rounded, 0.0).actions.item() == 0
    same = replace(process, reward=np.ones((1, 4)), cost=np.ones((1, 4)))
    assert best_response(same, 0.0).actions.item() == best_response(same, math.inf).actions.item() == 0


def test_at_a_price_of_nothing_a_useless_coupon_is_not_sent() -> None:
    process = TabularCMDP(np.ones((1, 2)), np.array([[0.0, 1.0]]), np.ones((1, 2, 1)), np.ones(1), 3)
    assert outcome(process, best_response(process, 0.0)).cost == 0.0


@settings(max_examples=40, deadline=None)
@given(processes(), st.floats(0, 1), PRICES, PRICES)
def test_a_mixture_of_users_is_the_weighted_sum(process, weight, one, other) -> None:
    """The occupancy of a mixture is the mixture of the occupancies, and a stochastic policy that has it exists."""
    policies = [best_response(process, one), best_response(process, other)]
    x = weight * occupancy(process, policies[0]) + (1 - weight) * occupancy(process, policies[1])
    mass = x.sum(-1, keepdims=True)
    spread = np.where(mass > 0, x / np.maximum(mass, 1e-300), 1 / process.actions)
    found = outcome(process, StochasticPolicy(spread))
    apart = [outcome(process, policy) for policy in policies]
    assert found.reward == pytest.approx(weight * apart[0].reward + (1 - weight) * apart[1].reward, abs=1e-9)
    assert found.cost == pytest.approx(weight * apart[0].cost + (1 - weight) * apart[1].cost, abs=1e-9)


@pytest.mark.parametrize("price", [-1e-9, math.nan, -math.inf])
def test_no_price(price: float) -> None:
    process = TabularCMDP(np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1, 1)), np.ones(1), 1)
    with pytest.raises(ValueError, match="zero or more"):
        best_response(process, price)


def test_an_oracle_needs_a_table() -> None:
    process = TabularCMDP(np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1, 1)), np.ones(1), 1)
    with pytest.raises(TypeError, match="not a StochasticPolicy"):
        TabularOracle(process).evaluate(StochasticPolicy(np.ones((1, 1, 1))))  # type: ignore[arg-type]


def test_processes_that_are_none() -> None:
    good = TabularCMDP(np.ones((2, 2)), np.ones((2, 2)), np.full((2, 2, 2), 0.5), np.array([1.0, 0.0]), 2)
    for change, message in (
        ({"cost": np.ones((2, 3))}, "cost has shape"),
        ({"transition": np.ones((2, 2))}, "transition has shape"),
        ({"initial": np.ones(3) / 3}, "initial has shape"),
        ({"reward": np.array([[np.nan, 1.0], [1.0, 1.0]])}, "reward has values that are not finite"),
        ({"cost": np.array([[np.inf, 1.0], [1.0, 1.0]])}, "cost has values that are not finite"),
        ({"transition": np.full((2, 2, 2), 0.6)}, "transition must hold probabilities"),
        ({"initial": np.array([1.5, -0.5])}, "initial must hold probabilities"),
        ({"horizon": 0}, "horizon 0"),
        ({"gamma": 0.0}, "gamma 0.0"),
        ({"gamma": 1.5}, "gamma 1.5"),
        ({"gamma": math.nan}, "gamma nan"),
        ({"allowed": np.ones((2, 3), bool)}, "allowed has shape"),
        ({"allowed": np.array([[True, True], [False, False]])}, "State 1 has no allowed action"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(good, **change)  # type: ignore[arg-type]

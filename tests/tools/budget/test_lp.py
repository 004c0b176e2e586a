"""The linear program over occupancies: its optimum by exhaustion, its price by differences, its edges."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import TabularCMDP, best_response, occupancy, outcome
from bethink.tools.budget.environment import tabular
from bethink.tools.budget.lp import InfeasibleBudget, check_budget, solve_lp
from bethink.tools.budget.oracle import TabularOracle
from tests.tools.budget.processes import limit, one_cost, processes

SHARES = st.sampled_from([0.0, 1.0]) | st.floats(0.0, 1.2)


def between(process: TabularCMDP, share: float) -> float:
    """A budget from the least that is needed (0) to what the unlimited policy costs (1)."""
    least, most = (outcome(process, best_response(process, price)).cost for price in (math.inf, 0.0))
    return least + share * (most - least)


@settings(max_examples=80, deadline=None)
@given(processes(masked=True), SHARES)
def test_chord_search_and_another_programme_agree(process, share) -> None:
    """With a discount, with actions that are not allowed, with ties, at both ends."""
    budget = between(process, share)
    found = solve_lp(process, budget)
    chord = chord_search(TabularOracle(process), budget, tolerance=1e-12, max_solves=100)
    assert found.value == pytest.approx(chord.outcome.reward, abs=1e-8)
    assert found.cost <= budget + 1e-8
    assert found.shadow_price >= 0
    if process.allowed is None:
        assert found.value == pytest.approx(limit(one_cost(process), [budget]), abs=1e-8)


@settings(max_examples=80, deadline=None)
@given(processes(masked=True), SHARES)
def test_the_policy_is_one_and_brings_the_value(process, share) -> None:
    budget = between(process, share)
    found = solve_lp(process, budget)
    table = found.policy.probabilities
    assert table.sum(-1) == pytest.approx(np.ones(table.shape[:2]))
    assert (table >= 0).all()
    if process.allowed is not None:
        assert (table[:, ~process.allowed] == 0).all()
    brought = outcome(process, found.policy)
    assert brought.reward == pytest.approx(found.value, abs=1e-7)
    assert brought.cost <= budget + 1e-7
    reached = occupancy(process, found.policy).sum(-1) > 1e-9
    drawn = ((table > 1e-7) & (table < 1 - 1e-7)).any(-1)
    assert (reached & drawn).sum() <= 1  # a basic optimum draws lots in one place at most


@settings(max_examples=60, deadline=None)
@given(processes(masked=True), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_value_is_concave_and_the_price_is_its_slope(process, one, other) -> None:
    first, second = between(process, one), between(process, other)
    here, there = solve_lp(process, first), solve_lp(process, second)
    assert there.value <= here.value + here.shadow_price * (second - first) + 1e-7
    middle = solve_lp(process, (first + second) / 2)
    assert middle.value >= (here.value + there.value) / 2 - 1e-8


@settings(max_examples=40, deadline=None)
@given(processes(masked=True))
def test_the_least_budget_is_feasible_and_below_it_nothing_is(process) -> None:
    dear = replace(process, cost=process.cost + 0.25)
    cheapest = outcome(dear, best_response(dear, math.inf))
    assert solve_lp(dear, cheapest.cost).value == pytest.approx(cheapest.reward, abs=1e-7)
    with pytest.raises(InfeasibleBudget) as error:
        solve_lp(dear, cheapest.cost - 1e-6)
    assert error.value.minimum == cheapest.cost
    assert error.value.budget == cheapest.cost - 1e-6
    assert f"{cheapest.cost:.6g}" in str(error.value)


def test_no_money_at_all() -> None:
    found = solve_lp(tabular(), 0.0)
    assert found.value == pytest.approx(4.53376, abs=1e-5)
    assert found.cost == pytest.approx(0.0, abs=1e-9)
    assert (found.policy.probabilities[..., 0] == 1).all()


def test_more_money_than_helps() -> None:
    found = solve_lp(tabular(), 1e9)
    assert found.value == pytest.approx(6.4456, abs=1e-4)
    assert found.shadow_price == 0
    assert found.cost < 56


def test_money_is_not_discounted() -> None:
    """One state, r = c = a over two steps, gamma 0.5: the first unit buys 1, the second 1/2, whenever it is spent."""
    table = np.array([[0.0, 1.0]])
    process = TabularCMDP(table, table, np.ones((1, 2, 1)), np.ones(1), 2, gamma=0.5)
    for budget, value, price in ((0.5, 0.5, 1.0), (1.5, 1.25, 0.5), (2.5, 1.5, 0.0)):
        found = solve_lp(process, budget)
        assert (found.value, found.shadow_price) == pytest.approx((value, price))
        assert found.cost == pytest.approx(min(budget, 2.0))


@pytest.mark.parametrize("budget", [-1e-9, math.nan, math.inf, -math.inf])
def test_no_budget(budget: float) -> None:
    for run in (check_budget, lambda value: solve_lp(tabular(), value)):
        with pytest.raises(ValueError, match="zero or more"):
            run(budget)

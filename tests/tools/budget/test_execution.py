"""Simulated executions: the averages are the plan's, and the money is kept count of."""

from __future__ import annotations

import numpy as np
import pytest

from bethink.tools.budget import environment
from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.execution import (
    Execution,
    cost_moments,
    draw_lots,
    execute,
    follow,
    replan,
    summarise,
)
from bethink.tools.budget.guarantee import spread
from bethink.tools.budget.lp import solve_lp
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.replanning import Replanner

CMDP = environment.tabular()
PLAN = chord_search(TabularOracle(CMDP), 6.0, tolerance=1e-9)


def ten(states: np.ndarray, step: int, left: float) -> np.ndarray:
    """A coupon of 10 for everybody, always."""
    return np.full(len(states), 3)


def test_a_mixture_brings_and_costs_what_it_says() -> None:
    users = 200_000
    found = execute(follow(PLAN, np.arange(users), "a"), users, 6.0, 1)
    deviation = spread(CMDP, PLAN.components, cost_moments()).deviation
    assert found.cost == pytest.approx(6.0, abs=4 * deviation / np.sqrt(users))
    assert found.value == pytest.approx(PLAN.outcome.reward, abs=4 * 4.0 / np.sqrt(users))
    assert found.over == pytest.approx(found.cost / 6.0 - 1)


def test_the_linear_programs_lots_bring_the_same() -> None:
    limit = solve_lp(CMDP, 6.0)
    found = execute(draw_lots(limit.policy, 3), 100_000, 6.0, 2)
    assert found.cost == pytest.approx(6.0, abs=0.1)
    assert found.value == pytest.approx(limit.value, abs=0.06)


def test_executions_vary_as_the_deviation_says() -> None:
    found = summarise([execute(follow(PLAN, np.arange(2_000), f"{seed}"), 2_000, 6.0, seed) for seed in range(150)])
    assert found.cost_deviation == pytest.approx(6.6192 / np.sqrt(2_000), rel=0.2)
    assert 0.3 < found.overspent < 0.7
    assert found.overspent_interval[0] < 0.5 < found.overspent_interval[1]


def test_same_seed_same_execution() -> None:
    once, twice, other = (execute(follow(PLAN, np.arange(500), "a"), 500, 6.0, seed) for seed in (4, 4, 5))
    assert once == twice != other


def test_the_guard_stops_a_reckless_plan() -> None:
    free, held = execute(ten, 1_000, 6.0, 0), execute(ten, 1_000, 6.0, 0, hard=True)
    assert free.over > 5
    assert free.cut == 0
    assert held.over <= 0
    assert held.cut > 0
    assert held.total == 600_000


def test_planning_again_keeps_the_budget() -> None:
    ids = np.arange(2_000)
    hard = [execute(replan(Replanner(CMDP, environment.AMOUNTS, hard=True), ids, "h"), 2_000, 6.0, 7, hard=True)]
    assert hard[0].over <= 0
    assert hard[0].cut == 0
    assert hard[0].over > -0.09
    soft = execute(replan(Replanner(CMDP, environment.AMOUNTS), ids, "h"), 2_000, 6.0, 7)
    assert abs(soft.over) < 0.02


def test_cost_moments_are_those_of_the_simulated_weeks() -> None:
    moments, rng = cost_moments(), np.random.default_rng(0)
    np.testing.assert_allclose(moments.joint.sum(-1), CMDP.cost, atol=1e-12)
    users = 400_000
    for state, action in ((22, 3), (14, 1), (0, 2)):
        found = environment.week(np.full(users, state), np.full(users, action), rng)
        assert (found.costs**2).mean() == pytest.approx(moments.square[state, action], rel=0.02)
        joint = np.bincount(found.next_states, found.costs, environment.STATES) / users
        np.testing.assert_allclose(joint, moments.joint[state, action], atol=0.03)


def test_summary() -> None:
    found = summarise([Execution(10, 50, 1_000, spent, 0) for spent in (900, 1_000, 1_000, 1_100)])
    assert found.overspent == 0.25
    assert found.worst == pytest.approx(0.1)
    assert found.unspent == pytest.approx(0.0)
    assert found.overspent_interval == pytest.approx((0.0456, 0.6994), abs=1e-3)  # Wilson, 1 of 4
    assert (found.value, found.value_error, found.cost) == pytest.approx((5.0, 0.0, 1.0))
    with pytest.raises(ValueError, match="two"):
        summarise([Execution(10, 50, 1_000, 900, 0)])

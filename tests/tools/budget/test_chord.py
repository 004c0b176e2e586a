"""Chord search against the linear program."""

from __future__ import annotations

import numpy as np
import pytest

from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import TabularCMDP, best_response, outcome
from bethink.tools.budget.lp import InfeasibleBudget, solve_lp
from bethink.tools.budget.oracle import TabularOracle


def random_cmdp(seed: int) -> TabularCMDP:
    rng = np.random.default_rng(seed)
    states, actions, horizon = int(rng.integers(3, 41)), int(rng.integers(2, 6)), int(rng.integers(2, 13))
    cost = rng.random((states, actions)) * np.arange(actions)
    transition = rng.dirichlet(np.full(states, 0.3), size=(states, actions))
    return TabularCMDP(rng.random((states, actions)), cost, transition, rng.dirichlet(np.ones(states)), horizon)


@pytest.mark.parametrize("seed", range(40))
def test_two_policies_reach_the_occupancy_optimum(seed: int) -> None:
    cmdp = random_cmdp(seed)
    share = np.random.default_rng(seed + 1000).uniform(0.05, 0.9)
    budget = share * outcome(cmdp, best_response(cmdp, 0.0)).cost
    found = chord_search(TabularOracle(cmdp), budget, tolerance=1e-9)
    limit = solve_lp(cmdp, budget)
    assert found.outcome.reward == pytest.approx(limit.value, abs=1e-8)
    assert found.outcome.cost <= budget + 1e-9
    assert len(found.components) <= 2
    assert len(found.trace) <= 20
    assert found.gap is not None
    assert found.gap >= limit.value - found.outcome.reward - 1e-9
    assert outcome(cmdp, limit.policy).reward == pytest.approx(limit.value, abs=1e-8)


def test_a_budget_below_the_cheapest_policy_names_the_least() -> None:
    cmdp = random_cmdp(0)
    dear = TabularCMDP(cmdp.reward, cmdp.cost + 1.0, cmdp.transition, cmdp.initial, cmdp.horizon)
    for run in (lambda: solve_lp(dear, 0.5), lambda: chord_search(TabularOracle(dear), 0.5)):
        with pytest.raises(InfeasibleBudget) as error:
            run()
        assert error.value.minimum == pytest.approx(outcome(dear, best_response(dear, np.inf)).cost)


@pytest.mark.parametrize("budget", [-1.0, float("nan"), float("inf")])
def test_no_budget(budget: float) -> None:
    with pytest.raises(ValueError, match="zero or more"):
        chord_search(TabularOracle(random_cmdp(1)), budget)

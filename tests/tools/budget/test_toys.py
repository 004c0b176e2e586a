"""The toys' closed forms, exactly."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import Outcome, TabularCMDP, TabularPolicy, best_response, outcome
from bethink.tools.budget.lp import solve_lp
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.rules import myopic, myopic_per_period, plan_outcome
from bethink.tools.budget.toys import BUDGET, greedy_trap, kink

EXACT = 1e-14


def every_deterministic(cmdp: TabularCMDP) -> list[Outcome]:
    shape = (cmdp.horizon, cmdp.states)
    tables = product(range(cmdp.actions), repeat=cmdp.horizon * cmdp.states)
    return [outcome(cmdp, TabularPolicy(np.array(table).reshape(shape))) for table in tables]


def best_pair(points: list[Outcome], budget: float) -> float:
    """The optimum by exhaustion: the best of all mixtures of two deterministic policies."""
    best = max(p.reward for p in points if p.cost <= budget)
    for low, high in product(points, points):
        if low.cost < budget < high.cost:
            weight = (budget - low.cost) / (high.cost - low.cost)
            best = max(best, low.reward + weight * (high.reward - low.reward))
    return best


@pytest.mark.parametrize(("horizon", "optimum"), [(1, 0.25), (2, 0.4), (3, 0.6)])
def test_the_trap_by_exhaustion(horizon: int, optimum: float) -> None:
    assert best_pair(every_deterministic(greedy_trap(horizon)), BUDGET) == pytest.approx(optimum, abs=EXACT)


@pytest.mark.parametrize("horizon", [2, 3, 5, 12, 40])
def test_the_trap_pays_a_fifth_a_week_and_greed_a_quarter_in_all(horizon: int) -> None:
    cmdp = greedy_trap(horizon)
    found = chord_search(TabularOracle(cmdp), BUDGET, tolerance=EXACT)
    assert found.outcome.reward == pytest.approx(horizon / 5, abs=horizon * EXACT)
    assert found.outcome.cost == pytest.approx(BUDGET, abs=EXACT)
    assert solve_lp(cmdp, BUDGET).value == pytest.approx(horizon / 5, abs=1e-9)
    for rule in (myopic, myopic_per_period):
        greedy = plan_outcome(cmdp, rule(cmdp, BUDGET))
        assert greedy.reward == pytest.approx(0.25, abs=1e-12)
        assert greedy.cost == pytest.approx(BUDGET, abs=1e-12)
        assert found.outcome.reward / greedy.reward == pytest.approx(0.8 * horizon, abs=1e-9)


def test_the_trap_needs_a_horizon() -> None:
    with pytest.raises(ValueError, match="horizon"):
        greedy_trap(0)


def test_no_single_policy_at_the_kink() -> None:
    cmdp = kink()
    points = every_deterministic(cmdp)
    assert points == [Outcome(0.0, 0.0), Outcome(1.0, 1.0)]
    found = chord_search(TabularOracle(cmdp), BUDGET)
    assert found.outcome == Outcome(0.5, 0.5)
    assert found.multiplier == 1.0
    assert found.gap == 0.0
    assert [weight for _, weight in found.components] == [0.5, 0.5]
    assert solve_lp(cmdp, BUDGET).value == pytest.approx(0.5, abs=EXACT)


def test_cost_jumps_where_the_price_is_one() -> None:
    cmdp = kink()
    costs = [outcome(cmdp, best_response(cmdp, price)).cost for price in (0.0, 1 - 1e-9, 1.0, 1 + 1e-9, np.inf)]
    assert costs == [1.0, 1.0, 0.0, 0.0, 0.0]


def test_a_learner_of_prices_never_settles() -> None:
    cmdp, price = kink(), 0.0
    costs = []
    for k in range(1, 4001):
        costs.append(outcome(cmdp, best_response(cmdp, price)).cost)
        price = max(0.0, price + (costs[-1] - BUDGET) / np.sqrt(k))
    late = costs[2000:]
    assert set(late) == {0.0, 1.0}
    assert sum(a != b for a, b in pairwise(late)) > 100
    assert np.mean(late) == pytest.approx(BUDGET, abs=0.05), "only the average of its policies is right"

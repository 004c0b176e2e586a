"""The minimum-norm point: the geometry by its optimality conditions, the mixtures against the linear program."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bethink.tools.budget.column_generation import column_generation
from bethink.tools.budget.environment import parts, tabular
from bethink.tools.budget.lp import InfeasibleBudget
from bethink.tools.budget.minimum_norm_point import minimum_norm_point, nearest
from bethink.tools.budget.toys import BUDGET, greedy_trap, kink
from bethink.tools.budget.vector_oracle import InfeasibleBudgets, TabularVectorOracle, by_segment
from tests.tools.budget.processes import limit, one_cost, random_budgets

CMDP = tabular()
SEGMENTS = parts(np.arange(CMDP.states))[0]
clouds = st.tuples(st.integers(1, 9), st.integers(1, 4)).flatmap(
    lambda shape: arrays(float, shape, elements=st.integers(-8, 8).map(float))
)


@settings(max_examples=200, deadline=None)
@given(clouds)
def test_the_nearest_mixture(points) -> None:
    """Wolfe's criterion: what is missing separates the target from all points, and no nearer mixture exists."""
    weights, missing = nearest(points)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1.0)
    assert missing == pytest.approx(np.maximum(weights @ points, 0.0))
    assert (points @ missing >= missing @ missing - 1e-8).all()
    if missing @ missing > 1e-8:
        corral = points[weights > 0]
        assert len(corral) <= points.shape[1]
        assert np.linalg.matrix_rank(corral[1:] - corral[0]) == len(corral) - 1


def test_the_nearest_mixture_by_hand() -> None:
    assert nearest(np.array([[2.0, 0.0], [0.0, 2.0]])) == (pytest.approx([0.5, 0.5]), pytest.approx([1.0, 1.0]))
    assert nearest(np.array([[3.0, -1.0], [1.0, -9.0]])) == (pytest.approx([0.0, 1.0]), pytest.approx([1.0, 0.0]))
    assert nearest(np.array([[2.0, -1.0], [-1.0, 0.5]]))[1] == pytest.approx([0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("seed", range(60))
def test_it_is_the_optimum_within_all_budgets(seed: int) -> None:
    oracle, budgets = random_budgets(seed)
    found = minimum_norm_point(oracle, budgets, tolerance=1e-9)
    best = limit(oracle, budgets)
    assert found.outcome.reward == pytest.approx(best, abs=1e-8)
    assert (np.array(found.costs) <= np.array(budgets) + 1e-8).all()
    assert len(found.components) <= len(budgets) + 1
    outcomes = [np.array([weight, *oracle.evaluate(policy).costs]) for policy, weight in found.components]
    assert sum(each[0] * each[1:] for each in outcomes) == pytest.approx(found.costs, abs=1e-12)


@pytest.mark.parametrize("budgets", [[6.0, 1.0, 1.5], [6.0, 6.0, 0.1], [30.0, 0.5, 9.0]])
def test_caps_on_segments(budgets: list[float]) -> None:
    oracle = TabularVectorOracle(CMDP, by_segment(CMDP.cost, SEGMENTS, [0, 1]))
    exact = column_generation(oracle, budgets, tolerance=1e-9)
    found = minimum_norm_point(oracle, budgets, tolerance=1e-9)
    assert found.outcome.reward == pytest.approx(exact.outcome.reward, abs=1e-7)
    assert found.costs == pytest.approx(exact.costs, abs=1e-6)
    assert found.multipliers == pytest.approx(exact.multipliers, abs=1e-5)


def test_stopped_early_it_is_outside_of_the_budgets_where_column_generation_is_within() -> None:
    budgets = [6.0, 1.0, 1.5]
    oracle = TabularVectorOracle(CMDP, by_segment(CMDP.cost, SEGMENTS, [0, 1]))
    near = minimum_norm_point(oracle, budgets, max_solves=12)
    within = column_generation(oracle, budgets, max_solves=12, tolerance=0.0)
    assert max(np.array(near.costs) - budgets) > 1e-3
    assert max(np.array(within.costs) - budgets) <= 1e-12
    best = limit(oracle, budgets)
    assert near.gap is not None
    assert best is not None
    assert near.outcome.reward + near.gap >= best - 1e-8


def test_the_toys() -> None:
    assert minimum_norm_point(one_cost(kink()), [0.5]).outcome == pytest.approx((0.5, 0.5), abs=1e-6)
    assert minimum_norm_point(one_cost(greedy_trap(5)), [BUDGET]).outcome == pytest.approx((1.0, 0.5), abs=1e-5)


def test_infeasible_budgets() -> None:
    grams = np.tile([0.0, 1.0, 1.0, 1.0], (CMDP.states, 1))
    with pytest.raises(InfeasibleBudgets) as error:  # 5 coupons at least, for no money
        minimum_norm_point(TabularVectorOracle(CMDP, np.stack([CMDP.cost, -grams])), [0.0, -5.0])
    assert error.value.minima[0] > 0
    assert error.value.minima[1] > -5
    with pytest.raises(InfeasibleBudget) as one:
        minimum_norm_point(one_cost(CMDP), [-1.0])
    assert one.value.minimum == pytest.approx(0.0, abs=1e-9)


def test_what_is_refused_and_what_does_not_bind() -> None:
    with pytest.raises(ValueError, match="finite"):
        minimum_norm_point(one_cost(CMDP), [np.nan])
    with pytest.raises(ValueError, match="2 budgets for an oracle with 1"):
        minimum_norm_point(one_cost(CMDP), [6.0, 1.0])
    found = minimum_norm_point(one_cost(CMDP), [1000.0])
    assert (len(found.trace), found.gap, found.multiplier) == (1, 0.0, 0.0)

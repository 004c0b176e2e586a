"""One door, six methods."""

from __future__ import annotations

import numpy as np
import pytest

from bethink.tools.budget.environment import parts, tabular
from bethink.tools.budget.lp import InfeasibleBudget
from bethink.tools.budget.optimizer import MixedPolicyOptimizer
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.vector_oracle import TabularVectorOracle, VectorMixture, by_segment

CMDP = tabular()
ORACLE = TabularOracle(CMDP)
VECTOR = TabularVectorOracle(CMDP, by_segment(CMDP.cost, parts(np.arange(CMDP.states))[0], [0]))


@pytest.mark.parametrize("method", [None, "chord", "bisect", "columns", "mnp"])
def test_methods_that_end_at_the_optimum(method) -> None:
    found = MixedPolicyOptimizer(ORACLE, 6.0, method, tol=1e-9).fit()
    assert found.outcome == pytest.approx((5.60956, 6.0), abs=1e-5)
    assert found.multiplier == pytest.approx(0.09759, abs=1e-5)
    assert len(found.components) == 2


@pytest.mark.parametrize(("method", "components"), [("ogd_average", 59), ("pid", 1)])
def test_methods_that_do_not(method, components: int) -> None:
    found = MixedPolicyOptimizer(ORACLE, 6.0, method, max_solves=60).fit()
    assert len(found.trace) == 60
    assert len(found.components) == components
    assert abs(found.outcome.cost - 6.0) > 0.01


@pytest.mark.parametrize("method", [None, "columns", "mnp"])
def test_several_budgets(method) -> None:
    found = MixedPolicyOptimizer(VECTOR, [6.0, 1.0], method, tol=1e-9).fit()
    assert isinstance(found, VectorMixture)
    assert found.costs == pytest.approx((6.0, 1.0), abs=1e-6)
    assert found.outcome.reward == pytest.approx(5.468, abs=1e-3)


def test_what_is_refused() -> None:
    for method in ("chord", "bisect", "ogd_average", "pid"):
        with pytest.raises(ValueError, match="'columns' or 'mnp'"):
            MixedPolicyOptimizer(VECTOR, [6.0, 1.0], method).fit()  # type: ignore[arg-type]
    for method in ("ogd_average", "pid"):
        with pytest.raises(ValueError, match="no tolerance"):
            MixedPolicyOptimizer(ORACLE, 6.0, method, tol=1e-3).fit()  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'newton' is no method; there are chord, bisect"):
        MixedPolicyOptimizer(ORACLE, 6.0, "newton").fit()  # type: ignore[arg-type]
    for budget in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="budget"):
            MixedPolicyOptimizer(ORACLE, budget).fit()


@pytest.mark.parametrize("method", ["chord", "bisect", "ogd_average", "pid", "columns", "mnp"])
def test_every_method_names_the_least_budget(method) -> None:
    dear = type(CMDP)(CMDP.reward, CMDP.cost + 1.0, CMDP.transition, CMDP.initial, CMDP.horizon)
    with pytest.raises(InfeasibleBudget) as error:
        MixedPolicyOptimizer(TabularOracle(dear), 6.0, method).fit()
    assert error.value.minimum == pytest.approx(12.0)


@pytest.mark.parametrize("budget", [np.float64(6.0), np.int64(6), 6])
def test_progress_and_kinds_of_numbers(budget) -> None:
    seen: list[float] = []
    found = MixedPolicyOptimizer(ORACLE, budget, progress=lambda solve: seen.append(solve.multiplier)).fit()
    assert seen == [solve.multiplier for solve in found.trace]

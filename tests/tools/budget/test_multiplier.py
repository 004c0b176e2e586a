"""The learners of a price: what bisection certifies, what averaging needs many policies for, what a last iterate is."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from bethink.tools.budget.cmdp import Outcome, Policy, TabularPolicy
from bethink.tools.budget.environment import tabular
from bethink.tools.budget.lp import InfeasibleBudget, solve_lp
from bethink.tools.budget.multiplier import Gains, bisection, ogd_average, pid, upper_bound
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.toys import kink
from tests.tools.budget.processes import processes

METHODS = (bisection, ogd_average, pid)
CMDP = tabular()


class WithNoise:
    """A fake of an oracle with estimated outcomes: the exact ones, with an error that a policy keeps."""

    def __init__(self, seed: int, deviation: float) -> None:
        self.exact, self.seed, self.deviation = TabularOracle(CMDP), seed, deviation

    def solve(self, multiplier: float) -> TabularPolicy:
        return self.exact.solve(multiplier)

    def evaluate(self, policy: Policy) -> Outcome:
        assert isinstance(policy, TabularPolicy)
        rng = np.random.default_rng([self.seed, *policy.actions.ravel()])
        found = self.exact.evaluate(policy)
        return Outcome(*(value * (1 + self.deviation * rng.normal()) for value in found))


@pytest.mark.parametrize(("budget", "value"), [(1.0, 4.91767), (6.0, 5.60956), (12.0, 6.00297)])
def test_bisection_reaches_the_linear_programme(budget: float, value: float) -> None:
    found = bisection(TabularOracle(CMDP), budget, tolerance=1e-9)
    assert found.outcome.reward == pytest.approx(value, abs=1e-5)
    assert found.outcome.cost == pytest.approx(budget, abs=1e-9)
    assert len(found.components) == 2
    assert found.gap is not None
    assert found.gap <= 1e-9
    assert found.multiplier == pytest.approx(solve_lp(CMDP, budget).shadow_price, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(processes(), st.floats(0.0, 1.2))
def test_bisection_keeps_the_budget_and_its_certificate_holds(process, share) -> None:
    oracle = TabularOracle(process)
    budget = share * oracle.evaluate(oracle.solve(0.0)).cost
    limit = solve_lp(process, budget).value
    for solves in (3, 6, 40):
        found = bisection(oracle, budget, max_solves=solves, tolerance=0.0)
        assert found.outcome.cost <= budget + 1e-9
        assert found.gap is not None
        assert limit - 1e-8 <= found.outcome.reward + found.gap
        assert found.outcome.reward <= limit + 1e-8
        assert len(found.components) <= 2
        assert len(found.trace) <= solves


@pytest.mark.parametrize("seed", range(8))
def test_bisection_with_estimated_outcomes(seed: int) -> None:
    found = bisection(WithNoise(seed, 0.03), 6.0)
    assert found.outcome.cost <= 6.0 + 1e-9
    assert len(found.components) <= 2
    true = [TabularOracle(CMDP).evaluate(policy) for policy, _ in found.components]
    cost = sum(weight * each.cost for (_, weight), each in zip(found.components, true, strict=True))
    assert cost == pytest.approx(6.0, rel=0.12)


@pytest.mark.parametrize("seed", range(8))
def test_an_isotonic_regression_of_the_costs_would_end_with_the_same_bracket(seed: int) -> None:
    found = bisection(WithNoise(seed, 0.2), 6.0, tolerance=0.0, max_solves=20)
    ordered = sorted(found.trace, key=lambda solve: solve.multiplier)
    fitted = isotonic_regression([solve.outcome.cost for solve in ordered], increasing=False).x
    crossing = int((fitted > 6.0).sum())
    assert [policy for policy, _ in found.components] == [ordered[crossing - 1].policy, ordered[crossing].policy]


def test_averaging_approaches_the_optimum_slowly_and_keeps_every_policy() -> None:
    limit = solve_lp(CMDP, 6.0).value
    distances = []
    for solves in (22, 202, 2002):
        found = ogd_average(TabularOracle(CMDP), 6.0, rate=0.02, max_solves=solves)
        assert len(found.components) == len(found.trace) - 1 == solves - 1
        assert sum(weight for _, weight in found.components) == pytest.approx(1.0)
        assert found.gap is None
        distances.append(max(limit - found.outcome.reward, found.outcome.cost / 6.0 - 1.0))
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] < 0.01


def test_the_iterates_follow_the_rule() -> None:
    found = ogd_average(TabularOracle(CMDP), 6.0, rate=0.01, ceiling=0.3, max_solves=30)
    iterates = [solve for solve in found.trace if math.isfinite(solve.multiplier)]
    price = 0.0
    for number, (before, after) in enumerate(pairwise(iterates), 1):
        price = min(max(price + 0.01 * number**-0.5 * (before.outcome.cost - 6.0), 0.0), 0.3)
        assert after.multiplier == pytest.approx(price, rel=1e-12)


def test_the_greatest_price_is_no_less_than_the_right_one() -> None:
    for budget in (0.5, 1.0, 6.0, 30.0):
        found = ogd_average(TabularOracle(CMDP), budget, rate=1e9, max_solves=12)  # every step goes to an end
        assert max(solve.multiplier for solve in found.trace[2:]) >= solve_lp(CMDP, budget).shadow_price


@pytest.mark.parametrize("budget", [6.0, 30.0])  # at 30 the integral falls to zero
def test_the_controller_follows_the_rule_and_ends_with_one_policy(budget: float) -> None:
    gains = Gains(0.01, 0.002, 0.005)
    found = pid(TabularOracle(CMDP), budget, gains=gains, max_solves=40)
    iterates = [solve for solve in found.trace if math.isfinite(solve.multiplier)]
    total = before = 0.0
    for last, after in pairwise(iterates):
        error = last.outcome.cost - budget
        total = max(total + error, 0.0)
        wanted = 0.01 * max(error, 0.0) + 0.002 * total + 0.005 * max(error - before, 0.0)
        assert after.multiplier == pytest.approx(wanted, rel=1e-12)
        before = error
    assert [weight for _, weight in found.components] == [1.0]
    assert found.outcome == found.trace[-1].outcome


def test_on_the_kink_no_last_iterate_settles() -> None:
    for method in (ogd_average, pid):
        found = method(TabularOracle(kink()), 0.5, max_solves=2000)
        last = {solve.outcome.cost for solve in found.trace[-200:]}
        assert last == {0.0, 1.0}
    average = ogd_average(TabularOracle(kink()), 0.5, max_solves=1000)
    assert average.outcome.cost == pytest.approx(0.5, abs=0.05)
    assert bisection(TabularOracle(kink()), 0.5).outcome == pytest.approx((0.5, 0.5))


@settings(max_examples=40, deadline=None)
@given(processes(), st.floats(0.0, 1.2), st.lists(st.floats(0, 10), min_size=1, max_size=5))
def test_weak_duality(process, share, prices) -> None:
    oracle = TabularOracle(process)
    budget = share * oracle.evaluate(oracle.solve(0.0)).cost
    trace = bisection(oracle, budget, max_solves=3).trace
    assert upper_bound(trace, budget) >= solve_lp(process, budget).value - 1e-8
    assert upper_bound([], budget) == math.inf


@pytest.mark.parametrize("method", METHODS)
def test_a_budget_that_does_not_bind(method) -> None:
    found = method(TabularOracle(CMDP), 1000.0)
    assert found.gap == 0.0
    assert found.multiplier == 0.0
    assert found.outcome.reward == pytest.approx(6.4456, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_refused(method) -> None:
    oracle = TabularOracle(CMDP)
    for budget in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="zero or more"):
            method(oracle, budget)
    with pytest.raises(ValueError, match="at least 3"):
        method(oracle, 6.0, max_solves=2)
    dear = type(CMDP)(CMDP.reward, CMDP.cost + 1.0, CMDP.transition, CMDP.initial, CMDP.horizon)
    with pytest.raises(InfeasibleBudget, match="12"):
        method(TabularOracle(dear), 6.0)


@pytest.mark.parametrize("method", METHODS)
def test_the_least_budget(method) -> None:
    found = method(TabularOracle(CMDP), 0.0, max_solves=30)
    assert math.isfinite(found.multiplier)
    if method is bisection:
        assert found.outcome == pytest.approx((4.53376, 0.0), abs=1e-5)


def test_rates_and_ceilings() -> None:
    for options in ({"rate": -1.0}, {"rate": math.inf}, {"ceiling": math.nan}):
        with pytest.raises(ValueError, match="finite"):
            ogd_average(TabularOracle(CMDP), 6.0, **options)


@pytest.mark.parametrize("method", METHODS)
def test_progress_is_told_and_may_stop(method) -> None:
    seen = []

    def stop(solve) -> None:
        seen.append(solve)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        method(TabularOracle(CMDP), 6.0, progress=stop, **({"tolerance": 0.0} if method is bisection else {}))
    assert len(seen) == 3

"""Several budgets by column generation, against the linear program over occupancies and textbook optima."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import Outcome, Policy, TabularCMDP, best_response
from bethink.tools.budget.column_generation import column_generation
from bethink.tools.budget.environment import parts, tabular
from bethink.tools.budget.lp import InfeasibleBudget, solve_lp
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.toys import BUDGET, greedy_trap, kink
from bethink.tools.budget.vector_oracle import (
    InfeasibleBudgets,
    OneBudget,
    TabularVectorOracle,
    VectorMixture,
    VectorOutcome,
    by_segment,
)
from tests.tools.budget.processes import limit, one_cost, processes, random_budgets

DATA = Path(__file__).parent / "data"
CMDP = tabular()
SEGMENTS = parts(np.arange(CMDP.states))[0]


def check(found: VectorMixture, oracle: TabularVectorOracle, budgets) -> None:
    """The mixture is what it says it is, and within the budgets."""
    outcomes = [(weight, oracle.evaluate(policy)) for policy, weight in found.components]
    assert sum(weight for weight, _ in outcomes) == pytest.approx(1.0, abs=1e-12)
    assert found.outcome.reward == pytest.approx(sum(w * each.reward for w, each in outcomes), abs=1e-12)
    assert found.costs == pytest.approx(np.sum([w * np.array(each.costs) for w, each in outcomes], 0), abs=1e-12)
    assert found.outcome.cost == found.costs[0]
    assert found.multiplier == found.multipliers[0]
    assert (np.array(found.costs) <= np.array(budgets) + 1e-9 * (1 + np.abs(budgets))).all()
    assert len(found.components) <= len(budgets) + 1


@pytest.mark.parametrize("seed", range(60))
def test_it_is_the_optimum_within_all_budgets(seed: int) -> None:
    oracle, budgets = random_budgets(seed)
    found = column_generation(oracle, budgets, tolerance=1e-10)
    best = limit(oracle, budgets)
    check(found, oracle, budgets)
    assert found.outcome.reward == pytest.approx(best, abs=1e-8)
    assert found.gap is not None
    assert found.gap <= 1e-9


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(8, 20))
def test_stopped_early_it_is_within_the_budgets_and_the_gap_is_no_less_than_the_true_one(
    seed: int, solves: int
) -> None:
    oracle, budgets = random_budgets(seed)
    best = limit(oracle, budgets)
    assert best is not None
    try:
        found = column_generation(oracle, budgets, tolerance=0.0, max_solves=solves)
    except RuntimeError as error:
        assert "raise max_solves" in str(error)  # noqa: PT017 - both ends are fine
        return
    check(found, oracle, budgets)
    assert len(found.trace) <= solves
    assert found.outcome.reward <= best + 1e-8
    assert found.outcome.reward + found.gap >= best - 1e-8


@settings(max_examples=40, deadline=None)
@given(processes(masked=True), st.floats(0.0, 1.1))
def test_with_one_budget_it_is_chord_search(process: TabularCMDP, share: float) -> None:
    oracle = TabularOracle(process)
    least, most = (oracle.evaluate(oracle.solve(price)).cost for price in (np.inf, 0.0))
    budget = least + share * (most - least)
    chord = chord_search(oracle, budget, tolerance=1e-12, max_solves=100)
    for found in (
        column_generation(one_cost(process), [budget], tolerance=1e-12),
        column_generation(OneBudget(oracle), [budget], tolerance=1e-12),
    ):
        assert found.outcome == pytest.approx(chord.outcome, abs=1e-8)
        assert len(found.components) <= 2


@pytest.mark.parametrize("budget", [1.0, 6.0, 18.0])
def test_with_one_budget_it_asks_as_often_as_chord_search(budget: float) -> None:
    chord = chord_search(TabularOracle(CMDP), budget, tolerance=1e-9)
    found = column_generation(one_cost(CMDP), [budget], tolerance=1e-9)
    assert len(found.trace) <= len(chord.trace) + 1
    assert found.multiplier == pytest.approx(solve_lp(CMDP, budget).shadow_price, rel=1e-9)


def test_a_cap_on_a_segment() -> None:
    oracle = TabularVectorOracle(CMDP, by_segment(CMDP.cost, SEGMENTS, [0, 1]))
    found = column_generation(oracle, [6.0, 1.0, 1.5], tolerance=1e-9)
    check(found, oracle, [6.0, 1.0, 1.5])
    assert found.costs[1:] == pytest.approx((1.0, 1.5))
    assert found.outcome.reward == pytest.approx(limit(oracle, [6.0, 1.0, 1.5]), abs=1e-8)
    free = column_generation(one_cost(CMDP), [6.0], tolerance=1e-9)
    assert found.outcome.reward < free.outcome.reward - 0.05


def test_carbon_per_send() -> None:
    """Money for redeemed coupons, and a gram for each that is sent, redeemed or not."""
    grams = np.tile([0.0, 1.0, 1.0, 1.0], (CMDP.states, 1))
    oracle = TabularVectorOracle(CMDP, np.stack([CMDP.cost, grams]))
    free = column_generation(oracle, [6.0, 100.0], tolerance=1e-9)
    tight = column_generation(oracle, [6.0, free.costs[1] / 2], tolerance=1e-9)
    check(tight, oracle, [6.0, free.costs[1] / 2])
    assert tight.costs == pytest.approx((6.0, free.costs[1] / 2), abs=1e-9)
    assert tight.multipliers[1] > 0
    assert tight.outcome.reward == pytest.approx(limit(oracle, tight.costs), abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(processes(masked=True), st.integers(0, 10**6), st.booleans())
def test_costs_that_are_the_same_in_each_step_may_be_given_by_step(
    process: TabularCMDP, seed: int, whole: bool
) -> None:
    """To the very table, ties among whole numbers included; and a single price is a multiplier."""
    rng = np.random.default_rng(seed)
    costs = np.stack([process.cost, rng.integers(0, 3, process.cost.shape).astype(float)])
    by_step = np.repeat(costs[:, None], process.horizon, 1)
    prices = rng.integers(0, 3, 2) / 2 if whole else rng.random(2)
    one, other = TabularVectorOracle(process, costs), TabularVectorOracle(process, by_step)
    for weight in (0.0, 1.0, 2.5):
        found = one.solve(prices, weight)
        np.testing.assert_array_equal(found.actions, other.solve(prices, weight).actions)
        assert one.evaluate(found).costs == pytest.approx(other.evaluate(found).costs, abs=1e-12)
    for price in (0.25, 1.0):
        np.testing.assert_array_equal(
            one.solve(np.array([price, 0.0]), 1.0).actions,
            best_response(replace(process, cost=price * process.cost), 1.0).actions,
        )
    np.testing.assert_array_equal(one.solve(np.array([1.0, 0.0]), 0.0).actions, best_response(process, np.inf).actions)


@settings(max_examples=40, deadline=None)
@given(processes(most_states=3, masked=True), st.integers(0, 10**6))
def test_costs_that_go_by_the_step_are_answered_best(process: TabularCMDP, seed: int) -> None:
    """Against a process whose states hold the step, too, so that its costs need not go by it."""
    rng = np.random.default_rng(seed)
    t, s, a = process.horizon, process.states, process.actions
    costs = rng.random((2, t, s, a)) * rng.integers(0, 2, (2, t, 1, 1))
    transition = np.zeros((t, s, a, t, s))
    for step in range(t):
        transition[step, :, :, min(step + 1, t - 1)] = process.transition
    unrolled = TabularCMDP(
        np.tile(process.reward, (t, 1)),
        np.zeros((t * s, a)),
        transition.reshape(t * s, a, t * s),
        np.append(process.initial, np.zeros((t - 1) * s)),
        t,
        process.gamma,
        None if process.allowed is None else np.tile(process.allowed, (t, 1)),
    )
    oracle, wanted = TabularVectorOracle(process, costs), TabularVectorOracle(unrolled, costs.reshape(2, t * s, a))
    for weight in (0.0, 1.0):
        prices = rng.random(2)
        found = oracle.evaluate(oracle.solve(prices, weight))
        best = wanted.evaluate(wanted.solve(prices, weight))
        assert found.reward == pytest.approx(best.reward, abs=1e-9)
        assert found.costs == pytest.approx(best.costs, abs=1e-9)


def test_ties_by_step_go_to_the_cheaper_then_to_the_lower_action() -> None:
    """Three actions; in the second step the first two are worth the same, in the last one all."""
    process = TabularCMDP(np.array([[1.0, 2.0, 2.0]]), np.zeros((1, 3)), np.ones((1, 3, 1)), np.ones(1), 3)
    costs = np.array([[[0.0, 2.0, 1.5]], [[0.0, 1.0, 2.0]], [[1.0, 2.0, 2.0]]])[None]
    found = TabularVectorOracle(process, costs).solve(np.ones(1), 1.0)
    assert found.actions.ravel().tolist() == [0, 0, 0]
    cheap = TabularVectorOracle(process, costs[:, ::-1]).solve(np.array([0.5]), 1.0)
    assert cheap.actions.ravel().tolist() == [1, 1, 2]
    free = TabularVectorOracle(process, costs * 0.0).solve(np.ones(1), 0.0)
    assert free.actions.ravel().tolist() == [1, 1, 1]


def test_a_budget_for_each_step() -> None:
    """One coupon for a third of the users in each step: the same coupon at any time, or nothing."""
    process = TabularCMDP(np.array([[0.0, 1.0]]), np.zeros((1, 2)), np.ones((1, 2, 1)), np.ones(1), 3, gamma=0.5)
    costs = np.zeros((3, 3, 1, 2))
    costs[np.arange(3), np.arange(3), 0, 1] = 1.0
    found = column_generation(TabularVectorOracle(process, costs), [0.25, 0.5, 1.0], tolerance=0.0)
    assert found.costs == pytest.approx((0.25, 0.5, 1.0))
    assert found.outcome.reward == pytest.approx(0.25 + 0.5 * 0.5 + 0.25)
    assert found.multipliers == pytest.approx((1.0, 0.5, 0.0))


def pyoptbook() -> tuple[TabularCMDP, TabularVectorOracle, int]:
    """16 segments, coupons of 0, 1000 and 2000 yen; money, and a floor on each (segment, coupon) as a cost below 0."""
    with (DATA / "pyoptbook_coupon_visit_probability.csv").open() as file:
        rows = {(row["age_cat"], row["freq_cat"]): row for row in csv.DictReader(file)}
    with (DATA / "pyoptbook_coupon_customers.csv").open() as file:
        customers = [(row["age_cat"], row["freq_cat"]) for row in csv.DictReader(file)]
    share = np.array([customers.count(key) for key in rows]) / len(customers)
    visits = np.array([[float(row[f"prob_dm{k}"]) for k in (1, 2, 3)] for row in rows.values()])
    cost = visits * np.array([0.0, 1000.0, 2000.0])
    process = TabularCMDP(visits - visits[:, :1], cost, np.full((16, 3, 16), 1 / 16), share, 1)
    floors = -np.eye(48).reshape(48, 16, 3)
    return process, TabularVectorOracle(process, np.concatenate([cost[None], floors])), len(customers)


@pytest.mark.parametrize(("total", "visits"), [(1e6, 326.095), (2e6, 679.837)])
def test_pyoptbook_with_a_tenth_of_every_segment_for_every_coupon(total: float, visits: float) -> None:
    process, oracle, users = pyoptbook()
    budgets = [total / users, *-0.1 * np.repeat(process.initial, 3)]
    found = column_generation(oracle, budgets, tolerance=1e-9)
    check(found, oracle, budgets)
    assert found.outcome.reward * users == pytest.approx(visits, abs=5e-4)


def test_pyoptbook_floors_that_cost_more_than_the_budget_name_the_least_budget() -> None:
    process, oracle, users = pyoptbook()
    floors = -0.1 * np.repeat(process.initial, 3)
    with pytest.raises(InfeasibleBudgets, match="number 0 of 100 raised to 152.37") as error:
        column_generation(oracle, [500_000 / users, *floors])
    least = 0.1 * float(process.initial @ process.cost.sum(1))
    assert error.value.minimum == pytest.approx(least, rel=1e-9)
    assert error.value.minima[1:] == tuple(floors)
    found = column_generation(oracle, error.value.minima, tolerance=1e-9)
    assert found.costs[0] == pytest.approx(least, rel=1e-9)


def test_floors_that_contradict_each_other() -> None:
    """Half of the users at least shall get each of three coupons: raised floors are named, and they can be kept."""
    process, _, _ = pyoptbook()
    counts = -np.eye(3)[:, None].repeat(16, 1)
    oracle = TabularVectorOracle(process, np.concatenate([process.cost[None], counts]))
    with pytest.raises(InfeasibleBudgets) as error:
        column_generation(oracle, [1e4, -0.5, -0.5, -0.5])
    assert sum(error.value.minima[1:]) == pytest.approx(-1.0)
    column_generation(oracle, error.value.minima)


def test_one_infeasible_budget_is_told_as_by_chord_search() -> None:
    dear = TabularCMDP(CMDP.reward, CMDP.cost + 1.0, CMDP.transition, CMDP.initial, CMDP.horizon)
    with pytest.raises(InfeasibleBudget) as error:
        column_generation(one_cost(dear), [6.0])
    assert error.value.minimum == pytest.approx(12.0)


def test_the_toys() -> None:
    assert column_generation(one_cost(kink()), [0.5]).outcome == pytest.approx((0.5, 0.5))
    assert column_generation(one_cost(greedy_trap(5)), [BUDGET], tolerance=1e-12).outcome == pytest.approx((1.0, 0.5))


def test_budgets_that_do_not_bind_need_one_policy() -> None:
    oracle = TabularVectorOracle(CMDP, by_segment(CMDP.cost, SEGMENTS, [0]))
    found = column_generation(oracle, [1000.0, 1000.0])
    assert (len(found.trace), len(found.components), found.gap, found.multipliers) == (1, 1, 0.0, (0.0, 0.0))


class WithNoise:
    """A fake of an oracle with estimated outcomes: the exact ones, with an error that a policy keeps."""

    def __init__(self, oracle: TabularVectorOracle, seed: int) -> None:
        self.exact, self.seed = oracle, seed

    def solve(self, multipliers, reward_weight: float) -> Policy:
        return self.exact.solve(multipliers, reward_weight)

    def evaluate(self, policy) -> VectorOutcome:
        rng = np.random.default_rng([self.seed, *policy.actions.ravel()])
        found = self.exact.evaluate(policy)
        noisy = np.array([found.reward, *found.costs]) * (1 + 0.02 * rng.normal(size=1 + len(found.costs)))
        return VectorOutcome(float(noisy[0]), tuple(noisy[1:].tolist()))


@pytest.mark.parametrize("seed", range(8))
def test_with_estimated_outcomes_the_estimated_budgets_hold(seed: int) -> None:
    oracle = WithNoise(TabularVectorOracle(CMDP, by_segment(CMDP.cost, SEGMENTS, [0, 1])), seed)
    found = column_generation(oracle, [6.0, 1.0, 1.5])
    assert (np.array(found.costs) <= np.array([6.0, 1.0, 1.5]) + 1e-9).all()
    assert len(found.components) <= 4


def test_what_is_refused() -> None:
    oracle = one_cost(CMDP)
    for budgets in ([], [np.nan], [np.inf], [[6.0]]):
        with pytest.raises(ValueError, match="finite"):
            column_generation(oracle, budgets)
    with pytest.raises(ValueError, match="2 budgets for an oracle with 1"):
        column_generation(oracle, [6.0, 1.0])
    by_step = np.zeros((1, CMDP.horizon, *CMDP.cost.shape))
    for costs in (
        np.array(1.0),
        CMDP.cost,
        CMDP.cost[None, :3],
        CMDP.cost[None][:0],
        np.full((1, *CMDP.cost.shape), np.nan),
        by_step[:, 1:],
        by_step[None],
        by_step + np.inf,
    ):
        with pytest.raises(ValueError, match="costs has"):
            TabularVectorOracle(CMDP, costs)
    with pytest.raises(ValueError, match="segment 9"):
        by_segment(CMDP.cost, SEGMENTS, [0, 9])
    with pytest.raises(TypeError, match="not a str"):
        oracle.evaluate("policy")  # type: ignore[arg-type]


def test_progress_is_told_of_the_first_budget() -> None:
    seen: list[Outcome] = []
    found = column_generation(one_cost(CMDP), [6.0], progress=lambda solve: seen.append(solve.outcome))
    assert seen == [solve.outcome for solve in found.trace]

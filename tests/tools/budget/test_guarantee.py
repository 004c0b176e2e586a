"""Standard deviations of what is spent, plans that keep a budget with a given probability, and the guard."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget import environment
from bethink.tools.budget.chord import Mixture, chord_search
from bethink.tools.budget.cmdp import StochasticPolicy, TabularCMDP, TabularPolicy, best_response, outcome
from bethink.tools.budget.execution import cost_moments
from bethink.tools.budget.guarantee import (
    BudgetGuard,
    CostMoments,
    Guarantee,
    Spread,
    chance_plan,
    cost_to_go,
    expected_guarantee,
    hard_guarantee,
    minor_units,
    spread,
)
from bethink.tools.budget.log import Log
from bethink.tools.budget.lp import InfeasibleBudget
from bethink.tools.budget.oracle import TabularOracle

KNOWN = Spread(2.0, 0.0)


def coupon_process(seed: int, states: int = 3, horizon: int = 3) -> tuple[TabularCMDP, CostMoments, np.ndarray]:
    """A random process whose coupons of 0, 1 and 3 are redeemed together with the next state: [S, A, 2, S]."""
    rng = np.random.default_rng(seed)
    faces = np.array([0.0, 1.0, 3.0])
    both = rng.dirichlet(np.full(2 * states, 0.5), size=(states, 3)).reshape(states, 3, 2, states)
    redeemed = both[:, :, 1]
    cost = faces * redeemed.sum(-1)
    cmdp = TabularCMDP(rng.random((states, 3)), cost, both.sum(2), rng.dirichlet(np.ones(states)), horizon)
    return cmdp, CostMoments(faces**2 * redeemed.sum(-1), faces[:, None] * redeemed), both


def distribution(cmdp: TabularCMDP, policy: TabularPolicy, both: np.ndarray) -> dict[int, float]:
    """The total cost of one user and its probabilities, by enumeration of every path."""
    faces = (0, 1, 3)
    now = {(s, 0): float(p) for s, p in enumerate(cmdp.initial)}
    for step in range(cmdp.horizon):
        after: dict[tuple[int, int], float] = {}
        for (s, spent), mass in now.items():
            a = int(policy.actions[step, s])
            for redeemed in (0, 1):
                for following in range(cmdp.states):
                    key = (following, spent + redeemed * faces[a])
                    after[key] = after.get(key, 0.0) + mass * both[s, a, redeemed, following]
        now = after
    totals: dict[int, float] = {}
    for (_, spent), mass in now.items():
        totals[spent] = totals.get(spent, 0.0) + mass
    return totals


@given(st.integers(0, 10**6), st.floats(0.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_the_deviation_is_that_of_all_paths(seed: int, weight: float) -> None:
    cmdp, moments, both = coupon_process(seed)
    rng = np.random.default_rng(seed)
    parts = [TabularPolicy(rng.integers(0, 3, (3, 3))) for _ in range(2)]
    mixed: dict[int, float] = {}
    for policy, share in zip(parts, (weight, 1 - weight), strict=True):
        for spent, mass in distribution(cmdp, policy, both).items():
            mixed[spent] = mixed.get(spent, 0.0) + share * mass
    mean = sum(spent * mass for spent, mass in mixed.items())
    square = sum(spent**2 * mass for spent, mass in mixed.items())
    found = spread(cmdp, ((parts[0], weight), (parts[1], 1 - weight)), moments)
    assert found.deviation == pytest.approx(math.sqrt(square - mean**2), abs=1e-7)
    assert found.standard_error == 0.0


def test_the_deviation_between_components_counts() -> None:
    kink = TabularCMDP(np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]]), np.ones((1, 2, 1)), np.ones(1), 1)
    moments = CostMoments(np.array([[0.0, 1.0]]), np.array([[[0.0], [1.0]]]))
    never, always = (TabularPolicy(np.array([[a]])) for a in (0, 1))
    assert spread(kink, ((never, 1.0),), moments).deviation == 0.0
    assert spread(kink, ((always, 1.0),), moments).deviation == 0.0
    assert spread(kink, ((never, 0.5), (always, 0.5)), moments).deviation == pytest.approx(0.5)
    lots = StochasticPolicy(np.array([[[0.5, 0.5]]]))
    assert spread(kink, ((lots, 1.0),), moments).deviation == pytest.approx(0.5)


def test_first_moments_are_the_costs_of_policies() -> None:
    cmdp = environment.tabular()
    policy = best_response(cmdp, 0.1)
    first, _ = cost_to_go(cmdp, policy, cost_moments())
    assert cmdp.initial @ first[0] == pytest.approx(outcome(cmdp, policy).cost)
    with pytest.raises(TypeError, match="table"):
        cost_to_go(cmdp, object(), cost_moments())  # type: ignore[arg-type]


def learned(log: Log, like: TabularCMDP) -> tuple[TabularCMDP, CostMoments]:
    """The process as counted in a log of CouponRetention; cells that were never seen are as in ``like``."""
    s, a = like.states, like.actions
    cell = log.states * a + log.actions
    counts = np.bincount(cell, minlength=s * a).reshape(s, a)
    seen, many = counts > 0, np.maximum(counts, 1)
    cost = np.bincount(cell, log.costs, s * a).reshape(s, a) / many
    moves = np.bincount(cell * s + log.next_states, minlength=s * a * s).reshape(s, a, s) / many[:, :, None]
    first = np.bincount(log.states[log.steps == 0], minlength=s) / log.user_count
    found = TabularCMDP(
        like.reward,
        np.where(seen, cost, like.cost),
        np.where(seen[:, :, None], moves, like.transition),
        first,
        like.horizon,
    )
    return found, CostMoments.from_log(log, found)


def test_the_standard_error_is_how_estimates_vary_from_log_to_log() -> None:
    truth = environment.tabular()
    plan = chord_search(TabularOracle(truth), 6.0, tolerance=1e-9)
    costs, errors, deviations = [], [], []
    for seed in range(120):
        cmdp, moments = learned(environment.campaign(3_000, seed), truth)
        costs.append(sum(weight * outcome(cmdp, policy).cost for policy, weight in plan.components))
        found = spread(cmdp, plan.components, moments)
        errors.append(found.standard_error)
        deviations.append(found.deviation)
    assert np.mean(errors) == pytest.approx(np.std(costs), rel=0.2)
    assert np.mean(costs) == pytest.approx(6.0, abs=4 * np.std(costs) / math.sqrt(120))
    exact = spread(truth, plan.components, cost_moments()).deviation
    assert exact == pytest.approx(6.6192, abs=1e-4)  # the specification's prototype: 6.6
    assert np.mean(deviations) == pytest.approx(exact, rel=0.02)


def test_moments_of_a_log() -> None:
    log = environment.campaign(2_000, 3)
    cmdp, moments = learned(log, environment.tabular())
    assert moments.users == 2_000
    assert moments.counts is not None
    assert moments.counts.sum() == len(log.states)
    np.testing.assert_allclose(moments.joint.sum(-1), cmdp.cost, atol=1e-12)
    seen = moments.counts > 0
    np.testing.assert_allclose(moments.square[seen], (environment.AMOUNTS * cmdp.cost)[seen], atol=1e-9)
    wild = np.where(log.done, -(10**9), log.next_states)
    again = CostMoments.from_log(Log(**{**log.__dict__, "next_states": wild}), cmdp)
    np.testing.assert_array_equal(again.joint, moments.joint)
    for states, words in ((np.zeros((len(log.states), 2), np.float32), "numbers"), (log.states + 60, "beyond")):
        with pytest.raises(ValueError, match=words):
            CostMoments.from_log(Log(**{**log.__dict__, "states": states}), cmdp)


# -- promises ---------------------------------------------------------------------------------------------------------


def chance(budget: float, users: int, alpha: float = 0.05, error: float = 0.0) -> tuple[Mixture, Guarantee]:
    cmdp, moments = environment.tabular(), cost_moments()

    def uncertain(mixture: Mixture) -> Spread:
        return Spread(spread(cmdp, mixture.components, moments).deviation, error)

    return chance_plan(
        lambda b: chord_search(TabularOracle(cmdp), b, tolerance=1e-9), uncertain, budget, users, alpha=alpha
    )


def test_the_chance_plan_of_the_specification() -> None:
    mixture, found = chance(6.0, 10_000)
    assert found.planned_budget == pytest.approx(5.891, abs=0.002)
    assert mixture.outcome.reward == pytest.approx(5.5988, abs=0.0003)
    assert found.p_overspend == pytest.approx(0.05, abs=1e-3)
    assert found.p_overspend <= 0.05 + 1e-9
    assert found.mode == "chance"
    assert found.alpha == 0.05
    assert found.expected_cost == mixture.outcome.cost


@given(st.floats(0.5, 30.0), st.integers(200, 10**7), st.sampled_from([0.001, 0.01, 0.05, 0.3]), st.floats(0.0, 0.1))
@settings(max_examples=20, deadline=None)
def test_the_margin_is_what_the_words_say(budget: float, users: int, alpha: float, error: float) -> None:
    mixture, found = chance(budget, users, alpha, error)
    margin = NormalDist().inv_cdf(1 - alpha) * math.hypot(found.deviation / math.sqrt(users), error)
    assert mixture.outcome.cost == pytest.approx(found.planned_budget)
    assert budget - 3e-4 * budget <= found.planned_budget + margin <= budget * (1 + 1e-9)
    assert found.standard_error == error


def test_more_users_and_more_courage_leave_less() -> None:
    planned = [chance(6.0, users)[1].planned_budget for users in (100, 1_000, 10_000, 10**8)]
    assert planned == sorted(planned)
    assert planned[-1] == pytest.approx(6.0, abs=2e-3)
    assert chance(6.0, 1_000, alpha=0.5)[1].planned_budget == 6.0
    assert chance(6.0, 1)[1].planned_budget < 2.0  # one user: nearly all is margin, and still there is a plan


def test_a_budget_that_cannot_be_used_up_needs_no_margin() -> None:
    mixture, found = chance(80.0, 10_000)
    assert found.planned_budget == 80.0
    assert mixture.outcome.cost < 60
    assert found.p_overspend == 0.0
    assert found.unspent == pytest.approx(1 - mixture.outcome.cost / 80)


def test_the_least_budget_has_a_margin_too() -> None:
    cmdp = environment.tabular()
    dear = TabularCMDP(cmdp.reward, cmdp.cost + 0.5, cmdp.transition, cmdp.initial, cmdp.horizon)

    def plan(budget: float) -> Mixture:
        return chord_search(TabularOracle(dear), budget, tolerance=1e-9)

    z = NormalDist().inv_cdf(0.95)
    with pytest.raises(InfeasibleBudget) as error:
        chance_plan(plan, lambda m: Spread(3.0, 0.0), 6.1, 100)
    assert error.value.minimum == pytest.approx(6.0 + z * 0.3)
    with pytest.raises(InfeasibleBudget) as error:
        chance_plan(plan, lambda m: Spread(3.0, 0.0), 5.9, 100)
    assert error.value.minimum == pytest.approx(6.0)
    mixture, found = chance_plan(plan, lambda m: Spread(3.0, 0.0), 6.6, 100)
    assert mixture.outcome.cost == pytest.approx(6.6 - z * 0.3, abs=1e-3)
    assert found.p_overspend <= 0.05 + 1e-9


@pytest.mark.parametrize(("budget", "users", "alpha"), [(math.nan, 9, 0.1), (-1.0, 9, 0.1), (1.0, 0, 0.1)])
def test_what_is_no_question(budget: float, users: int, alpha: float) -> None:
    with pytest.raises(ValueError, match=r"budget|users"):
        chance(budget, users, alpha)
    for promise in (expected_guarantee, hard_guarantee):
        with pytest.raises(ValueError, match=r"budget|users"):
            promise(1.0, budget, users, KNOWN)


@pytest.mark.parametrize("alpha", [0.0, -1.0, 0.6, math.nan])
def test_alpha_out_of_range(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        chance(1.0, 10, alpha)


def test_expected_overspends_half_of_the_time_at_the_budget() -> None:
    assert expected_guarantee(6.0, 6.0, 10_000, KNOWN).p_overspend == pytest.approx(0.5)
    assert expected_guarantee(5.98, 6.0, 10_000, KNOWN).p_overspend == pytest.approx(0.1587, abs=1e-4)
    sure = Spread(0.0, 0.0)
    assert [expected_guarantee(cost, 6.0, 10, sure).p_overspend for cost in (6.0, 6.1)] == [0.0, 1.0]


@given(
    st.floats(1e-4, 1e5),
    st.floats(0.0, 1.0),
    st.integers(1, 10**9),
    st.floats(0.0, 100.0),
    st.floats(0.0, 1.0),
)
def test_every_number_of_a_statement_is_a_field(b: float, share: float, users: int, s: float, error: float) -> None:
    plain = expected_guarantee(share * b, b, users, Spread(s, error))
    chancy = replace(plain, mode="chance", planned_budget=share * b, alpha=0.05)
    for found in (plain, chancy, hard_guarantee(share * b, b, users, Spread(s, error))):
        told = {float(number) for number in re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?", found.statement)}
        assert told
        assert told <= set(found.numbers().values())
        assert json.loads(json.dumps(found.as_json()))["statement"] == found.statement
        assert ("rough" in found.statement) == (users < 100 and found.mode != "hard")


# -- the guard --------------------------------------------------------------------------------------------------------


@given(st.integers(0, 3_000), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_the_guard_is_never_exceeded(total: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    guard, ids = BudgetGuard(total), np.arange(20)
    waiting: list[np.ndarray] = []
    for _ in range(12):
        proposed = rng.choice([0, 200, 500], size=20)
        before = guard.left
        granted = guard.filter(proposed, ids)
        assert ((granted == proposed) | (granted == 0)).all()
        assert guard.left == before - granted.sum() >= 0
        left_out = proposed[(granted == 0) & (proposed > 0)]
        assert not len(left_out) or guard.left < 500  # the first that did not fit was a real one
        waiting.append(granted)
        if rng.random() < 0.7:  # some weeks nothing is settled, then an old week is
            settled = waiting.pop(0)
            guard.settle(settled, np.where(rng.random(20) < 0.5, settled, 0))
        assert guard.spent + guard.open <= total
    for settled in waiting:
        guard.settle(settled, settled)  # the worst case: everything that is open is redeemed
    assert guard.spent <= total
    assert guard.open == 0


def test_the_cut_does_not_depend_on_the_order_of_rows_and_is_fair() -> None:
    ids, proposed = np.arange(100), np.full(100, 100)
    mixed = np.random.default_rng(0).permutation(100)
    one, other = BudgetGuard(3_000), BudgetGuard(3_000)
    np.testing.assert_array_equal(one.filter(proposed, ids)[mixed], other.filter(proposed[mixed], ids[mixed]))
    served = np.zeros(100)
    guard = BudgetGuard(3_000)
    for _ in range(200):
        granted = guard.filter(proposed, ids)
        served += granted > 0
        guard.settle(granted, np.zeros_like(granted))
    assert served.sum() == 200 * 30
    assert abs(served - 60).max() < 5 * math.sqrt(200 * 0.3 * 0.7)  # nobody is cut for ever, nobody never
    again = BudgetGuard(3_000, salt="other").filter(proposed, ids)
    assert (again != BudgetGuard(3_000).filter(proposed, ids)).any()


def test_a_guard_goes_on_where_it_was_left() -> None:
    ids, proposed = np.arange(10), np.full(10, 300)
    guard = BudgetGuard(2_000)
    granted = guard.filter(proposed, ids)
    resumed = BudgetGuard(guard.total, guard.spent, guard.open, guard.calls)
    for each in (guard, resumed):
        each.settle(granted, granted)
    np.testing.assert_array_equal(guard.filter(proposed, ids), resumed.filter(proposed, ids))
    assert (guard.spent, guard.left) == (1_800, 200)


def test_what_the_guard_refuses() -> None:
    guard, ids = BudgetGuard(1_000), np.arange(2)
    for proposed, words in (
        (np.array([1.0, 2.0]), "minor units"),
        (np.array([-1, 2]), "zero or more"),
        (np.array([2**62, 2**62]), "2\\^63"),
        (np.array([1, 2, 3]), "user ids"),
    ):
        with pytest.raises(ValueError, match=words):
            guard.filter(proposed, ids)
    granted = guard.filter(np.array([500, 500]), ids)
    with pytest.raises(ValueError, match="above"):
        guard.settle(granted, granted + 1)
    with pytest.raises(ValueError, match="open"):
        guard.settle(np.array([600, 500]), np.zeros(2, int))
    for bad in (-1, 1.5, math.nan, 2**62, True):
        with pytest.raises(ValueError, match="minor units"):
            BudgetGuard(bad)  # type: ignore[arg-type]
    for salt in ("", "s" * 33):
        with pytest.raises(ValueError, match="salt"):
            BudgetGuard(10, salt=salt)
    with pytest.raises(ValueError, match="more than the total"):
        BudgetGuard(10, spent=6, open=5)
    assert BudgetGuard(0).filter(np.array([0, 1]), ids).sum() == 0
    assert BudgetGuard(5).filter(np.zeros(0, int), np.zeros(0, int)).shape == (0,)


def test_minor_units() -> None:
    np.testing.assert_array_equal(minor_units(np.array([0, 0.1, 2.5, 19.99])), [0, 10, 250, 1999])
    np.testing.assert_array_equal(minor_units(np.array([1_000.0]), scale=1), [1_000])
    for bad in (0.001, -1.0, math.nan, math.inf, 1e300):
        with pytest.raises(ValueError, match="mount"):
            minor_units(np.array([1.0, bad]))

"""The limit under the hard guarantee, and plans that are made anew in every step."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget import environment
from bethink.tools.budget.assignment import draw
from bethink.tools.budget.cmdp import Floats, TabularCMDP, TabularPolicy, best_response, occupancy, outcome
from bethink.tools.budget.lp import InfeasibleBudget, solve_lp
from bethink.tools.budget.mixed_policy import MixedPolicy
from bethink.tools.budget.replanning import Replanner, hard_mixture, solve_hard
from bethink.tools.budget.vector_oracle import VectorMixture
from tests.tools.budget.processes import processes

CMDP = environment.tabular()
ORDER = draw(np.arange(2_000), "test")


def coupons(horizon: int, redeemed: float) -> TabularCMDP:
    """One kind of user; a coupon of 2 brings 1, and costs 2 with probability ``redeemed``."""
    cost = np.array([[0.0, 2 * redeemed]])
    return TabularCMDP(np.array([[0.0, 1.0]]), cost, np.ones((1, 2, 1)), np.ones(1), horizon)


def sure_coupons(seed: int) -> TabularCMDP:
    """A random process whose coupons are always redeemed: face values are costs."""
    rng = np.random.default_rng(seed)
    states, horizon = int(rng.integers(2, 8)), int(rng.integers(1, 6))
    cost = np.tile([0.0, 1.0, 3.0], (states, 1))
    transition = rng.dirichlet(np.full(states, 0.4), size=(states, 3))
    return TabularCMDP(rng.random((states, 3)), cost, transition, rng.dirichlet(np.ones(states)), horizon)


def faces_of(cmdp: TabularCMDP, seed: int) -> Floats:
    """Face values that are as great as an action's greatest cost, or up to twice as great."""
    return cmdp.cost.max(0) * np.random.default_rng(seed).choice([1.0, 1.3, 2.0], cmdp.actions)


def hard_limit(cmdp: TabularCMDP, budget: float, faces: Floats) -> tuple[float | None, float]:
    """The optimum by the linear program, None if there is none; and a budget that can be kept."""
    try:
        return solve_hard(cmdp, budget, faces).value, budget
    except InfeasibleBudget as error:
        return None, error.minimum


def check_hard(found: VectorMixture, cmdp: TabularCMDP, budget: float, faces: Floats) -> None:
    """The mixture is what it says it is, of few tables, and within all T budgets."""
    x, reward = np.zeros((cmdp.horizon, cmdp.states, cmdp.actions)), 0.0
    for policy, weight in found.components:
        assert isinstance(policy, TabularPolicy)
        x += weight * occupancy(cmdp, policy)
        reward += weight * outcome(cmdp, policy).reward
    spent = np.cumsum((x * cmdp.cost).sum((1, 2)))
    assert found.outcome == pytest.approx((reward, spent[-1]), abs=1e-9)
    limited = np.append(0.0, spent[:-1]) + (x * faces).sum((1, 2))
    assert found.costs == pytest.approx([spent[-1], *limited], abs=1e-9)
    assert (limited <= budget + 1e-8).all()
    assert len(found.components) <= cmdp.horizon + 1
    assert found.multiplier == pytest.approx(sum(found.multipliers), abs=1e-12)


def test_open_coupons_block_money() -> None:
    faces = np.array([0.0, 2.0])
    one = solve_hard(coupons(1, 0.5), 1.0, faces)
    assert (one.value, one.cost) == pytest.approx((0.5, 0.5))  # half of the users may have one
    two = solve_hard(coupons(2, 0.5), 1.0, faces)
    assert (two.value, two.cost) == pytest.approx((0.75, 0.75))  # and a quarter, on the money that came back
    never = solve_hard(coupons(3, 0.0), 1.0, faces)
    assert (never.value, never.cost) == pytest.approx((1.5, 0.0))  # all of it comes back each time


def test_the_limit_of_coupon_retention() -> None:
    found = solve_hard(CMDP, 6.0, environment.AMOUNTS)
    assert found.value == pytest.approx(5.56349, abs=1e-5)
    assert found.cost == pytest.approx(5.7531, abs=1e-3)
    assert found.value < solve_lp(CMDP, 6.0).value
    assert outcome(CMDP, found.policy).reward == pytest.approx(found.value, abs=1e-7)
    x = occupancy(CMDP, found.policy)
    spent = np.cumsum((x * CMDP.cost).sum((1, 2)))
    face = (x * environment.AMOUNTS).sum((1, 2))
    assert (np.append(0.0, spent[:-1]) + face <= 6.0 + 1e-6).all()
    more = solve_hard(CMDP, 6.01, environment.AMOUNTS)
    assert found.shadow_price == pytest.approx((more.value - found.value) / 0.01, rel=0.02)


@given(st.integers(0, 10**6), st.floats(0.05, 0.95))
@settings(max_examples=25, deadline=None)
def test_coupons_that_are_always_redeemed_block_no_more_than_they_cost(seed: int, share: float) -> None:
    cmdp = sure_coupons(seed)
    budget = share * outcome(cmdp, best_response(cmdp, 0.0)).cost
    found, limit = solve_hard(cmdp, budget, np.array([0.0, 1.0, 3.0])), solve_lp(cmdp, budget)
    assert found.value == pytest.approx(limit.value, abs=1e-7)
    assert outcome(cmdp, found.policy).cost <= budget + 1e-6


@pytest.mark.parametrize("budget", [0.0, 0.5, 1.0, 3.0, 6.0, 12.0, 18.0, 40.0])
def test_a_mixture_of_tables_is_as_good(budget: float) -> None:
    found, limit = hard_mixture(CMDP, budget, environment.AMOUNTS), solve_hard(CMDP, budget, environment.AMOUNTS)
    check_hard(found, CMDP, budget, environment.AMOUNTS)
    assert found.outcome == pytest.approx((limit.value, limit.cost), rel=1e-6, abs=1e-9)
    assert found.gap == pytest.approx(0.0, abs=1e-8)
    if budget:  # at 0 the price has no upper end
        assert found.multiplier == pytest.approx(limit.shadow_price, rel=1e-5, abs=1e-9)


@given(processes(masked=True), st.integers(0, 10**6), st.floats(0.0, 1.1))
@settings(max_examples=60, deadline=None)
def test_a_mixture_of_tables_is_as_good_in_any_process(cmdp: TabularCMDP, seed: int, share: float) -> None:
    faces = faces_of(cmdp, seed)
    budget = share * outcome(cmdp, best_response(cmdp, 0.0)).cost
    limit, least = hard_limit(cmdp, budget, faces)
    if limit is None:
        with pytest.raises(InfeasibleBudget, match="per user or less") as error:
            hard_mixture(cmdp, budget, faces)
        assert error.value.minimum == pytest.approx(least, rel=1e-7, abs=1e-7)
        assert error.value.budget == budget
        found = hard_mixture(cmdp, error.value.minimum, faces)
        check_hard(found, cmdp, error.value.minimum, faces)
        return
    found = hard_mixture(cmdp, budget, faces)
    check_hard(found, cmdp, budget, faces)
    assert found.outcome.reward == pytest.approx(limit, rel=1e-6, abs=1e-7)
    early = hard_mixture(cmdp, budget, faces, tolerance=0.05)
    check_hard(early, cmdp, budget, faces)
    assert early.gap is not None
    assert early.outcome.reward + early.gap >= limit - 1e-6
    assert early.gap <= 0.05


def test_in_one_step_all_coupons_are_open() -> None:
    one = replace(CMDP, horizon=1)
    found = hard_mixture(one, 0.4, environment.AMOUNTS)
    check_hard(found, one, 0.4, environment.AMOUNTS)
    face = replace(one, cost=np.broadcast_to(environment.AMOUNTS, one.cost.shape))
    assert found.outcome.reward == pytest.approx(solve_lp(face, 0.4).value, rel=1e-9)
    assert found.outcome.cost < 0.3
    assert found.costs[1] == pytest.approx(0.4)
    assert len(found.components) == 2


def test_a_mixture_of_tables_can_be_assigned() -> None:
    found = hard_mixture(CMDP, 6.0, environment.AMOUNTS)
    policy = MixedPolicy.from_mixture(found, environment.AMOUNTS, salt="spring")
    assert (policy.outcome, policy.multiplier) == (found.outcome, found.multiplier)
    shares = np.bincount(policy.component(np.arange(50_000))) / 50_000
    assert shares == pytest.approx(policy.weights, abs=0.01)


def test_a_larger_process_is_solved_in_time() -> None:
    """Usually in less than a second."""
    rng = np.random.default_rng(0)
    redeemed = np.minimum(1.0, rng.random((120, 1)) * [1.0, 1.1, 1.25, 1.4])
    reward = 0.5 * rng.random((120, 1)) + 0.5 * redeemed * rng.random((120, 4))
    transition = rng.dirichlet(np.full(120, 0.1), size=(120, 4))
    cmdp = TabularCMDP(reward, environment.AMOUNTS * redeemed, transition, rng.dirichlet(np.ones(120)), 12)
    started = time.perf_counter()
    found = hard_mixture(cmdp, 1.0, environment.AMOUNTS)
    assert time.perf_counter() - started < 60
    check_hard(found, cmdp, 1.0, environment.AMOUNTS)
    assert found.gap == pytest.approx(0.0, abs=1e-8)


def test_no_rule_is_cheap_enough() -> None:
    allowed = np.array([[False, True]])
    cmdp = coupons(2, 0.5)
    forced = TabularCMDP(cmdp.reward, cmdp.cost, cmdp.transition, cmdp.initial, 2, allowed=allowed)
    with pytest.raises(InfeasibleBudget) as error:
        solve_hard(forced, 2.5, np.array([0.0, 2.0]))
    assert error.value.minimum == pytest.approx(3.0)  # one was redeemed by half, two more are open
    assert solve_hard(forced, 3.0, np.array([0.0, 2.0])).cost == pytest.approx(2.0)
    with pytest.raises(InfeasibleBudget) as error:
        hard_mixture(forced, 2.5, np.array([0.0, 2.0]))
    assert (error.value.budget, error.value.minimum) == pytest.approx((2.5, 3.0))
    assert hard_mixture(forced, 3.0, np.array([0.0, 2.0])).outcome.cost == pytest.approx(2.0)
    replanner = Replanner(forced, np.array([0.0, 2.0]))
    np.testing.assert_array_equal(replanner.propose(np.zeros(3, int), 1, 0.0, ORDER[:3]), [1, 1, 1])


@given(st.integers(0, 11), st.floats(-50.0, 5_000.0), st.integers(0, 2**32 - 1), st.integers(1, 300))
@settings(max_examples=25, deadline=None)
def test_a_hard_plan_never_needs_cutting(step: int, left: float, seed: int, users: int) -> None:
    states = np.random.default_rng(seed).integers(0, CMDP.states, users)
    actions = Replanner(CMDP, environment.AMOUNTS, hard=True).propose(states, step, left, ORDER[:users])
    assert environment.AMOUNTS[actions].sum() <= max(0.0, left) + 1e-6


def test_what_is_left_is_used_up_in_the_last_step() -> None:
    states = np.random.default_rng(0).integers(0, CMDP.states, 2_000)
    for left in (0.0, 100.0, 700.0):
        actions = Replanner(CMDP, environment.AMOUNTS).propose(states, 11, left, ORDER)
        cost = CMDP.cost[states, actions].sum()
        assert left - 10.0 <= cost <= left + 1e-6
    careful = Replanner(CMDP, environment.AMOUNTS, alpha=0.05).propose(states, 11, 700.0, ORDER)
    cost = CMDP.cost[states, careful]
    deviation = np.sqrt((cost * (environment.AMOUNTS[careful] - cost)).sum())
    assert cost.sum() + 1.6449 * deviation == pytest.approx(700.0, rel=0.02)
    early = [
        Replanner(CMDP, environment.AMOUNTS, alpha=alpha).propose(states, 5, 700.0, ORDER) for alpha in (0.05, None)
    ]
    np.testing.assert_array_equal(*early)


def test_the_first_step_is_that_of_the_linear_program() -> None:
    states = np.repeat(np.arange(CMDP.states), np.rint(CMDP.initial * 2_000).astype(int))
    actions = Replanner(CMDP, environment.AMOUNTS).propose(states, 0, 6.0 * len(states), ORDER[: len(states)])
    limit = occupancy(CMDP, solve_lp(CMDP, 6.0).policy)[0]
    found = np.zeros_like(limit)
    np.add.at(found, (states, actions), 1 / len(states))
    assert np.abs(found - limit).sum() < 0.02


def test_who_gets_it_depends_on_the_user_not_on_the_row_and_changes() -> None:
    states, order, mixed = np.zeros(90, int), ORDER[:90], np.random.default_rng(1).permutation(90)
    served = []
    for step in range(3):
        replanner = Replanner(coupons(step + 1, 1.0), np.array([0.0, 2.0]))
        actions = replanner.propose(states, step, 60.0, order)
        np.testing.assert_array_equal(replanner.propose(states, step, 60.0, order[mixed]), actions[mixed])
        served.append(set(np.flatnonzero(actions)))
    assert [len(each) for each in served] == [30, 30, 30]
    assert len(set.union(*served)) > 60  # not the same thirty each time


def test_what_is_refused() -> None:
    replanner = Replanner(CMDP, environment.AMOUNTS)
    for states, step, left, order in (
        (np.zeros(0, int), 0, 1.0, ORDER[:0]),
        (np.zeros(2, int), 0, 1.0, ORDER[:3]),
        (np.zeros(2, int), 12, 1.0, ORDER[:2]),
        (np.zeros(2, int), 0, float("nan"), ORDER[:2]),
    ):
        with pytest.raises(ValueError, match=r"states|Step|left"):
            replanner.propose(states, step, left, order)
    for faces in ([0.0, 2.0], [0.0, 2.0, 5.0, np.nan], [0.0, 2.0, 5.0, -1.0], [0.0, 0.0, 5.0, 10.0]):
        with pytest.raises(ValueError, match=r"ace value"):
            Replanner(CMDP, np.array(faces))
        with pytest.raises(ValueError, match=r"ace value"):
            solve_hard(CMDP, 6.0, np.array(faces))
        with pytest.raises(ValueError, match=r"ace value"):
            hard_mixture(CMDP, 6.0, np.array(faces))
    for alpha in (0.0, 0.7, float("nan")):
        with pytest.raises(ValueError, match="alpha"):
            Replanner(CMDP, environment.AMOUNTS, alpha=alpha)
    for budget in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="budget"):
            solve_hard(CMDP, budget, environment.AMOUNTS)
        with pytest.raises(ValueError, match="budget"):
            hard_mixture(CMDP, budget, environment.AMOUNTS)

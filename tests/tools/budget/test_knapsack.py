import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from bethink.tools.budget.assignment import draw
from bethink.tools.budget.breakpoints import InfeasibleTotal
from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import TabularCMDP
from bethink.tools.budget.knapsack import KnapsackDual
from bethink.tools.budget.lp import InfeasibleBudget
from bethink.tools.budget.oracle import TabularOracle
from tests.tools.budget.coupons import FLOOR, OPTIMA, OPTIMA_WITH_FLOORS, pyoptbook

few = st.integers(0, 2**32 - 1)


def random_problem(seed, rows=6, options=4):
    """Small, with ties, dominated options, free gains and losses among it."""
    rng = np.random.default_rng(seed)
    gains = rng.integers(-2, 6, (rows, options)) * rng.choice([0.5, 1.0, 1 / 3])
    costs = rng.integers(0, 5, (rows, options)) * rng.choice([1.0, 0.1, 7 / 3])
    users = rng.integers(0, 4, rows).astype(float)
    least, most = users @ costs.min(1), users @ costs.max(1)
    return gains, costs, float(least + rng.uniform(0, 1.1) * (most - least)), users


def reference(gains, costs, budget, users, floors=None, caps=None, groups=None, group_budgets=()):
    """The same linear program, written down plainly."""
    rows, options = gains.shape
    low = np.zeros((rows, options)) if floors is None else np.broadcast_to(floors, gains.shape)
    high = np.ones((rows, options)) if caps is None else np.broadcast_to(caps, gains.shape)
    money = (users[:, None] * costs).ravel()
    limits = [money] + [money * np.repeat(groups == g, options) for g in range(len(group_budgets))]
    return linprog(
        -(users[:, None] * gains).ravel(),
        A_ub=np.stack(limits),
        b_ub=[budget, *group_budgets],
        A_eq=np.kron(np.eye(rows), np.ones(options)),
        b_eq=np.ones(rows),
        bounds=np.stack([low.ravel(), high.ravel()], 1),
    )


def check(problem, found, wanted):
    """Shares are shares, totals are theirs, and the gain is the optimum's."""
    users = np.ones(len(problem.gains)) if problem.users is None else problem.users
    assert (found.shares >= -1e-12).all()
    np.testing.assert_allclose(found.shares.sum(1), 1, atol=1e-12)
    assert found.cost == pytest.approx(float(users @ (found.shares * problem.costs).sum(1)))
    assert found.cost <= problem.budget + 1e-8
    assert found.unspent == pytest.approx(problem.budget - found.cost, abs=1e-8)
    assert found.gain == pytest.approx(-wanted.fun, abs=1e-8)


# -- a textbook's optima ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("budget", "visits", "price"), OPTIMA)
@pytest.mark.parametrize("by_segment", [False, True])
def test_pyoptbook(budget, visits, price, by_segment):
    gains, costs, sizes = pyoptbook(by_segment)
    found = KnapsackDual(gains, costs, budget, users=sizes if by_segment else None).solve()
    assert found.gain == pytest.approx(visits, abs=5e-4)
    assert found.cost == pytest.approx(budget, rel=1e-12)
    assert found.multiplier * 1000 == pytest.approx(price, abs=5e-5)


@pytest.mark.parametrize(("budget", "visits"), OPTIMA_WITH_FLOORS)
def test_pyoptbook_with_a_tenth_of_every_segment_for_every_coupon(budget, visits):
    gains, costs, sizes = pyoptbook(by_segment=True)
    found = KnapsackDual(gains, costs, budget, users=sizes, floors=np.full(3, FLOOR)).solve()
    assert found.gain == pytest.approx(visits, abs=5e-4)
    assert found.shares.min() >= FLOOR


def test_pyoptbook_floors_that_cost_more_than_the_budget_are_refused_with_the_least_one():
    gains, costs, sizes = pyoptbook(by_segment=True)
    with pytest.raises(InfeasibleTotal, match="761,850") as refused:
        KnapsackDual(gains, costs, 500_000, users=sizes, floors=np.full(3, FLOOR)).solve()
    assert isinstance(refused.value, InfeasibleBudget)
    least = refused.value.minimum
    assert least == pytest.approx(FLOOR * sizes @ costs.sum(1))
    assert KnapsackDual(gains, costs, least, users=sizes, floors=np.full(3, FLOOR)).solve().cost == pytest.approx(least)


def test_money_that_does_not_help_is_left_over():
    gains, costs, _ = pyoptbook()
    found = KnapsackDual(gains, costs, 1e9).solve()
    assert (found.multiplier, found.gain) == (0.0, pytest.approx(1841.0))
    assert found.unspent == pytest.approx(1e9 - 6_007_000)


# -- against the linear program ---------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(few)
def test_the_dual_is_the_linear_program(seed):
    gains, costs, budget, users = random_problem(seed)
    problem = KnapsackDual(gains, costs, budget, users=users)
    found, wanted = problem.solve(), reference(gains, costs, budget, users)
    check(problem, found, wanted)
    assert ((found.shares > 1e-12).sum(1) > 1).sum() <= 1  # lots are drawn in one row at most
    more = reference(gains, costs, budget + 1e-3, users).fun
    less = reference(gains, costs, max(budget - 1e-3, users @ costs.min(1)), users).fun
    assert found.multiplier - (wanted.fun - more) / 1e-3 + 1e-6 >= -1e-8
    assert budget - 1e-3 < users @ costs.min(1) or found.multiplier <= (less - wanted.fun) / 1e-3 + 1e-6


@settings(max_examples=15, deadline=None)
@given(few, st.floats(0, 1.05), st.booleans())
def test_many_users_are_the_same_problem_as_few_kinds_of_users(seed, part, few_slopes):
    """More steps than are sorted at once, many of them tied, against the same users counted by kind."""
    rng = np.random.default_rng(seed)
    kinds = 40 if few_slopes else 3_000
    gains, costs = rng.uniform(0, 1, (kinds, 4)).cumsum(1), rng.uniform(0, 1, (kinds, 4)).cumsum(1)
    sizes = rng.multinomial(20_000, np.full(kinds, 1 / kinds))
    budget = float(sizes @ costs[:, 0] + part * (sizes @ (costs[:, 3] - costs[:, 0])))
    counted = KnapsackDual(gains, costs, budget, users=sizes.astype(float)).solve()
    one_by_one = np.repeat(np.arange(kinds), sizes)
    found = KnapsackDual(gains[one_by_one], costs[one_by_one], budget).solve(order=rng.random(20_000))
    assert found.gain == pytest.approx(counted.gain, rel=1e-11)
    assert found.cost == pytest.approx(counted.cost, rel=1e-11)
    assert found.multiplier == counted.multiplier
    assert ((found.shares > 0) & (found.shares < 1)).any(1).sum() <= 1


@settings(max_examples=100, deadline=None)
@given(few)
def test_floors_are_the_linear_program_with_floors(seed):
    gains, costs, _, users = random_problem(seed)
    floors = np.random.default_rng(seed).dirichlet(np.ones(5), 6)[:, :4] * np.random.default_rng(seed).integers(0, 2, 4)
    least = float(users @ ((floors * costs).sum(1) + (1 - floors.sum(1)) * costs.min(1)))
    budget = least + 0.3 * (users @ costs.max(1) - least)
    problem = KnapsackDual(gains, costs, budget, users=users, floors=floors)
    found = problem.solve()
    check(problem, found, reference(gains, costs, budget, users, floors))
    assert (found.shares >= floors - 1e-12).all()
    assert found.rule is None


@settings(max_examples=60, deadline=None)
@given(few)
def test_caps_are_the_linear_program_with_caps(seed):
    gains, costs, budget, users = random_problem(seed)
    caps = np.random.default_rng(seed).uniform(0.25, 1.0, (6, 4))
    wanted = reference(gains, costs, budget, users, caps=caps)
    problem = KnapsackDual(gains, costs, budget, users=users, caps=caps)
    if wanted.status == 2:
        with pytest.raises(InfeasibleTotal) as refused:
            problem.solve()
        enough = KnapsackDual(gains, costs, refused.value.minimum, users=users, caps=caps).solve()
        assert enough.cost == pytest.approx(refused.value.minimum)
        return
    found = problem.solve()
    check(problem, found, wanted)
    assert (found.shares <= caps + 1e-9).all()


@settings(max_examples=100, deadline=None)
@given(few, st.booleans())
def test_budgets_of_groups_are_the_linear_program_with_them(seed, with_caps):
    gains, costs, budget, users = random_problem(seed)
    groups = np.array([0, 1, 2, 0, 1, 2])
    least, most = np.bincount(groups, users * costs.min(1)), np.bincount(groups, users * costs.max(1))
    limits = least + np.random.default_rng(seed).uniform(0, 1, 3) * (most - least)
    caps = np.ones(4) if with_caps else None
    problem = KnapsackDual(gains, costs, budget, users, caps=caps, groups=groups, group_budgets=limits)
    found = problem.solve()
    check(problem, found, reference(gains, costs, budget, users, groups=groups, group_budgets=limits))
    spent = np.bincount(groups, users * (found.shares * costs).sum(1))
    assert (spent <= limits + 1e-8).all()


@settings(max_examples=60, deadline=None)
@given(few)
def test_the_frontier_is_the_value_of_every_budget(seed):
    gains, costs, budget, users = random_problem(seed)
    least = float(users @ costs.min(1))
    frontier = KnapsackDual(gains, costs, max(budget, least), users=users).frontier()
    assert frontier.costs[0] == pytest.approx(least)
    for total in np.linspace(least, frontier.costs[-1] + 1, 5):
        value = KnapsackDual(gains, costs, total + 1e-12, users=users).solve().gain
        assert np.interp(total, *frontier) == pytest.approx(value, abs=1e-9)


def test_one_step_of_a_process_with_one_budget_is_the_same_problem():
    rng = np.random.default_rng(3)
    reward, cost = rng.uniform(0, 1, (5, 3)).cumsum(1), rng.uniform(0, 1, (5, 3)).cumsum(1)
    share = np.full(5, 0.2)
    process = TabularCMDP(reward, cost, np.full((5, 3, 5), 0.2), share, 1)
    mixture = chord_search(TabularOracle(process), 1.1, tolerance=0.0)
    found = KnapsackDual(reward, cost, 1.1, users=share).solve()
    assert found.gain == pytest.approx(mixture.outcome.reward, abs=1e-12)
    assert found.multiplier == pytest.approx(mixture.multiplier, abs=1e-9)


# -- one option for every user ----------------------------------------------------------------------------------------


def test_choices_spend_the_budget_but_for_one_users_step():
    gains, costs, _ = pyoptbook()
    draws = draw(np.arange(5_000), "pyoptbook")
    found = KnapsackDual(gains, costs, 1_000_000).solve(order=draws)
    chosen = found.choose(draws)
    spent = costs[np.arange(5_000), chosen].sum()
    assert abs(spent - 1_000_000) <= costs.max()
    assert found.gain == pytest.approx(380.353, abs=5e-4)
    by_row = KnapsackDual(gains, costs, 1_000_000).solve().choose(draws)
    assert (by_row != chosen).any()  # equally good users: the hash of the id decides, not the place in the file


def test_the_rule_serves_users_one_by_one_and_costs_the_budget_on_average():
    gains, costs, _ = pyoptbook()
    found = KnapsackDual(gains, costs, 2_000_000).solve()
    assert found.rule is not None
    spent = [
        costs[np.arange(5_000), found.rule.choose(gains, costs, draw(np.arange(5_000), f"salt {number}"))].sum()
        for number in range(60)
    ]
    error = np.std(spent) / np.sqrt(60)
    assert abs(np.mean(spent) - 2_000_000) < 4 * error
    assert error > 0


@settings(max_examples=60, deadline=None)
@given(few)
def test_choices_never_fall_on_options_without_a_share(seed):
    gains, costs, budget, _ = random_problem(seed)
    assume(budget >= costs.min(1).sum())
    found = KnapsackDual(gains, costs, budget).solve()
    for draws in (np.zeros(6), np.full(6, 0.5), np.full(6, 1 - 2**-53)):
        assert (found.shares[np.arange(6), found.choose(draws)] > 0).all()


# -- what is refused --------------------------------------------------------------------------------------------------

ONE = np.array([[0.0, 1.0]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gains": np.array([[0.0, np.nan]])}, r"gains\[0, 1\] is nan"),
        ({"costs": np.array([[0.0, np.inf]])}, r"costs\[0, 1\] is inf"),
        ({"costs": np.array([[0.0, -1.0]])}, "zero or more"),
        ({"gains": np.zeros((2, 2))}, "users, options"),
        ({"gains": np.zeros(2), "costs": np.zeros(2)}, "users, options"),
        ({"gains": np.zeros((0, 2)), "costs": np.zeros((0, 2))}, "no users"),
        ({"budget": -1.0}, "total budget"),
        ({"budget": np.nan}, "total budget"),
        ({"budget": 1e18}, "total budget"),
        ({"users": np.array([-1.0])}, "users must hold"),
        ({"users": np.array([np.nan])}, "users must hold"),
        ({"floors": np.array([0.6, 0.6])}, "at most one"),
        ({"floors": np.array([0.6])[:0]}, "floors must be"),
        ({"caps": np.array([0.4, 0.4])}, "at least one"),
        ({"floors": np.array([0.5, 0.0]), "caps": np.array([0.4, 1.0])}, "above the floors"),
        ({"groups": np.array([0])}, "together"),
        ({"groups": np.array([1]), "group_budgets": np.array([1.0])}, "within 0..0"),
        ({"groups": np.array([0.0]), "group_budgets": np.array([1.0])}, "whole number"),
    ],
)
def test_bad_input_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        KnapsackDual(**{"gains": ONE, "costs": ONE, "budget": 1.0, **changes})


def test_budgets_below_the_least_cost_are_refused():
    costs = np.array([[2.0, 3.0], [1.0, 5.0]])
    with pytest.raises(InfeasibleTotal, match=r"costs 2\.5 or less; the least that one needs is 3\.$") as refused:
        KnapsackDual(costs, costs, 2.5).solve()
    assert (refused.value.budget, refused.value.minimum) == (2.5, 3.0)
    with pytest.raises(InfeasibleTotal, match="in group 1"):
        KnapsackDual(costs, costs, 9.0, groups=np.array([0, 1]), group_budgets=np.array([5.0, 0.5])).solve()
    with pytest.raises(InfeasibleTotal, match="in a group"):
        KnapsackDual(
            costs, costs, 9.0, caps=np.ones(2), groups=np.array([0, 1]), group_budgets=np.array([5.0, 0.5])
        ).solve()


def test_caps_have_no_frontier():
    with pytest.raises(ValueError, match="caps"):
        KnapsackDual(ONE, ONE, 1.0, caps=np.ones(2)).frontier()

"""CouponRetention: the tables against its definition, the simulation against the tables, and the known optima."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import TabularCMDP, TabularPolicy, best_response, outcome
from bethink.tools.budget.environment import (
    AMOUNTS,
    HORIZON,
    LOGGING,
    STATES,
    campaign,
    features,
    initial,
    parts,
    tabular,
    week,
)
from bethink.tools.budget.lp import solve_lp
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.rules import always, independent

# share, b, eta, kappa, delta, u, d, P(e at the start): the definition once more, so that a slip in either shows.
DEFINITION = (
    (0.35, -1.8, 0.25, 0.95, 0.50, 0.05, 0.60, (0.2, 0.3, 0.3, 0.15, 0.05)),
    (0.25, -2.6, 1.1, 0.55, 0.05, 0.90, 0.25, (0.3, 0.4, 0.2, 0.1, 0.0)),
    (0.25, 0.5, 0.6, 0.50, 0.10, 0.50, 0.30, (0.0, 0.1, 0.2, 0.3, 0.4)),
    (0.15, -4.5, 0.9, 0.90, 0.10, 0.60, 0.50, (0.7, 0.2, 0.1, 0.0, 0.0)),
)
# budget: LP optimum, lambda*, deterministic feasible (cost), next one infeasible (cost), weight on the infeasible one.
LIMITS = {
    1: (4.91767, 0.22372, 4.90504, 0.9436, 4.92095, 1.0146, 0.7941),
    2: (5.13825, 0.21064, 5.13131, 1.9670, 5.14205, 2.0181, 0.6461),
    4: (5.40965, 0.10008, 5.40034, 3.9069, 5.42553, 4.1587, 0.3697),
    6: (5.60956, 0.09759, 5.60487, 5.9519, 5.63216, 6.2316, 0.1720),
    8: (5.79569, 0.07800, 5.79556, 7.9983, 5.79610, 8.0052, 0.2448),
    12: (6.00297, 0.04164, 5.98181, 11.4919, 6.01253, 12.2296, 0.6888),
    18: (6.24352, 0.03631, 6.24096, 17.9296, 6.24492, 18.0385, 0.6465),
}


@pytest.fixture(scope="module")
def cmdp() -> TabularCMDP:
    return tabular()


def test_tables_follow_the_definition(cmdp: TabularCMDP) -> None:
    start = np.zeros(60)
    for g, (share, b, eta, kappa, delta, u, d, first) in enumerate(DEFINITION):
        for e in range(5):
            start[(g * 5 + e) * 3] = share * first[e]
            for f in range(3):
                for a, amount in enumerate((0, 2, 5, 10)):
                    z = b + eta * e + kappa * math.log(1 + amount) * (1 - 0.25 * f) - delta * f
                    p = 1 / (1 + math.exp(-z))
                    row = np.zeros(60)
                    tired = min(f + 1, 2) if amount else max(f - 1, 0)
                    for probability, to in (
                        (p * u, min(e + 1, 4)),
                        (p * (1 - u), e),
                        ((1 - p) * d, max(e - 1, 0)),
                        ((1 - p) * (1 - d), e),
                    ):
                        row[(g * 5 + to) * 3 + tired] += probability
                    s = (g * 5 + e) * 3 + f
                    assert cmdp.reward[s, a] == pytest.approx(p, abs=1e-14)
                    assert cmdp.cost[s, a] == pytest.approx(0.9 * amount * p, abs=1e-13)
                    np.testing.assert_allclose(cmdp.transition[s, a], row, rtol=0, atol=1e-14)
    np.testing.assert_allclose(cmdp.initial, start, rtol=0, atol=1e-15)
    assert (cmdp.horizon, cmdp.gamma, cmdp.allowed) == (12, 1.0, None)


def test_a_simulated_week_follows_the_tables(cmdp: TabularCMDP) -> None:
    each = 4_000
    states = np.repeat(np.arange(STATES), 4 * each)
    actions = np.tile(np.repeat(np.arange(4), each), STATES)
    found = week(states, actions, np.random.default_rng(0))
    rewards = found.rewards.reshape(STATES, 4, each)
    costs = found.costs.reshape(STATES, 4, each)
    p = cmdp.reward
    assert set(np.unique(rewards)) == {0.0, 1.0}
    # 240 pairs: a deviation of 4.5 standard errors in any of them has a chance below 0.2 %.
    assert (np.abs(rewards.mean(-1) - p) <= 4.5 * np.sqrt(p * (1 - p) / each)).all()
    q = 0.9 * p
    assert (np.abs(costs.mean(-1) - cmdp.cost) <= 4.5 * AMOUNTS * np.sqrt(q * (1 - q) / each)).all()
    assert not costs[(rewards == 0)].any()
    assert not costs[:, 0].any()
    assert all(set(np.unique(costs[:, a])) == {0.0, AMOUNTS[a]} for a in (1, 2, 3))
    counts = np.zeros((STATES, 4, STATES))
    np.add.at(counts, (states, actions, found.next_states), 1)
    reachable = cmdp.transition > 0
    assert not counts[~reachable].any()
    error = np.abs(counts / each - cmdp.transition)
    assert (error <= 4.5 * np.sqrt(cmdp.transition * (1 - cmdp.transition) / each) + 3 / each).all()


def test_activity_and_moves_belong_together() -> None:
    """Marginals alone would not notice an inactive user whose engagement rises."""
    states = np.full(20_000, (1 * 5 + 2) * 3)
    found = week(states, np.zeros(20_000, int), np.random.default_rng(1))
    e = parts(found.next_states)[1]
    assert set(np.unique(e[found.rewards == 1])) == {2, 3}
    assert set(np.unique(e[found.rewards == 0])) == {1, 2}


def test_policies_without_a_plan(cmdp: TabularCMDP) -> None:
    assert outcome(cmdp, always(cmdp, 0)) == pytest.approx((4.53376, 0.0), abs=5e-6)
    for action, (reward, cost) in {1: (4.7411, 8.53), 2: (5.2253, 23.51), 3: (5.6901, 51.21)}.items():
        found = outcome(cmdp, always(cmdp, action))
        assert found.reward == pytest.approx(reward, abs=5e-5)
        assert found.cost == pytest.approx(cost, abs=5e-3)
    unlimited = outcome(cmdp, best_response(cmdp, 0.0))
    assert unlimited.reward == pytest.approx(6.4456, abs=5e-5)
    assert unlimited.cost == pytest.approx(55.84, abs=5e-3)
    logged = outcome(cmdp, independent(cmdp, LOGGING))
    assert logged.reward == pytest.approx(5.2145, abs=5e-5)
    assert logged.cost == pytest.approx(14.55, abs=5e-3)


@pytest.mark.parametrize("budget", LIMITS)
def test_known_optima(cmdp: TabularCMDP, budget: int) -> None:
    value, price, under, under_cost, over, over_cost, weight = LIMITS[budget]
    limit = solve_lp(cmdp, budget)
    assert limit.value == pytest.approx(value, abs=5e-6)
    assert limit.shadow_price == pytest.approx(price, abs=5e-6)
    assert limit.cost == pytest.approx(budget, abs=1e-9)
    assert (limit.policy.probabilities.max(-1) < 1).sum() == 1, "a basic optimum draws lots in one state of one step"
    found = chord_search(TabularOracle(cmdp), budget, tolerance=1e-10)
    assert found.outcome.reward == pytest.approx(limit.value, abs=1e-9)
    assert found.multiplier == pytest.approx(price, abs=5e-6)
    (dear, share), (cheap, rest) = found.components
    assert share == pytest.approx(weight, abs=1e-4)
    assert share + rest == pytest.approx(1, abs=1e-15)
    for policy, reward, cost in ((cheap, under, under_cost), (dear, over, over_cost)):
        assert isinstance(policy, TabularPolicy)
        assert outcome(cmdp, policy) == pytest.approx((reward, cost), abs=5e-5)


def test_what_a_network_sees() -> None:
    states = np.array([0, (1 * 5 + 4) * 3 + 1, (3 * 5 + 2) * 3 + 2])
    np.testing.assert_array_equal(
        features(states, np.array([0, 3, 12])),
        np.array([[1, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 1, 0.5, 0.25], [0, 0, 0, 1, 0.5, 1, 1]], np.float32),
    )
    g, e, f = parts(np.arange(STATES))
    np.testing.assert_array_equal((g * 5 + e) * 3 + f, np.arange(STATES))
    assert (g.max(), e.max(), f.max()) == (3, 4, 2)
    assert len(np.unique(features(np.arange(STATES), 0), axis=0)) == STATES


def test_a_campaign_is_reproducible_and_hangs_together() -> None:
    users = 500
    log, same, other = campaign(users, 7), campaign(users, 7), campaign(users, 8)
    for name in ("states", "actions", "rewards", "costs", "next_states", "steps", "users", "propensities"):
        np.testing.assert_array_equal(getattr(log, name), getattr(same, name))
    assert not np.array_equal(log.states, other.states)
    assert not np.array_equal(log.actions, other.actions)
    assert len(log.states) == users * HORIZON
    assert log.user_count == users
    grid = {name: np.zeros((HORIZON, users), int) for name in ("states", "next_states", "actions")}
    for name, table in grid.items():
        table[log.steps, log.users] = getattr(log, name)
    np.testing.assert_array_equal(grid["states"][1:], grid["next_states"][:-1])
    assert np.unique(log.steps * users + log.users).size == users * HORIZON, "one row for each user and step"
    np.testing.assert_array_equal(log.propensities, np.array(LOGGING)[log.actions])
    assert (parts(grid["states"][0])[2] == 0).all(), "nobody is tired at the start"
    fatigue = parts(log.next_states)[2] - parts(log.states)[2]
    assert (fatigue[log.actions == 0] <= 0).all()
    assert (fatigue[log.actions > 0] >= 0).all()


def test_a_campaign_brings_what_its_policy_brings(cmdp: TabularCMDP) -> None:
    users = 30_000
    log = campaign(users, 3)
    truth = outcome(cmdp, independent(cmdp, LOGGING))
    for values, expected in ((log.rewards, truth.reward), (log.costs, truth.cost)):
        total = np.bincount(log.users, values)
        assert abs(total.mean() - expected) <= 4 * total.std() / math.sqrt(users)
    share = np.bincount(log.states[log.steps == 0], minlength=STATES) / users
    assert (np.abs(share - initial()) <= 4.5 * np.sqrt(initial() / users)).all()
    with pytest.raises(ValueError, match="at least one"):
        campaign(0, 1)

"""Fitted Q evaluation against a model of the same counts, a literal regression, influence functions and the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import Floats, StochasticPolicy, TabularCMDP, TabularPolicy, outcome
from bethink.tools.budget.environment import LOGGING, STATES, campaign, tabular
from bethink.tools.budget.log import Log
from bethink.tools.budget.ope import FQE, cross_fit
from bethink.tools.budget.oracle import TabularOracle

S, K, T = 3, 2, 3


def random_log(seed: int, users: int = 150) -> Log:
    rng = np.random.default_rng(seed)
    move = rng.dirichlet(np.ones(S), size=(S, K))
    rate = rng.random((S, K))
    state, rows = rng.integers(S, size=users), []
    for step in range(T):
        action = rng.integers(K, size=users)
        reward = (rng.random(users) < rate[state, action]).astype(float)
        following = np.array([rng.choice(S, p=move[s, a]) for s, a in zip(state, action, strict=True)])
        rows.append((state, action, reward, 2.0 * action * reward, following, np.full(users, step), np.arange(users)))
        state = following
    parts = [np.concatenate(column) for column in zip(*rows, strict=True)]
    order = rng.permutation(users * T)
    return Log(*(part[order] for part in parts), horizon=T, amounts=np.array([0.0, 2.0]))


def counted(log: Log) -> TabularCMDP:
    """The process of the log's own counts; the last step says nothing of transitions."""
    visits, reward, cost, move = np.zeros((S, K)), np.zeros((S, K)), np.zeros((S, K)), np.zeros((S, K, S))
    np.add.at(visits, (log.states, log.actions), 1)
    np.add.at(reward, (log.states, log.actions), log.rewards)
    np.add.at(cost, (log.states, log.actions), log.costs)
    keep = ~log.done
    np.add.at(move, (log.states[keep], log.actions[keep], log.next_states[keep]), 1)
    initial = np.bincount(log.states[log.steps == 0], minlength=S) / (log.steps == 0).sum()
    return TabularCMDP(reward / visits, cost / visits, move / move.sum(-1, keepdims=True), initial, T)


def any_policy(seed: int) -> TabularPolicy:
    return TabularPolicy(np.random.default_rng(seed + 77).integers(K, size=(T, S)))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_equals_the_process_of_the_logs_counts(seed: int) -> None:
    log, policy = random_log(seed), any_policy(seed)
    coin = StochasticPolicy(np.random.default_rng(seed).dirichlet(np.ones(K), size=(T, S)))
    fqe = FQE(log, replicates=2, gamma=0.9)
    process = replace(counted(log), gamma=0.9)
    for wanted in (policy, coin):
        found, exact = fqe.estimate(wanted), outcome(process, wanted)
        assert found.reward.value == pytest.approx(exact.reward, abs=1e-12)
        assert found.cost.value == pytest.approx(exact.cost, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_without_pooling_equals_the_regression_step_by_step(seed: int) -> None:
    log, policy = random_log(seed, users=400), any_policy(seed)
    value = np.zeros((2, S))
    for step in reversed(range(T)):
        now = log.steps == step
        fresh = np.zeros((2, S))
        for s in range(S):
            chosen = now & (log.states == s) & (log.actions == policy.actions[step, s])
            for part, seen in enumerate((log.rewards, log.costs)):
                later = value[part, log.next_states[chosen]] if step < T - 1 else 0.0
                fresh[part, s] = (seen[chosen] + later).mean()
        value = fresh
    expected = value[:, log.states[log.steps == 0]].mean(1)
    found = FQE(log, replicates=2, pooled=False).estimate(policy)
    assert [found.reward.value, found.cost.value] == pytest.approx(expected, abs=1e-12)


def influence(log: Log, process: TabularCMDP, policy: TabularPolicy, table: Floats) -> Floats:
    """The efficient influence value of each user, for pooled regressions; ``table`` is the reward or the cost [S, K]."""
    seen = log.rewards if table is process.reward else log.costs
    every = np.arange(S)
    value, q = np.zeros((T + 1, S)), np.zeros((T, S, K))
    for step in reversed(range(T)):
        q[step] = table + process.transition @ value[step + 1]
        value[step] = q[step][every, policy.actions[step]]
    mass, x = process.initial, np.zeros((T, S, K))
    for step in range(T):
        x[step, every, policy.actions[step]] = mass
        mass = np.einsum("sa,sab->b", x[step], process.transition)
    visits, moves = np.zeros((S, K)), np.zeros((S, K))
    np.add.at(visits, (log.states, log.actions), 1)
    np.add.at(moves, (log.states[~log.done], log.actions[~log.done]), 1)
    of_row = (x.sum(0) / visits)[log.states, log.actions] * (seen - table[log.states, log.actions])
    for step in range(T - 1):
        error = value[step + 1][log.next_states] - (process.transition @ value[step + 1])[log.states, log.actions]
        of_row = of_row + np.where(log.done, 0.0, (x[step] / moves)[log.states, log.actions] * error)
    users = log.user_count
    first = np.zeros(users)
    first[log.users[log.steps == 0]] = value[0][log.states[log.steps == 0]] - process.initial @ value[0]
    return users * np.bincount(log.users, of_row, minlength=users) + first


@pytest.mark.parametrize("seed", range(3))
def test_bootstrap_agrees_with_the_influence_function(seed: int) -> None:
    log, policy = random_log(seed, users=2000), any_policy(seed)
    process = counted(log)
    found = FQE(log, replicates=2000, seed=1).estimate(policy)
    for estimate, table in ((found.reward, process.reward), (found.cost, process.cost)):
        values = influence(log, process, policy, table)
        assert abs(values.mean()) < 1e-9
        assert estimate.se == pytest.approx(values.std() / np.sqrt(log.user_count), rel=0.08)


def test_weights_belong_to_users_not_to_rows() -> None:
    """Each user's reward is the same in every step: rows taken for independent would halve the variance."""
    users, rng = 3000, np.random.default_rng(0)
    of_user = rng.random(users)
    zeros = np.zeros(2 * users, np.int64)
    steps, names = np.repeat([0, 1], users), np.tile(np.arange(users), 2)
    log = Log(zeros, zeros, np.tile(of_user, 2), 0.0 * names, zeros, steps, names, 2, np.array([0.0, 1.0]))
    found = FQE(log, replicates=1000).estimate(TabularPolicy(np.zeros((2, 1), np.int64)))
    assert found.reward.value == pytest.approx(2 * of_user.mean())
    assert found.reward.se == pytest.approx(2 * of_user.std() / np.sqrt(users), rel=0.1)
    assert found.cost.se == 0.0


def test_mixtures_are_weighted_sums_and_differences_are_paired() -> None:
    log = campaign(4000, seed=1)
    mixture = chord_search(TabularOracle(tabular()), 6.0, tolerance=1e-9)
    (first, w), (second, _) = mixture.components
    fqe = FQE(log, replicates=100)
    a, b, both = fqe.estimate(first), fqe.estimate(second), fqe.estimate(mixture, first)
    assert both.reward.value == pytest.approx(w * a.reward.value + (1 - w) * b.reward.value)
    assert both.cost.value == pytest.approx(w * a.cost.value + (1 - w) * b.cost.value)
    assert both.cost_gain is not None
    assert both.reward_gain is not None
    assert both.cost_gain.value == pytest.approx(both.cost.value - a.cost.value)
    assert both.cost_gain.se < 0.5 * a.cost.se
    same = fqe.estimate(first, first)
    assert same.reward_gain is not None
    assert (same.reward_gain.value, same.reward_gain.se) == (0.0, 0.0)
    assert not same.reward_gain.significant
    pairs = fqe.estimate([(first, w), (second, 1 - w)])
    assert pairs == fqe.estimate(mixture) == FQE(log, replicates=100).estimate(mixture)


@pytest.mark.slow
def test_interval_covers_the_truth() -> None:
    """Coverage proper is the bench's matter (50 logs of 20,000 users); here 40 small logs, which must not be far off."""
    process, covered = tabular(), np.zeros(2)
    mixture = chord_search(TabularOracle(process), 6.0, tolerance=1e-9)
    for seed in range(40):
        found = FQE(campaign(3000, seed=500 + seed), replicates=60).estimate(mixture)
        covered += [
            found.reward.ci[0] <= mixture.outcome.reward <= found.reward.ci[1],
            found.cost.ci[0] <= mixture.outcome.cost <= found.cost.ci[1],
        ]
    assert covered.min() >= 33


def test_effective_sample_size_falls_with_the_distance_from_the_log() -> None:
    log = campaign(3000, seed=2)
    fqe = FQE(log, replicates=2)
    logged = StochasticPolicy(np.broadcast_to(LOGGING, (12, STATES, 4)))
    always = TabularPolicy(np.full((12, STATES), 3))
    found = fqe.estimate(logged).reward
    assert 0.95 * 3000 < found.ess <= 3000
    assert found.reliable
    assert found.reason == ""
    assert fqe.estimate(always).reward.ess < 0.2 * found.ess
    few = FQE(campaign(100, seed=2), replicates=2).estimate(logged).reward
    assert not few.reliable
    assert "at least 200" in few.reason


def test_what_was_never_logged_is_said_and_money_not_forgotten() -> None:
    log = campaign(3000, seed=3)
    low = log.rows((log.actions != 3) & (log.actions != 2))
    fqe = FQE(low, replicates=2)
    always = TabularPolicy(np.full((12, STATES), 3))
    found = fqe.estimate(always)
    assert not found.cost.reliable
    assert "100.0%" in found.cost.reason
    assert found.cost.value == pytest.approx(12 * 10.0)
    part = log.rows((log.actions == 0) | (log.states >= 3))
    some = FQE(part, replicates=2).estimate(always)
    assert not some.reward.reliable
    assert "never logged" in some.reward.reason
    whole = FQE(log, replicates=2).estimate(always)
    assert 0.9 < some.cost.value / whole.cost.value < 1.3


def test_population_decides_where_users_start() -> None:
    log = campaign(3000, seed=4)
    policy = TabularPolicy(np.zeros((12, STATES), np.int64))
    logged = log.states[log.steps == 0]
    plain, same = FQE(log, replicates=20), FQE(log, replicates=20, population=logged)
    assert same.estimate(policy).reward.value == pytest.approx(plain.estimate(policy).reward.value)
    assert same.estimate(policy).reward.se < plain.estimate(policy).reward.se
    loyal = FQE(log, replicates=20, population=np.full(5, 42)).estimate(policy)
    assert loyal.reward.value > 2 * plain.estimate(policy).reward.value
    together = plain.by_population(policy, [None, logged, np.full(5, 42)])
    alone = [
        plain.replicates(policy),
        same.replicates(policy),
        FQE(log, replicates=20, population=np.full(5, 42)).replicates(policy),
    ]
    for one, other in zip(together, alone, strict=True):
        assert one.values == pytest.approx(other.values)
        assert one.ess == pytest.approx(other.ess)
    assert [one.n for one in together] == [3000, 3000, 5]
    for population in (np.array([42, 999]), np.array([], np.int64)):
        with pytest.raises(ValueError, match="logged states"):
            FQE(log, population=population)


def test_state_numbers_may_have_gaps() -> None:
    log = random_log(5)
    wide = replace(log, states=log.states * 10**6, next_states=log.next_states * 10**6)
    policy = any_policy(5)

    class Wide:
        def act(self, states: np.ndarray, step: int) -> np.ndarray:
            return policy.act(states // 10**6, step)

    assert FQE(wide, replicates=20).estimate(Wide()) == FQE(log, replicates=20).estimate(policy)


def test_cross_fit_learns_and_evaluates_on_different_users() -> None:
    log, seen = campaign(2000, seed=6), []
    fixed = TabularPolicy(np.ones((12, STATES), np.int64))
    nothing = TabularPolicy(np.zeros((12, STATES), np.int64))

    def learn(train: Log) -> TabularPolicy:
        seen.append(set(np.unique(train.users).tolist()))
        return fixed

    found = cross_fit(log, learn, baseline=lambda train: nothing, replicates=50)
    assert seen[0] | seen[1] == set(range(2000))
    assert not seen[0] & seen[1]
    whole = FQE(log, replicates=50).estimate(fixed, nothing)
    assert found.reward_gain is not None
    assert whole.reward_gain is not None
    assert found.reward.n == 2000
    assert found.reward.value == pytest.approx(whole.reward.value, abs=3 * whole.reward.se)
    assert found.cost_gain is not None
    assert found.cost_gain.value == pytest.approx(found.cost.value)
    assert 0.6 < found.reward.se / whole.reward.se < 1.6
    for folds in (1, 3000):
        with pytest.raises(ValueError, match="folds"):
            cross_fit(log, learn, folds=folds)


def test_bad_input_is_named() -> None:
    log = campaign(50, seed=7)
    policy = TabularPolicy(np.zeros((12, STATES), np.int64))
    features = replace(log, states=np.zeros((600, 2), np.float32))
    cases = (
        (lambda: FQE(features), "numbers"),
        (lambda: FQE(log.rows(log.steps > 0)), "step 0"),
        (lambda: FQE(log, gamma=0.0), "gamma"),
        (lambda: FQE(log, replicates=1), "replicates"),
        (lambda: FQE(log, level=1.0), "level"),
        (lambda: FQE(log).estimate(TabularPolicy(np.zeros((12, 5), np.int64))), "fewer states"),
        (lambda: FQE(log).estimate(TabularPolicy(np.zeros((3, STATES), np.int64))), "fewer states or steps"),
        (lambda: FQE(log).estimate(TabularPolicy(np.full((12, STATES), 9))), "0..3"),
        (lambda: FQE(log).estimate(StochasticPolicy(np.full((12, STATES, 4), 0.3))), "sum to one"),
        (lambda: FQE(log).estimate([(policy, 0.5)]), "weights"),
        (lambda: FQE(log).estimate([(policy, 1.5), (policy, -0.5)]), "weights"),
        (lambda: FQE(log).estimate([]), "weights"),
    )
    for run, words in cases:
        with pytest.raises(ValueError, match=words):
            run()
    with pytest.raises(TypeError, match="act"):
        FQE(log).estimate("no coupon")  # type: ignore[arg-type]

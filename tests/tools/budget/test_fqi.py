from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget import environment
from bethink.tools.budget.candidates import SameForAll
from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import Outcome, TabularPolicy, outcome
from bethink.tools.budget.experience import distinct_rows
from bethink.tools.budget.fqi import LambdaFQI
from bethink.tools.budget.lambda_policy import LambdaPolicy
from bethink.tools.budget.log import Log
from bethink.tools.budget.mixed_policy import MixedPolicy
from bethink.tools.budget.toys import BUDGET, greedy_trap
from tests.tools.budget.featured import QUICK, coupons, randomised, table

FLOOR, OPTIMUM = 4.53376, 5.60956
"""Spec 7.3: no coupon, and the optimum at 6 per user."""


@cache
def learned() -> LambdaFQI:
    return LambdaFQI(prices=20, members=1, fitting=QUICK).fit(coupons(10_000))


def one_step(rewards: np.ndarray, costs: np.ndarray, actions: np.ndarray, states: np.ndarray) -> Log:
    n = len(actions)
    amounts = np.array([0.0, 4.0])
    return Log(states, actions, rewards, costs, states, np.zeros(n, np.int64), np.arange(n), 1, amounts)


def test_a_fifth_of_the_training_finds_most_of_the_increment() -> None:
    mixture = chord_search(learned(), 6.0)
    assert 1 <= len(mixture.components) <= 2
    assert mixture.outcome.cost == pytest.approx(6.0, abs=1e-6)
    true = [outcome(environment.tabular(), table(policy)) for policy, _ in mixture.components]
    weights = [weight for _, weight in mixture.components]
    value, cost = np.array(weights) @ np.array(true)
    assert value > FLOOR + 0.85 * (OPTIMUM - FLOOR)
    assert cost == pytest.approx(6.0, abs=0.5)
    assert mixture.outcome.reward == pytest.approx(value, abs=0.25)


def test_dearer_money_buys_less_and_endless_prices_nothing() -> None:
    oracle = learned()
    costs = [oracle.evaluate(oracle.solve(price)).cost for price in (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, math.inf)]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > 40
    assert costs[-1] == pytest.approx(0.0, abs=1e-3)
    assert not table(oracle.solve(math.inf)).actions.any()


def test_a_policy_takes_one_step_or_one_for_each_user() -> None:
    policy = learned().solve(0.1)
    features = environment.features(np.arange(60), 3)
    steps = np.arange(60) % 12
    each = [int(policy.act(features[i : i + 1], int(step))[0]) for i, step in enumerate(steps)]
    assert policy.act(features, steps).tolist() == each
    assert policy.act(features[:0], 0).tolist() == []


def test_a_policy_does_not_look_at_the_column_of_time() -> None:
    policy = learned().solve(0.1)
    every = np.arange(60)
    assert isinstance(policy, LambdaPolicy)
    assert policy.outcomes.encoder.columns == (0, 1, 2, 3, 4, 5)
    now, later = (policy.act(environment.features(every, step), 2) for step in (2, 9))
    assert now.tolist() == later.tolist()


def test_a_stored_plan_acts_as_before(tmp_path: Path) -> None:
    mixture = chord_search(learned(), 6.0)
    plan = MixedPolicy.from_mixture(mixture, environment.AMOUNTS, "spring")
    loaded = MixedPolicy.load(plan.save(tmp_path / "plan.safetensors"))
    features, users = environment.features(np.arange(60), 4), np.arange(60)
    for step in (0, 4, 11):
        assert loaded.act(features, step, users).tolist() == plan.act(features, step, users).tolist()


def test_what_is_no_stored_policy_is_refused() -> None:
    policy = learned().solve(0.1)
    assert isinstance(policy, LambdaPolicy)
    described, arrays = policy.state()
    for missing in ("encoder", "horizon"):
        with pytest.raises(ValueError, match="stored"):
            LambdaPolicy.from_state({key: value for key, value in described.items() if key != missing}, arrays)
    for wrong in ({"columns": [10**12]}, {"columns": [0]}, {"unknown": 1}, {"classes": 7}):
        with pytest.raises(ValueError, match="stored"):
            LambdaPolicy.from_state(described | {"encoder": described["encoder"] | wrong}, arrays)
    with pytest.raises(ValueError, match="stored"):
        LambdaPolicy.from_state(described | {"encoder": []}, arrays)
    for name in ("outcome.weight.0", "continuation.3.bias.2", "class_rewards"):
        with pytest.raises(ValueError, match="stored"):
            LambdaPolicy.from_state(described, {key: value for key, value in arrays.items() if key != name})
        with pytest.raises(ValueError, match="stored"):
            LambdaPolicy.from_state(described, arrays | {name: np.zeros((2, 3), np.float32)})


def test_it_looks_further_than_the_greedy_trap() -> None:
    trap = greedy_trap(4)
    oracle = LambdaFQI(prices=12, members=1, fitting=QUICK).fit(randomised(trap, 4000))
    mixture = chord_search(oracle, BUDGET)
    one_hot = np.eye(3, dtype=np.float32)
    tables = [np.stack([policy.act(one_hot, step) for step in range(4)]) for policy, _ in mixture.components]
    true = np.array([outcome(trap, TabularPolicy(actions)) for actions in tables])
    value, cost = np.array([weight for _, weight in mixture.components]) @ true
    assert value > 0.75  # the optimum is 0.8, a myopic rule gets 0.25
    assert cost == pytest.approx(BUDGET, abs=0.03)


def test_steps_that_differ_are_told_apart_only_if_not_pooled() -> None:
    rng = np.random.default_rng(0)
    users, horizon = 3000, 3
    steps = np.repeat(np.arange(horizon), users)
    actions = rng.integers(2, size=len(steps))
    active = rng.random(len(steps)) < np.where(actions * (steps == 2), 0.9, 0.1)
    states = np.tile(rng.normal(size=users).round(), horizon)[:, None]
    who = np.tile(np.arange(users), horizon)
    amounts = np.array([0.0, 1.0])
    log = Log(states, actions, active * 1.0, active * actions * 1.0, states, steps, who, horizon, amounts)

    def sent(pooled: bool) -> list[float]:
        oracle = LambdaFQI(prices=[0.5], members=1, pooled_time=pooled, fitting=QUICK).fit(log)
        return [float(oracle.solve(0.5).act(states[:200], step).mean()) for step in range(horizon)]

    assert sent(pooled=False) == [0.0, 0.0, 1.0]
    assert len(set(sent(pooled=True))) == 1


def test_an_amount_that_somebody_never_got_is_not_given_to_them() -> None:
    rng = np.random.default_rng(0)
    kind = rng.integers(2, size=4000)
    actions = np.where(kind == 0, rng.integers(2, size=4000), 0)
    active = (rng.random(4000) < 0.2 + 0.6 * actions).astype(float)
    log = one_step(active, active * actions * 4.0, actions, kind[:, None].astype(float))
    for support, wanted in ((0.1, [1, 0]), (0.0, [1, 1])):
        oracle = LambdaFQI(prices=[0.0], members=1, support=support, fitting=QUICK).fit(log)
        assert oracle.solve(0.0).act(np.array([[0.0], [1.0]]), 0).tolist() == wanted


def test_sending_nothing_is_always_possible_if_somebody_ever_got_nothing() -> None:
    log = coupons(5)
    oracle = LambdaFQI(prices=[0.0, math.inf], members=1, fitting=QUICK).fit(log)
    policy = oracle.solve(math.inf)
    assert isinstance(policy, LambdaPolicy)
    assert policy.support is not None
    points = policy.outcomes.encoder.points(environment.features(np.arange(60), 0))
    assert not replace(policy.support, nothing=False).allowed(points)[:, 0].all()
    assert policy.support.allowed(points)[:, 0].all()
    assert not table(oracle.solve(math.inf)).actions.any()
    assert oracle.evaluate(oracle.solve(math.inf)).cost == 0.0
    some = log.actions > 0
    never = LambdaFQI(prices=[math.inf], members=1, fitting=QUICK).fit(
        replace(log, actions=np.where(some, log.actions, 1), costs=np.where(some, log.costs, 1.8 * log.rewards))
    )
    assert table(never.solve(math.inf)).actions.all()


def test_rewards_and_costs_of_any_size_are_learned() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    actions, kind = rng.integers(2, size=n), rng.integers(2, size=n).astype(float)
    buys = rng.random(n) < 0.3 + 0.4 * actions
    rewards = buys * rng.gamma(4.0, 2.5 + 5 * kind)  # 10 or 30 where bought
    costs = np.where(buys & (actions == 1), rng.uniform(1.0, 3.0, n), 0.0)
    oracle = LambdaFQI(prices=[0.0, math.inf], members=1).fit(one_step(rewards, costs, actions, kind[:, None]))
    model = oracle.solve(0.0)
    assert isinstance(model, LambdaPolicy)
    points = model.outcomes.encoder.points(np.array([[0.0], [1.0]]))
    _, reward, cost = (found.detach().numpy() for found in model.outcomes.predict(points, 0))
    np.testing.assert_allclose(reward[0], [[3.0, 7.0], [9.0, 21.0]], rtol=0.1)
    np.testing.assert_allclose(cost[0], [[0.0, 1.4], [0.0, 1.4]], atol=0.1)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_equal_rows_are_one(rows: list[tuple[int, int]]) -> None:
    values = np.array(rows, float)
    firsts, numbers = distinct_rows(values)
    assert len(firsts) == len(set(rows))
    np.testing.assert_array_equal(values[firsts][numbers], values)


@settings(max_examples=1, deadline=None)
@given(st.integers(0, 10))
def test_the_seed_decides_everything(seed: int) -> None:
    def found() -> list[Outcome]:
        oracle = LambdaFQI(prices=[0.1], members=2, seed=seed, fitting=QUICK).fit(coupons(500))
        return list(oracle.candidates.outcomes)

    assert found() == found()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_learns_what_the_cpu_learns() -> None:
    plain, fast = (
        LambdaFQI(prices=[0.0, 0.1, math.inf], members=2, fitting=QUICK, device=device).fit(coupons(2000)).candidates
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(np.array(fast.outcomes), np.array(plain.outcomes), rtol=0.05, atol=0.1)
    every = environment.features(np.arange(60), 0)
    assert (fast.policies[1].act(every, 0) == plain.policies[1].act(every, 0)).mean() > 0.8


def test_progress_is_told_and_can_end_the_training() -> None:
    told: list[tuple[int, int]] = []
    LambdaFQI(prices=[0.1], members=1, fitting=QUICK).fit(coupons(500), progress=lambda *done: told.append(done))
    assert told == [(step, 12) for step in range(1, 13)]

    def stop(done: int, of: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        LambdaFQI(prices=[0.1], members=1, fitting=QUICK).fit(coupons(500), progress=stop)


def test_bad_settings_are_refused() -> None:
    for wrong in ({"prices": 2}, {"prices": []}, {"prices": [-1.0]}, {"prices": [math.nan]}, {"members": 0}):
        with pytest.raises(ValueError, match=r"prices|Prices|members"):
            LambdaFQI(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="support"):
        LambdaFQI(support=1.0)


def test_bad_logs_are_refused() -> None:
    log = coupons(500)
    with pytest.raises(TypeError, match="features"):
        LambdaFQI(prices=[0.1]).fit(environment.campaign(100, 0))
    holed = log.states.copy()
    holed[5, 4] = np.nan
    with pytest.raises(ValueError, match="finite"):
        LambdaFQI(prices=[0.1]).fit(replace(log, states=holed))
    with pytest.raises(ValueError, match="cost any money"):
        LambdaFQI(fitting=QUICK).fit(replace(log, costs=np.zeros(len(log.costs))))


def test_questions_that_it_cannot_answer_are_refused() -> None:
    with pytest.raises(RuntimeError, match="fit"):
        LambdaFQI().solve(0.1)
    with pytest.raises(ValueError, match="not known"):
        learned().evaluate(SameForAll(1))
    policy, features = learned().solve(0.1), environment.features(np.arange(60), 0)
    with pytest.raises(ValueError, match="Steps"):
        policy.act(features, 12)
    with pytest.raises(ValueError, match="columns"):
        policy.act(features[:, :3], 0)
    with pytest.raises(ValueError, match="finite"):
        policy.act(np.full((1, 7), np.inf), 0)

"""CouponRetention by gymnasium's interface, one user and many."""

from __future__ import annotations

import math
import subprocess
import sys
import time
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

from bethink.tools.budget.cmdp import best_response, outcome
from bethink.tools.budget.environment import AMOUNTS, HORIZON, LOGGING, STATES, features, parts, tabular
from bethink.tools.budget.gym_env import COVARIATES, SIGNAL, CouponRetentionEnv, CouponRetentionVec, register
from bethink.tools.budget.rules import independent


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_gymnasium_accepts_it_without_a_warning(version: str) -> None:
    env = gymnasium.make(f"CouponRetention-{version}").unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env)


@pytest.mark.parametrize(("version", "size"), [("v0", 8), ("v1", 24)])
def test_names(version: str, size: int) -> None:
    register()
    env = gymnasium.make(f"bethink.tools.budget.gym_env:CouponRetention-{version}", budget=4.0)
    observation, _ = env.reset(seed=1)
    assert observation.shape == (size,)
    assert observation.dtype == np.float32
    assert observation[-1] == 4.0
    many = gymnasium.make_vec(f"CouponRetention-{version}", num_envs=5, vectorization_mode="vector_entry_point")
    assert many.reset(seed=1)[0].shape == (5, size)
    assert many.action_space.shape == (5,)
    assert many.observation_space.shape == (5, size)
    assert many.observation_space.contains(many.step(many.action_space.sample())[0])


def test_importing_bethink_registers_nothing() -> None:
    code = "import bethink.tools.budget, sys; assert 'gymnasium' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("covariates", [False, True])
def test_one_user_is_a_cohort_of_one(covariates: bool) -> None:
    one, many = CouponRetentionEnv(5.0, covariates), CouponRetentionVec(1, 5.0, covariates)
    actions = np.random.default_rng(0).integers(4, size=2 * HORIZON)
    for episode, seed in enumerate((11, None)):
        single, info = one.reset(seed=seed)
        both, infos = many.reset(seed=seed)
        np.testing.assert_array_equal(single, both[0])
        assert info == {"cost": 0.0, "state_id": infos["state_id"][0]}
        for week in range(HORIZON):
            action = actions[episode * HORIZON + week]
            seen, reward, terminated, truncated, info = one.step(action)
            seen_all, rewards, over, cut, infos = many.step(np.array([action]))
            np.testing.assert_array_equal(seen, seen_all[0])
            assert (reward, terminated, truncated) == (rewards[0], over[0], cut[0])
            assert terminated == (week == HORIZON - 1)
            assert truncated is False
            assert info == {"cost": infos["cost"][0], "state_id": infos["state_id"][0]}
            assert seen in one.observation_space
            assert type(reward) is float
            assert type(terminated) is bool


def test_the_same_seed_gives_the_same_users() -> None:
    def campaign(seed: int | None) -> np.ndarray:
        found = [env.reset(seed=seed)[0]]
        found += [env.step(np.full(200, week % 4))[0] for week in range(HORIZON)]
        return np.stack(found)

    env = CouponRetentionVec(200)
    first, following = campaign(5), campaign(None)
    np.testing.assert_array_equal(campaign(5), first)
    np.testing.assert_array_equal(campaign(None), following)
    assert not np.array_equal(first, following)
    assert not np.array_equal(campaign(6), first)


def test_what_is_seen() -> None:
    env = CouponRetentionVec(300, budget=7.5)
    seen, info = env.reset(seed=2)
    spent = np.zeros(300)
    for week in range(HORIZON + 1):
        np.testing.assert_array_equal(seen[:, :7], features(info["state_id"], week))
        np.testing.assert_array_equal(seen[:, 7], (7.5 - spent).astype(np.float32))
        if week < HORIZON:
            actions = np.full(300, (week + 1) % 4)
            seen, rewards, _, _, info = env.step(actions)
            assert set(np.unique(info["cost"])) <= {0.0, AMOUNTS[(week + 1) % 4]}
            assert not info["cost"][rewards == 0].any()
            spent += info["cost"]
    assert spent.max() > 7.5, "one user may cost more than the average one may"


def test_observations_stay_within_bounds_when_everything_is_redeemed() -> None:
    """0.1 is no binary fraction; the last entry must still not fall below the lower bound by rounding."""
    env = CouponRetentionVec(50_000, budget=0.1)
    env.reset(seed=0)
    for _ in range(HORIZON):
        seen = env.step(np.full(50_000, 3))[0]
    low, high = env.single_observation_space.low, env.single_observation_space.high
    assert (seen >= low).all()
    assert (seen <= high).all()
    assert seen[:, 7].min() == low[7]


def test_a_cohort_brings_what_the_tables_say() -> None:
    users, cmdp = 40_000, tabular()
    policy = best_response(cmdp, 0.09759)
    rng = np.random.default_rng(1)
    for plan in ("random", "table"):
        env = CouponRetentionVec(users)
        states = env.reset(seed=10)[1]["state_id"]
        rewards, costs = np.zeros(users), np.zeros(users)
        for week in range(HORIZON):
            drawn = rng.choice(4, size=users, p=LOGGING)
            _, reward, over, _, info = env.step(drawn if plan == "random" else policy.act(states, week))
            states, rewards, costs = info["state_id"], rewards + reward, costs + info["cost"]
        assert over.all()
        truth = outcome(cmdp, independent(cmdp, LOGGING) if plan == "random" else policy)
        for found, expected in ((rewards, truth.reward), (costs, truth.cost)):
            assert abs(found.mean() - expected) <= 4 * found.std() / math.sqrt(users)


def test_covariates_tell_of_the_segment_but_do_not_give_it_away() -> None:
    users = 40_000
    env = CouponRetentionVec(users, covariates=True)
    seen, info = env.reset(seed=4)
    segments = parts(info["state_id"])[0]
    for number in range(COVARIATES):
        for g in range(4):
            column = seen[segments == g, number]
            expected = 1.0 if number in (2 * g, 2 * g + 1) else 0.0
            assert abs(column.mean() - expected) <= 4.5 / math.sqrt(len(column))
            assert column.std() == pytest.approx(1.0, abs=0.05)
    share = np.bincount(segments) / users
    likelihood = seen[:, :SIGNAL].reshape(users, 4, 2).sum(-1) - 1.0 + np.log(share)
    assert 0.6 < (likelihood.argmax(1) == segments).mean() < 0.8, "Bayes' rule with everything known"
    later, _, _, _, info = env.step(np.zeros(users, int))
    np.testing.assert_array_equal(later[:, :COVARIATES], seen[:, :COVARIATES])
    np.testing.assert_array_equal(later[:, COVARIATES:-1], features(info["state_id"], 1)[:, 4:])
    assert (later[:, -1] == 6.0).all()


def test_tables_of_the_environment() -> None:
    cmdp = CouponRetentionEnv().tabular()
    assert (cmdp.states, cmdp.actions, cmdp.horizon) == (STATES, 4, HORIZON)
    np.testing.assert_array_equal(cmdp.transition, tabular().transition)


def test_a_step_needs_a_week() -> None:
    for env, action in ((CouponRetentionEnv(), 0), (CouponRetentionVec(3), np.zeros(3, int))):
        with pytest.raises(ResetNeeded, match="reset"):
            env.step(action)
        env.reset(seed=0)
        for _ in range(HORIZON):
            env.step(action)
        with pytest.raises(ResetNeeded, match="reset"):
            env.step(action)


@pytest.mark.parametrize("action", [-1, 4, 1.0, "2", None, [1], np.array([1])])
def test_no_action(action: object) -> None:
    env = CouponRetentionEnv()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="from 0 to 3"):
        env.step(action)  # type: ignore[arg-type]


@pytest.mark.parametrize("actions", [[0, 1], [[0, 1, 2]], [0.0, 1.0, 2.0], ["a", "b", "c"], [0, 1, 4], [-1, 0, 0], 1])
def test_no_actions(actions: object) -> None:
    env = CouponRetentionVec(3)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="whole numbers are needed|Actions are 0 to 3"):
        env.step(actions)  # type: ignore[arg-type]


def test_no_environment() -> None:
    for budget in (-1.0, float("nan"), float("inf")):
        for make in (CouponRetentionEnv, lambda budget: CouponRetentionVec(2, budget)):
            with pytest.raises(ValueError, match="zero or more"):
                make(budget)
    with pytest.raises(ValueError, match="at least one"):
        CouponRetentionVec(0)
    with pytest.raises(ValueError, match="nothing to draw"):
        CouponRetentionEnv(render_mode="human")


def test_a_large_cohort_is_quick() -> None:
    """200,000 users; a million take five times as long. The limit is far above what it takes on two busy cores."""
    env = CouponRetentionVec(200_000)
    started = time.perf_counter()
    env.reset(seed=0)
    for _ in range(HORIZON):
        env.step(np.ones(200_000, np.int64))
    assert time.perf_counter() - started < 30

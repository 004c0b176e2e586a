from __future__ import annotations

import math
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bethink.tools.budget import environment
from bethink.tools.budget.candidates import SameForAll
from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import Outcome, Policy
from bethink.tools.budget.d3rlpy_oracle import ALGORITHMS, D3rlpyOracle, replay_buffer
from tests.tools.budget.featured import coupons, table

SMALL = {"batch_size": 64, "target_update_interval": 10}


class Counting:
    """A stand-in for an evaluation: says how many coupons a policy gives to the 60 states in step 0."""

    def __init__(self) -> None:
        self.asked = 0

    def evaluate(self, policy: Policy) -> Outcome:
        self.asked += 1
        actions = policy.act(environment.features(np.arange(60), 0), 0)
        return Outcome(4.0 + float((actions > 0).sum()) / 20, float(environment.AMOUNTS[actions].sum()))


@cache
def installed() -> bool:
    try:
        import d3rlpy  # noqa: F401
    except ImportError:
        return False
    return True


needs_d3rlpy = pytest.mark.skipif(not installed(), reason="the extra d3rlpy is not installed")


@needs_d3rlpy
@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_trains_and_acts(name: str) -> None:
    oracle = D3rlpyOracle(coupons(200), name, updates=20, settings=SMALL, evaluator=Counting())
    actions = table(oracle.solve(0.1)).actions
    assert actions.shape == (12, 60)
    assert set(np.unique(actions)) <= {0, 1, 2, 3}


@needs_d3rlpy
def test_training_learns_what_the_price_makes_of_a_coupon() -> None:
    rng = np.random.default_rng(0)
    log = coupons(500)
    active = (rng.random(len(log.actions)) < 0.1 + 0.8 * (log.actions > 0)).astype(float)
    easy = replace(log, rewards=active, costs=active * log.amounts[log.actions])
    settings = {"batch_size": 128, "gamma": 0.0, "target_update_interval": 50}
    oracle = D3rlpyOracle(easy, "DQN", updates=300, settings=settings, evaluator=Counting())
    free, dear = (table(oracle.solve(price)).actions for price in (0.0, 10.0))
    assert (free > 0).mean() > 0.8
    assert (dear > 0).mean() < 0.2


@needs_d3rlpy
def test_answers_and_outcomes_are_remembered() -> None:
    counting = Counting()
    oracle = D3rlpyOracle(coupons(200), "DQN", updates=5, settings=SMALL, evaluator=counting)
    policy = oracle.solve(0.1)
    assert oracle.solve(0.1) is policy
    assert oracle.evaluate(policy) == oracle.evaluate(policy)
    assert counting.asked == 1


@needs_d3rlpy
def test_a_sweep_can_be_searched_without_further_training() -> None:
    counting = Counting()
    oracle = D3rlpyOracle(coupons(200), "DQN", updates=30, settings=SMALL, evaluator=counting)
    swept = oracle.sweep([0.0, 0.1, 1.0])
    assert len(swept.policies) == 4
    assert counting.asked == 4
    dearest = max(each.cost for each in swept.outcomes)
    mixture = chord_search(swept, 0.5 * dearest)
    assert mixture.outcome.cost <= 0.5 * dearest + 1e-9
    assert counting.asked == 4


@needs_d3rlpy
def test_the_networks_see_rewards_less_the_price_of_money_user_by_user() -> None:
    log = coupons(30)
    shuffled = log.rows(np.random.default_rng(0).permutation(len(log.actions)))
    episodes = list(replay_buffer(shuffled, 0.25).episodes)
    assert len(episodes) == 30
    for user, episode in enumerate(episodes):
        own = log.users == user
        np.testing.assert_allclose(episode.rewards[:, 0], (log.rewards - 0.25 * log.costs)[own], rtol=1e-6)
        np.testing.assert_array_equal(episode.observations, log.states[own])
        np.testing.assert_array_equal(episode.actions[:, 0], log.actions[own])
        assert episode.terminated


@needs_d3rlpy
def test_endless_prices_are_answered_without_training_where_nothing_is_free() -> None:
    oracle = D3rlpyOracle(coupons(50), evaluator=Counting())
    assert oracle.solve(math.inf) == SameForAll(0)
    log = coupons(50)
    costly = D3rlpyOracle(replace(log, costs=log.costs + 1.0), evaluator=Counting())
    with pytest.raises(ValueError, match="free"):
        costly.solve(math.inf)


@needs_d3rlpy
def test_what_it_cannot_do_is_refused() -> None:
    log = coupons(50)
    with pytest.raises(ValueError, match="choose from"):
        D3rlpyOracle(log, "SAC")
    with pytest.raises(ValueError, match="updates"):
        D3rlpyOracle(log, updates=0)
    with pytest.raises(TypeError, match="features"):
        D3rlpyOracle(environment.campaign(20, 0))
    with pytest.raises(ValueError, match="multiplier"):
        D3rlpyOracle(log).solve(-1.0)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "d3rlpy", None)
    with pytest.raises(ImportError, match=r"pip install 'bethink\[d3rlpy\]'"):
        D3rlpyOracle(coupons(50))

"""Logs whose states are features, for tests of what learns by networks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from bethink.tools.budget import environment
from bethink.tools.budget.cmdp import Floats, Ints, Policy, TabularCMDP, TabularPolicy
from bethink.tools.budget.log import Log
from bethink.tools.budget.network_ensemble import Fitting

QUICK = Fitting(hidden=(32, 32), updates=40, first_updates=200, outcome_updates=200)
"""A fifth of the usual training."""


@cache
def coupons(users: int, seed: int = 0) -> Log:
    """A campaign of ``CouponRetention-v0``, seen through its seven features."""
    log = environment.campaign(users, seed)
    states = environment.features(log.states, log.steps)
    return replace(log, states=states, next_states=environment.features(log.next_states, log.steps + 1))


def table(policy: Policy) -> TabularPolicy:
    """What a policy over the seven features does in all states and steps."""
    every = np.arange(environment.STATES)
    steps = range(environment.HORIZON)
    return TabularPolicy(np.stack([policy.act(environment.features(every, step), step) for step in steps]))


def randomised(cmdp: TabularCMDP, users: int, seed: int = 0) -> Log:
    """A campaign with uniform amounts in any process; one-hot states; what a user brings and costs is what is expected.

    The reward is 1 or 0 with the process's mean; the cost is drawn as all or nothing of the action's greatest one.
    """
    rng = np.random.default_rng(seed)
    states = rng.choice(cmdp.states, size=users, p=cmdp.initial)
    amounts = np.concatenate([[0.0], np.maximum(cmdp.cost.max(0), 1e-9)[1:]])
    rows: list[tuple[Ints, Ints, Floats, Floats, Ints]] = []
    for _ in range(cmdp.horizon):
        actions = rng.integers(cmdp.actions, size=users)
        chances = np.divide(
            cmdp.cost[states, actions], amounts[actions], out=np.zeros(users), where=amounts[actions] > 0
        )
        following = (rng.random((users, 1)) > cmdp.transition[states, actions].cumsum(1)[:, :-1]).sum(1)
        rewards = (rng.random(users) < cmdp.reward[states, actions]).astype(float)
        rows.append((states, actions, rewards, amounts[actions] * (rng.random(users) < chances), following))
        states = following
    found = [np.concatenate(column) for column in zip(*rows, strict=True)]
    one_hot = np.eye(cmdp.states, dtype=np.float32)
    return Log(
        one_hot[found[0]],
        found[1],
        found[2],
        found[3],
        one_hot[found[4]],
        np.repeat(np.arange(cmdp.horizon), users),
        np.tile(np.arange(users), cmdp.horizon),
        cmdp.horizon,
        amounts,
    )

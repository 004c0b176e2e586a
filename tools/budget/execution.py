"""Carrying plans out on simulated users of ``CouponRetention-v0``: what they really bring and really cost.

The plan may have been learned; the users are the true ones. Money is counted in whole cents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from bethink.tools.budget.assignment import component, draw
from bethink.tools.budget.chord import Mixture
from bethink.tools.budget.cmdp import Ints, StochasticPolicy
from bethink.tools.budget.environment import (
    AMOUNTS,
    ENGAGEMENTS,
    FATIGUES,
    HORIZON,
    REDEMPTION,
    SEGMENTS,
    STATES,
    activity,
    initial,
    parts,
    week,
)
from bethink.tools.budget.guarantee import BudgetGuard, CostMoments, minor_units
from bethink.tools.budget.replanning import Replanner

CENTS = 100
Chooser = Callable[[Ints, int, float], Ints]
"""(states [n], step, money left in total) -> actions [n]."""


class Execution(NamedTuple):
    """One campaign as it went; money in cents."""

    users: int
    active: int
    """User-weeks that were active."""
    total: int
    """The budget of all users."""
    spent: int
    cut: int
    """Face value that the guard did not let out."""

    @property
    def value(self) -> float:
        """Active weeks per user."""
        return self.active / self.users

    @property
    def cost(self) -> float:
        """Money per user."""
        return self.spent / self.users / CENTS

    @property
    def over(self) -> float:
        """What was spent beyond the budget as a share of it; below zero: what was left."""
        return self.spent / self.total - 1


class Summary(NamedTuple):
    """Many executions together; shares of the budget where no unit is said."""

    executions: int
    value: float
    value_error: float
    """Standard error of the mean value."""
    cost: float
    cost_deviation: float
    overspent: float
    """Share of the executions that spent more than the budget."""
    overspent_interval: tuple[float, float]
    """95 % interval of that probability (Wilson)."""
    worst: float
    """The greatest overspend; below zero: all had money left."""
    unspent: float
    """Mean of what was left."""


def follow(mixture: Mixture, user_ids: Ints, salt: str) -> Chooser:
    """Each user draws one component by a salted hash and keeps it; money is not looked at."""
    policies = [policy for policy, _ in mixture.components]
    drawn = component(user_ids, [weight for _, weight in mixture.components], salt)

    def choose(states: Ints, step: int, left: float) -> Ints:
        actions = np.zeros(len(states), np.int64)
        for number, policy in enumerate(policies):
            mine = drawn == number
            actions[mine] = policy.act(states[mine], step)
        return actions

    return choose


def draw_lots(policy: StochasticPolicy, seed: int) -> Chooser:
    """Lots in every week, as a linear program's policy asks for; money is not looked at."""
    rng = np.random.default_rng(seed)

    def choose(states: Ints, step: int, left: float) -> Ints:
        upto = np.cumsum(policy.probabilities[step], axis=1)[states, :-1]
        return (rng.random(len(states))[:, None] >= upto).sum(1)

    return choose


def replan(replanner: Replanner, user_ids: Ints, salt: str) -> Chooser:
    """A new plan every week on the money that is left."""
    order = draw(user_ids, salt)
    return lambda states, step, left: replanner.propose(states, step, left, order)


def execute(choose: Chooser, users: int, budget: float, seed: int, *, hard: bool = False) -> Execution:
    """Twelve weeks of ``users`` new users, numbered from 0; O(users) besides the planning.

    Args:
        choose: who gets what in each week.
        users: how many.
        budget: money per user.
        seed: same seed, same users and same luck for the same actions.
        hard: with a :class:`BudgetGuard` between the plan and the users.
    """
    rng = np.random.default_rng(seed)
    states = rng.choice(STATES, size=users, p=initial())
    faces, user_ids = minor_units(AMOUNTS, CENTS), np.arange(users)
    total = round(budget * users * CENTS)
    guard = BudgetGuard(total if hard else 2**61)
    active = cut = 0
    for step in range(HORIZON):
        actions = choose(states, step, (total - guard.spent) / CENTS)
        proposed = faces[actions]
        granted = guard.filter(proposed, user_ids)
        happened = week(states, np.where(granted == proposed, actions, 0), rng)
        guard.settle(granted, minor_units(happened.costs, CENTS))
        active += int(happened.rewards.sum())
        cut += int(proposed.sum() - granted.sum())
        states = happened.next_states
    return Execution(users, active, total, guard.spent, cut)


def summarise(executions: Sequence[Execution]) -> Summary:
    """What many executions have in common.

    Raises:
        ValueError: fewer than two.
    """
    count = len(executions)
    if count < 2:
        raise ValueError(f"{count} executions; at least two are needed.")
    value, cost = np.array([e.value for e in executions]), np.array([e.cost for e in executions])
    over = np.array([e.over for e in executions])
    share, z = float((over > 0).mean()), NormalDist().inv_cdf(0.975)
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return Summary(
        count,
        float(value.mean()),
        float(value.std(ddof=1) / np.sqrt(count)),
        float(cost.mean()),
        float(cost.std(ddof=1)),
        share,
        (max(0.0, float(middle - half)), min(1.0, float(middle + half))),
        float(over.max()),
        float(-over.mean()),
    )


def cost_moments() -> CostMoments:
    """The exact moments of ``CouponRetention-v0``: a coupon costs its amount or nothing, and only the active redeem."""
    states, actions = np.meshgrid(np.arange(STATES), np.arange(len(AMOUNTS)), indexing="ij")
    g, e, f = parts(states)
    redeemed = REDEMPTION * activity(states, actions)
    tired = np.clip(f + np.where(actions > 0, 1, -1), 0, FATIGUES - 1)
    up = np.array([segment.up for segment in SEGMENTS])[g]
    joint = np.zeros((STATES, len(AMOUNTS), STATES))
    for engagement, share in ((np.minimum(e + 1, ENGAGEMENTS - 1), up), (e, 1 - up)):
        following = (g * ENGAGEMENTS + engagement) * FATIGUES + tired
        np.add.at(joint, (states, actions, following), AMOUNTS[actions] * redeemed * share)
    return CostMoments(AMOUNTS[actions] ** 2 * redeemed, joint)

"""``CouponRetention-v0``: twelve weeks of coupons for users who form habits, tire of coupons, and fall asleep.

A made-up process with a known optimum, small enough for the exact linear program and not so small that looking one
week ahead would do. State (g, e, f): segment, engagement 0..4, fatigue 0..2; number (g * 5 + e) * 3 + f.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Floats, Ints, TabularCMDP
from bethink.tools.budget.log import Log

HORIZON = 12
AMOUNTS = np.array([0.0, 2.0, 5.0, 10.0])
REDEMPTION = 0.9
"""Share of the active holders of a coupon who redeem it."""
LOGGING = np.array([0.55, 0.15, 0.15, 0.15])
"""The probabilities with which the logged campaign drew its amounts, whatever the state."""
ENGAGEMENTS, FATIGUES = 5, 3
STATES = 4 * ENGAGEMENTS * FATIGUES


class Segment(NamedTuple):
    """How one kind of user behaves."""

    name: str
    share: float
    base: float
    engagement: float
    coupon: float
    fatigue: float
    up: float
    down: float
    start: tuple[float, ...]
    """Probabilities of the engagement at the start; fatigue is 0."""


SEGMENTS = (
    Segment("deal-seeker", 0.35, -1.8, 0.25, 0.95, 0.50, 0.05, 0.60, (0.2, 0.3, 0.3, 0.15, 0.05)),
    Segment("habit-former", 0.25, -2.6, 1.1, 0.55, 0.05, 0.90, 0.25, (0.3, 0.4, 0.2, 0.1, 0.0)),
    Segment("loyal", 0.25, 0.5, 0.6, 0.50, 0.10, 0.50, 0.30, (0.0, 0.1, 0.2, 0.3, 0.4)),
    Segment("dormant", 0.15, -4.5, 0.9, 0.90, 0.10, 0.60, 0.50, (0.7, 0.2, 0.1, 0.0, 0.0)),
)


def parts(states: NDArray) -> tuple[Ints, Ints, Ints]:
    """Segment, engagement and fatigue of state numbers."""
    return states // (ENGAGEMENTS * FATIGUES), states // FATIGUES % ENGAGEMENTS, states % FATIGUES


def _column(name: str) -> Floats:
    return np.array([getattr(segment, name) for segment in SEGMENTS])


def activity(states: NDArray, actions: NDArray) -> Floats:
    """The probability of being active this week, for state numbers and actions of equal shape."""
    g, e, f = parts(states)
    z = _column("base")[g] + _column("engagement")[g] * e - _column("fatigue")[g] * f
    z = z + _column("coupon")[g] * np.log1p(AMOUNTS[actions]) * (1 - 0.25 * f)
    return 1 / (1 + np.exp(-z))


def initial() -> Floats:
    """Probabilities of the first state [60]."""
    found = np.zeros((4, ENGAGEMENTS, FATIGUES))
    found[:, :, 0] = _column("share")[:, None] * np.array([segment.start for segment in SEGMENTS])
    return found.ravel()


def tabular() -> TabularCMDP:
    """The process as tables: 60 states, 4 actions, 12 steps; its best policies are known exactly."""
    states, actions = np.meshgrid(np.arange(STATES), np.arange(len(AMOUNTS)), indexing="ij")
    p = activity(states, actions)
    g, e, f = parts(states)
    tired = np.where(actions > 0, np.minimum(f + 1, FATIGUES - 1), np.maximum(f - 1, 0))
    transition = np.zeros((STATES, len(AMOUNTS), STATES))

    def add(probability: Floats, engagement: Ints) -> None:
        following = (g * ENGAGEMENTS + engagement) * FATIGUES + tired
        np.add.at(transition, (states, actions, following), probability)

    up, down = _column("up")[g], _column("down")[g]
    add(p * up, np.minimum(e + 1, ENGAGEMENTS - 1))
    add(p * (1 - up) + (1 - p) * (1 - down), e)
    add((1 - p) * down, np.maximum(e - 1, 0))
    return TabularCMDP(p, REDEMPTION * AMOUNTS[actions] * p, transition, initial(), HORIZON)


class Week(NamedTuple):
    """What n users did in one week: active or not, money spent, and the state that follows; each [n]."""

    rewards: Floats
    costs: Floats
    next_states: Ints


def week(states: Ints, actions: Ints, rng: np.random.Generator) -> Week:
    """One week of n independent users; O(n)."""
    active = rng.random(len(states)) < activity(states, actions)
    redeemed = active & (rng.random(len(states)) < REDEMPTION)
    g, e, f = parts(states)
    moves = rng.random(len(states)) < np.where(active, _column("up")[g], _column("down")[g])
    e = np.clip(e + np.where(moves, np.where(active, 1, -1), 0), 0, ENGAGEMENTS - 1)
    f = np.clip(f + np.where(actions > 0, 1, -1), 0, FATIGUES - 1)
    return Week(active.astype(float), AMOUNTS[actions] * redeemed, (g * ENGAGEMENTS + e) * FATIGUES + f)


def features(states: NDArray, steps: NDArray | int) -> NDArray[np.float32]:
    """What a network sees of state numbers [n]: one-hot segment, e/4, f/2 and t/T; float32 [n, 7]."""
    g, e, f = parts(states)
    found = np.zeros((len(states), 7), np.float32)
    found[np.arange(len(states)), g] = 1.0
    found[:, 4], found[:, 5], found[:, 6] = e / 4, f / 2, np.asarray(steps) / HORIZON
    return found


def campaign(users: int, seed: int) -> Log:
    """A logged campaign: ``users`` for 12 weeks, amounts drawn by ``LOGGING``; states as numbers; O(users).

    Raises:
        ValueError: fewer than one user.
    """
    if users < 1:
        raise ValueError(f"{users} users; at least one is needed.")
    rng = np.random.default_rng(seed)
    states = rng.choice(STATES, size=users, p=initial())
    rows: list[tuple[Ints, Ints, Week]] = []
    for _ in range(HORIZON):
        actions = rng.choice(len(AMOUNTS), size=users, p=LOGGING)
        rows.append((states, actions, week(states, actions, rng)))
        states = rows[-1][2].next_states
    actions = np.concatenate([row[1] for row in rows])
    return Log(
        states=np.concatenate([row[0] for row in rows]),
        actions=actions,
        rewards=np.concatenate([row[2].rewards for row in rows]),
        costs=np.concatenate([row[2].costs for row in rows]),
        next_states=np.concatenate([row[2].next_states for row in rows]),
        steps=np.repeat(np.arange(HORIZON), users),
        users=np.tile(np.arange(users), HORIZON),
        horizon=HORIZON,
        amounts=AMOUNTS,
        propensities=LOGGING[actions],
    )

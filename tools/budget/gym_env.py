"""``CouponRetention-v0`` and ``-v1`` with gymnasium's interface: one user, or a whole cohort in NumPy.

Importing this module registers them; the prefix below does that for you. ``-v1`` is the same process with the segment
hidden, not a successor, although gymnasium says of any ``-v0`` beside a ``-v1`` that it is out of date.

Example:
    >>> import gymnasium
    >>> env = gymnasium.make("bethink.tools.budget.gym_env:CouponRetention-v0", budget=6.0)
    >>> observation, info = env.reset(seed=0)
    >>> observation, reward, terminated, truncated, info = env.step(2)
    >>> sorted(info)
    ['cost', 'state_id']
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from bethink.tools.budget import environment
from bethink.tools.budget.cmdp import Bools, Floats, TabularCMDP
from bethink.tools.budget.environment import AMOUNTS, HORIZON, SEGMENTS, STATES
from bethink.tools.budget.lp import check_budget

COVARIATES = 20
SIGNAL = 2 * len(SEGMENTS)
"""The first 8 covariates say something of the segment, the other 12 nothing."""
_FARTHEST = 10.0
"""Covariates are cut off here, so that the observation has bounds."""

Observations = NDArray[np.float32]


class CouponRetentionEnv(gymnasium.Env):
    """One user of ``CouponRetention``; the process of :func:`bethink.tools.budget.environment.tabular`.

    Actions: 0..3 for no coupon and coupons of 2, 5 and 10. Reward: 1 in a week in which the user is active. The episode
    terminates after 12 weeks and is never truncated. ``info["cost"]`` is the money spent in the week (redeemed, not
    issued), ``info["state_id"]`` the state's number 0..59, also where the observation hides the segment.

    Observation, float32 [8]: one-hot segment, engagement / 4, fatigue / 2, week / 12, and the money left of the budget
    per user, which falls below zero when the user has redeemed more than an average user may.

    Args:
        budget: money per user; it is shown, not enforced: one user may cost more as long as all together do not.
        covariates: ``CouponRetention-v1``, observation float32 [24]: 20 covariates take the place of the segment. They
            are drawn once per user and stay. Numbers 2g and 2g + 1 are N(1, 1) for users of segment g and N(0, 1) for
            all others; numbers 8 to 19 are N(0, 1) for everybody.

    Raises:
        ValueError: a budget that is NaN, infinite or negative; an action that is none.
        gymnasium.error.ResetNeeded: a step before ``reset`` or after the last week.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, budget: float = 6.0, covariates: bool = False, render_mode: str | None = None) -> None:
        if render_mode is not None:
            raise ValueError(f"There is nothing to draw: render_mode must be None, not {render_mode!r}.")
        self.render_mode = None
        self.action_space = Discrete(len(AMOUNTS))
        self.observation_space = _space(budget, covariates)
        self._cohort = _Cohort(1, budget, covariates)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observations, dict]:
        """A new user; the same ones in the same order after the same ``seed``. There are no ``options``."""
        super().reset(seed=seed)
        self._cohort.start(self.np_random)
        return self._cohort.observe()[0], self._info(0.0)

    def step(self, action: int) -> tuple[Observations, float, bool, bool, dict]:
        """One week: observation, reward, terminated, truncated (never), info."""
        if not self.action_space.contains(action):
            raise ValueError(f"The action is {action!r}; it must be a whole number from 0 to {len(AMOUNTS) - 1}.")
        week = self._cohort.advance(np.array([action]), self.np_random)
        info = self._info(float(week.costs[0]))
        return self._cohort.observe()[0], float(week.rewards[0]), self._cohort.over, False, info

    def tabular(self) -> TabularCMDP:
        """The process as tables over ``info["state_id"]``."""
        return environment.tabular()

    def _info(self, cost: float) -> dict[str, Any]:
        return {"cost": cost, "state_id": int(self._cohort.states[0])}


class CouponRetentionVec(gymnasium.vector.VectorEnv):
    """Many users of :class:`CouponRetentionEnv` at once; what that returns for one comes as arrays [n] and [n, d].

    All users begin and end together, so there is no automatic reset: call ``reset`` for a new campaign. A week costs
    O(n) time and memory. With one user it is the single environment to the last bit. Do not draw actions from
    ``numpy.random.default_rng`` with the seed of ``reset``: that is the environment's own stream of numbers.

    Args:
        num_envs: n, how many users.
        budget: money per user, as there.
        covariates: ``CouponRetention-v1``, as there.

    Raises:
        ValueError: fewer than one user, a budget or an array of actions that is none.
        gymnasium.error.ResetNeeded: a step before ``reset`` or after the last week.

    Example:
        >>> env = CouponRetentionVec(1000)
        >>> observations, info = env.reset(seed=0)
        >>> observations.shape, env.step(np.zeros(1000, int))[1].shape
        ((1000, 8), (1000,))
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    if hasattr(gymnasium.vector, "AutoresetMode"):
        metadata["autoreset_mode"] = gymnasium.vector.AutoresetMode.DISABLED

    def __init__(self, num_envs: int, budget: float = 6.0, covariates: bool = False) -> None:
        if num_envs < 1:
            raise ValueError(f"{num_envs} users; at least one is needed.")
        self.num_envs = num_envs
        self.single_action_space = Discrete(len(AMOUNTS))
        self.single_observation_space = _space(budget, covariates)
        self._cohort = _Cohort(num_envs, budget, covariates)

    @cached_property
    def action_space(self) -> MultiDiscrete:
        """One action for each user; made when it is first asked for, as it is as long as the cohort."""
        return batch_space(self.single_action_space, self.num_envs)

    @cached_property
    def observation_space(self) -> Box:
        """One observation for each user; made when it is first asked for."""
        return batch_space(self.single_observation_space, self.num_envs)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observations, dict]:
        """New users, the same after the same ``seed``. There are no ``options``."""
        super().reset(seed=seed)
        self._cohort.start(self.np_random)
        return self._cohort.observe(), self._info(np.zeros(self.num_envs))

    def step(self, actions: ArrayLike) -> tuple[Observations, Floats, Bools, Bools, dict]:
        """One week of all users; ``actions`` are whole numbers [n]."""
        chosen = np.asarray(actions)
        if chosen.shape != (self.num_envs,) or chosen.dtype.kind not in "iu":
            raise ValueError(f"{self.num_envs} whole numbers are needed, not {chosen.dtype} of shape {chosen.shape}.")
        if chosen.min() < 0 or chosen.max() >= len(AMOUNTS):
            raise ValueError(f"Actions are 0 to {len(AMOUNTS) - 1}; found {chosen.min()} to {chosen.max()}.")
        week = self._cohort.advance(chosen, self.np_random)
        over = np.full(self.num_envs, self._cohort.over)
        return self._cohort.observe(), week.rewards, over, np.zeros(self.num_envs, bool), self._info(week.costs)

    def _info(self, costs: Floats) -> dict[str, Any]:
        return {"cost": costs, "state_id": self._cohort.states}


def register() -> None:
    """Make both names known to gymnasium; done when this module is imported, and harmless when done again."""
    for version, covariates in (("v0", False), ("v1", True)):
        if f"CouponRetention-{version}" not in gymnasium.registry:
            gymnasium.register(
                f"CouponRetention-{version}",
                entry_point=f"{__name__}:CouponRetentionEnv",
                vector_entry_point=f"{__name__}:CouponRetentionVec",
                kwargs={"covariates": covariates},
            )


class _Cohort:
    """Users who go through the weeks together, and what is seen of them."""

    def __init__(self, users: int, budget: float, covariates: bool) -> None:
        self.users, self.budget, self.covariates = users, budget, covariates
        self.step = HORIZON

    @property
    def over(self) -> bool:
        return self.step == HORIZON

    def start(self, rng: np.random.Generator) -> None:
        self.states = rng.choice(STATES, size=self.users, p=environment.initial())
        self.spent = np.zeros(self.users)
        self.step = 0
        if self.covariates:
            self.traits = rng.standard_normal((self.users, COVARIATES), dtype=np.float32)
            segments = environment.parts(self.states)[0]
            self.traits[:, :SIGNAL] += np.arange(SIGNAL) // 2 == segments[:, None]
            np.clip(self.traits, -_FARTHEST, _FARTHEST, out=self.traits)

    def advance(self, actions: NDArray, rng: np.random.Generator) -> environment.Week:
        if self.over:
            raise ResetNeeded("There is no week to go on with: call reset() first.")
        week = environment.week(self.states, actions, rng)
        self.states, self.spent, self.step = week.next_states, self.spent + week.costs, self.step + 1
        return week

    def observe(self) -> Observations:
        seen = environment.features(self.states, self.step)
        first = self.traits if self.covariates else seen[:, : len(SEGMENTS)]
        left = (self.budget - self.spent).astype(np.float32)
        return np.concatenate([first, seen[:, len(SEGMENTS) :], left[:, None]], axis=1)


def _space(budget: float, covariates: bool) -> Box:
    """Bounds of one observation."""
    check_budget(budget)
    count = COVARIATES if covariates else len(SEGMENTS)
    low, high = np.zeros(count + 4, np.float32), np.ones(count + 4, np.float32)
    if covariates:
        low[:count], high[:count] = -_FARTHEST, _FARTHEST
    low[-1], high[-1] = budget - HORIZON * AMOUNTS.max(), budget
    return Box(low, high, dtype=np.float32)


register()

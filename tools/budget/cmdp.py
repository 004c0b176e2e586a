"""Constrained Markov decision processes with finitely many states: best responses and exact outcomes of policies.

One user walks through the process once: in step t of T the user is in state s, gets amount a, is active or not
(reward r) and may cost money (c). Money is never discounted: a budget is spent in full units, whatever ``gamma`` is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Outcome(NamedTuple):
    """What a policy is expected to bring and to cost, per user: J_r and J_c."""

    reward: float
    cost: float


class Policy(Protocol):
    """Anything that says which amount a user gets. Deterministic: same state and step, same amount."""

    def act(self, states: NDArray, step: int | Ints) -> Ints:
        """The actions of n users, int64 [n].

        Args:
            states: state numbers [n] or features [n, d], as the oracle that made the policy was given.
            step: the step (0 is the first) that all users are in, or one for each user [n].
        """
        ...


@dataclass(frozen=True)
class TabularPolicy:
    """A table of actions [T, S]."""

    actions: Ints

    def act(self, states: NDArray, step: int | Ints) -> Ints:
        """The table's entries for state numbers [n] at ``step``."""
        return self.actions[step, states]


@dataclass(frozen=True)
class StochasticPolicy:
    """A table of probabilities [T, S, A], drawn anew in every step; what the linear program answers."""

    probabilities: Floats


@dataclass(frozen=True)
class TabularCMDP:
    """A process with S states, A actions and T steps, the same in each of them.

    Args:
        reward: expected reward [S, A].
        cost: expected money spent [S, A], not the face value of what was issued.
        transition: probability of the next state [S, A, S]; rows sum to one.
        initial: probability of the first state [S].
        horizon: T.
        gamma: discount of the reward per step, in (0, 1]; money is not discounted.
        allowed: which actions may be used in a state [S, A]; None: all.

    Raises:
        ValueError: shapes that do not fit, values that are not finite, probabilities that do not sum to one, a state
            without an allowed action.
    """

    reward: Floats
    cost: Floats
    transition: Floats
    initial: Floats
    horizon: int
    gamma: float = 1.0
    allowed: Bools | None = field(default=None)

    def __post_init__(self) -> None:
        states, actions = self.reward.shape
        wanted = {"cost": (states, actions), "transition": (states, actions, states), "initial": (states,)}
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}; {shape} is needed beside {name!r}.")
        for name in ("reward", "cost", "transition", "initial"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} has values that are not finite.")
        for name in ("transition", "initial"):
            table = getattr(self, name)
            if (table < 0).any() or not np.allclose(table.sum(-1), 1.0, rtol=0, atol=1e-8):
                raise ValueError(f"{name} must hold probabilities that sum to one over its last axis.")
        if self.horizon < 1 or not 0 < self.gamma <= 1:
            raise ValueError(f"horizon {self.horizon} must be at least 1 and gamma {self.gamma} within (0, 1].")
        if self.allowed is not None:
            if self.allowed.shape != (states, actions):
                raise ValueError(f"allowed has shape {self.allowed.shape}; {(states, actions)} is needed.")
            if not self.allowed.any(1).all():
                raise ValueError(f"State {int(np.argmin(self.allowed.any(1)))} has no allowed action.")

    @property
    def states(self) -> int:
        """S."""
        return self.reward.shape[0]

    @property
    def actions(self) -> int:
        """A."""
        return self.reward.shape[1]


def best_response(
    cmdp: TabularCMDP, multiplier: float, *, costs: Floats | None = None, reward_weight: float = 1.0
) -> TabularPolicy:
    """The deterministic policy with the greatest J_r - lambda J_c, by backward induction; O(T A S^2).

    Ties go to the cheaper policy, then to the lower action. ``multiplier`` (lambda, reward per unit of money) may be
    infinite: then the cheapest policy, ties to the greater reward. ``costs`` [S, A], or [T, S, A] where they depend on
    the step, stand in for the process's own, and J_r counts ``reward_weight`` times.

    Raises:
        ValueError: a multiplier below zero or NaN.
    """
    if not multiplier >= 0:
        raise ValueError(f"The multiplier is {multiplier}; it must be zero or more.")
    every = np.arange(cmdp.states)
    by_step = np.broadcast_to(cmdp.cost if costs is None else costs, (cmdp.horizon, *cmdp.cost.shape))
    value_r, value_c = np.zeros(cmdp.states), np.zeros(cmdp.states)
    policy = np.zeros((cmdp.horizon, cmdp.states), np.int64)
    flat = cmdp.transition.reshape(-1, cmdp.states)
    discount = cmdp.gamma ** np.arange(cmdp.horizon)
    for step in reversed(range(cmdp.horizon)):
        q_r = discount[step] * cmdp.reward + (flat @ value_r).reshape(cmdp.reward.shape)
        q_c = by_step[step] + (flat @ value_c).reshape(cmdp.cost.shape)
        first, second = (-q_c, -q_r) if math.isinf(multiplier) else (reward_weight * q_r - multiplier * q_c, q_c)
        if cmdp.allowed is not None:
            first = np.where(cmdp.allowed, first, -np.inf)
        best = first.max(1, keepdims=True)
        tied = first >= best - 1e-12 * (1 + np.abs(best))
        chosen = np.where(tied, second, np.inf).argmin(1)
        policy[step] = chosen
        value_r, value_c = q_r[every, chosen], q_c[every, chosen]
    return TabularPolicy(policy)


def occupancy(cmdp: TabularCMDP, policy: TabularPolicy | StochasticPolicy) -> Floats:
    """x_t(s, a): the probability of being in state s at step t and getting amount a; [T, S, A]."""
    x = np.zeros((cmdp.horizon, cmdp.states, cmdp.actions))
    mass = cmdp.initial
    for step in range(cmdp.horizon):
        if isinstance(policy, StochasticPolicy):
            x[step] = mass[:, None] * policy.probabilities[step]
        else:
            x[step, np.arange(cmdp.states), policy.actions[step]] = mass
        mass = x[step].ravel() @ cmdp.transition.reshape(-1, cmdp.states)
    return x


def outcome(cmdp: TabularCMDP, policy: TabularPolicy | StochasticPolicy) -> Outcome:
    """The exact expected reward and cost of ``policy``, per user."""
    x = occupancy(cmdp, policy)
    discount = cmdp.gamma ** np.arange(cmdp.horizon)
    reward = np.einsum("t,tsa,sa->", discount, x, cmdp.reward)
    return Outcome(float(reward), float(np.einsum("tsa,sa->", x, cmdp.cost)))

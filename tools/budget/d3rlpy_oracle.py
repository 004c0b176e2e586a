"""Discrete algorithms of d3rlpy as best responses: one training for each price of money.

d3rlpy has no budget and no money: a price is put into the reward, r - lambda c, and what a policy then costs is
evaluated on the log. Needs the extra: ``pip install 'bethink[d3rlpy]'``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.candidates import Candidates, SameForAll
from bethink.tools.budget.cmdp import Ints, Outcome, Policy
from bethink.tools.budget.log import Log
from bethink.tools.budget.neural_fqe import NeuralFQE

ALGORITHMS: dict[str, dict[str, Any]] = {
    "DQN": {},
    "DoubleDQN": {},
    "DiscreteBCQ": {"action_flexibility": 0.1},
    "DiscreteCQL": {"alpha": 0.1},
}
"""What can be trained, and settings that differ from d3rlpy's own."""
SETTINGS: dict[str, Any] = {"learning_rate": 1e-3, "batch_size": 512, "gamma": 0.999, "target_update_interval": 500}
"""Of all of them. d3rlpy's own interval of 8,000 updates would never refresh the target within 6,000."""


class Evaluator(Protocol):
    """Estimates outcomes from a log; :class:`NeuralFQE` is one."""

    def evaluate(self, policy: Policy) -> Outcome:
        """Reward and cost per user."""
        ...


@dataclass(frozen=True)
class D3rlpyPolicy:
    """The greedy policy of a trained algorithm; takes all features that the log has, the step is among them or not."""

    algorithm: Any

    def act(self, states: NDArray, step: int | Ints) -> Ints:
        """The actions of n users with features [n, d], int64 [n]."""
        if not len(states):
            return np.zeros(0, np.int64)
        return np.asarray(self.algorithm.predict(np.asarray(states, np.float32)), np.int64)


class D3rlpyOracle:
    """Answers each new price with a training; an answered price is remembered.

    Args:
        log: states are features [n, d]; d3rlpy sees no step but what they say of it.
        algorithm: a name of ``ALGORITHMS``.
        updates: gradient steps of a training.
        settings: of the algorithm's configuration, over those of ``SETTINGS`` and ``ALGORITHMS``.
        evaluator: estimates what policies bring and cost; None: NeuralFQE on the log.
        device: as d3rlpy takes it, such as "cpu:0" or "cuda:0"; False: the CPU.
        seed: of weights and batches. d3rlpy seeds torch and NumPy as a whole.

    Raises:
        ImportError: d3rlpy is not installed.
        TypeError: states that are numbers.
        ValueError: an unknown algorithm or a number of updates below 1.
    """

    def __init__(
        self,
        log: Log,
        algorithm: str = "DoubleDQN",
        *,
        updates: int = 6000,
        settings: dict[str, Any] | None = None,
        evaluator: Evaluator | None = None,
        device: str | bool = False,
        seed: int = 0,
    ) -> None:
        _d3rlpy()
        if algorithm not in ALGORITHMS:
            raise ValueError(f"There is no algorithm {algorithm!r} here; choose from {', '.join(ALGORITHMS)}.")
        if updates < 1:
            raise ValueError(f"updates is {updates}; at least 1 is needed.")
        if np.asarray(log.states).ndim != 2:
            raise TypeError("d3rlpy learns from features [n, d], not from state numbers; encode the states first.")
        self.log, self.algorithm, self.updates, self.device, self.seed = log, algorithm, updates, device, seed
        self.settings = SETTINGS | ALGORITHMS[algorithm] | (settings or {})
        self._evaluator = evaluator
        self._known: dict[float, Policy] = {}
        self._outcomes: list[tuple[Policy, Outcome]] = []

    @property
    def evaluator(self) -> Evaluator:
        """What estimates outcomes; made when it is first needed."""
        if self._evaluator is None:
            self._evaluator = NeuralFQE(self.log)
        return self._evaluator

    def solve(self, multiplier: float) -> Policy:
        """Train on r - lambda c, or give what was trained before; infinite: no coupon for anybody.

        Raises:
            ValueError: a multiplier below zero or NaN, or infinite where sending nothing is not free in the log.
        """
        if not multiplier >= 0:
            raise ValueError(f"The multiplier is {multiplier}; it must be zero or more.")
        if multiplier not in self._known:
            self._known[multiplier] = self._answer(multiplier)
        return self._known[multiplier]

    def evaluate(self, policy: Policy) -> Outcome:
        """The evaluator's estimate; remembered."""
        for known, outcome in self._outcomes:
            if known is policy:
                return outcome
        self._outcomes.append((policy, self.evaluator.evaluate(policy)))
        return self._outcomes[-1][1]

    def sweep(self, multipliers: Iterable[float]) -> Candidates:
        """The policies of these prices and the one without coupons, to be searched without further training."""
        policies = tuple(self.solve(multiplier) for multiplier in (*multipliers, math.inf))
        return Candidates(policies, tuple(self.evaluate(policy) for policy in policies))

    def _answer(self, multiplier: float) -> Policy:
        if math.isinf(multiplier):
            free = self.log.actions == 0
            if not free.any() or (self.log.costs[free] != 0).any():
                raise ValueError("Sending nothing is not in the log or not free in it; no policy is known to be cheap.")
            return SameForAll(0)
        d3rlpy = _d3rlpy()
        d3rlpy.seed(self.seed)
        quiet = d3rlpy.logging.NoopAdapterFactory()
        config = getattr(d3rlpy.algos, f"{self.algorithm}Config")(**self.settings)
        algorithm = config.create(device=self.device)
        with redirect_stdout(StringIO()):  # d3rlpy tells of its settings there, whatever the logger
            algorithm.fit(
                replay_buffer(self.log, multiplier),
                n_steps=self.updates,
                n_steps_per_epoch=self.updates,
                logger_adapter=quiet,
                show_progress=False,
            )
        return D3rlpyPolicy(algorithm)


def replay_buffer(log: Log, multiplier: float) -> Any:
    """The log as d3rlpy's episodes with the reward r - lambda c, one for each user, ended by termination at T.

    Raises:
        ImportError: d3rlpy is not installed.
    """
    d3rlpy = _d3rlpy()
    order = np.lexsort([log.steps, log.users])
    rewards = log.rewards[order] - multiplier * log.costs[order]
    return d3rlpy.dataset.MDPDataset(
        observations=np.asarray(log.states, np.float32)[order],
        actions=log.actions[order],
        rewards=rewards.astype(np.float32),
        terminals=log.done[order].astype(np.float32),
        action_space=d3rlpy.ActionSpace.DISCRETE,
        action_size=len(log.amounts),
    )


def _d3rlpy() -> ModuleType:
    try:
        import d3rlpy
    except ImportError as error:
        raise ImportError("d3rlpy is not installed; run: pip install 'bethink[d3rlpy]'") from error
    return d3rlpy

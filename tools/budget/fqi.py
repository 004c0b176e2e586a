"""Lambda-conditioned fitted Q iteration: best responses to every price of money from one training on a log.

After BCORLE(lambda) (NeurIPS 2021): a network that knows the price needs no training anew for each. Here its outputs
are the reward and the cost to come at each of some 50 prices, so that one pass from the last step to the first learns
the policies of all of them, and what each is expected to bring and to cost.

Example:
    >>> from dataclasses import replace
    >>> from bethink.tools.budget import environment
    >>> from bethink.tools.budget.chord import chord_search
    >>> log = environment.campaign(2000, seed=0)
    >>> seen = environment.features(log.states, log.steps), environment.features(log.next_states, log.steps + 1)
    >>> oracle = LambdaFQI(prices=16, members=1).fit(replace(log, states=seen[0], next_states=seen[1]))
    >>> mixture = chord_search(oracle, budget=6.0)
    >>> len(mixture.components), round(mixture.outcome.cost, 6)
    (2, 6.0)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bethink.tools.budget.candidates import Candidates
from bethink.tools.budget.cmdp import Floats, Outcome, Policy
from bethink.tools.budget.critic import Critic
from bethink.tools.budget.experience import Experience, gather
from bethink.tools.budget.lambda_policy import LambdaPolicy, Support, greedy
from bethink.tools.budget.log import Log
from bethink.tools.budget.network_ensemble import Fitting, NetworkEnsemble, descend, pick_device
from bethink.tools.threads import one_thread_if_small

PILOT_PRICES = 24
PILOT_SHARE = 0.2
"""Share of the updates that the pilot makes, which looks for the range of prices that matter."""
PILOT_USERS = 2000
"""Users that it looks at where a log has too many distinct rows to be looked at as a whole."""
EDGE = 0.02
"""Prices matter between those at which this share, and all but this share, of what money can bring is bought."""


class Trained(NamedTuple):
    """What one pass gives: J_r and J_c of the policies of L prices in the critics' own eyes [L], and the networks."""

    rewards: Tensor
    costs: Tensor
    policies: LambdaPolicy
    """With the outputs of all prices [2 L]."""


class LambdaFQI:
    """Policies for all prices of money from one training; an oracle for the chord search.

    The expected outcome of a policy is that of its own critics: fitted Q evaluation in the same pass. They were learned
    from the users that the policy was learned from and see its reward a little too kindly; for a forecast to show,
    evaluate on other users (:func:`bethink.tools.budget.neural_fqe.cross_fitted`).

    Features with few distinct values make the log small (equal rows are merged, nothing is lost); with continuous ones
    each update sees a random batch, and time and memory grow with the rows.

    Args:
        hidden: units of each hidden layer, instead of those of ``fitting``.
        pooled_time: the process is the same in all steps; rows of all steps are regressed on together. Features equal
            for all users of a step are not looked at.
        prices: how many prices to learn for (zero and infinite are among them), or the prices themselves.
        members: networks that start from different weights, whose mean is acted on.
        support: tau, amounts with beta(a | x) < tau max_b beta(b | x) in the log are not considered; 0: all are. No
            coupon is always considered if the log has any row of it.
        device: "auto" (CUDA where there is one), "cpu" or "cuda".
        seed: of weights and batches.
        fitting: how networks are trained.

    Raises:
        ValueError: settings out of range.
    """

    def __init__(
        self,
        *,
        hidden: Sequence[int] | None = None,
        pooled_time: bool = True,
        prices: int | Sequence[float] = 48,
        members: int = 4,
        support: float = 0.1,
        device: str = "auto",
        seed: int = 0,
        fitting: Fitting | None = None,
    ) -> None:
        given = [] if isinstance(prices, int) else [float(price) for price in prices]
        if (isinstance(prices, int) and prices < 3) or (not isinstance(prices, int) and not given):
            raise ValueError(f"prices is {prices}; give at least one price, or a number of 3 or more.")
        if any(not price >= 0 for price in given):
            raise ValueError("Prices must be zero or more.")
        if members < 1 or not 0 <= support < 1:
            raise ValueError(f"members {members} must be at least 1, and support {support} within [0, 1).")
        self.fitting = fitting or Fitting()
        if hidden is not None:
            self.fitting = replace(self.fitting, hidden=tuple(hidden))
        self.pooled_time, self.prices, self.members, self.support = pooled_time, prices, members, support
        self.device, self.seed = device, seed
        self._candidates: Candidates | None = None

    def fit(self, log: Log, progress: Callable[[int, int], None] = lambda done, of: None) -> LambdaFQI:
        """Learn from ``log``, whose states are features [n, d]; returns itself.

        Some 3,000 updates of a network with 2 x prices outputs, after a pilot of a fifth of them that looks for the
        range of prices that matter (none where the prices are given). ``progress`` is told the steps done and how many
        there are; what it raises ends the training.

        Raises:
            TypeError: states that are numbers.
            ValueError: features that are not finite, or a log in which nothing cost any money.
        """
        experience = gather(log, pooled=self.pooled_time)
        device = pick_device(self.device)
        with one_thread_if_small(self.fitting.batch * max(self.fitting.hidden)):
            support = fit_support(experience, self.support, self.fitting, self.seed, device)
            if isinstance(self.prices, int):
                inner = self._range(log, experience, device, self.prices - 2)
                prices = np.concatenate([[0.0], inner, [math.inf]])
            else:
                prices = np.unique(np.asarray(self.prices, float))
            grid = torch.as_tensor(prices, dtype=torch.float32, device=device)
            found = induct(experience, grid, support, self.fitting, self.members, self.seed, progress)
        rewards, costs = found.rewards, found.costs
        pairs = zip(rewards.cpu().tolist(), costs.cpu().tolist(), strict=True)
        self._candidates = Candidates(
            tuple(found.policies.at(number, float(price)) for number, price in enumerate(prices)),
            tuple(Outcome(reward, max(0.0, cost)) for reward, cost in pairs),
        )
        return self

    @property
    def candidates(self) -> Candidates:
        """The policies of all prices, cheap money first, and what each is expected to bring and to cost.

        Raises:
            RuntimeError: nothing was learned yet.
        """
        if self._candidates is None:
            raise RuntimeError("Nothing was learned yet; call fit(log) first.")
        return self._candidates

    def solve(self, multiplier: float) -> Policy:
        """The learned policy with the greatest J_r - lambda J_c, a :class:`LambdaPolicy`; ties go to the cheaper one.

        Raises:
            ValueError: a multiplier below zero or NaN.
            RuntimeError: nothing was learned yet.
        """
        return self.candidates.solve(multiplier)

    def evaluate(self, policy: Policy) -> Outcome:
        """What one of the learned policies is expected to bring and to cost, per user.

        Raises:
            ValueError: a policy that :meth:`solve` did not give; NeuralFQE evaluates others.
            RuntimeError: nothing was learned yet.
        """
        return self.candidates.evaluate(policy)

    def _range(self, log: Log, experience: Experience, device: torch.device, count: int) -> Floats:
        """The prices to learn for, from a short training over all prices that can be thought of."""
        if len(experience.cells.points) > 2 * self.fitting.batch and log.user_count > PILOT_USERS:
            some = np.random.default_rng(self.seed).permutation(log.user_count)[:PILOT_USERS]
            experience = gather(log.rows(np.isin(log.users, some)), pooled=self.pooled_time)
        pilot = replace(
            self.fitting,
            updates=max(1, round(PILOT_SHARE * self.fitting.updates)),
            first_updates=max(1, round(PILOT_SHARE * self.fitting.first_updates)),
        )
        wide = _wide_prices(log)
        grid = torch.as_tensor(wide, dtype=torch.float32, device=device)
        return _price_range(wide, induct(experience, grid, None, pilot, 1, self.seed).rewards.cpu().numpy(), count)


def induct(
    experience: Experience,
    prices: Tensor,
    support: Support | None,
    fitting: Fitting,
    members: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Trained:
    """Learn the policies of all ``prices`` [L] backwards from the last step.

    Args:
        experience: the log.
        prices: multipliers, infinite allowed.
        support: which amounts may be considered.
        fitting: how networks are trained.
        members: networks whose mean chooses; each evaluates what they choose together.
        seed: of everything random.
        progress: called after each step with the steps done and how many there are.
    """
    everyone = torch.ones(members, experience.user_count, device=prices.device)
    critic = Critic(experience, everyone, len(prices), fitting, seed)
    networks: list[NetworkEnsemble] = []
    for step in reversed(range(experience.horizon)):
        critic.regress(step)
        if step < experience.horizon - 1:
            networks.append(critic.scaled_network())
        for chunk in critic.chunks():
            q_r, q_c = critic.values(chunk)
            allowed = None if support is None else support.allowed(critic.points[chunk])
            taken = greedy(q_r.mean(0), q_c.mean(0), prices, allowed)
            critic.settle(chunk, q_r, q_c, taken.expand(members, -1, -1))
        progress(experience.horizon - step, experience.horizon)
    rewards, costs = critic.outcome()
    policies = LambdaPolicy(0.0, critic.outcomes, tuple(reversed(networks)), support, fitting.gamma)
    return Trained(rewards.mean(0), costs.mean(0), policies)


def fit_support(
    experience: Experience, tau: float, fitting: Fitting, seed: int, device: torch.device
) -> Support | None:
    """Learn which amounts the log gave where; None for ``tau`` = 0: all amounts count as seen."""
    if tau == 0:
        return None
    cells = experience.cells
    counts = torch.as_tensor(np.bincount(cells.rows, minlength=len(cells.points)), dtype=torch.float32, device=device)
    share = counts / counts.sum()
    inputs, actions = experience.points[cells.points].to(device), cells.actions.to(device)
    network = NetworkEnsemble(1, (inputs.shape[1], *fitting.hidden, len(experience.encoder.amounts)), seed).to(device)

    def likelihood(picked: Tensor | slice) -> Tensor:
        chances = torch.log_softmax(network(inputs[picked])[0], -1)
        part = share[picked]
        return -(part * chances.gather(1, actions[picked, None])[:, 0]).sum() / part.sum()

    descend(network, likelihood, len(inputs), fitting.outcome_updates, fitting, torch.Generator().manual_seed(seed))
    return Support(network, tau, bool((actions == 0).any()))


def _wide_prices(log: Log) -> Floats:
    """Prices from one that is too high for any coupon down to a hundred-thousandth of it; and zero and infinity.

    Raises:
        ValueError: nothing in the log cost anything.
    """
    means = [float(log.costs[log.actions == a].mean()) for a in np.unique(log.actions)]
    paid = [mean for mean in means if mean > 0]
    if not paid:
        raise ValueError("No row of the log cost any money, so that there is no budget to keep.")
    gain = log.horizon * float(np.ptp(log.rewards))
    highest = (gain if gain > 0 else 1.0) / min(paid)
    inner = np.geomspace(highest, 1e-5 * highest, PILOT_PRICES - 2)[::-1]
    return np.concatenate([[0.0], inner, [math.inf]])


def _price_range(prices: NDArray, rewards: NDArray, count: int) -> Floats:
    """``count`` prices, evenly spaced on a log scale, over the range of ``prices`` in which ``rewards`` change."""
    gain = (rewards - rewards[-1]) / max(float(rewards.max() - rewards[-1]), 1e-12)
    inner = np.arange(1, len(prices) - 1)
    rich = [number for number in inner if gain[number] >= 1 - EDGE]
    poor = [number for number in inner if gain[number] > EDGE]
    low = prices[max(rich, default=1)]
    high = prices[min(max(poor, default=1) + 1, len(prices) - 2)]
    return np.geomspace(low, max(high, 2 * low), count)

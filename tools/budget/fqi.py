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
    >>> oracle = LambdaFQI(prices=16).fit(replace(log, states=seen[0], next_states=seen[1]))
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

from bethink.tools.budget.cmdp import Floats, Outcome, Policy
from bethink.tools.budget.critic import Critic
from bethink.tools.budget.experience import Experience, gather
from bethink.tools.budget.lambda_policy import LambdaPolicy, Support, greedy
from bethink.tools.budget.log import Log
from bethink.tools.budget.network_ensemble import Fitting, NetworkEnsemble, descend, pick_device
from bethink.tools.threads import one_thread_if_small

TOGETHER = 20_000
"""Distinct rows up to which all groups of users are trained side by side; above, one after the other."""
PILOT_PRICES = 24
PILOT_SHARE = 0.2
"""Share of the updates that the pilot makes, which looks for the range of prices that matter."""
EDGE = 0.02
"""Prices matter between those at which this share, and all but this share, of what money can bring is bought."""


class Trained(NamedTuple):
    """What one pass gives: outcomes in the critics' own eyes and in those of held-out users, and the networks."""

    rewards: Tensor
    costs: Tensor
    """Of the groups' policies, by the groups' own critics [M, L]."""
    held_rewards: Tensor
    held_costs: Tensor
    """Of the last H groups' policies, by critics of the users that each of them had not seen [H, L]."""
    policies: LambdaPolicy
    """The first group's networks with the outputs of all prices [2 L]."""


class LambdaFQI:
    """Policies for all prices of money from one training; an oracle for the chord search.

    The expected outcome of a policy is that of its critics, corrected by how much critics of users that a policy was
    not learned from differ from its own: for each of ``folds`` groups of users a policy is learned from the others and
    evaluated on the group. Features with few distinct values make the log small (equal rows are merged, nothing is
    lost); with continuous ones each update sees a random batch.

    Args:
        hidden: units of each hidden layer.
        pooled_time: the process is the same in all steps; rows of all steps are regressed on together. Features equal
            for all users of a step are not looked at.
        prices: how many prices to learn for (zero and infinite are among them), or the prices themselves.
        folds: groups for the correction; 0: none, the critics' own estimates.
        support: tau, amounts with beta(a | x) < tau max_b beta(b | x) in the log are not considered; 0: all are.
        device: "auto" (CUDA where there is one), "cpu" or "cuda".
        seed: of weights, batches and folds.
        fitting: how networks are trained; ``hidden`` is taken from above.

    Raises:
        ValueError: settings out of range.
    """

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (64, 64),
        pooled_time: bool = True,
        prices: int | Sequence[float] = 48,
        folds: int = 0,
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
        if folds < 0 or folds == 1 or not 0 <= support < 1:
            raise ValueError(f"folds {folds} must be 0 or at least 2, and support {support} within [0, 1).")
        self.fitting = replace(fitting or Fitting(), hidden=tuple(hidden))
        self.pooled_time, self.prices, self.folds, self.support = pooled_time, prices, folds, support
        self.device, self.seed = device, seed
        self.outcomes: list[Outcome] = []
        self.policies: list[LambdaPolicy] = []

    def fit(self, log: Log, progress: Callable[[int, int], None] = lambda done, of: None) -> LambdaFQI:
        """Learn from ``log``, whose states are features [n, d]; returns itself.

        Some 3,000 updates of a network with 2 x prices outputs. ``progress`` is told the steps done and how many there
        are; what it raises ends the training.

        Raises:
            TypeError: states that are numbers.
            ValueError: features that are not finite, more folds than users, or a log in which no amount cost anything.
        """
        experience = gather(log, pooled=self.pooled_time)
        users = experience.user_count
        if users < max(1, self.folds):
            raise ValueError(f"{users} users cannot be sorted into {self.folds} folds.")
        device = pick_device(self.device)
        everyone = torch.ones(1, users, device=device)
        with one_thread_if_small(self.fitting.batch * max(self.fitting.hidden)):
            support = fit_support(experience, self.support, self.fitting, self.seed, device)
            if isinstance(self.prices, int):
                pilot = replace(
                    self.fitting,
                    updates=max(1, round(PILOT_SHARE * self.fitting.updates)),
                    first_updates=max(1, round(PILOT_SHARE * self.fitting.first_updates)),
                )
                wide = torch.as_tensor(_wide_prices(log), dtype=torch.float32, device=device)
                tried = induct(experience, everyone, None, wide, support, pilot, self.seed)
                inner = _range(wide.cpu().numpy(), tried.rewards[0].cpu().numpy(), self.prices - 2)
                prices = np.concatenate([[0.0], inner, [math.inf]])
            else:
                prices = np.unique(np.asarray(self.prices, float))
            grid = torch.as_tensor(prices, dtype=torch.float32, device=device)
            generator = torch.Generator().manual_seed(self.seed)
            fold = (torch.randperm(users, generator=generator) % max(1, self.folds)).to(device)
            held = torch.stack([(fold == number).float() for number in range(self.folds)]) if self.folds else None
            found = induct(experience, everyone, held, grid, support, self.fitting, self.seed, progress)
        rewards, costs = found.rewards[0], found.costs[0]
        if self.folds:
            rewards = rewards + (found.held_rewards - found.rewards[1:]).mean(0)
            costs = costs + (found.held_costs - found.costs[1:]).mean(0)
        pairs = zip(rewards.cpu().tolist(), costs.cpu().tolist(), strict=True)
        self.outcomes = [Outcome(reward, max(0.0, cost)) for reward, cost in pairs]
        self.policies = [found.policies.at(number, float(price)) for number, price in enumerate(prices)]
        return self

    def solve(self, multiplier: float) -> LambdaPolicy:
        """The learned policy with the greatest J_r - lambda J_c; ties go to the cheaper one.

        Raises:
            ValueError: a multiplier below zero or NaN.
            RuntimeError: nothing was learned yet.
        """
        if not multiplier >= 0:
            raise ValueError(f"The multiplier is {multiplier}; it must be zero or more.")
        if not self.policies:
            raise RuntimeError("Call fit(log) first.")

        def worth(number: int) -> tuple[float, float]:
            reward, cost = self.outcomes[number]
            return (-cost, reward) if math.isinf(multiplier) else (reward - multiplier * cost, -cost)

        return self.policies[max(range(len(self.policies)), key=worth)]

    def evaluate(self, policy: Policy) -> Outcome:
        """What one of the learned policies is expected to bring and to cost, per user.

        Raises:
            ValueError: a policy that :meth:`solve` did not give; see NeuralFQE for others.
        """
        for known, outcome in zip(self.policies, self.outcomes, strict=True):
            if known is policy:
                return outcome
        raise ValueError("LambdaFQI knows the outcomes of its own policies only; evaluate others by NeuralFQE.")


def induct(
    experience: Experience,
    everyone: Tensor,
    held: Tensor | None,
    prices: Tensor,
    support: Support | None,
    fitting: Fitting,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Trained:
    """Learn the policies of all ``prices`` [L] backwards from the last step.

    Args:
        experience: the log.
        everyone: the users that the first group learns from [1, N].
        held: for each further group the users it does not learn from and is evaluated on [H, N]; None: no such groups.
        prices: multipliers, infinite allowed.
        support: which amounts may be considered.
        fitting: how networks are trained.
        seed: of everything random.
        progress: called after each step.
    """
    selections = everyone if held is None else torch.cat([everyone, 1 - held])
    rows = max((len(part.points) for part in experience.transitions), default=0)
    together = len(selections) if rows <= TOGETHER else 1
    own: list[tuple[Tensor, Tensor]] = []
    others: list[tuple[Tensor, Tensor]] = []
    policies: LambdaPolicy | None = None
    total = experience.horizon * math.ceil(len(selections) / together)
    done = 0
    for at in range(0, len(selections), together):
        chosen = selections[at : at + together]
        judged = torch.zeros(0, everyone.shape[1], device=everyone.device)
        if held is not None:
            judged = held[max(0, at - 1) : at + together - 1]
        first = len(chosen) - len(judged)  # the group of everyone has no users that it has not seen
        critic = Critic(experience, torch.cat([chosen, judged]), len(prices), fitting, seed)
        networks: list[NetworkEnsemble] = []
        for step in reversed(range(experience.horizon)):
            critic.regress(step)
            if step < experience.horizon - 1 and at == 0:
                networks.append(critic.scaled_network().member(0))
            for chunk in critic.chunks():
                q_r, q_c = critic.values(chunk)
                allowed = None if support is None else support.allowed(critic.points[chunk])
                taken = greedy(q_r[: len(chosen)], q_c[: len(chosen)], prices, allowed)
                critic.settle(chunk, q_r, q_c, torch.cat([taken, taken[first:]]))
            done += 1
            progress(done, total)
        rewards, costs = critic.outcome()
        own.append((rewards[: len(chosen)], costs[: len(chosen)]))
        others.append((rewards[len(chosen) :], costs[len(chosen) :]))
        if at == 0:
            outcomes = critic.outcomes.member(0)
            policies = LambdaPolicy(0.0, outcomes, tuple(reversed(networks)), support, fitting.gamma)
    assert policies is not None
    joined = [torch.cat([pair[part] for pair in pairs]) for pairs in (own, others) for part in (0, 1)]
    return Trained(*joined, policies)


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
    return Support(network.member(0), tau)


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


def _range(prices: NDArray, rewards: NDArray, count: int) -> Floats:
    """``count`` prices, evenly spaced on a log scale, over the range of ``prices`` in which ``rewards`` change."""
    gain = (rewards - rewards[-1]) / max(float(rewards.max() - rewards[-1]), 1e-12)
    inner = np.arange(1, len(prices) - 1)
    rich = [number for number in inner if gain[number] >= 1 - EDGE]
    poor = [number for number in inner if gain[number] > EDGE]
    low = prices[max(rich, default=1)]
    high = prices[min(max(poor, default=1) + 1, len(prices) - 2)]
    return np.geomspace(low, max(high, 2 * low), count)

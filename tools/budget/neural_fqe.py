"""Fitted Q evaluation with networks: what any policy would bring and cost, from the log of another one.

After Le, Voloshin & Yue 2019 (arXiv 1903.08738): y = r + Q(x', pi(x')), regressed backwards from the last step, for the
reward and for the money alike. The regressions are those that LambdaFQI learns by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from bethink.tools.budget.cmdp import Outcome, Policy
from bethink.tools.budget.critic import Critic
from bethink.tools.budget.experience import gather
from bethink.tools.budget.log import Log
from bethink.tools.budget.network_ensemble import Fitting, pick_device
from bethink.tools.budget.outcome_model import fit_outcomes
from bethink.tools.threads import one_thread_if_small


class NeuralFQE:
    """Evaluates policies on a log whose states are features; what was fitted to immediate outcomes is kept.

    A policy learned from the same users looks a little better than it is: see :func:`cross_fitted`.

    Args:
        log: what the policies are evaluated on; its users are the population.
        hidden: units of each hidden layer, instead of those of ``fitting``.
        pooled_time: the process is the same in all steps; rows of all steps are regressed on together.
        members: networks that start from different weights, whose mean estimate counts.
        device: "auto" (CUDA where there is one), "cpu" or "cuda".
        seed: of weights and batches.
        fitting: how networks are trained.

    Raises:
        TypeError: states that are numbers.
        ValueError: features that are not finite, or fewer than one member.
    """

    def __init__(
        self,
        log: Log,
        *,
        hidden: Sequence[int] | None = None,
        pooled_time: bool = True,
        members: int = 4,
        device: str = "auto",
        seed: int = 1,
        fitting: Fitting | None = None,
    ) -> None:
        if members < 1:
            raise ValueError(f"members is {members}; at least 1 is needed.")
        self.fitting = fitting or Fitting()
        if hidden is not None:
            self.fitting = replace(self.fitting, hidden=tuple(hidden))
        self.seed = seed
        self.experience = gather(log, pooled=pooled_time)
        self.weights = torch.ones(members, self.experience.user_count, device=pick_device(device))
        with one_thread_if_small(self.fitting.batch * max(self.fitting.hidden)):
            self.outcomes = fit_outcomes(self.experience, self.weights, self.fitting, seed)

    def evaluate(self, policy: Policy) -> Outcome:
        """Reward and cost per user of one policy, which is given the log's features; some 3,000 updates."""
        return self.evaluate_all([policy])[0]

    def evaluate_all(self, policies: Sequence[Policy]) -> list[Outcome]:
        """The same for several policies with one set of networks, in little more time than one takes.

        Raises:
            ValueError: no policy, or one that answers actions that the log has no amount for.
        """
        if not policies:
            raise ValueError("There is no policy to evaluate.")
        experience = self.experience
        with one_thread_if_small(self.fitting.batch * max(self.fitting.hidden)):
            critic = Critic(experience, self.weights, len(policies), self.fitting, self.seed, self.outcomes)
            for step in reversed(range(experience.horizon)):
                critic.regress(step)
                features = experience.features_at(step)
                for chunk in critic.chunks():
                    taken = np.stack([policy.act(features[chunk], step) for policy in policies], axis=-1)
                    if taken.min() < 0 or taken.max() >= len(experience.encoder.amounts):
                        raise ValueError(f"A policy answered actions from {taken.min()} to {taken.max()}.")
                    actions = torch.as_tensor(taken, device=self.weights.device)
                    critic.settle(chunk, *critic.values(chunk), actions.expand(len(self.weights), -1, -1))
            rewards, costs = (found.mean(0).cpu().tolist() for found in critic.outcome())
        pairs = zip(rewards, costs, strict=True)
        return [Outcome(reward, max(0.0, cost)) for reward, cost in pairs]


def cross_fitted(
    log: Log,
    learn: Callable[[Log], Sequence[Policy]],
    *,
    folds: int = 2,
    evaluator: Callable[[Log], NeuralFQE] = NeuralFQE,
    seed: int = 0,
) -> list[Outcome]:
    """What ``learn`` makes of a log, evaluated on users it did not learn from: the mean over ``folds`` groups.

    Args:
        log: states are features.
        learn: gives policies, as many for every log, such as the components of a plan.
        folds: groups of users; each is evaluated on after learning from the others.
        evaluator: makes the evaluation on a group.
        seed: of the groups.

    Raises:
        ValueError: fewer than 2 folds or fewer users than folds, or as many policies not each time.
    """
    if not 2 <= folds <= log.user_count:
        raise ValueError(f"{folds} folds cannot be made of {log.user_count} users; at least 2 are needed.")
    found = [evaluator(log.rows(fold)).evaluate_all(learn(log.rows(~fold))) for fold in log.folds(folds, seed)]
    if len({len(each) for each in found}) > 1:
        raise ValueError("The learner gave another number of policies for another group of users.")
    return [Outcome(*np.mean(each, axis=0).tolist()) for each in zip(*found, strict=True)]

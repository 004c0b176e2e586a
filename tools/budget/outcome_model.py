"""What an amount brings at once: classes of immediate outcomes, their probabilities, and the reward and cost of each.

E[V(x') | x, a] = sum_k p(k | x, a) E[V(x') | x, a, k] for any classes k of what happened at once: inactive, active,
active with the coupon redeemed. An amount acts on what follows mostly through them, and their probabilities can be
learned by a likelihood from the rows of all steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bethink.tools.budget.experience import Encoder, Experience
from bethink.tools.budget.network_ensemble import Fitting, NetworkEnsemble, descend


@dataclass(frozen=True)
class OutcomeModel:
    """M fitted members. ``rewards`` and ``shares`` [C] are those of a class where it has only one, NaN where
    ``sizes`` (outputs [2 C]: rewards, then costs) has to say them.
    """

    encoder: Encoder
    horizon: int
    pooled: bool
    classifier: NetworkEnsemble
    sizes: NetworkEnsemble | None
    rewards: Tensor
    shares: Tensor

    def predict(self, points: Tensor, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities [M, n, K, C], expected reward [M, n, K] and cost [M, n, K]."""
        classes = self.encoder.classes
        inputs = outcome_inputs(self.encoder, points, None if self.pooled else step / self.horizon)
        n, k, width = inputs.shape
        flat = inputs.reshape(-1, width)
        chances = torch.softmax(self.classifier(flat), -1).reshape(-1, n, k, classes)
        amounts = torch.tensor(self.encoder.amounts, device=points.device)
        rewards, costs = self.rewards, self.shares * amounts[:, None]
        if self.sizes is not None:
            sizes = self.sizes(flat).reshape(-1, n, k, 2 * classes)
            rewards = torch.where(torch.isnan(rewards), sizes[..., :classes], rewards)
            costs = torch.where(torch.isnan(costs), sizes[..., classes:], costs)
        return chances, (chances * rewards).sum(-1), (chances * costs).sum(-1)

    def cpu(self) -> OutcomeModel:
        """The same model, its networks moved to the CPU."""
        sizes = None if self.sizes is None else self.sizes.cpu()
        known = self.rewards.cpu(), self.shares.cpu()
        return OutcomeModel(self.encoder, self.horizon, self.pooled, self.classifier.cpu(), sizes, *known)


def outcome_inputs(encoder: Encoder, points: Tensor, time: Tensor | float | None) -> Tensor:
    """What the networks are given for n points and every amount [n, K, d']; ``time`` (step / T) where it matters."""
    table = encoder.action_table.to(points.device)
    parts = [points[:, None].expand(-1, len(table), -1), table.expand(len(points), -1, -1)]
    if time is not None:
        times = torch.as_tensor(time, dtype=torch.float32, device=points.device).expand(len(points))
        parts.append(times[:, None, None].expand(-1, len(table), 1))
    return torch.cat(parts, -1)


def fit_outcomes(experience: Experience, user_weights: Tensor, fitting: Fitting, seed: int) -> OutcomeModel:
    """Fit a model for each group of users, ``user_weights`` [M, N], to the immediate outcomes of all rows."""
    encoder, cells, device = experience.encoder, experience.cells, user_weights.device
    weights = user_weights.cpu().double().numpy()[:, experience.users]
    keys = cells.rows * encoder.classes + experience.classes

    def summed(values: np.ndarray) -> Tensor:
        length = len(cells.points) * encoder.classes
        found = np.stack([np.bincount(keys, row * values, minlength=length) for row in weights])
        return torch.as_tensor(found.reshape(len(weights), -1, encoder.classes), device=device)

    time = None if experience.pooled else cells.steps / experience.horizon
    every = outcome_inputs(encoder, experience.points[cells.points], time)
    inputs = every[torch.arange(len(every)), cells.actions].to(device)
    counts = summed(np.ones(len(keys)))
    share = (counts / counts.sum((1, 2), keepdim=True)).float()
    classifier = NetworkEnsemble(len(weights), (inputs.shape[1], *fitting.hidden, encoder.classes), seed).to(device)

    def likelihood(picked: Tensor | slice) -> Tensor:
        part = share[:, picked]
        return -(part * torch.log_softmax(classifier(inputs[picked]), -1)).sum() / part.sum()

    generator = torch.Generator().manual_seed(seed)
    descend(classifier, likelihood, len(inputs), fitting.outcome_updates, fitting, generator)
    rewards = torch.as_tensor(experience.class_rewards, dtype=torch.float32, device=device)
    shares = torch.as_tensor(experience.class_shares, dtype=torch.float32, device=device)
    sizes = None
    if bool(torch.isnan(torch.cat([rewards, shares])).any()):
        totals = torch.cat([summed(experience.rewards), summed(experience.costs)], -1)
        sizes = _fit_sizes(inputs, totals, counts.repeat(1, 1, 2), fitting, seed + 1)
    return OutcomeModel(encoder, experience.horizon, experience.pooled, classifier, sizes, rewards, shares)


def _fit_sizes(inputs: Tensor, totals: Tensor, counts: Tensor, fitting: Fitting, seed: int) -> NetworkEnsemble:
    """Mean rewards and costs within each class by least squares; ``totals`` and ``counts`` [M, Q, 2 C]."""
    share = counts / counts.sum(1, keepdim=True).clamp(min=1)
    means = totals / counts.clamp(min=1e-12)
    centre = (share * means).sum(1, keepdim=True)
    spread = (share * (means - centre) ** 2).sum(1, keepdim=True).sqrt()
    wanted, share = ((means - centre) / spread.clamp(min=1e-9)).float(), share.float()
    network = NetworkEnsemble(len(totals), (inputs.shape[1], *fitting.hidden, totals.shape[-1]), seed).to(inputs.device)

    def loss(picked: Tensor | slice) -> Tensor:
        part = share[:, picked]
        return (part * (network(inputs[picked]) - wanted[:, picked]) ** 2).sum() / part.sum()

    descend(network, loss, len(inputs), fitting.outcome_updates, fitting, torch.Generator().manual_seed(seed))
    return network.rescaled(centre.float(), spread.float())

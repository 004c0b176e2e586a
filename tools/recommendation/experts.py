"""Experts that all domains share, gates that each domain has of its own, and a tower per domain (MMoE).

Ma et al. 2018, Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts, eqs. 5 to 7, a
domain being a task:

    f_d(x) = tower_d(sum_i g_d(x)_i expert_i(x)),    g_d(x) = softmax(W_d x).

Every sample has one domain, and only that domain's gate and tower matter to it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def per_domain(values: Tensor, domain: Tensor) -> Tensor:
    """Of values [n, M, k] the domain's own [n, k]; ``domain`` [n]."""
    return values.gather(1, domain[:, None, None].expand(-1, 1, values.shape[2])).squeeze(1)


def grown(weight: nn.Parameter) -> nn.Parameter:
    """A weight [M, ...] with one domain more, which begins as the mean of the others."""
    mean = weight.detach().mean(0, keepdim=True)
    return nn.Parameter(torch.cat([weight.detach(), mean]), requires_grad=weight.requires_grad)


class DomainLinear(nn.Module):
    """A linear map of each domain's own; computed for all M domains, so for tens of them rather than thousands.

    Args:
        inputs: width of x.
        outputs: width of the result.
        domains: M.
        scale: standard deviation of the first weights; None for 1 / sqrt(inputs).
    """

    def __init__(self, inputs: int, outputs: int, domains: int, scale: float | None = None) -> None:
        super().__init__()
        deviation = 1 / math.sqrt(inputs) if scale is None else scale
        self.weight = nn.Parameter(torch.randn(domains, outputs, inputs) * deviation)
        self.bias = nn.Parameter(torch.zeros(domains, outputs))

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        """[n, outputs] of x [n, inputs] and numbers of domains [n]. Costs n M inputs outputs."""
        domains, outputs, inputs = self.weight.shape
        everything = x @ self.weight.view(domains * outputs, inputs).T + self.bias.view(-1)
        return per_domain(everything.view(-1, domains, outputs), domain)

    def add_domain(self) -> None:
        """One domain more, beginning as the mean of the others."""
        self.weight, self.bias = grown(self.weight), grown(self.bias)


class MixtureOfExperts(nn.Module):
    """A logit a sample: experts, mixed by the domain's gate, through the domain's tower.

    Args:
        inputs: width of x.
        domains: M.
        experts: number of experts.
        hidden: width of an expert's layer and of a tower's.
        dropout: of the experts' and towers' units.

    The first logits are all 0: the towers' last layers begin at 0.

    Example:
        >>> MixtureOfExperts(6, domains=2)(torch.zeros(3, 6), torch.tensor([0, 1, 1])).tolist()
        [0.0, 0.0, 0.0]
    """

    def __init__(self, inputs: int, domains: int, experts: int = 4, hidden: int = 16, dropout: float = 0.2) -> None:
        super().__init__()
        if min(inputs, domains, experts, hidden) < 1:
            raise ValueError("Inputs, domains, experts and hidden units must each be at least 1.")
        self.count, self.hidden = experts, hidden
        self.experts = nn.Linear(inputs, experts * hidden)
        self.dropout = nn.Dropout(dropout)
        self.gate = DomainLinear(inputs, experts, domains, scale=0.0)
        self.tower = DomainLinear(hidden, hidden, domains)
        self.last = DomainLinear(hidden, 1, domains, scale=0.0)

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        """Logits [n] of x [n, inputs] and numbers of domains [n]."""
        answers = torch.relu(self.experts(x)).view(-1, self.count, self.hidden)
        gates = torch.softmax(self.gate(x, domain), 1)
        mixed = self.dropout((gates[..., None] * answers).sum(1))
        return self.last(self.dropout(torch.relu(self.tower(mixed, domain))), domain).squeeze(1)

    def add_domain(self) -> None:
        """One domain more: its gate and tower begin as the mean of the others'."""
        for part in (self.gate, self.tower, self.last):
            part.add_domain()


class DomainAdaptive(nn.Module):
    """Brings the representations of domains into one space: x_d = x + V diag(s_d) U x + t_d.

    The maps U, V are shared, the gains s_d and the shift t_d each domain's own. Gains and shifts begin at 0, so that
    it begins as the identity; a domain costs 2 D numbers.

    Args:
        width: D.
        domains: M.
    """

    def __init__(self, width: int, domains: int) -> None:
        super().__init__()
        self.inward = nn.Parameter(torch.randn(width, width) / math.sqrt(width))
        self.outward = nn.Parameter(torch.randn(width, width) / math.sqrt(width))
        self.gain = nn.Parameter(torch.zeros(domains, width))
        self.shift = nn.Parameter(torch.zeros(domains, width))

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        """[n, D] of x [n, D] and numbers of domains [n]. Costs 2 n D^2."""
        return x + ((x @ self.inward) * self.gain[domain]) @ self.outward + self.shift[domain]

    def add_domain(self) -> None:
        """One domain more, beginning as the mean of the others."""
        self.gain, self.shift = grown(self.gain), grown(self.shift)

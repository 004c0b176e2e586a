"""STAR, one network for many domains (Sheng et al. 2021, arXiv 2101.11427): plain and our own.

Neither torch-rechub 0.9.0 nor FuxiCTR 2.3.10 has it. Our reading of the paper, of which we saw no code: a domain's own
weights start at 1 and its own biases at 0, so that all domains start as the shared network.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from bethink.tools.recommendation.baselines.networks import DOMAIN, NetworkBaseline, Settings


class Star(NetworkBaseline):
    """Star topology network, partitioned normalisation and auxiliary network; our own implementation."""

    def make(self, sizes: tuple[int, ...], width: int, domains: int) -> nn.Module:
        """See :class:`StarNetwork`."""
        return StarNetwork(sizes, width, domains, self.settings)


def _table(size: int, width: int, unseen: bool) -> nn.Embedding:
    """Small random embeddings; with ``unseen`` the first is zero and stays so."""
    table = nn.Embedding(size, width, padding_idx=0 if unseen else None)
    nn.init.normal_(table.weight, std=1e-2)
    if unseen:
        nn.init.zeros_(table.weight[0])
    return table


class PartitionedNorm(nn.Module):
    """Each domain's own mean and variance; scale gamma * gamma_p, shift beta + beta_p."""

    def __init__(self, units: int, domains: int) -> None:
        super().__init__()
        self.own = nn.ModuleList(nn.BatchNorm1d(units, affine=False) for _ in range(domains))
        self.gain, self.shift = nn.Parameter(torch.ones(units)), nn.Parameter(torch.zeros(units))
        self.own_gain = nn.Parameter(torch.ones(domains, units))
        self.own_shift = nn.Parameter(torch.zeros(domains, units))

    def forward(self, z: Tensor, domain: int) -> Tensor:
        """Rows [m, units] of one domain."""
        norm = self.own[domain]
        norm.train(self.training and len(z) > 1)  # one row has no spread: it takes the running one
        return norm(z) * (self.gain * self.own_gain[domain]) + self.shift + self.own_shift[domain]


class StarLinear(nn.Module):
    """Weights W_p * W by elements, biases b_p + b."""

    def __init__(self, inputs: int, outputs: int, domains: int) -> None:
        super().__init__()
        self.shared = nn.Linear(inputs, outputs)
        self.weight = nn.Parameter(torch.ones(domains, outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(domains, outputs))

    def forward(self, z: Tensor, domain: int) -> Tensor:
        """Rows [m, inputs] of one domain to [m, outputs]."""
        return nn.functional.linear(z, self.shared.weight * self.weight[domain], self.shared.bias + self.bias[domain])


class StarNetwork(nn.Module):
    """From columns [n, len(sizes)] and dense [n, width] to chances [n]; column 2 is the domain.

    The input, embeddings and the dense vector, is normalised by its domain's statistics and goes through layers of
    combined weights. The auxiliary network sees the same input and the domain's embedding once more; its logit is
    added.

    Cost: a batch goes through a matrix product for each layer and each domain in it.
    """

    def __init__(self, sizes: tuple[int, ...], width: int, domains: int, settings: Settings) -> None:
        super().__init__()
        self.tables = nn.ModuleList(
            _table(size, settings.embedding, number < DOMAIN) for number, size in enumerate(sizes)
        )
        units = [len(sizes) * settings.embedding + width, *settings.hidden]
        self.norm = PartitionedNorm(units[0], domains)
        self.layers = nn.ModuleList(StarLinear(a, b, domains) for a, b in pairwise(units))
        self.last = StarLinear(units[-1], 1, domains)
        self.dropout = nn.Dropout(settings.dropout)
        self.auxiliary = nn.Sequential(nn.Linear(units[0] + settings.embedding, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, columns: Tensor, dense: Tensor) -> Tensor:
        """Chances [n]."""
        parts = [table(columns[:, number]) for number, table in enumerate(self.tables)]
        z = torch.cat([*parts, dense], dim=1)
        auxiliary = self.auxiliary(torch.cat([z, parts[DOMAIN]], dim=1)).squeeze(1)
        star = torch.zeros_like(auxiliary)
        for domain in columns[:, DOMAIN].unique().tolist():
            rows = columns[:, DOMAIN] == domain
            hidden = self.norm(z[rows], domain)
            for layer in self.layers:
                hidden = self.dropout(layer(hidden, domain).relu())
            star = star.masked_scatter(rows, self.last(hidden, domain).squeeze(1))
        return torch.sigmoid(auxiliary + star)

"""What a user liked before, summed in the space of texts: a taste finer than a vector of a few learned coordinates.

A user's taste is read as a linear function of an item's text t (centred), estimated by ridge regression with the
covariance C that all users share: with residuals r_j = y_j - m_d(j) - b_u of the user's n samples,

    taste_u = (C + lambda I)^-1 sum_j r_j t_j / (n + 20),    s(u, i) = taste_u . t_i,

m_d the domain's mean, b_u the user's, shrunk. A small lambda knows near texts only, a large one wide likenesses; the
network weighs two of them, for each domain. Being a dot product, it serves retrieval as well.

A sample's own label must not be in the taste it is learned with: in training each half of the samples, drawn anew each
epoch, meets tastes of the other half.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bethink.tools.recommendation.experts import grown

RIDGES = (0.1, 0.001)
"""lambda, as shares of the texts' total variance."""
SHRINK = 20.0
"""Samples that count as much as none being there."""
UNIT = 10.0
"""Standard deviation of s for a taste of one item; a weight near 1 is then what training ends at."""
FOLDS = 2


class Told(NamedTuple):
    """Samples that tell of tastes [n]: number of the user's id, row of the item, label, domain."""

    user: Tensor
    item: Tensor
    label: Tensor
    domain: Tensor


class Taste(nn.Module):
    """Tastes of the users known, and what they say of an item.

    Args:
        users: number of ids known.
        text_width: T.
        domains: M.

    Memory: 4 (1 + 2) T bytes a user.
    """

    mean: Tensor
    kernels: Tensor
    sums: Tensor
    counts: Tensor
    table: Tensor

    def __init__(self, users: int, text_width: int, domains: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((domains, len(RIDGES)), 0.2))
        self.register_buffer("mean", torch.zeros(text_width))
        self.register_buffer("kernels", torch.zeros(len(RIDGES), text_width, text_width))
        self.register_buffer("sums", torch.zeros(users + 1, text_width))
        self.register_buffer("counts", torch.zeros(users + 1))
        self.register_buffer("table", torch.zeros(users + 1, len(RIDGES) * text_width), persistent=False)

    @torch.no_grad()
    def standardise(self, text: Tensor) -> None:
        """Learn mean and covariance of the training items' texts [n, T]. Costs n T^2 + T^3."""
        if not len(text):
            return
        self.mean.copy_(text.mean(0))
        centred = (text - self.mean).double()
        values, axes = torch.linalg.eigh(centred.T @ centred / len(centred))
        values = values.clamp_min(0)
        total = values.sum().clamp_min(1e-12)
        for number, ridge in enumerate(RIDGES):
            inverse = 1 / (values + ridge * total)
            # in units in which s has a mean square near 1 for a taste of one item
            self.kernels[number] = ((axes * inverse) @ axes.T * UNIT / (values * inverse).square().sum().sqrt()).float()

    @torch.no_grad()
    def remember(self, told: Told, text: Tensor, keep: Tensor | None = None, *, add: bool = False) -> None:
        """Make the tastes out of samples (of those of ``keep`` [n]); ``text`` [N, T] of the items.

        ``add`` keeps what was remembered for good before, and adds to it. Costs n T + users T^2.
        """
        sums, counts = self._summed(told, text, keep)
        if add:
            self.sums += sums
            self.counts += counts
            self.refresh()
        else:
            self._tabulate(self.sums + sums, self.counts + counts)

    def refresh(self) -> None:
        """The tastes of what is remembered for good."""
        self._tabulate(self.sums, self.counts)

    @torch.no_grad()
    def _tabulate(self, sums: Tensor, counts: Tensor) -> None:
        shrunk = sums / (counts + SHRINK)[:, None]
        self.table = torch.cat([shrunk @ kernel for kernel in self.kernels], 1)

    def _summed(self, told: Told, text: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor]:
        from scipy.sparse import csr_array

        user, item, label, domain = told if keep is None else (part[keep] for part in told)
        users, domains = len(self.counts), int(domain.max()) + 1 if len(domain) else 1
        rows = torch.bincount(domain, minlength=domains).clamp_min(1)
        label = label - (torch.bincount(domain, label, minlength=domains) / rows).to(label)[domain]
        counts = torch.bincount(user, minlength=users).to(label)
        label = label - (torch.bincount(user, label, minlength=users) / (counts + 5)).to(label)[user]
        seen = torch.bincount(item, minlength=len(text)).to(label)
        label = label - (torch.bincount(item, label, minlength=len(text)) / (seen + 5)).to(label)[item]
        label = label * (user > 0)
        counts[0] = 0
        matrix = csr_array((label.numpy(), (user.numpy(), item.numpy())), shape=(users, len(text)))
        total = torch.zeros(users, 1).index_add_(0, user, label[:, None])
        return torch.from_numpy(matrix @ text.numpy()) - total * self.mean, counts

    def centred(self, text: Tensor, told: Tensor) -> Tensor:
        """What tastes are multiplied with [n, T]: texts about their mean, zeros for items that are not ``told``."""
        return (text - self.mean) * told[:, None]

    def vectors(self, user: Tensor, domain: Tensor) -> Tensor:
        """Tastes [n, T] of users by the numbers of their ids, weighed for their domains."""
        parts = self.table[user].view(len(user), len(RIDGES), -1)
        return (self.weight[domain][..., None] * parts).sum(1)

    def forward(self, user: Tensor, text: Tensor, told: Tensor, domain: Tensor) -> Tensor:
        """Logits [n]: of users by the numbers of their ids, of items by their ``text`` [n, T] if it is ``told``."""
        centred = self.centred(text, told)
        parts = self.table[user].view(len(user), len(RIDGES), -1)
        scores = torch.einsum("nrt,nt->nr", parts, centred)
        return (scores * self.weight[domain]).sum(1)

    def add_domain(self) -> None:
        """One domain more, weighing as the mean of the others."""
        self.weight = grown(self.weight)

    def add_ids(self, count: int) -> None:
        """``count`` users more, without a taste."""
        self.sums = torch.cat([self.sums, self.sums.new_zeros(count, self.sums.shape[1])])
        self.counts = torch.cat([self.counts, self.counts.new_zeros(count)])
        self.refresh()

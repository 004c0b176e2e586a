"""What a user liked before, summed in the space of texts: a taste finer than a vector of a few learned coordinates.

A user's taste is read as a linear function of an item's text t (centred), estimated by ridge regression with the
covariance C that all users share: with residuals r_j = y_j - m_d(j) - b_u - q_j of the user's n samples,

    taste_u = (C + lambda I)^-1 sum_j r_j t_j / (n + 20),    s(u, i) = taste_u . t_i,

m_d the domain's mean, b_u the user's and q_j the item's, shrunk. A small lambda knows near texts only, a large one wide
likenesses; the network weighs two of them, for each domain. Being a dot product, it serves retrieval as well.

Of an item that is new, q_i is unknown; but users keep to a level. Who met good items will meet good ones, above all
near those (users choose what they see, and so did whoever showed it to them). So new items, and only they, get

    company_u . [t_i; 1],    company_u = sum_j q_j [(C + lambda I)^-1 t_j; 1] / (n + 20),

with the large lambda, and a weight for each domain and either part.

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

    Memory: 4 (1 + 2 + 2) T bytes a user.
    """

    mean: Tensor
    kernels: Tensor
    sums: Tensor
    counts: Tensor
    qualities: Tensor
    company: Tensor
    table: Tensor

    def __init__(self, users: int, text_width: int, domains: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((domains, len(RIDGES)), 0.2))
        self.trust = nn.Parameter(torch.zeros(domains, 2))  # in company: of its text, of its constant
        self.register_buffer("mean", torch.zeros(text_width))
        self.register_buffer("kernels", torch.zeros(len(RIDGES), text_width, text_width))
        self.register_buffer("sums", torch.zeros(users + 1, text_width))
        self.register_buffer("counts", torch.zeros(users + 1))
        self.register_buffer("qualities", torch.zeros(users + 1, text_width + 1))
        self.register_buffer("company", torch.zeros(users + 1, text_width + 1), persistent=False)
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
        total = values.sum()
        if total < 1e-9:  # one text, or all the same: nothing tells items apart
            return
        for number, ridge in enumerate(RIDGES):
            inverse = 1 / (values + ridge * total)
            # in units in which s has a mean square near 1 for a taste of one item
            self.kernels[number] = ((axes * inverse) @ axes.T * UNIT / (values * inverse).square().sum().sqrt()).float()

    @torch.no_grad()
    def remember(self, told: Told, text: Tensor, keep: Tensor | None = None, *, add: bool = False) -> None:
        """Make the tastes out of samples (of those of ``keep`` [n]); ``text`` [N, T] of the items.

        ``add`` keeps what was remembered for good before, and adds to it. Costs n T + users T^2.
        """
        sums, counts, qualities = self._summed(told, text, keep)
        if add:
            self.sums += sums
            self.counts += counts
            self.qualities += qualities
            self.refresh()
        else:
            self._tabulate(self.sums + sums, self.counts + counts, self.qualities + qualities)

    def refresh(self) -> None:
        """The tastes of what is remembered for good."""
        self._tabulate(self.sums, self.counts, self.qualities)

    @torch.no_grad()
    def _tabulate(self, sums: Tensor, counts: Tensor, qualities: Tensor) -> None:
        shrunk = sums / (counts + SHRINK)[:, None]
        self.table = torch.cat([shrunk @ kernel for kernel in self.kernels], 1)
        shrunk = qualities / (counts + SHRINK)[:, None]
        self.company = torch.cat([shrunk[:, :-1] @ self.kernels[0], shrunk[:, -1:] * UNIT], 1)

    def _summed(self, told: Told, text: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        user, item, label, domain = told if keep is None else (part[keep] for part in told)
        users, domains = len(self.counts), int(domain.max()) + 1 if len(domain) else 1
        rows = torch.bincount(domain, minlength=domains).clamp_min(1)
        label = label - (torch.bincount(domain, label, minlength=domains) / rows).to(label)[domain]
        counts = torch.bincount(user, minlength=users).to(label)
        label = label - (torch.bincount(user, label, minlength=users) / (counts + 5)).to(label)[user]
        seen = torch.bincount(item, minlength=len(text)).to(label)
        quality = (torch.bincount(item, label, minlength=len(text)) / (seen + 5)).to(label)[item]
        counts[0] = 0
        taste, _ = self._texts(user, item, label - quality, text)
        near, total = self._texts(user, item, quality, text)
        return taste, counts, torch.cat([near, total], 1)

    def _texts(self, user: Tensor, item: Tensor, value: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Of each user's samples, sums of value times centred text [users, T], and of the value [users, 1]."""
        from scipy.sparse import csr_array

        value = value * (user > 0)
        shape = (len(self.counts), len(text))
        matrix = csr_array((value.numpy(), (user.numpy(), item.numpy())), shape=shape)
        total = torch.zeros(shape[0], 1).index_add_(0, user, value[:, None])
        return torch.from_numpy(matrix @ text.numpy()) - total * self.mean, total

    def items(self, text: Tensor, told: Tensor, unknown: Tensor) -> Tensor:
        """What :meth:`vectors` are multiplied with [n, 2 T + 1], for items that are ``told`` or ``unknown``."""
        centred, new = self._centred(text, told), unknown[:, None].to(text)
        return torch.cat([centred, centred * new, new], 1)

    def vectors(self, user: Tensor, domain: Tensor) -> Tensor:
        """Taste and company [n, 2 T + 1] of users by the numbers of their ids, weighed for their domains."""
        parts = self.table[user].view(len(user), len(RIDGES), -1)
        near, constant = self.trust[domain].split(1, 1)
        company = self.company[user]
        taste = (self.weight[domain][..., None] * parts).sum(1)
        return torch.cat([taste, near * company[:, :-1], constant * company[:, -1:]], 1)

    def forward(self, user: Tensor, text: Tensor, told: Tensor, domain: Tensor, unknown: Tensor) -> Tensor:
        """Logits [n].

        Args:
            user: numbers of the users' ids [n].
            text: of the items [n, T].
            told: whether an item has a text [n].
            domain: [n].
            unknown: whether an item's id is [n].

        Cost: 3 T multiplications a row, 2 T more for an item that is unknown.
        """
        centred = self._centred(text, told)
        parts = self.table[user].view(len(user), len(RIDGES), -1)
        logit = (torch.einsum("nrt,nt->nr", parts, centred) * self.weight[domain]).sum(1)
        new = unknown.nonzero().squeeze(1)
        company = self.company[user[new]]
        said = torch.stack([(company[:, :-1] * centred[new]).sum(1), company[:, -1]], 1)
        return logit.index_add(0, new, (said * self.trust[domain[new]]).sum(1))

    def _centred(self, text: Tensor, told: Tensor) -> Tensor:
        return (text - self.mean) * told[:, None]

    def add_domain(self) -> None:
        """One domain more, weighing as the mean of the others."""
        self.weight, self.trust = grown(self.weight), grown(self.trust)

    def add_ids(self, count: int) -> None:
        """``count`` users more, without a taste."""
        self.sums = torch.cat([self.sums, self.sums.new_zeros(count, self.sums.shape[1])])
        self.counts = torch.cat([self.counts, self.counts.new_zeros(count)])
        self.qualities = torch.cat([self.qualities, self.qualities.new_zeros(count, self.qualities.shape[1])])
        self.refresh()

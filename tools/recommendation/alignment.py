"""How far the domains' representations lie apart: Jensen-Shannon divergence, and maximum mean discrepancy.

The paper (arXiv 2309.08939) aligns domains by a divergence between their representations; how it estimates one, the
summaries do not say. Ours:

**Jensen-Shannon.** A representation z in R^D is read as a distribution over D latent topics, softmax(z), and a domain's
distribution in a batch is the mean of its rows', p_d: the topic of a row drawn at random from it. Then
JS(p, q) = H((p + q) / 2) - (H(p) + H(q)) / 2, H the entropy: finite for every batch, differentiable, symmetric, 0 if
and only if p = q, at most log 2 (Lin 1991, eq. 4.1). It needs neither a density estimate nor a discriminator. What it
cannot see: domains that differ with the same mean softmax, and a constant added to all coordinates of z.

**Maximum mean discrepancy.** Gretton et al. 2012, eq. 5 (the biased estimate, never negative), Gaussian kernels of
five bandwidths around the batch's median distance. It sees every difference of distributions, for a matrix of n x n.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

Alignment = Literal["js", "mmd", "none"]
ALIGNMENTS: tuple[str, ...] = get_args(Alignment)
MMD_ROWS = 512
"""Of a batch, at most that many rows are compared by kernels."""
BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


def entropy(p: Tensor) -> Tensor:
    """Entropy in nats of distributions [..., D] -> [...]; zeros add nothing."""
    return torch.special.entr(p).sum(-1)


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """Jensen-Shannon divergence in nats of distributions [..., D], broadcast -> [...]; within [0, log 2].

    Example:
        >>> float(jensen_shannon(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])).exp())
        2.0
    """
    return (entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2).clamp_min(0)


def domain_divergence(z: Tensor, domain: Tensor, count: int, kind: Alignment = "js") -> Tensor:
    """Mean divergence over all pairs of domains that both occur in the batch, each pair weighing the same.

    Args:
        z: representations [n, D].
        domain: number of each row's domain [n].
        count: number of domains.
        kind: ``"js"`` or ``"mmd"`` (its square); ``"none"`` is 0.

    Returns:
        A scalar with gradient; 0 if fewer than two domains occur.

    Raises:
        ValueError: an unknown kind.

    Cost: n D and count^2 D for ``"js"``; min(n, 512)^2 D for ``"mmd"``.
    """
    if kind not in ALIGNMENTS:
        raise ValueError(f"There is no alignment {kind!r}; choose from {', '.join(ALIGNMENTS)}.")
    if kind == "mmd" and len(z) > MMD_ROWS:
        z, domain = z[:MMD_ROWS], domain[:MMD_ROWS]
    rows = torch.bincount(domain, minlength=count)
    there = torch.nonzero(rows).squeeze(1)
    if kind == "none" or len(there) < 2:
        return z.sum() * 0
    shares = torch.nn.functional.one_hot(domain, count).to(z).T[there] / rows[there, None]
    first, second = torch.triu_indices(len(there), len(there), 1)
    if kind == "js":
        p = shares @ torch.softmax(z, -1)
        return jensen_shannon(p[first], p[second]).mean()
    means = shares @ _kernels(z) @ shares.T
    own = means.diagonal()
    return (own[first] + own[second] - 2 * means[first, second]).clamp_min(0).mean()


def _kernels(z: Tensor) -> Tensor:
    """Mean of the Gaussian kernels [n, n] of z [n, D]; the bandwidth follows the batch and has no gradient."""
    # by differences: |x|^2 + |y|^2 - 2 x y loses the digits of near rows
    squares = (z[:, None] - z[None]).square().sum(-1)
    others = squares.detach()[~torch.eye(len(z), dtype=torch.bool, device=z.device)]
    scale = others.median().clamp_min(1e-12)
    return torch.stack([torch.exp(-squares / (2 * scale * width**2)) for width in BANDWIDTHS]).mean(0)

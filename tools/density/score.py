"""The paper's training-free score of a bare sample (arXiv 2310.14458, eq. 10-12), as one fused attention.

    S(z, t) = -sum_j w_j(z) (z - alpha_t x_j) / beta_t^2,   w = softmax_j(-|z - alpha_t x_j|^2 / (2 beta_t^2))

`DiffusionDensity` uses the score of the smoothed sample instead (`mixture.DiffusedKernels`); this one is what the paper
has, for comparison and for those who want it. It returns the sample's own rows as t -> 0.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from bethink.tools.density.diffusion import alpha, beta


def denoised_mean(z: Tensor, rows: Tensor, t: float) -> Tensor:
    """m(z, t) = sum_j w_j(z) x_j, (B, d), for z (B, d) and rows x (J, d): two matrix products with a softmax between.

    The softmax's logits are z . x_j alpha / beta^2 - |alpha x_j|^2 / (2 beta^2), which is an attention with queries
    (z alpha / beta^2, 1) and keys (x_j, -|alpha x_j|^2 / (2 beta^2)): torch's fused kernel never stores B x J numbers.
    Costs 2 B J d multiplications and B J exponentials; memory is a copy of z and of the rows.

    In single precision the logits lose their digits where beta is far below a thousandth of the rows' size.

    Raises:
        ValueError: t outside (0, 1], or rows of another dimension.
    """
    if not 0 < t <= 1:
        raise ValueError(f"The pseudo-time is {t}; it must lie in (0, 1].")
    if z.ndim != 2 or rows.ndim != 2 or z.shape[1] != rows.shape[1] or not len(rows):
        raise ValueError(f"z {tuple(z.shape)} and rows {tuple(rows.shape)} must both have the shape (count, d).")
    precision, scale = 1 / beta(t) ** 2, alpha(t)
    centre = rows.mean(0)  # distances do not change, and logits stay small
    moved = rows - centre
    query = pad((z - scale * centre) * (scale * precision), (0, 1), value=1.0)
    key = torch.cat([moved, moved.square().sum(1, keepdim=True) * (-0.5 * scale**2 * precision)], 1)
    value = pad(moved, (0, 1))
    # (batch, heads, length, width) is the shape the fused kernels want
    found = scaled_dot_product_attention(query[None, None], key[None, None], value[None, None], scale=1.0)
    return found[0, 0, :, :-1] + centre


def score(z: Tensor, rows: Tensor, t: float) -> Tensor:
    """S(z, t), (B, d): gradient of the log density of the sample ``rows`` (J, d) diffused to pseudo-time t (eq. 10).

    Example:
        >>> import torch
        >>> score(torch.tensor([[2.0]]), torch.tensor([[0.0]]), 1.0)  # of a standard normal
        tensor([[-2.]])

    Raises:
        ValueError: as `denoised_mean`.
    """
    return (alpha(t) * denoised_mean(z, rows, t) - z) / beta(t) ** 2

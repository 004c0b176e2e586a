"""Score of the posterior for a Gaussian prior with the ensemble's covariance, likelihood at the denoised mean.

Departs from arXiv 2309.00983: the paper's prior score is a mixture's around the members, its likelihood is taken at the
noisy state and damped. For a Gaussian prior both can be had exactly: given z_t, the state is N(mu_0, C_0), so
p(y | z_t) is N(H mu_0, H C_0 H^T + R) for a linear H, and with H linearised at mu_0 otherwise. With a fine pseudo-time
step and small eps_a, eps_b the analysis is then Kalman's. The covariance lives in the members' span, so every product
costs O(M d) a member; there is no localisation: ensembles must not be small against the number of directions that
the observations resolve.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bethink.tools.filtering.operators import PointwiseOperator


@dataclass(frozen=True)
class GaussianPrior:
    """N(mean, U diag(variance) U^T): mean (..., 1, d), U (..., d, r), variance (..., 1, r) with r = min(M - 1, d)."""

    mean: Tensor
    basis: Tensor
    variance: Tensor

    def start(self, noise: Tensor, a: float, b2: float) -> Tensor:
        """Standard noise (..., M, d) given the law of the diffused prior, N(a mean, a^2 P + b2 I)."""
        inside = noise @ self.basis
        grown = (a * a * self.variance + b2).sqrt() - b2**0.5
        return a * self.mean + b2**0.5 * noise + (inside * grown) @ self.basis.mT

    def posterior_score(
        self, z: Tensor, a: float, b2: float, observation: Tensor, operator: PointwiseOperator, sd: float | Tensor
    ) -> Tensor:
        """grad_z log p(z_t | y), (..., M, d), at signal scale ``a`` and noise variance ``b2``.

        Diffused prior: S = -(a^2 P + b2 I)^-1 (z - a m). Denoised: mu_0 = m + J (z - a m), J = a P (a^2 P + b2 I)^-1,
        C_0 = b2 P (a^2 P + b2 I)^-1. Likelihood: J H^T (H C_0 H^T + R)^-1 (y - h(mu_0)).
        """
        off = z - a * self.mean
        inside = off @ self.basis
        total = a * a * self.variance + b2
        score = -(off - (inside * (a * a * self.variance / total)) @ self.basis.mT) / b2
        jacobian = a * self.variance / total
        denoised = self.mean + (inside * jacobian) @ self.basis.mT
        seen = denoised[..., :: operator.stride]
        missing = torch.isnan(observation).unsqueeze(-2)
        residual = torch.where(missing, 0.0, observation.unsqueeze(-2) - operator.function(seen)) / sd
        slope = torch.where(missing, 0.0, operator.derivative(seen)) / sd  # (..., M, p)
        # A = R^-1/2 H U C^1/2 for each member, (..., M, p, r); (A A^T + I)^-1 by the r x r matrix A^T A + I
        root = (b2 * self.variance / total).sqrt()
        rows = self.basis[..., :: operator.stride, :].unsqueeze(-3) * slope.unsqueeze(-1)
        a_matrix = rows * root.unsqueeze(-2)
        gram = a_matrix.mT @ a_matrix
        gram.diagonal(dim1=-2, dim2=-1).add_(1)
        projected = (a_matrix.mT @ residual.unsqueeze(-1)).squeeze(-1)
        solved = torch.cholesky_solve(projected.unsqueeze(-1), torch.linalg.cholesky(gram))
        weighed = residual - (a_matrix @ solved).squeeze(-1)
        pull = (rows.mT @ weighed.unsqueeze(-1)).squeeze(-1)  # U^T H^T (H C_0 H^T + R)^-1 (y - h), (..., M, r)
        return score + (pull * jacobian) @ self.basis.mT


def gaussian_prior(members: Tensor) -> GaussianPrior:
    """The Gaussian of the members' (..., M, d) mean and covariance."""
    mean = members.mean(-2, keepdim=True)
    count, dimension = members.shape[-2:]
    rank = min(count - 1, dimension)
    _, values, vectors = torch.linalg.svd(members - mean, full_matrices=False)
    variance = values[..., :rank].square() / (count - 1)
    return GaussianPrior(mean, vectors[..., :rank, :].mT, variance.unsqueeze(-2))

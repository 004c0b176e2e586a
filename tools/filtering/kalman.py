"""Kalman's update: exact for linear and Gaussian worlds, and with an ensemble in place of the covariance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bethink.tools.filtering.checks import check_input
from bethink.tools.filtering.inflation import Relaxation, check_inflation, widen
from bethink.tools.filtering.localisation import Neighbours, neighbours
from bethink.tools.filtering.operators import ObservationOperator, known

BLOCK_NUMBERS = 4_000_000
"""Numbers of local observation anomalies that LETKF holds at once (32 MB in double precision)."""


def kalman_update(mean: Tensor, covariance: Tensor, h: Tensor, observation: Tensor, sd: float) -> tuple[Tensor, Tensor]:
    """Posterior mean (d,) and covariance (d, d) of N(mean, covariance) after y = h x + N(0, sd^2); h is (p, d).

    Kalman (1960) in Joseph's form, so that the covariance stays symmetric and positive.
    """
    innovation_cov = h @ covariance @ h.T + sd * sd * torch.eye(len(h), dtype=mean.dtype)
    gain = torch.linalg.solve(innovation_cov, h @ covariance).T
    rest = torch.eye(len(mean), dtype=mean.dtype) - gain @ h
    return mean + gain @ (observation - h @ mean), rest @ covariance @ rest.T + sd * sd * gain @ gain.T


@dataclass(frozen=True)
class EnKF:
    """Ensemble Kalman filter with perturbed observations (Burgers, van Leeuwen, Evensen 1998; DAPPER's ``PertObs``).

    Nonlinear operators are linearised by the ensemble itself. Cost O(M^2 (p + d) + M^3), memory O(M (p + d)): all
    products are taken in the space of the members.

    Options:
        inflation: factor on the analysis anomalies (DAPPER's ``infl``).
        relaxation, relaxation_weight: towards the forecast's anomalies (``rtpp``) or spread (``rtps``).
    """

    inflation: float = 1.0
    relaxation: Relaxation = "none"
    relaxation_weight: float = 0.0

    def __post_init__(self) -> None:
        check_inflation(self.inflation, self.relaxation, self.relaxation_weight)

    @torch.no_grad()
    def analyse(
        self,
        forecast: Tensor,
        observation: Tensor,
        operator: ObservationOperator,
        sd: float | Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Members after the observation: forecast (..., M, d), observation (..., p), to (..., M, d).

        Raises:
            ValueError: what does not fit (see :func:`check_input`).
        """
        check_input(forecast, observation, operator, sd)
        members = forecast.shape[-2]
        seen = operator.observe(forecast)
        noise = torch.randn(seen.shape, generator=generator, dtype=seen.dtype, device=seen.device)
        noise = noise - noise.mean(-2, keepdim=True)
        s = _standard_anomalies(seen, observation, sd)
        innovations = known((observation.unsqueeze(-2) - seen) / sd - noise)
        values, vectors = _eigh(s @ s.mT)
        turned = vectors.mT @ (s @ innovations.mT)
        weights = vectors @ (turned / (values + members - 1).unsqueeze(-1))  # (..., M, M): column j moves member j
        anomalies = forecast - forecast.mean(-2, keepdim=True)
        return widen(
            forecast, forecast + weights.mT @ anomalies, self.inflation, self.relaxation, self.relaxation_weight
        )


@dataclass(frozen=True)
class LETKF:
    """Local ensemble transform Kalman filter (Hunt, Kostelich, Szunyogh 2007), on a line or a circle of components.

    Every component is analysed alone, from the observations within reach, whose precision fades with distance
    (:func:`gaspari_cohn`). The transform is the symmetric square root. Cost O(d (M^2 w + M^3)) with w observations
    within reach; memory bounded by blocks of components.

    Options:
        radius: localisation, in components, with DAPPER's meaning of ``loc_rad``.
        periodic: whether the components stand on a circle.
        rotate: turn the analysis anomalies by a random rotation that keeps mean and covariance (DAPPER's ``rot``).
        inflation, relaxation, relaxation_weight: as in :class:`EnKF`.
    """

    radius: float = 4.0
    periodic: bool = True
    rotate: bool = False
    inflation: float = 1.0
    relaxation: Relaxation = "none"
    relaxation_weight: float = 0.0

    def __post_init__(self) -> None:
        check_inflation(self.inflation, self.relaxation, self.relaxation_weight)
        if not self.radius > 0:
            raise ValueError(f"The localisation radius must be positive, not {self.radius}.")

    @torch.no_grad()
    def analyse(
        self,
        forecast: Tensor,
        observation: Tensor,
        operator: ObservationOperator,
        sd: float | Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Members after the observation: forecast (..., M, d), observation (..., p), to (..., M, d).

        Raises:
            ValueError: what does not fit, or an operator that does not say where its observations sit.
        """
        check_input(forecast, observation, operator, sd)
        dimension = forecast.shape[-1]
        sites = operator.sites(dimension)
        if sites is None:
            raise ValueError(
                f"LETKF must know where the observations of {operator.name!r} sit. Give the operator `at=`, "
                "or use EnKF, which does not localise."
            )
        near = neighbours(dimension, sites, self.radius, self.periodic)
        seen = operator.observe(forecast)
        s = _standard_anomalies(seen, observation, sd)
        innovation = known((observation - seen.mean(-2)) / sd)
        mean = forecast.mean(-2, keepdim=True)
        analysis = local_transform(s, innovation, forecast - mean, near).add_(mean)
        if self.rotate:
            analysis = rotated(analysis, generator)
        return widen(forecast, analysis, self.inflation, self.relaxation, self.relaxation_weight)


def local_transform(s: Tensor, innovation: Tensor, anomalies: Tensor, near: Neighbours) -> Tensor:
    """Local analyses around the forecast mean, (..., M, d): weights of the mean plus the symmetric square root.

    ``s`` (..., M, p) and ``innovation`` (..., p) are in units of the observation error, ``anomalies`` (..., M, d).
    """
    members, dimension = anomalies.shape[-2:]
    width = near.index.shape[1]
    per_component = max(1, anomalies[..., 0, 0].numel() * members * (width + members))
    size = max(1, BLOCK_NUMBERS // per_component)
    result = torch.empty_like(anomalies)
    index, root = near.index.to(s.device), near.taper.sqrt().to(s)
    for start in range(0, dimension, size):
        here = slice(start, start + size)
        local = (s[..., index[here]] * root[here]).movedim(-3, -2)  # (..., block, M, w)
        misfit = innovation[..., index[here]] * root[here]
        own = anomalies[..., here].mT  # (..., block, M)
        transform = _by_observations if width < members else _by_members
        result[..., here] = transform(local, misfit, own).mT
    return result


def _by_members(local: Tensor, misfit: Tensor, own: Tensor) -> Tensor:
    """Transform with C = S S^T (M x M): weights (C + (M-1) I)^-1 S dy, root ((M-1) (C + (M-1) I)^-1)^(1/2)."""
    members = local.shape[-2]
    values, vectors = _eigh(local @ local.mT)
    total = values.add_(members - 1)
    columns = torch.stack(((local @ misfit.unsqueeze(-1)).squeeze(-1), own), -1)
    weights, turned = (vectors.mT @ columns).unbind(-1)
    shift = (weights * turned / total).sum(-1, keepdim=True)
    return (vectors @ (turned * ((members - 1) / total).sqrt()).unsqueeze(-1)).squeeze(-1) + shift


def _by_observations(local: Tensor, misfit: Tensor, own: Tensor) -> Tensor:
    """The same through S^T S (w x w), cheaper when fewer observations than members are near.

    With S^T S = V l V^T the root is I + S V g(l) V^T S^T, where g(l) = (sqrt((M-1) / (M-1+l)) - 1) / l, written
    without the division by l.
    """
    members = local.shape[-2]
    values, vectors = _eigh(local.mT @ local)
    total = values.add_(members - 1)
    columns = torch.stack((misfit, (local.mT @ own.unsqueeze(-1)).squeeze(-1)), -1)
    weights, turned = (vectors.mT @ columns).unbind(-1)
    shift = (weights * turned / total).sum(-1, keepdim=True)
    bend = turned / (total * (1 + ((members - 1) / total).sqrt()))
    return own - (local @ (vectors @ bend.unsqueeze(-1))).squeeze(-1) + shift


def _eigh(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (not negative) and vectors, in double precision inside: sharp observations span many decades."""
    values, vectors = torch.linalg.eigh(gram.double())
    return values.clamp_min_(0).to(gram), vectors.to(gram)


def rotated(members: Tensor, generator: torch.Generator) -> Tensor:
    """Members (..., M, d) turned by a random rotation that leaves their mean, hence also their covariance."""
    count = members.shape[-2]
    # orthonormal basis whose first vector is constant; the others are turned by a Haar-distributed rotation
    frame = torch.eye(count, dtype=members.dtype, device=members.device)
    frame[:, 0] = 1
    basis = torch.linalg.qr(frame).Q
    shape = (*members.shape[:-2], count - 1, count - 1)
    noise = torch.randn(shape, generator=generator, dtype=members.dtype, device=members.device)
    q, r = torch.linalg.qr(noise)
    q = q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)
    turn = basis[:, :1] @ basis[:, :1].T + basis[:, 1:] @ q @ basis[:, 1:].T
    return turn @ members


def _standard_anomalies(seen: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
    """Observed anomalies in units of the error, (..., M, p); 0 where nothing was observed."""
    anomalies = (seen - seen.mean(-2, keepdim=True)) / sd
    return torch.where(torch.isnan(observation).unsqueeze(-2), torch.zeros_like(anomalies), anomalies)

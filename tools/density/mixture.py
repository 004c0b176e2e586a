"""The smoothed data: a kernel on every row, shaped like the cluster the row is in, and its diffusion in closed form.

A row x_j of cluster k (mean mu_k, covariance S_k) becomes N(c_j, H_k) with c_j = mu_k + sqrt(1 - h^2) (x_j - mu_k) and
H_k = h^2 S_k, so that the cluster keeps its mean and covariance whatever the bandwidth h in (0, 1]:

    p(x) = sum_j w_j N(x; c_j, H_k(j)).

One cluster and a small h is a kernel density; h = 1 is a Gaussian mixture (then a cluster's rows all have one centre,
and are kept as one). Several such layers can be mixed. The forward process of arXiv 2310.14458 (eq. 4:
z_t = alpha_t x + beta_t noise) turns it into sum_j w_j N(z; alpha c_j, alpha^2 H_k + beta^2 I), whose score needs no
training. With H = 0 that is the paper's own score of the bare sample, which returns the training rows as t -> 0; the
kernels are what keeps ours from it.

Shapes: d columns, q conditions, B queries; J rows in G pieces of P rows of the same cluster (the last piece of a
cluster is filled up with weight 0).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

LEAST_VARIANCE = 1e-8
"""Of a kernel, in standardised units: a kernel thinner than that is a row's own spike."""
BLOCK_NUMBERS = 800_000
"""Logits computed at a time: they should stay in a core's cache."""


@dataclass(frozen=True)
class Clusters:
    """Gaussian clusters and the rows in them: means (K, d), covariances (K, d, d), the cluster of each row (J,)."""

    means: np.ndarray
    covariances: np.ndarray
    member: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class KernelMixture:
    """Kernels in the eigenvectors of their cluster. See the module's text; ``conditions`` columns come first in it.

    Attributes:
        centres: (G, P, d) centres c_j in the basis of the piece.
        log_weights: (G, P), minus infinity where a piece is filled up.
        basis: (G, d, d) eigenvectors of H_k as columns.
        variances: (G, d) eigenvalues of H_k.
        gain: (G, q, d) how a centre moves with the conditions, in the basis; empty without conditions.
        whiten: (G, q, q) right factor that whitens the conditions' kernel.
        seen: (G, P, q) whitened conditions of the centres.
        seen_scale: (G,) log of the volume of the conditions' kernel.
    """

    centres: Tensor
    log_weights: Tensor
    basis: Tensor
    variances: Tensor
    gain: Tensor
    whiten: Tensor
    seen: Tensor
    seen_scale: Tensor

    @property
    def columns(self) -> int:
        """d, without the conditions."""
        return self.centres.shape[-1]

    @property
    def conditions(self) -> int:
        """q."""
        return self.gain.shape[1]

    @property
    def kernels(self) -> int:
        """Places for kernels, G * P."""
        return self.log_weights.numel()

    @property
    def work(self) -> int:
        """What a query costs, in kernels: with what each piece costs besides."""
        return self.kernels + len(self.log_weights) * _piece_cost(self.columns)

    @cached_property
    def values(self) -> Tensor:
        """(G, d + 1, P): the centres and a one, to be weighed."""
        return torch.cat([self.centres, torch.ones_like(self.centres[..., :1])], -1).transpose(1, 2).contiguous()

    def to(self, dtype: torch.dtype | None = None, device: torch.device | None = None) -> KernelMixture:
        """The same kernels in another precision or on another device."""
        return replace(self, **{f.name: getattr(self, f.name).to(device=device, dtype=dtype) for f in fields(self)})


@dataclass(frozen=True)
class Moments:
    """What the diffused kernels say at queries z (B, d).

    Attributes:
        log_density: (B,) of the diffused mixture; jointly with the conditions where there are any.
        denoised: (B, d) the mean m of x given z.
        score_square: (B,) the mean of |a_j|^2 - tr(C_j^-1) over the kernels, with a_j = -C_j^-1 (z - alpha c_j): the
            divergence of the score is this minus |score|^2. Only where asked for.
    """

    log_density: Tensor
    denoised: Tensor
    score_square: Tensor | None = None


@dataclass(frozen=True)
class Layer:
    """Clusters smoothed by one bandwidth, and the share of the whole that this makes up."""

    clusters: Clusters
    bandwidth: float
    share: float


def smooth(layers: Sequence[Layer], conditions: int = 0, wide: float = 0.0, seed: int = 0) -> KernelMixture:
    """The kernels of one or more layers over the same rows, in double precision.

    Where layers have kernels on rows, each row gets one, of the layer that it draws by the layers' shares: the mixture
    then has as many kernels as one layer alone, and its variance.

    Args:
        layers: their shares add up to 1.
        conditions: that many leading columns are conditions.
        wide: share of one more kernel, the whole table's Gaussian of three times its width, for what lies far out.
        seed: of the rows' draws.
    """
    rows = layers[0].clusters.rows
    shares = np.array([layer.share if layer.bandwidth < 1 else 0.0 for layer in layers])
    generator = np.random.default_rng(seed)
    drawn = (
        generator.choice(len(layers), len(rows), p=shares / shares.sum()) if shares.any() else np.full(len(rows), -1)
    )
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for index, layer in enumerate(layers):
        parts += _kernels(layer, (drawn == index) if layer.bandwidth < 1 else np.ones(len(rows), dtype=bool), 1 - wide)
    if wide:
        whole = np.atleast_2d(np.cov(rows.T)) * 9
        parts.append((rows.mean(0)[None], np.array([wide]), whole))
    total = sum(float(weights.sum()) for _, weights, _ in parts)  # less than 1 where a layer drew no row
    parts = [(centres, weights / total, kernel) for centres, weights, kernel in parts]
    length = _piece_length(np.array([len(centres) for centres, _, _ in parts]), rows.shape[1])
    pieces = [piece for part in parts for piece in _pieces(*part, conditions, length)]
    return KernelMixture(*(torch.stack(column) for column in zip(*pieces, strict=True)))


def _kernels(layer: Layer, chosen: np.ndarray, rest: float) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(centres, weights, covariance) of each cluster of a layer, for the rows ``chosen`` (J,)."""
    clusters, h = layer.clusters, layer.bandwidth
    keep, found = math.sqrt(max(0.0, 1 - h**2)), []
    weight = rest * layer.share / max(1, int(chosen.sum()))
    for index, (mean, covariance) in enumerate(zip(clusters.means, clusters.covariances, strict=True)):
        rows = clusters.rows[chosen & (clusters.member == index)]
        if not len(rows):
            continue
        if keep == 0.0:
            found.append((mean[None], np.array([weight * len(rows)]), covariance))
        else:
            found.append((mean + keep * (rows - mean), np.full(len(rows), weight), covariance * h**2))
    return found


def _piece_cost(columns: int) -> int:
    """What a piece costs besides its kernels, in kernels: the way into its basis and back."""
    return 16 + 2 * columns


def _piece_length(sizes: np.ndarray, columns: int) -> int:
    """P that makes the least work of clusters of these sizes: filled-up places, and what each piece costs besides."""
    lengths = np.unique(np.append(2 ** np.arange(0, 14), sizes.max()))
    lengths = lengths[lengths <= sizes.max()]
    costs = [(np.ceil(sizes / length) * (length + _piece_cost(columns))).sum() for length in lengths]
    return int(lengths[int(np.argmin(costs))])


def _pieces(
    centres: np.ndarray, weights: np.ndarray, kernel: np.ndarray, conditions: int, length: int
) -> list[tuple[Tensor, ...]]:
    """One cluster's kernels in pieces of ``length`` rows, each a tuple in the order of KernelMixture's attributes."""
    q = conditions
    given, free = kernel[:q, :q], kernel[q:, q:]
    spread, axes = np.linalg.eigh(given)
    spread = np.maximum(spread, LEAST_VARIANCE)
    whiten = axes / np.sqrt(spread)
    regression = kernel[q:, :q] @ whiten @ whiten.T
    rest = free - regression @ kernel[:q, q:]
    variances, basis = np.linalg.eigh((rest + rest.T) / 2)
    variances = np.maximum(variances, LEAST_VARIANCE)
    own = (centres[:, q:] - centres[:, :q] @ regression.T) @ basis
    seen = centres[:, :q] @ whiten
    scale = float(np.log(spread).sum()) / 2
    pieces: list[tuple[Tensor, ...]] = []
    for start in range(0, len(own), length):
        part = slice(start, start + length)
        missing = max(0, start + length - len(own))
        pieces.append(
            (
                torch.from_numpy(np.pad(own[part], ((0, missing), (0, 0)), mode="edge")),
                torch.from_numpy(np.pad(np.log(weights[part]), (0, missing), constant_values=-np.inf)),
                torch.from_numpy(basis),
                torch.from_numpy(variances),
                torch.from_numpy(regression.T @ basis),
                torch.from_numpy(whiten),
                torch.from_numpy(np.pad(seen[part], ((0, missing), (0, 0)), mode="edge")),
                torch.tensor(scale, dtype=torch.float64),
            )
        )
    return pieces


def rescaled(mixture: KernelMixture, scale: np.ndarray) -> KernelMixture:
    """The same kernels with every column (not the conditions) divided by its ``scale`` (d,)."""
    factor = 1 / torch.from_numpy(scale)
    centres = (mixture.centres @ mixture.basis.transpose(1, 2)) * factor
    regression = (mixture.gain @ mixture.basis.transpose(1, 2)) * factor
    root = factor[:, None] * mixture.basis * mixture.variances.sqrt()[:, None]
    variances, basis = torch.linalg.eigh(root @ root.transpose(1, 2))
    return replace(
        mixture,
        centres=centres @ basis,
        basis=basis,
        variances=variances.clamp_min(LEAST_VARIANCE),
        gain=regression @ basis,
    )


class DiffusedKernels:
    """The kernels of a mixture after the forward process: N(alpha c_j, alpha^2 H_k + beta^2 I), ready for queries.

    Args:
        mixture: the kernels at t = 0.
        alpha: what is left of the data, 1 at t = 0.
        beta: standard deviation of the added noise, 0 at t = 0.
    """

    def __init__(self, mixture: KernelMixture, alpha: float, beta: float) -> None:
        self.mixture, self.alpha, self.beta = mixture, alpha, beta
        variance = mixture.variances * alpha**2 + beta**2
        self._sd = variance.sqrt()
        keys = torch.cat([mixture.centres * (alpha / self._sd)[:, None], mixture.seen], -1)
        self._bias = mixture.log_weights - keys.square().sum(-1) / 2
        self._bias -= (self._sd.log().sum(-1) + mixture.seen_scale)[:, None]
        self._bias = self._bias[:, None]
        self._keys = keys.transpose(1, 2).contiguous()
        # of x given z and a kernel: mean = shrink * z + (1 - alpha * shrink) * c_j
        self._shrink = alpha * mixture.variances / variance

    def moments(self, z: Tensor, conditions: Tensor | None = None, divergence: bool = False) -> Moments:
        """What the kernels say at z (B, d) under conditions (B, q); costs two matrix products and one exponential.

        Each is of size B x J x d; ``BLOCK_NUMBERS`` are held at a time, so memory does not grow with B.
        """
        size = _block_rows(self.mixture)
        found = [
            self._block(part, None if conditions is None else conditions[i * size : i * size + size], divergence)
            for i, part in enumerate(z.split(size))
        ]
        square = torch.cat([m.score_square for m in found if m.score_square is not None]) if divergence else None
        return Moments(torch.cat([m.log_density for m in found]), torch.cat([m.denoised for m in found]), square)

    def log_density(self, z: Tensor, conditions: Tensor | None = None) -> Tensor:
        """That of `moments` alone, (B,): one matrix product less."""
        size, found = _block_rows(self.mixture), []
        for i, part in enumerate(z.split(size)):
            _, _, weights, level = self._weights(part, None if conditions is None else conditions[i * size :][:size])
            found.append((level + weights.sum(-1).log()).logsumexp(0))
        free = self.mixture.columns + (self.mixture.conditions if conditions is not None else 0)
        return torch.cat(found) - free / 2 * math.log(2 * math.pi)

    def _weights(self, z: Tensor, conditions: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        """(z in each basis (G, B, d), how conditions move the centres, weights (G, B, P), their log unit (G, B))."""
        mix = self.mixture
        own = z @ mix.basis
        shift: Tensor | None = None
        if conditions is not None and mix.conditions:
            shift = conditions @ mix.gain
            own = own - self.alpha * shift
            queries = torch.cat([own / self._sd[:, None], conditions @ mix.whiten], -1)
        else:
            queries = own / self._sd[:, None]
        logits = torch.baddbmm(self._bias, queries, self._keys)  # (G, B, P)
        top = logits.amax(-1, keepdim=True)
        weights = _exp_below(logits, top)
        return own, shift, weights, top.squeeze(-1) - queries.square().sum(-1) / 2

    def _block(self, z: Tensor, conditions: Tensor | None, divergence: bool) -> Moments:
        mix, alpha = self.mixture, self.alpha
        own, shift, weights, level = self._weights(z, conditions)
        # this way round the product of a wide and a thin matrix is faster
        sums = (mix.values @ weights.transpose(1, 2)).transpose(1, 2)
        mass = sums[..., -1]
        log_density = (level + mass.log()).logsumexp(0)
        share = (level - log_density).exp()  # what turns a piece's weights into shares of the whole
        shrink = self._shrink[:, None]
        mean = shrink * own * mass.unsqueeze(-1) + (1 - alpha * shrink) * sums[..., :-1]
        if shift is not None:
            mean = mean + shift * mass.unsqueeze(-1)
        denoised = ((mean * share.unsqueeze(-1)) @ mix.basis.transpose(1, 2)).sum(0)
        free = mix.columns + (mix.conditions if conditions is not None else 0)
        log_density = log_density - free / 2 * math.log(2 * math.pi)
        square = self._score_square(own, weights, mass, share) if divergence else None
        return Moments(log_density, denoised, square)

    def _score_square(self, own: Tensor, weights: Tensor, mass: Tensor, share: Tensor) -> Tensor:
        """Mean over the kernels of |C^-1 (z - alpha c_j)|^2 - tr C^-1, in the kernels' bases."""
        inverse = self._sd.pow(-2)
        centres = self.alpha * self.mixture.centres * inverse[:, None]
        query = own * inverse[:, None]
        square = query.square().sum(-1) * mass
        square = square - 2 * (query * (weights @ centres)).sum(-1)
        square = square + (weights @ centres.square().sum(-1, keepdim=True)).squeeze(-1)
        return ((square - inverse.sum(-1)[:, None] * mass) * share).sum(0)


def _block_rows(mixture: KernelMixture) -> int:
    """Queries at a time: so many that logits and moved queries together are `BLOCK_NUMBERS`."""
    pieces = len(mixture.log_weights)
    return max(16, BLOCK_NUMBERS // (mixture.kernels + 4 * pieces * (mixture.columns + mixture.conditions)))


def _exp_below(logits: Tensor, top: Tensor) -> Tensor:
    """exp(logits - top), in place. What is below exp(-80) counts as that: smaller ones take many times as long."""
    return logits.sub_(top).clamp_(min=-80.0).exp_()


def log_density(mixture: KernelMixture, x: Tensor, conditions: Tensor | None = None) -> Tensor:
    """log p(x), (B,), of x (B, d); log p(x | c) where conditions (B, q) are given. Exact, and normalised."""
    joint = DiffusedKernels(mixture, 1.0, 0.0).log_density(x, conditions)
    return joint if conditions is None or not mixture.conditions else joint - _log_condition(mixture, conditions)


def _log_condition(mixture: KernelMixture, conditions: Tensor) -> Tensor:
    """log p(c), (B,), of conditions (B, q)."""
    size = _block_rows(mixture)
    keys = mixture.seen.transpose(1, 2)
    bias = mixture.log_weights - mixture.seen.square().sum(-1) / 2 - mixture.seen_scale[:, None]
    found = []
    for part in conditions.split(size):
        queries = part @ mixture.whiten
        logits = torch.baddbmm(bias[:, None], queries, keys) - queries.square().sum(-1, keepdim=True) / 2
        found.append(logits.logsumexp((0, 2)))
    return torch.cat(found) - mixture.conditions / 2 * math.log(2 * math.pi)


def draw(mixture: KernelMixture, count: int, generator: torch.Generator) -> Tensor:
    """``count`` exact draws (count, q + d) of the mixture: a kernel by its weight, then a Gaussian from it."""
    weights = mixture.log_weights.exp().flatten()
    chosen = torch.multinomial(weights, count, replacement=True, generator=generator)
    piece = chosen // mixture.log_weights.shape[1]
    noise = torch.randn(
        count, mixture.conditions + mixture.columns, generator=generator, dtype=weights.dtype, device=weights.device
    )
    seen_noise, own_noise = noise[:, : mixture.conditions], noise[:, mixture.conditions :]
    seen = mixture.seen.flatten(0, 1)[chosen] + seen_noise
    own = mixture.centres.flatten(0, 1)[chosen] + own_noise * mixture.variances[piece].sqrt()
    drawn = torch.empty_like(noise)
    for index in piece.unique().tolist():
        here = piece == index
        given = torch.linalg.solve(mixture.whiten[index].T, seen[here].T).T if mixture.conditions else seen[here]
        drawn[here, : mixture.conditions] = given
        drawn[here, mixture.conditions :] = (own[here] + given @ mixture.gain[index]) @ mixture.basis[index].T
    return drawn

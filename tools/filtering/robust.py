"""A filter with one setting for calm and for shocked worlds: what the Ensemble Score Filter lacks, put beside it.

The Ensemble Score Filter treats each component alone, exactly and nonlinearly, but blind to correlations; Kalman's
kind knows correlations, but takes everything for Gaussian and trusts its own spread. This filter takes from both and
departs from arXiv 2309.00983 in four points:

- the prior score is localised: an increment at one component is passed on to its neighbours by regression, tapered
  with distance (the two-step filter of Anderson 2003), which also serves components that nobody observes;
- the likelihood is not damped: in one dimension the end of the reverse flow is known, so it is taken at the state
  itself (:mod:`bethink.tools.filtering.marginal`) for any observation function, also one that folds or saturates;
- the prior may be wrong: beside the ensemble's own spread stand wider priors, up to many times as wide. How much the
  observations of a whole neighbourhood speak for each is Bayes' rule, and what they say decides how far the local
  prior is opened (an innovation-based mixture): a shock is met in one cycle, and without one nothing is widened;
- the spread is relaxed to the forecast's (:func:`bethink.tools.filtering.inflation.widen`, but never narrowed).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bethink.tools.filtering.checks import check_input
from bethink.tools.filtering.localisation import GASPARI_COHN, Neighbours, neighbours
from bethink.tools.filtering.marginal import CellLikelihood, cells, keep_quantiles, normal_mass
from bethink.tools.filtering.operators import ObservationOperator, PointwiseOperator

BLOCK_NUMBERS = 8_000_000
"""Numbers on grids that are held at once."""

ROUNDING = 1e-6
"""Differences of odds below this are single precision's rounding."""


@dataclass(frozen=True)
class RobustFilter:
    """Serial, localised, nonlinear filter that notices when its forecast is wrong. One setting serves all regimes.

    Cost O(d w (M + K G)) with w components within reach, K widths and G cells; no M x M matrix, no d x d matrix.
    Observations further apart than the reach are processed together, so the number of sequential steps is about
    2 w, whatever d. Needs an operator that sees single components (:class:`PointwiseOperator`).

    Options:
        radius: localisation in components, DAPPER's meaning; None: 4 (M / 20)^(1/2), since the sampling error of
            a correlation shrinks as M^(-1/2).
        periodic: whether the components stand on a circle.
        widths: priors wider than the forecast, as multiples of its local spread.
        log_odds: of the forecast's own spread against each of the widths, before anything is seen.
        relaxation_weight: towards the forecast's spread (``rtps``); None: 0.2 (20 / M)^(1/2), as above, at most 1.
        grid: cells for each component's posterior.

    Example:
        >>> from bethink.tools.filtering.operators import operator_named
        >>> noise = torch.Generator().manual_seed(1)
        >>> forecast = 0.1 * torch.randn(20, 5, generator=noise)
        >>> shocked = torch.full((5,), 3.0)
        >>> analysis = RobustFilter().analyse(forecast, shocked, operator_named("identity"), 0.1, noise)
        >>> bool((analysis.mean(0) - 3).abs().max() < 0.2)
        True
    """

    radius: float | None = None
    periodic: bool = True
    widths: tuple[float, ...] = (4.0, 8.0, 16.0, 32.0, 64.0)
    log_odds: float = 8.0
    relaxation_weight: float | None = None
    grid: int = 96

    def __post_init__(self) -> None:
        if self.radius is not None and not self.radius > 0:
            raise ValueError(f"The localisation radius must be positive, not {self.radius}.")
        if not self.widths or not all(1 < width < 1e6 for width in self.widths):
            raise ValueError(f"widths are multiples of the spread between 1 and a million, not {self.widths}.")
        if self.relaxation_weight is not None and not 0 <= self.relaxation_weight <= 1:
            raise ValueError(f"relaxation_weight must lie between 0 and 1, not {self.relaxation_weight}.")
        if self.grid < 16:
            raise ValueError(f"grid must be at least 16 cells, not {self.grid}.")

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
            ValueError: what does not fit, or an operator that mixes components.
        """
        check_input(forecast, observation, operator, sd)
        if not isinstance(operator, PointwiseOperator):
            raise ValueError(
                f"The robust filter needs an operator that sees single components, and {operator.name!r} is not one. "
                "Use EnKF or EnsembleScoreFilter."
            )
        dimension = forecast.shape[-1]
        x = forecast.reshape(-1, *forecast.shape[-2:]).mT.contiguous()  # (B, d, M)
        y = observation.reshape(len(x), -1)
        sites = operator.sites(dimension).to(x.device)
        error = torch.as_tensor(sd, dtype=x.dtype, device=x.device).expand(len(sites))
        sampling = (20 / x.shape[-1]) ** 0.5
        radius = self.radius or 4.0 / sampling
        weight = min(1.0, 0.2 * sampling) if self.relaxation_weight is None else self.relaxation_weight
        near = _like(x, neighbours(dimension, torch.arange(dimension), radius, self.periodic))
        heard = _like(x, neighbours(dimension, operator.sites(dimension), radius, self.periodic))
        before = x.var(-1)
        extra, odds = self._opened(x, before, y, operator, error, sites, near, heard)
        # only what the observations add to the odds opens a prior: where nothing is seen, nothing is widened
        opened = (extra * (odds - self._prior_odds(odds) - ROUNDING).clamp_min_(0)).sum(-1)
        for group in _far_apart(sites, dimension, radius):
            self._update(x, y[:, group], operator, error[group], sites[group], near, extra, odds, opened)
        unseen = torch.ones_like(opened, dtype=torch.bool)
        unseen[:, sites] = torch.isnan(y)
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        x.addcmul_(noise, (opened.sqrt_() * unseen).unsqueeze(-1))
        return _relaxed(x, before, weight).mT.reshape(forecast.shape)

    def _opened(
        self,
        x: Tensor,
        variance: Tensor,
        y: Tensor,
        operator: PointwiseOperator,
        error: Tensor,
        sites: Tensor,
        near: Neighbours,
        heard: Neighbours,
    ) -> tuple[Tensor, Tensor]:
        """Variances (B, d, K + 1) that the prior may have beside its own, and how probable each is, summing to 1.

        The first is 0. The evidence of each observation is its probability under the opened prior; observations
        within reach are taken together, their logarithms weighed by the taper.
        """
        share = near.taper / near.taper.sum(-1, keepdim=True)
        local = (variance[:, near.index] * share).sum(-1).clamp_min_(torch.finfo(x.dtype).tiny)
        squares = x.new_tensor((0.0, *self.widths)).square_()
        extra = local.unsqueeze(-1) * squares
        evidence = torch.empty(len(x), len(sites), len(squares), dtype=x.dtype, device=x.device)
        size = max(1, BLOCK_NUMBERS // (len(x) * len(squares) * self.grid))
        for block in torch.arange(len(sites), device=x.device).split(size):
            at = sites[block]
            mean, own = x[:, at].mean(-1), variance[:, at].clamp_min(torch.finfo(x.dtype).tiny)
            edges = cells(mean, own.sqrt(), (extra[:, at, -1] + own).sqrt(), self.grid)
            likelihood = CellLikelihood(operator.function, edges, y[:, block], error[block])
            mass = normal_mass(edges, mean, own.unsqueeze(-1) + extra[:, at])
            best = likelihood.log.amax(-1, keepdim=True)
            seen = torch.einsum("...kg,...g->...k", mass, (likelihood.log - best).exp_())
            evidence[:, block] = seen.clamp_min_(torch.finfo(x.dtype).tiny).log_().add_(best)
        evidence[torch.isnan(y)] = 0
        odds = torch.empty_like(extra)
        for level in range(len(squares)):
            together = (evidence[..., level][:, heard.index] * heard.taper).sum(-1)
            odds[..., level] = together
        return extra, odds.add_(self._prior_odds(odds).log_()).softmax(-1)

    def _prior_odds(self, like: Tensor) -> Tensor:
        """Probabilities (K + 1,) of the forecast's own spread and of each width, before anything is seen."""
        return like.new_tensor([0.0, *(-self.log_odds for _ in self.widths)]).softmax(-1)

    def _update(
        self,
        x: Tensor,
        y: Tensor,
        operator: PointwiseOperator,
        error: Tensor,
        at: Tensor,
        near: Neighbours,
        extra: Tensor,
        odds: Tensor,
        opened: Tensor,
    ) -> None:
        """Assimilate observations y (B, n) of the components ``at`` (n,), whose neighbourhoods do not meet, into x."""
        members = x.shape[-1]
        old = x[:, at]
        mean = old.mean(-1)
        own = old.var(-1).clamp_min(torch.finfo(x.dtype).tiny)
        edges = cells(mean, own.sqrt(), (extra[:, at, -1] + own).sqrt(), self.grid)
        likelihood = CellLikelihood(operator.function, edges, y, error)
        mass = torch.einsum("...kg,...k->...g", normal_mass(edges, mean, own.unsqueeze(-1) + extra[:, at]), odds[:, at])
        mass *= (likelihood.log - likelihood.log.amax(-1, keepdim=True)).exp_()
        anomalies = old - mean.unsqueeze(-1)
        # a member further out than a sample of M reaches is drawn in: left alone, one such member walks away from the
        # others in long runs, as deterministic filters' outliers do
        reach = float(torch.special.ndtri(torch.tensor(1 - 1 / (8 * members), dtype=torch.float64)))
        z = (anomalies / own.sqrt().unsqueeze(-1)).clamp_(-reach, reach)
        new = torch.where(torch.isnan(y).unsqueeze(-1), old, keep_quantiles(z, mass, likelihood))
        around = near.index[at]
        beside = x[:, around]  # (B, n, w, M)
        # both centred: anomalies far smaller than the state would drown in its rounding
        covariance = torch.einsum("bnwm,bnm->bnw", beside - beside.mean(-1, True), anomalies) / (members - 1)
        slope = near.taper[at] * covariance / (own + opened[:, at]).unsqueeze(-1)
        moved = slope.unsqueeze(-1) * (new - old).unsqueeze(-2)
        x.index_add_(1, around.flatten(), moved.flatten(1, 2))  # padded neighbours get 0
        x[:, at] = new


def _far_apart(sites: Tensor, dimension: int, radius: float) -> Iterator[Tensor]:
    """Groups of observations, as positions in ``sites``, such that no component is near two of one group."""
    reach = int(2 * GASPARI_COHN * radius)
    blocks = max(1, dimension // (2 * reach + 1))
    starts = torch.arange(blocks, device=sites.device) * dimension // blocks
    offset = sites - starts[torch.searchsorted(starts, sites, right=True) - 1]
    order = offset.argsort(stable=True)
    yield from (group for group in order.split(offset.bincount().tolist()) if len(group))


def _relaxed(x: Tensor, before: Tensor, weight: float) -> Tensor:
    """Members (B, d, M) whose spread is relaxed towards that of ``before`` (a variance) where it shrank."""
    mean = x.mean(-1, keepdim=True)
    after = x.std(-1).clamp_min_(torch.finfo(x.dtype).tiny)
    stretch = 1 + weight * ((before.sqrt() - after) / after).clamp_(0, 100)
    return torch.lerp(mean, x, stretch.unsqueeze(-1))


def _like(x: Tensor, near: Neighbours) -> Neighbours:
    return Neighbours(near.index.to(x.device), near.taper.to(x))

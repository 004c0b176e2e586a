"""The Ensemble Score Filter: Bao, Zhang, Zhang, CMAME 432 (2024) 117447, arXiv 2309.00983.

At each observation time the posterior is sampled by a reverse-time diffusion from noise at pseudo-time 1 to
states at pseudo-time 0. Its score needs no training: the prior's part follows from the forecast members, the
likelihood's part is added with a damping that vanishes at the noisy end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from bethink.tools.filtering.checks import check_input
from bethink.tools.filtering.gaussian_score import gaussian_prior
from bethink.tools.filtering.operators import ObservationOperator, PointwiseOperator, ScaledOperator, variance_of
from bethink.tools.threads import one_thread_if_small

if TYPE_CHECKING:
    from bethink.tools.filtering.fused import Kernel

BLOCK = 1024
"""Trajectories whose weights over the members are held at once (softmax prior)."""
BLOCK_NUMBERS = 160_000
"""Numbers of state that go through all pseudo-time steps at once, where components are independent: a few arrays of
that size stay in the processor's second-level cache, so the main memory is read and written once an analysis."""


def alpha(t: float, eps: float) -> float:
    """Signal scale of the forward kernel q(z_t | x) = N(alpha_t x, beta_t^2 I): 1 - (1 - eps) t."""
    return 1 - (1 - eps) * t


def beta_squared(t: float, eps: float) -> float:
    """Noise variance of the forward kernel: eps + (1 - eps) t."""
    return eps + (1 - eps) * t


def drift_rate(t: float, eps_a: float) -> float:
    """f(t) = d log alpha_t / dt, never positive."""
    return -(1 - eps_a) / alpha(t, eps_a)


def diffusion_squared(t: float, eps_a: float, eps_b: float) -> float:
    """g^2(t) = d beta_t^2 / dt - 2 f(t) beta_t^2."""
    return (1 - eps_b) - 2 * drift_rate(t, eps_a) * beta_squared(t, eps_b)


def damping(t: float) -> float:
    """h(t) = 1 - t: the likelihood enters in full only where the noise is gone."""
    return 1 - t


def own_score(z: Tensor, members: Tensor, t: float, eps_a: float, eps_b: float) -> Tensor:
    """Prior score of trajectory i from member i alone: -(z_i - alpha_t x_i) / beta_t^2, (..., M, d).

    The mini-batch of one that the authors' published runs use. Linear in M and d.
    """
    return torch.sub(z, members, alpha=alpha(t, eps_a)).mul_(-1 / beta_squared(t, eps_b))


def softmax_score(
    z: Tensor,
    members: Tensor,
    t: float,
    eps_a: float,
    eps_b: float,
    add_up: Callable[[Tensor], object] = lambda exponents: None,
) -> Tensor:
    """Prior score of the mixture that the members span, (..., M, d), in blocks of trajectories.

    -sum_j w_j(z) (z - alpha_t x_j) / beta_t^2 with w = softmax_j(-|z - alpha_t x_j|^2 / (2 beta_t^2)): the
    paper's training-free estimator. Distances come from matrix products (no M x M x d tensor), about the
    members' mean so that single precision is enough. ``add_up`` may complete the weights' exponents in place, where
    the components are spread over several machines.
    """
    a, b2 = alpha(t, eps_a), beta_squared(t, eps_b)
    centre = members.mean(-2, keepdim=True)
    x = members - centre
    half_norms = x.square().sum(-1).mul_(a * a / 2).unsqueeze(-2)
    score = torch.empty_like(z)
    for block, out in zip(z.split(BLOCK, -2), score.split(BLOCK, -2), strict=True):
        off = torch.sub(block, centre, alpha=a)
        exponents = (a * (off @ x.mT)).sub_(half_norms).div_(b2)
        add_up(exponents)
        torch.sub(exponents.softmax(-1) @ x, off, alpha=1 / a, out=out).mul_(a / b2)
    return score


@dataclass(frozen=True)
class EnsembleScoreFilter:
    """Analysis step of the Ensemble Score Filter (arXiv 2309.00983, section 3).

        Options:
            eps_a, eps_b: ends of the schedules, alpha_1 = eps_a and beta_0^2 = eps_b. The defaults are the best of
                the authors' grid for Lorenz-96 with arctan observations. ``eps_b`` is also the variance that each
                member is blurred with, in the state's units, and with the ``own`` prior the variance that the filter
                believes a member has: observations much noisier than sqrt(eps_b) hardly move it.
            n_steps: pseudo-time steps.
            prior: ``own`` (each trajectory sees its own member, the authors' code), ``softmax`` (all, the paper),
            or ``gaussian`` (departs from both: the members' covariance, with the likelihood at the denoised mean, see
            :mod:`bethink.tools.filtering.gaussian_score`; take eps_a 0.05 and eps_b 0.001 with it).
            mini_batch: with ``softmax``, how many members are drawn for each step; None takes all.
            score_clip: bound on every component of the total score (the authors' 1000).
            stepper: ``euler`` is Euler-Maruyama, as in the paper. ``exponential`` departs from it: the same
                equation, but every step solves the part linear in z exactly (exponential Euler, with the
                operator's curvature), so sharp likelihoods stay stable with far fewer steps. It needs an
                operator with a known curvature; the clip then bounds the displacement instead of the score.
            state_scale: departs from the paper: the diffusion runs on x / state_scale. Its noise has unit size, so
                the method is not free of units; a scale of a few times the observation noise keeps noisy
                observations (say, of sd 1 and more) effective.
        increments: ``uniform`` departs from the paper: increments of the driving noise are uniform with the right
            mean and variance, which leaves the law at t = 0 the same to first order in the step (Kloeden and Platen
            1992, section 14.1: weak schemes) and are drawn several times as fast.
        compiled: large states on a CPU go through a kernel that torch compiles (:mod:`bethink.tools.filtering.fused`);
            needs a C++ compiler, the ``own`` prior, and an operator that sees every component.

        Example:
            >>> from bethink.tools.filtering.checks import check_input
    from bethink.tools.filtering.operators import operator_named
            >>> noise = torch.Generator().manual_seed(1)
            >>> forecast = torch.randn(50, 3, generator=noise)
            >>> truth = torch.tensor([1.0, 0.0, -1.0])
            >>> analysis = EnsembleScoreFilter().analyse(forecast, truth, operator_named("identity"), 0.1, noise)
            >>> bool((analysis.mean(0) - truth).abs().max() < 0.3)
            True
    """

    eps_a: float = 0.5
    eps_b: float = 0.025
    n_steps: int = 200
    prior: Literal["own", "softmax", "gaussian"] = "own"
    mini_batch: int | None = None
    score_clip: float = 1000.0
    stepper: Literal["euler", "exponential"] = "euler"
    state_scale: float = 1.0
    increments: Literal["gaussian", "uniform"] = "gaussian"
    compiled: bool = False

    def __post_init__(self) -> None:
        if not (0 < self.eps_a < 1 and 0 < self.eps_b < 1):
            raise ValueError(f"eps_a and eps_b must lie between 0 and 1, not {self.eps_a}, {self.eps_b}.")
        if self.n_steps < 1:
            raise ValueError(f"n_steps must be at least 1, not {self.n_steps}.")
        if self.mini_batch is not None and self.mini_batch < 1:
            raise ValueError(f"mini_batch must be at least 1, or None for all members, not {self.mini_batch}.")
        if self.prior == "gaussian" and (self.stepper != "euler" or self.state_scale != 1):
            raise ValueError("prior='gaussian' needs stepper='euler' and state_scale=1.")
        if self.compiled and (self.prior, self.state_scale) != ("own", 1.0):
            raise ValueError("compiled=True needs prior='own' and state_scale=1.")
        if not (self.score_clip > 0 and self.state_scale > 0):
            raise ValueError(f"score_clip and state_scale must be positive, not {self.score_clip}, {self.state_scale}.")

    @torch.no_grad()
    def analyse(
        self,
        forecast: Tensor,
        observation: Tensor,
        operator: ObservationOperator,
        sd: float | Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Members of the posterior, (M, d), from forecast members (M, d) and one observation (p,).

        ``sd`` is the observation error's standard deviation, one number or (p,). NaN observations are missing.
        The generator must live on the forecast's device. The forecast is not changed.

        Raises:
            ValueError: fewer than 2 members, a forecast that is not finite, or shapes that do not fit.
        """
        self._check(forecast, observation, operator, sd)
        # own prior and an operator that sees single components: every component is a problem of its own
        if self.prior == "own" and isinstance(operator, PointwiseOperator):
            return self._in_blocks(forecast, observation, operator, sd, generator)
        return self._reverse(forecast, observation, operator, sd, generator)

    def _in_blocks(
        self,
        forecast: Tensor,
        observation: Tensor,
        operator: PointwiseOperator,
        sd: float | Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Blocks of components in turn, on as many threads as torch has; their number changes no result."""
        *lead, dimension = forecast.shape
        stride, rows = operator.stride, math.prod(lead)
        width = max(stride, BLOCK_NUMBERS // rows // stride * stride)
        starts = range(0, dimension, width)
        if len(starts) == 1 or forecast.device.type != "cpu":
            return self._reverse(forecast, observation, operator, sd, generator)
        kernel = None
        if self.compiled:
            from bethink.tools.filtering.fused import fused_step

            kernel = fused_step(operator, self.stepper)
        seeds = torch.randint(2**62, (len(starts),), generator=generator).tolist()
        result = torch.empty_like(forecast)

        @torch.no_grad()
        def work(start: int, seed: int) -> None:
            seen = slice(start // stride, -(-min(start + width, dimension) // stride))
            level = sd[seen] if isinstance(sd, Tensor) and sd.ndim else sd
            chance = torch.Generator().manual_seed(seed)
            part = forecast[..., start : start + width].contiguous()
            if kernel is not None and part.shape[-1] == width:  # compiled for one width only
                result[..., start : start + width] = self._reverse_fused(
                    part, observation[..., seen], level, chance, kernel
                )
                return
            with one_thread_if_small(rows * width):
                result[..., start : start + width] = self._reverse(
                    part, observation[..., seen], operator, level, chance
                )

        if kernel is not None:  # it holds Python's lock, and is on several threads inside
            for start, seed in zip(starts, seeds, strict=True):
                work(start, seed)
        else:
            with ThreadPoolExecutor(torch.get_num_threads()) as pool:
                list(pool.map(work, starts, seeds))
        return result

    def _reverse(
        self,
        forecast: Tensor,
        observation: Tensor,
        operator: ObservationOperator,
        sd: float | Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """The reverse equation from noise at t = 1 to the posterior at t = 0."""
        if self.state_scale != 1:
            operator = ScaledOperator(operator.name, operator, self.state_scale)
            forecast = forecast / self.state_scale
        z = standardised_noise(forecast, generator)
        gaussian = gaussian_prior(forecast) if self.prior == "gaussian" else None
        if gaussian is not None:
            z = gaussian.start(z, alpha(1, self.eps_a), beta_squared(1, self.eps_b))
        increment = Increments(z, self.increments, generator)
        dt = 1 / self.n_steps
        for step in range(self.n_steps):
            t = 1 - step * dt
            if gaussian is not None:
                assert isinstance(operator, PointwiseOperator)
                a, b2 = alpha(t, self.eps_a), beta_squared(t, self.eps_b)
                score = gaussian.posterior_score(z, a, b2, observation, operator, sd)
            else:
                score = self.posterior_score(z, t, forecast, observation, operator, sd, generator)
            noise = increment.draw()
            if self.stepper == "euler":
                self._euler(z, score, noise, t, dt)
            else:
                self._exponential(z, score, noise, t, dt, operator.curvature(z, observation, sd))
        return z.mul_(self.state_scale)

    def _reverse_fused(
        self,
        forecast: Tensor,
        observation: Tensor,
        sd: float | Tensor,
        generator: torch.Generator,
        kernel: Kernel,
    ) -> Tensor:
        """The same equation for one block, by a compiled kernel."""
        from bethink.tools.filtering.fused import coefficients

        z = standardised_noise(forecast, generator)
        increment = Increments(z, self.increments, generator)
        missing = torch.isnan(observation)
        precision = ((~missing).to(z.dtype) / variance_of(sd)).unsqueeze(-2)
        seen = torch.where(missing, 0.0, observation).unsqueeze(-2)
        rows, dt, raw = [], 1 / self.n_steps, (increment.raw_mean, increment.raw_sd)
        for step in range(self.n_steps):
            t = 1 - step * dt
            f, g2 = drift_rate(t, self.eps_a), diffusion_squared(t, self.eps_a, self.eps_b)
            a, b2 = alpha(t, self.eps_a), beta_squared(t, self.eps_b)
            rows.append(coefficients(t, dt, f, g2, b2, a, self.score_clip, raw, self.stepper))
        for row in z.new_tensor(rows).unbind(0):
            z = kernel(z, forecast, seen, precision, increment.draw_raw(), row)
        return z

    def posterior_score(
        self,
        z: Tensor,
        t: float,
        members: Tensor,
        observation: Tensor,
        operator: ObservationOperator,
        sd: float | Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """S(z, t) + h(t) grad_z log p(y | z), (..., M, d), before any clipping; ``own`` and ``softmax`` priors."""
        if self.prior == "own":
            score = own_score(z, members, t, self.eps_a, self.eps_b)
        else:
            score = softmax_score(z, self._batch(members, generator), t, self.eps_a, self.eps_b)
        if damping(t) > 0:
            score.add_(operator.log_likelihood_score(z, observation, sd), alpha=damping(t))
        return score

    def _euler(self, z: Tensor, score: Tensor, noise: Tensor, t: float, dt: float) -> None:
        f, g2 = drift_rate(t, self.eps_a), diffusion_squared(t, self.eps_a, self.eps_b)
        score.clamp_(-self.score_clip, self.score_clip)
        z.mul_(1 - f * dt).add_(score, alpha=g2 * dt).add_(noise, alpha=math.sqrt(g2 * dt))

    def _exponential(
        self, z: Tensor, score: Tensor, noise: Tensor, t: float, dt: float, curvature: Tensor | None
    ) -> None:
        f, g2 = drift_rate(t, self.eps_a), diffusion_squared(t, self.eps_a, self.eps_b)
        assert curvature is not None
        # rate > 0 always: g^2 / beta^2 >= -2 f. Over dt, dz = -rate z dt + ... is then solved exactly.
        rate = curvature.mul(g2 * damping(t)).add_(g2 / beta_squared(t, self.eps_b) + f)
        shrink = torch.expm1(-dt * rate)
        limit = g2 * dt * self.score_clip
        move = score.mul_(g2).sub_(z, alpha=f).mul_(-shrink / rate).clamp_(-limit, limit)
        fresh = (-shrink * (2 + shrink) / (2 * rate)).mul_(g2).sqrt_()
        z.add_(move).addcmul_(noise, fresh)

    def _batch(self, members: Tensor, generator: torch.Generator | None) -> Tensor:
        count = members.shape[-2]
        if self.mini_batch is None or self.mini_batch >= count:
            return members
        return members[..., torch.randperm(count, generator=generator, device=members.device)[: self.mini_batch], :]

    def _check(self, forecast: Tensor, observation: Tensor, operator: ObservationOperator, sd: float | Tensor) -> None:
        check_input(forecast, observation, operator, sd)
        if self.prior == "gaussian" and not isinstance(operator, PointwiseOperator):
            raise ValueError(
                f"The gaussian prior needs an operator that sees single components, not {operator.name!r}."
            )
        if self.stepper == "exponential" and operator.curvature(forecast[..., :1, :], observation, sd) is None:
            raise ValueError(f"The operator {operator.name!r} has no known curvature: use the euler stepper.")


class Increments:
    """Standard increments of the driving noise, shaped like ``state``: Gaussian, or uniform of equal mean and variance.

    Raw draws have mean ``raw_mean`` and standard deviation ``raw_sd``. A tensor drawn is overwritten by the next draw.
    """

    def __init__(self, state: Tensor, kind: Literal["gaussian", "uniform"], generator: torch.Generator) -> None:
        self._noise = torch.empty_like(state, memory_format=torch.contiguous_format)
        self._generator = generator
        self._words: Tensor | None = None
        self.raw_mean, self.raw_sd = 0.0, 1.0
        if kind == "uniform":  # each random word gives eight values of 256 levels
            self._words = torch.empty(-(-state.numel() // 8), dtype=torch.int64, device=state.device)
            self._bytes = self._words.view(torch.uint8)[: state.numel()].view(state.shape)
            self.raw_mean, self.raw_sd = 127.5, math.sqrt((256**2 - 1) / 12)

    def draw_raw(self) -> Tensor:
        """The next increments, before they are standardised."""
        if self._words is None:
            return self._noise.normal_(generator=self._generator)
        self._words.random_(-(2**63), None, generator=self._generator)
        return self._bytes

    def draw(self) -> Tensor:
        """The next increments: mean 0, variance 1."""
        raw = self.draw_raw()
        if self._words is None:
            return raw
        return self._noise.copy_(raw).sub_(self.raw_mean).mul_(1 / self.raw_sd)


def standardised_noise(like: Tensor, generator: torch.Generator) -> Tensor:
    """Start of the reverse diffusion, (M, d): N(0, I), then mean 0 and spread 1 over the members exactly.

    The paper starts from plain N(0, I); the authors' code standardises, which takes sampling noise off the mean.
    """
    z = torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)
    return z.sub_(z.mean(-2, keepdim=True)).div_(z.std(-2, keepdim=True).clamp_min_(torch.finfo(z.dtype).tiny))

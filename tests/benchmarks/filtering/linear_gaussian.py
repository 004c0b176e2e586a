"""Ten components, all normal, all linear: every filter's posterior beside Kalman's exact one, the mean of 200 seeds.

``python -m tests.benchmarks.filtering.linear_gaussian`` (half a minute). The forecast is a sample of M from the prior
N(m, P), P_ij = 0.6^|i - j|; every component, or every second, is observed with errors N(0, 1), once; the observation
is the same for all seeds, so that no bias can average out.

Tolerances follow from M and the number of seeds S, not from what was measured. With K the Kalman gain, B = I - K H,
G = H^T (H P H^T + R)^-1 H and u = H^T (H P H^T + R)^-1 (y - H m), a filter that puts the sample covariance P + dP
into Kalman's formulas errs by B dm + B dP u in the mean and B dP B^T - B dP G dP B^T in the covariance, to second
order; dP is Wishart's, dm the sample mean's error. Hence, with n = M - 1:

- bias of the mean -B (tr(P G) P + P G P) u / n, of the covariance -B (tr(P G) P + P G P) B^T / n;
- variance of the mean B (P / M + (u^T P u P + P u u^T P) / n) B^T, of a covariance's entry (C_ii C_jj + C_ij^2) / n,
  C = B P B^T for a transform, C = B P for perturbed observations (they add K R K^T).

A particle filter is importance sampling: its errors are moments of the weights, which are known here (the squared
likelihood times the prior is another normal). The tolerance is |bias| + 4.3 standard errors, sd / sqrt(S), in each of
the 10 + 55 numbers of each of the 10 rows that have a theory: together they leave it by chance once in a hundred runs.

The Ensemble Score Filter with its ``gaussian`` prior draws from the posterior of the sample covariance: the transform's
law, and the variances of M independent draws, C / M, on top. As published (``own``, ``softmax``) it has no such theory:
its likelihood is damped, its start is finite, and ``own`` does not know the forecast's covariance. It is held to M
independent draws from the posterior (no bias, variances C / M), and misses them: that is printed, and no bar, since
it is the method's own approximation and not an error of the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bethink.tools.filtering.kalman import LETKF, EnKF, kalman_update
from bethink.tools.filtering.operators import PointwiseOperator, operator_named
from bethink.tools.filtering.particle import ParticleFilter
from bethink.tools.filtering.robust import RobustFilter
from bethink.tools.filtering.score_filter import EnsembleScoreFilter
from bethink.tools.filtering.twin import Filter
from tests.benchmarks.report import Bar, bar, show

DIMENSION = 10
SEEDS = 200
SD = 1.0
SIGMAS = 4.3
"""Two-sided: 1.7e-5 for one number, 1 % for all 650."""
NO_LOCALISATION = 1e6
AT_ONCE = 2_000_000
"""Members times seeds times members or components, held at once."""


@dataclass(frozen=True)
class World:
    """A prior, an instrument and one observation, with the exact posterior."""

    name: str
    operator: PointwiseOperator
    mean: Tensor
    covariance: Tensor
    h: Tensor
    observation: Tensor
    exact_mean: Tensor
    exact_covariance: Tensor


@dataclass(frozen=True)
class Law:
    """What theory says of one analysis' mean (d,) and covariance (d, d): bias and standard deviation of each number."""

    mean_bias: Tensor
    mean_sd: Tensor
    covariance_bias: Tensor
    covariance_sd: Tensor


@dataclass(frozen=True)
class Entry:
    """A filter in the table, and the law it is held against."""

    name: str
    method: Filter
    members: int
    law: Literal["perturbed", "transform", "sampled", "particles", "draws"]


ENTRIES = (
    Entry("EnKF", EnKF(), 100, "perturbed"),
    Entry("EnKF", EnKF(), 400, "perturbed"),
    Entry("LETKF (a)", LETKF(radius=NO_LOCALISATION), 100, "transform"),
    Entry(
        "RobustFilter (a)",
        RobustFilter(radius=NO_LOCALISATION, widths=(1.5,), log_odds=1e6, relaxation_weight=0.0),
        100,
        "transform",
    ),
    Entry("ParticleFilter (b)", ParticleFilter(jitter=0.0), 10_000, "particles"),
    Entry(
        "EnSF gaussian (d)",
        EnsembleScoreFilter(prior="gaussian", eps_a=0.05, eps_b=1e-3, n_steps=500),
        100,
        "sampled",
    ),
    Entry("EnSF own", EnsembleScoreFilter(), 100, "draws"),
    Entry(
        "EnSF own (c)",
        EnsembleScoreFilter(eps_b=0.1, state_scale=2.0, n_steps=50, stepper="exponential"),
        100,
        "draws",
    ),
    Entry("EnSF softmax", EnsembleScoreFilter(prior="softmax"), 100, "draws"),
    Entry(
        "EnSF softmax (c)",
        EnsembleScoreFilter(prior="softmax", state_scale=2.0, n_steps=50, stepper="exponential"),
        100,
        "draws",
    ),
)
NOTES = (
    "(a) no localisation, and no inflation of any kind; (b) no jitter; (c) the best state_scale and eps_b of 12 tried "
    "on this very world; (d) 500 steps, eps_a 0.05, eps_b 0.001. EnSF's tolerance with its published priors is that of M "
    "independent draws from the posterior."
)


def make_world(stride: int) -> World:
    """The prior and one observation drawn from it, always the same."""
    chance = torch.Generator().manual_seed(2024)
    place = torch.arange(DIMENSION, dtype=torch.double)
    covariance = 0.6 ** (place[:, None] - place).abs()
    mean = torch.randn(DIMENSION, generator=chance, dtype=torch.double)
    truth = mean + torch.linalg.cholesky(covariance) @ torch.randn(DIMENSION, generator=chance, dtype=torch.double)
    operator = operator_named("identity", stride)
    h = torch.eye(DIMENSION, dtype=torch.double)[::stride]
    observation = h @ truth + SD * torch.randn(len(h), generator=chance, dtype=torch.double)
    exact = kalman_update(mean, covariance, h, observation, SD)
    return World(f"{len(h)} of {DIMENSION}", operator, mean, covariance, h, observation, *exact)


def kalman_law(w: World, members: int, perturbed: bool) -> Law:
    """Ensemble Kalman filters, see the module's words."""
    p, n = w.covariance, members - 1
    gain = p @ w.h.T @ torch.linalg.inv(w.h @ p @ w.h.T + SD**2 * torch.eye(len(w.h)))
    b = torch.eye(DIMENSION) - gain @ w.h
    g = torch.linalg.solve(p, gain @ w.h)
    u = torch.linalg.solve(p, gain @ (w.observation - w.h @ w.mean))
    second = torch.trace(p @ g) * p + p @ g @ p
    mean_covariance = b @ (p / members + ((u @ p @ u) * p + torch.outer(p @ u, p @ u)) / n) @ b.T
    c = b @ p if perturbed else b @ p @ b.T
    return Law(
        -b @ second @ u / n,
        mean_covariance.diagonal().sqrt(),
        -b @ second @ b.T / n,
        ((torch.outer(c.diagonal(), c.diagonal()) + c.square()) / n).sqrt(),
    )


def particle_law(w: World, members: int) -> Law:
    """Self-normalised importance sampling, then resampling (counted as if by independent draws).

    With q the normal of density prior * likelihood^2 and r = E[L^2] / E[L]^2, an average of f errs by
    -r E_q[f - E f] / M, with the variance r E_q[(f - E f)^2] / M.
    """
    mean, covariance = w.exact_mean, w.exact_covariance
    q_mean, q_covariance = kalman_update(w.mean, w.covariance, w.h, w.observation, SD / 2**0.5)
    ratio = _evidence(w, SD**2 / 2) * (2 * torch.pi * SD**2) ** (-len(w.h) / 2) * 2 ** (-len(w.h) / 2)
    ratio = ratio / _evidence(w, SD**2) ** 2
    shift = q_mean - mean
    mean_variance = ratio * (q_covariance.diagonal() + shift.square()) / members + covariance.diagonal() / members
    pair = q_covariance + torch.outer(shift, shift)  # E_q of (x_i - mu_i)(x_j - mu_j)
    diagonal, square = q_covariance.diagonal(), shift.square()
    fourth = (
        torch.outer(diagonal, diagonal) + 2 * q_covariance.square()
        + torch.outer(diagonal, square) + torch.outer(square, diagonal)
        + 4 * q_covariance * torch.outer(shift, shift) + torch.outer(square, square)
    )  # fmt: skip
    wishart = (torch.outer(covariance.diagonal(), covariance.diagonal()) + covariance.square()) / members
    variance = ratio * (fourth - 2 * pair * covariance + covariance.square()) / members + wishart
    bias = -ratio * (pair - covariance) / members - ratio * pair / members
    return Law(-ratio * shift / members, mean_variance.sqrt(), bias, variance.sqrt())


def _evidence(w: World, error: float) -> Tensor:
    """Density of the observation under the prior, with errors of variance ``error``."""
    spread = w.h @ w.covariance @ w.h.T + error * torch.eye(len(w.h))
    return torch.distributions.MultivariateNormal(w.h @ w.mean, spread).log_prob(w.observation).exp()


def draws_law(w: World, members: int) -> Law:
    """Independent draws from the posterior."""
    c = w.exact_covariance
    wishart = (torch.outer(c.diagonal(), c.diagonal()) + c.square()) / (members - 1)
    return Law(torch.zeros_like(w.mean), (c.diagonal() / members).sqrt(), torch.zeros_like(c), wishart.sqrt())


def law_of(entry: Entry, w: World) -> Law:
    """The law by name."""
    if entry.law == "particles":
        return particle_law(w, entry.members)
    if entry.law == "draws":
        return draws_law(w, entry.members)
    law = kalman_law(w, entry.members, entry.law == "perturbed")
    if entry.law != "sampled":
        return law
    draws = draws_law(w, entry.members)
    return Law(
        law.mean_bias,
        torch.hypot(law.mean_sd, draws.mean_sd),
        law.covariance_bias,
        torch.hypot(law.covariance_sd, draws.covariance_sd),
    )


def measured(entry: Entry, w: World) -> tuple[Tensor, Tensor]:
    """Mean over the seeds of the analysis' mean and covariance, minus the exact ones."""
    m, chance = entry.members, torch.Generator().manual_seed(7)
    root = torch.linalg.cholesky(w.covariance)
    size = max(1, AT_ONCE // (m * DIMENSION if entry.law == "particles" else m * m))
    mean, covariance = torch.zeros_like(w.mean), torch.zeros_like(w.covariance)
    for seeds in torch.arange(SEEDS).split(size):
        noise = torch.randn(len(seeds), m, DIMENSION, generator=chance, dtype=torch.double)
        forecast = w.mean + noise @ root.T
        observation = w.observation.expand(len(seeds), -1)
        analysis = entry.method.analyse(forecast, observation, w.operator, SD, chance)
        anomalies = analysis - analysis.mean(-2, keepdim=True)
        mean += analysis.mean(-2).sum(0) / SEEDS
        covariance += (anomalies.mT @ anomalies).sum(0) / (m - 1) / SEEDS
    return mean - w.exact_mean, covariance - w.exact_covariance


def run() -> tuple[list[Bar], dict[str, object]]:
    """Print the table; one bar for each filter, its worst number over its tolerance, and the rows."""
    rows: list[tuple[object, ...]] = []
    worst: dict[str, float] = {}
    for w in (make_world(1), make_world(2)):
        sd = w.exact_covariance.diagonal().sqrt()
        units = (sd, torch.outer(sd, sd))
        for entry in ENTRIES:
            found, law = measured(entry, w), law_of(entry, w)
            biases = (law.mean_bias, law.covariance_bias)
            errors = (law.mean_sd / SEEDS**0.5, law.covariance_sd / SEEDS**0.5)
            tolerances = [bias.abs() + SIGMAS * error for bias, error in zip(biases, errors, strict=True)]
            off = [float((value / unit).abs().max()) for value, unit in zip(found, units, strict=True)]
            allowed = [float((value / unit).max()) for value, unit in zip(tolerances, units, strict=True)]
            over = max(float((value.abs() / limit).max()) for value, limit in zip(found, tolerances, strict=True))
            z = max(float(((f - b) / e).abs().max()) for f, b, e in zip(found, biases, errors, strict=True))
            spread = float((1 + found[1].diagonal() / units[1].diagonal()).mean().sqrt())
            rows.append((entry.name, w.name, entry.members, off[0], allowed[0], off[1], allowed[1], spread, z))
            label = f"linear-Gaussian, {entry.name}, M = {entry.members:,}: worst deviation over its tolerance"
            if entry.law != "draws":
                worst[label] = max(worst.get(label, 0.0), over)
    show(TITLE, COLUMNS, rows)
    print(NOTES)
    return [bar(label, value, "<=", 1) for label, value in worst.items()], {"columns": COLUMNS, "rows": rows}


COLUMNS = ("filter", "seen", "M", "mean off", "allowed", "cov. off", "allowed", "spread", "z")
TITLE = (
    f"Worst of the deviations from Kalman's posterior, mean of {SEEDS} seeds, in its standard deviations (products of "
    "them for covariances); spread as a share of its; z: worst, less the theory's bias, in standard errors"
)


if __name__ == "__main__":
    torch.set_num_threads(1)
    run()

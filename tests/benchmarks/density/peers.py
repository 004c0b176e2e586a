"""Ours and the peers behind one protocol; all standardise their columns inside and answer in the data's own units.

Flows and flow matching train until the seconds given to ``fit`` are over (scaling, splitting, held-out checks and all);
kernel density and Gaussian mixture choose their one setting on a grid by held-out likelihood, then fit all rows, and
take the time they take.

How the networks train was chosen in single runs of 10 seconds on checkerboard, pinwheel and a Gaussian mixture in d = 10
(other rows than the bench's), by held-out loss and energy distance to 10,000 rows; flow matching then was 192 wide.
First, by wall time on a busy machine, flow matching on all three and NSF in 2-D: rates 0.001, 0.003 and 0.01; a mean of
the weights with decay 0.99, 0.998 or none; weight decay 0.01; clipping at 5; batches of 2,048. Then, by processor time,
on pinwheel and the mixture: NSF and MAF with rates 0.003, 0.01 and 0.02, both decays, clipping at 5, weight decay 0.1,
with and without going back to the best state; flow matching with rates 0.01 and 0.02. All have a rate of 0.01, decay
0.998, no weight decay and batches of 512, clipped at 1, MAF at 5 (on pinwheel 0.0010 against 0.0014 without going back,
0.0013 against 0.0014 with it). In 2-D the usual 0.001 without a mean left flow matching six times and NSF about twice as
far; batches of 2,048 were worse too, weight decay no better; the rest made differences like those between runs.
"""

from __future__ import annotations

import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from torch import Tensor, nn
from zuko import flows

from tests.benchmarks.density import flow_matching
from tests.benchmarks.density.training import Training, split, train_within

Table = NDArray[np.float64]


class Model(Protocol):
    """What every part of the bench asks of a model."""

    name: str
    fit_seconds: float

    def fit(self, train: Table, seconds: float, seed: int) -> None:
        """Fit (n, d) rows; ``seconds``: the wall time of those that train by time."""

    def sample(self, n: int, seed: int = 0) -> Table:
        """New rows, (n, d)."""

    def log_prob(self, x: Table) -> Table:
        """Log densities in the data's units, (n,); flow matching's takes minutes for 10,000 rows."""


class Ours:
    """``DiffusionDensity``; ``seconds`` goes to its ``max_seconds`` only when finite, so that its default holds."""

    name = "ours"

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.fit_seconds = 0.0

    def fit(self, train: Table, seconds: float, seed: int) -> None:
        from bethink.tools.density.estimator import DiffusionDensity

        start = time.perf_counter()
        limit = {"max_seconds": seconds} if np.isfinite(seconds) else {}
        self.estimator = DiffusionDensity(**{"random_state": seed, **limit, **self.settings}).fit(train)
        self.fit_seconds = time.perf_counter() - start

    def sample(self, n: int, seed: int = 0) -> Table:
        return np.asarray(self.estimator.sample(n, random_state=seed), dtype=np.float64)

    def log_prob(self, x: Table) -> Table:
        return np.asarray(self.estimator.log_prob(x), dtype=np.float64)


class _Scaled:
    """Column means and standard deviations of the training rows; a constant column keeps its unit."""

    fit_seconds = 0.0

    def _scale(self, train: Table) -> Table:
        self.mean, self.sd = train.mean(0), train.std(0)
        self.sd[self.sd == 0] = 1
        self.log_scale = float(np.log(self.sd).sum())
        return (train - self.mean) / self.sd


class Kernel(_Scaled):
    """scikit-learn's ``KernelDensity``: a Gaussian kernel, its bandwidth on two grids, the second around the best."""

    name = "KDE"
    GRID = tuple(np.geomspace(0.02, 1.5, 14))

    def fit(self, train: Table, seconds: float, seed: int) -> None:
        start = time.perf_counter()
        z = self._scale(train)
        rows, held = (part.numpy() for part in split(torch.from_numpy(z), seed))

        def held_out(bandwidth: float) -> float:
            return float(KernelDensity(bandwidth=bandwidth, rtol=1e-4).fit(rows).score(held))

        best = max(self.GRID, key=held_out)
        step = self.GRID[1] / self.GRID[0]
        self.bandwidth = max(best * step ** np.linspace(-0.75, 0.75, 7), key=held_out)
        self.model = KernelDensity(bandwidth=self.bandwidth, rtol=1e-4).fit(z)
        self.fit_seconds = time.perf_counter() - start

    def sample(self, n: int, seed: int = 0) -> Table:
        return np.asarray(self.model.sample(n, random_state=seed)) * self.sd + self.mean

    def log_prob(self, x: Table) -> Table:
        return np.asarray(self.model.score_samples((x - self.mean) / self.sd)) - self.log_scale


class Mixture(_Scaled):
    """scikit-learn's ``GaussianMixture``: full covariances, the number of components on a grid."""

    name = "GMM"
    GRID = (1, 2, 3, 5, 8, 12, 18, 27, 40)

    def fit(self, train: Table, seconds: float, seed: int) -> None:
        start = time.perf_counter()
        z = self._scale(train)
        rows, held = (part.numpy() for part in split(torch.from_numpy(z), seed))

        def mixture(components: int, data: Table) -> GaussianMixture:
            return GaussianMixture(components, n_init=2, max_iter=200, reg_covar=1e-5, random_state=seed).fit(data)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            grid = [k for k in self.GRID if k * 2 <= len(rows)]
            self.components = max(grid, key=lambda k: mixture(k, rows).score(held))
            self.model = mixture(self.components, z)
        self.fit_seconds = time.perf_counter() - start

    def sample(self, n: int, seed: int = 0) -> Table:
        self.model.random_state = seed
        return np.asarray(self.model.sample(n)[0]) * self.sd + self.mean

    def log_prob(self, x: Table) -> Table:
        return np.asarray(self.model.score_samples((x - self.mean) / self.sd)) - self.log_scale


class Network(_Scaled, ABC):
    """A model that trains by time; subclasses say what network, loss, samples and density."""

    training = Training()
    chunk = 2_000
    """Rows that the network takes at once."""

    def fit(self, train: Table, seconds: float, seed: int) -> None:
        start = time.perf_counter()
        z = torch.from_numpy(self._scale(train)).float()
        rows, held = split(z, seed)
        torch.manual_seed(seed)
        self.network = self._network(z.shape[1])
        self.history = train_within(
            self.network, self._loss, self._held_out(held), rows, start + seconds, seed, self.training
        )
        self.fit_seconds = time.perf_counter() - start

    def sample(self, n: int, seed: int = 0) -> Table:
        torch.manual_seed(seed)
        with torch.no_grad():
            parts = [self._draw(min(self.chunk, n - done)) for done in range(0, n, self.chunk)]
        return torch.cat(parts).double().numpy() * self.sd + self.mean

    def log_prob(self, x: Table) -> Table:
        z = torch.from_numpy((x - self.mean) / self.sd).float()
        with torch.no_grad():
            return torch.cat([self._log_prob(part) for part in z.split(self.chunk)]).double().numpy() - self.log_scale

    @abstractmethod
    def _network(self, d: int) -> nn.Module: ...

    @abstractmethod
    def _loss(self, network: nn.Module, batch: Tensor) -> Tensor: ...

    @abstractmethod
    def _held_out(self, held: Tensor) -> Callable[[nn.Module], Tensor]: ...

    @abstractmethod
    def _draw(self, n: int) -> Tensor: ...

    @abstractmethod
    def _log_prob(self, z: Tensor) -> Tensor: ...


class Flow(Network):
    """A normalizing flow of zuko, by maximum likelihood."""

    def _loss(self, network: nn.Module, batch: Tensor) -> Tensor:
        return -network().log_prob(batch).mean()

    def _held_out(self, held: Tensor) -> Callable[[nn.Module], Tensor]:
        return lambda network: -network().log_prob(held).mean()

    def _draw(self, n: int) -> Tensor:
        return self.network().sample((n,))

    def _log_prob(self, z: Tensor) -> Tensor:
        return self.network().log_prob(z)


class NSF(Flow):
    """Neural spline flow (Durkan et al. 2019): zuko's, 3 autoregressive transforms of 8 bins, hidden 64 x 64."""

    name = "NSF"

    def _network(self, d: int) -> nn.Module:
        return flows.NSF(d, transforms=3, hidden_features=(64, 64))


class MAF(Flow):
    """Masked autoregressive flow (Papamakarios et al. 2017): zuko's, 5 affine transforms, hidden 64 x 64."""

    name = "MAF"
    training = Training(clip=5.0)

    def _network(self, d: int) -> nn.Module:
        return flows.MAF(d, transforms=5, hidden_features=(64, 64))


class CNF(Flow):
    """Continuous flow (FFJORD, Grathwohl et al. 2019): zuko's defaults. For its sampling speed only."""

    name = "CNF"

    def _network(self, d: int) -> nn.Module:
        return flows.CNF(d, hidden_features=(64, 64), exact=True)


class FlowMatching(Network):
    """Flow matching with a net of our width, sampled with 50 midpoint steps (100 evaluations)."""

    name = "flow matching"

    def __init__(self, steps: int = 50) -> None:
        self.steps = steps

    def _network(self, d: int) -> nn.Module:
        from bethink.tools.density.estimator import default_widths

        self.dimension = d
        return flow_matching.Velocity(d, default_widths(d))

    def _loss(self, network: nn.Module, batch: Tensor) -> Tensor:
        return flow_matching.matching_loss(network, batch, torch.randn_like(batch), torch.rand(len(batch), 1))

    def _held_out(self, held: Tensor) -> Callable[[nn.Module], Tensor]:
        """The same noise and times at every check, several for each row."""
        chance = torch.Generator().manual_seed(0)
        rows = held.repeat(max(1, 4000 // len(held)), 1)
        noise = torch.randn(rows.shape, generator=chance)
        t = torch.rand((len(rows), 1), generator=chance)
        return lambda network: flow_matching.matching_loss(network, rows, noise, t)

    def _draw(self, n: int) -> Tensor:
        return flow_matching.flow(self.network, torch.randn(n, self.dimension), self.steps)

    def _log_prob(self, z: Tensor) -> Tensor:
        return flow_matching.log_density(self.network, z, self.steps)


def peers_named(names: Sequence[str]) -> list[Model]:
    """New, unfitted models by their names in the tables."""
    made: dict[str, Callable[[], Model]] = {
        kind.name: kind for kind in (Ours, Kernel, Mixture, NSF, MAF, FlowMatching, CNF)
    }
    return [made[name]() for name in names]

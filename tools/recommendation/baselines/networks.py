"""One training loop for every network among the baselines, so that what differs is the network.

torch-rechub's own trainers know neither a limit of time nor tasks that a sample lacks, hence this one. It trains as our
model is trained (:mod:`bethink.tools.recommendation.training`): Adam; an exponential average of the weights is what is
judged and kept; the best by the domains' AUC on the validation samples is taken; training ends when that has not grown
for ``patience`` checks, or when the time is over.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bethink.tools.recommendation.baselines.features import UNSEEN, Encoded, Features, Texts, learn_features
from bethink.tools.recommendation.baselines.protocol import Progress, quiet
from bethink.tools.recommendation.metrics import OneClassError, log_loss
from bethink.tools.recommendation.samples import Floats, Ints, Samples
from bethink.tools.recommendation.training import validation_auc

Doubles = NDArray[np.float64]
IDS = 2
"""The first columns are user and item."""
DOMAIN = 2
"""The column of the domain."""
ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class Settings:
    """How a network is made and trained.

    Args:
        rate: Adam's.
        weight_decay: Adam's, on everything.
        dropout: of hidden units.
        id_dropout: chance that a training sample's item is taken for an unseen one, likewise its user (DropoutNet,
            Volkovs et al. 2017, in its plainest form); without it nothing teaches a network what to do with new items.
        embedding: length of each embedding.
        hidden: widths of hidden layers.
        batch: samples a step.
        epochs: passes at most.
        checks: validations within a pass; networks on clicks often overfit within the first or second.
        average: share of the average that a step keeps; 0 for none.
        taste: whether the network is told how the item's text fits the user's taste (:mod:`.taste`).
        patience: validations without a better AUC after which training ends.
    """

    rate: float = 1e-3
    weight_decay: float = 1e-5
    dropout: float = 0.2
    id_dropout: float = 0.0
    embedding: int = 16
    hidden: tuple[int, ...] = (128, 64)
    batch: int = 512
    epochs: int = 50
    checks: int = 2
    average: float = 0.99
    taste: bool = False
    patience: int = 6


@dataclass
class NetworkBaseline(ABC):
    """A network over all features. Subclasses say which.

    Args:
        texts: vectors of items and queries.
        settings: see :class:`Settings`.

    Attributes:
        history: (seconds, AUC on validation) of each check.
        seconds: how long training took.
    """

    texts: Texts
    settings: Settings = field(default_factory=Settings)
    history: list[tuple[float, float]] = field(default_factory=list, init=False)
    seconds: float = field(default=0.0, init=False)
    features: Features = field(init=False)
    network: Any = field(init=False)
    seen: Ints = field(init=False)

    @abstractmethod
    def make(self, sizes: tuple[int, ...], width: int, domains: int) -> nn.Module:
        """A network from columns int64 [n, len(sizes)] and dense float32 [n, width] to chances [n].

        Column 2 is the domain, of ``domains``.
        """

    def fit(
        self,
        samples: Samples,
        valid: Samples,
        *,
        seed: int,
        max_seconds: float | None = None,
        progress: Progress = quiet,
    ) -> NetworkBaseline:
        """Train until validation stops rising or the time is over; torch's global random state is left as it was.

        The time is that of training; making the features and the network, seconds, is not counted.

        Raises:
            ValueError: texts of other items or queries, a limit of time that is not positive.
            FloatingPointError: the chances were not finite before any state could be kept.
        """
        if max_seconds is not None and not max_seconds > 0:
            raise ValueError(f"max_seconds is {max_seconds}; give a positive time, or None for no limit.")
        self.features, learned = learn_features(samples, self.texts, seed)
        if not self.settings.taste:
            self.features, learned = self.features.without_tastes(), replace(learned, taste=0 * learned.taste)
        self.seen = np.unique(samples.domain)
        self.history = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = self.make(self.features.sizes, self.features.width, len(samples.domains))
            begun = time.perf_counter()
            ends = begun + (math.inf if max_seconds is None else max_seconds)
            self._train(learned, samples.label, valid, np.random.default_rng(seed), begun, ends, progress)
        self.seconds = time.perf_counter() - begun
        return self

    def predict(self, samples: Samples) -> Doubles:
        """Chances [n]; in a domain without training samples the mean of what all the others would say."""
        self.texts.check(samples)
        return self._predicted(self.features.encode(samples))

    def _predicted(self, encoded: Encoded) -> Doubles:
        unseen = ~np.isin(encoded.columns[:, DOMAIN], self.seen)
        chances = np.empty(len(encoded))
        chances[~unseen] = self._chances(encoded, np.flatnonzero(~unseen))
        if unseen.any():
            votes = [self._chances(encoded, np.flatnonzero(unseen), domain) for domain in self.seen]
            chances[unseen] = np.mean(votes, axis=0)
        return chances

    def _train(
        self,
        learned: Encoded,
        label: Floats,
        valid: Samples,
        rng: np.random.Generator,
        begun: float,
        ends: float,
        progress: Progress,
    ) -> None:
        settings, network, decay = self.settings, self.network, self.settings.weight_decay
        optimizer = torch.optim.Adam(network.parameters(), lr=settings.rate, weight_decay=decay, fused=True)
        average = _Average(network, settings.average)
        labels, held = torch.from_numpy(label.astype(np.float32)), self.features.encode(valid)
        steps = -(-len(learned) // min(settings.batch, len(learned)))
        every, done, since = max(1, steps // settings.checks), 0, 0
        best, kept = -math.inf, None
        for epoch in range(settings.epochs):
            for rows in np.array_split(rng.permutation(len(learned)), steps):
                columns = learned.columns[rows]
                if settings.id_dropout:
                    columns[:, :IDS][rng.random((len(rows), IDS)) < settings.id_dropout] = UNSEEN
                network.train(len(rows) > 1)  # a batch of one has no spread to normalise by
                chances = self._answers(learned, rows, columns).clamp(1e-6, 1 - 1e-6)
                if not torch.isfinite(chances).all():
                    return self._keep(kept)
                loss = torch.nn.functional.binary_cross_entropy(chances, labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                average.update()
                done += 1
                now = time.perf_counter()
                if done % every and now < ends:
                    continue
                with average.taken():
                    score = validation_score(valid, self._predicted(held))
                self.history.append((now - begun, score))
                share = max(epoch / settings.epochs, (now - begun) / (ends - begun))
                progress(min(1.0, share), f"{type(self).__name__}: validation {score:.4f} after {done:,} steps")
                since = 0 if score > best else since + 1
                if score > best:
                    best, kept = score, average.state()
                if since >= settings.patience or not math.isfinite(score) or now >= ends:
                    return self._keep(kept)
        return self._keep(kept)

    def _keep(self, state: dict[str, Tensor] | None) -> None:
        if state is None:
            raise FloatingPointError("The chances are not finite: the rate is too high, or numbers are huge.")
        self.network.load_state_dict(state)

    def _chances(self, encoded: Encoded, rows: Ints, domain: int | None = None) -> Doubles:
        """Of rows [m] of samples, as if in another domain if one is given."""
        self.network.eval()
        chances = np.empty(len(rows))
        with torch.no_grad():
            for start in range(0, len(rows), ROWS_AT_ONCE):
                some = rows[start : start + ROWS_AT_ONCE]
                columns = encoded.columns[some]
                if domain is not None:
                    columns[:, DOMAIN] = domain
                chances[start : start + ROWS_AT_ONCE] = self._answers(encoded, some, columns).double().numpy()
        return chances

    def _answers(self, encoded: Encoded, rows: Ints, columns: Ints) -> Tensor:
        return self.network(torch.from_numpy(columns), torch.from_numpy(self.features.dense(encoded, rows)))


class _Average:
    """An exponential average of a network's weights, and of the statistics that its layers keep."""

    def __init__(self, network: nn.Module, share: float) -> None:
        self.network, self.share, self.steps = network, share, 0
        self.own = [value for value in network.state_dict().values() if value.is_floating_point()]
        self.mean = [value.clone() for value in self.own]

    @torch.no_grad()
    def update(self) -> None:
        """After a step; the first ones count for more."""
        self.steps += 1
        torch._foreach_lerp_(self.mean, self.own, 1 - min(self.share, self.steps / (self.steps + 10)))

    @contextmanager
    def taken(self) -> Iterator[None]:
        """The network is the average."""
        now = [value.clone() for value in self.own]
        with torch.no_grad():
            torch._foreach_copy_(self.own, self.mean)
            yield
            torch._foreach_copy_(self.own, now)

    def state(self) -> dict[str, Tensor]:
        """A copy, for ``load_state_dict``."""
        with self.taken():
            return {name: value.clone() for name, value in self.network.state_dict().items()}


def validation_score(valid: Samples, chances: Doubles) -> float:
    """Mean of the domains' AUC, by which our model is stopped, too; minus log loss where there is one label only.

    Minus infinity where a chance is not finite.
    """
    if not np.isfinite(chances).all():
        return -math.inf
    try:
        return validation_auc(*map(torch.from_numpy, (valid.domain, valid.label, chances)))
    except OneClassError:
        return -log_loss(valid.label, chances)

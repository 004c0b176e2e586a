"""Training of the network on arrays that are in memory: batches by index, an averaged network, an early end.

The loss of a batch is the weighted cross-entropy, the alignment of domains, and the batch's share of the priors:

    mean_i w_d(i) CE_i + alpha * divergence between the domains + penalty / n.

What is judged and kept is an exponential average of the weights (Polyak and Juditsky 1992), which costs one
multiply-add a weight and step.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bethink.models.energy import Span
from bethink.tools.recommendation.alignment import Alignment, domain_divergence
from bethink.tools.recommendation.history import FOLDS, Told
from bethink.tools.recommendation.metrics import OneClassError, auc
from bethink.tools.recommendation.model import Batch, FoundationNetwork, Tables

AVERAGE = 0.99
"""Share of the average that a step keeps, once there have been a few hundred."""
LEAST_STEPS = 50
"""Between two looks at the validation samples: an epoch, or several if they are short."""
PREDICT_ROWS = 16_384


class Rows(NamedTuple):
    """Samples as the network reads them: rows of the tables [n], labels float32 [n]."""

    batch: Batch
    label: Tensor

    def take(self, index: Tensor) -> Rows:
        """Those of ``index`` [m]."""
        return Rows(Batch(*(part[index] for part in self.batch)), self.label[index])


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Args:
        epochs: at most.
        patience: looks without a better validation AUC after which it ends.
        batch: samples a step; 0 for about a 64th of them, within 64..4096.
        learning_rate: of AdamW.
        alignment: divergence between domains that is added.
        alignment_weight: alpha.
        prior: factor to the priors' precisions.
        seed: of everything random.
        max_seconds: it ends at the look after that time, at the latest; what it finds then depends on the machine.
    """

    epochs: int = 30
    patience: int = 3
    batch: int = 0
    learning_rate: float = 5e-3
    alignment: Alignment = "js"
    alignment_weight: float = 0.01
    prior: float = 1.0
    seed: int = 0
    max_seconds: float | None = None

    def batch_size(self, samples: int) -> int:
        """Samples a step."""
        return self.batch or int(np.clip(2 ** round(math.log2(max(samples, 1) / 64)), 64, 4096))


@dataclass
class TrainingReport:
    """What training did and cost. ``history``: (epoch, training loss, validation AUC) at each look."""

    history: list[tuple[int, float, float]] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    joules_estimated: float = 0.0

    @property
    def auc(self) -> float:
        """The best validation AUC."""
        return max((score for _, _, score in self.history), default=math.nan)


def predict(network: FoundationNetwork, tables: Tables, batch: Batch) -> Tensor:
    """Logits [n], block by block."""
    network.eval()
    with torch.inference_mode():
        starts = range(0, len(batch.user), PREDICT_ROWS)
        parts = [network(tables, Batch(*(part[s : s + PREDICT_ROWS] for part in batch))).logit for s in starts]
    return torch.cat(parts) if parts else torch.zeros(0)


def validation_auc(domain: Tensor, label: Tensor, logit: Tensor) -> float:
    """AUC of each domain, averaged by its samples; of all samples where no domain has both labels.

    Raises:
        OneClassError: labels of one class only.
    """
    scores, sizes = [], []
    for number in domain.unique():
        rows = domain == number
        try:
            scores.append(auc(label[rows].numpy(), logit[rows].numpy()))
            sizes.append(int(rows.sum()))
        except OneClassError:
            continue
    return float(np.average(scores, weights=sizes)) if scores else auc(label.numpy(), logit.numpy())


def fit(
    network: FoundationNetwork,
    tables: Tables,
    train: Rows,
    valid: Rows,
    settings: TrainingSettings,
    *,
    valid_tables: Tables | None = None,
    weights: Tensor | None = None,
    anchors: Mapping[str, Tensor] | None = None,
    progress: Callable[[float, str], None] | None = None,
    checkpoint: Path | None = None,
) -> TrainingReport:
    """Train in place; the network ends as the average that was best on ``valid``, in evaluation mode.

    Args:
        network: parameters that need no gradient stay as they are.
        tables: what the rows point at.
        train, valid: samples.
        settings: how.
        valid_tables: what the rows of ``valid`` point at, if other tables.
        weights: of each domain [M]; None for 1.
        anchors: means of the priors; see :meth:`FoundationNetwork.penalty`.
        progress: called after each look with a share in [0, 1] and a sentence; what it raises stops the training.
        checkpoint: a file written after each look. If it is there and of the same training, that goes on from it, to
            the same end as without the break. Removing it is left to the caller.

    Raises:
        ValueError: validation labels of one class; a loss that is not finite; a checkpoint of another training.

    Cost: an epoch is n forward and backward passes; each step also touches every weight about 10 times (AdamW, priors
    and the average), which prevails for tables of millions of ids.
    """
    if len(valid.label.unique()) < 2:
        raise ValueError("The validation samples are all of one label; early stopping needs both.")
    training = _Training(network, settings, len(train.label), anchors)
    mark = _fingerprint(network, train, valid, settings)
    with Span() as span, torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        if checkpoint is not None and checkpoint.is_file():
            training.load(checkpoint, mark)
        begun, limit = time.perf_counter(), settings.max_seconds or math.inf
        while training.epoch < settings.epochs and training.since < settings.patience:
            for _ in range(training.stride):
                training.run_epoch(tables, train, weights)
                if time.perf_counter() - begun > limit:
                    break
            training.look(tables if valid_tables is None else valid_tables, valid)
            if checkpoint is not None:
                training.save(checkpoint, mark)
            if progress:
                share = min(1.0, training.epoch / settings.epochs)
                progress(share, f"Epoch {training.epoch}: validation AUC {training.report.history[-1][2]:.4f}")
            if time.perf_counter() - begun > limit:
                break
    network.load_state_dict({**network.state_dict(), **training.best})
    training.remember(tables, train)
    network.eval()
    report = training.report
    report.seconds += span.wall_s
    report.joules_estimated += span.energy_j
    return report


class _Training:
    """The state between two epochs: optimiser, average, the best so far."""

    def __init__(
        self, network: FoundationNetwork, settings: TrainingSettings, samples: int, anchors: Mapping[str, Tensor] | None
    ) -> None:
        self.network, self.settings, self.samples = network, settings, samples
        self.anchors = dict(anchors or {})
        self.named = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
        if not self.named:
            raise ValueError("Every part of the network is frozen; leave something to learn.")
        # the priors take the place of weight decay
        self.optimiser = torch.optim.AdamW(
            list(self.named.values()), settings.learning_rate, weight_decay=0.0, fused=True
        )
        self.average = {name: weight.detach().clone() for name, weight in self.named.items()}
        self.best = {name: weight.clone() for name, weight in self.average.items()}
        self.batch = settings.batch_size(samples)
        self.stride = math.ceil(LEAST_STEPS / math.ceil(samples / self.batch))
        self.step = self.epoch = self.since = 0
        self.loss = math.nan
        self.report = TrainingReport()

    def run_epoch(self, tables: Tables, train: Rows, weights: Tensor | None) -> None:
        order, total = torch.randperm(self.samples), 0.0
        self.network.train()
        for index in self._batches(order, tables, train):
            batch, label = train.take(index)
            output = self.network(tables, batch)
            each = torch.nn.functional.binary_cross_entropy_with_logits(output.logit, label, reduction="none")
            each = each if weights is None else each * weights[batch.domain]
            loss = each.mean()
            settings = self.settings
            if settings.alignment != "none" and settings.alignment_weight and self.network.count > 1:
                for side in (output.user, output.item):
                    apart = domain_divergence(side, batch.domain, self.network.count, settings.alignment)
                    loss = loss + settings.alignment_weight * apart
            loss = loss + settings.prior * self.network.penalty(self.anchors) / self.samples
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.step += 1
            keep = min(AVERAGE, self.step / (self.step + 10))
            with torch.no_grad():
                torch._foreach_lerp_(list(self.average.values()), list(self.named.values()), 1 - keep)
            total += loss.item() * len(index)
        self.loss = total / self.samples
        self.epoch += 1
        if not math.isfinite(self.loss):
            raise ValueError("The training diverged (its loss is not finite): lower the learning rate.")

    def _batches(self, order: Tensor, tables: Tables, train: Rows) -> Iterator[Tensor]:
        taste = self.network.taste
        if taste is None:
            yield from order.split(self.batch)
            return
        told, plain = _told(tables, train)
        for part in order.chunk(FOLDS):
            keep = plain.clone()
            keep[part] = False
            taste.remember(told, tables.item.text, keep)
            yield from part.split(self.batch)
        taste.remember(told, tables.item.text, plain)

    def remember(self, tables: Tables, train: Rows) -> None:
        """Keep the tastes of all samples for good."""
        if self.network.taste is not None:
            told, plain = _told(tables, train)
            self.network.taste.remember(told, tables.item.text, plain, add=True)

    def look(self, tables: Tables, valid: Rows) -> None:
        """Judge the average on ``valid``."""
        now = {name: weight.detach().clone() for name, weight in self.named.items()}
        self._put(self.average)
        score = validation_auc(valid.batch.domain, valid.label, predict(self.network, tables, valid.batch))
        self._put(now)
        self.since += 1
        if not score <= self.report.auc:
            self.since, self.report.best_epoch = 0, self.epoch
            self.best = {name: weight.clone() for name, weight in self.average.items()}
        self.report.history.append((self.epoch, self.loss, score))

    @torch.no_grad()
    def _put(self, weights: Mapping[str, Tensor]) -> None:
        for name, weight in self.named.items():
            weight.copy_(weights[name])

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def save(self, path: Path, mark: str) -> None:
        from safetensors.torch import save_file

        tensors = {"random": torch.get_rng_state()}
        for name, weight in self.named.items():
            tensors |= {f"weight/{name}": weight.detach(), f"average/{name}": self.average[name]}
            tensors[f"best/{name}"] = self.best[name]
            tensors |= {f"adam/{name}/{key}": value for key, value in self.optimiser.state[weight].items()}
        state = {"step": self.step, "epoch": self.epoch, "since": self.since, "mark": mark}
        state |= {"history": self.report.history, "best_epoch": self.report.best_epoch}
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}.part")
        try:
            save_file({key: value.contiguous() for key, value in tensors.items()}, aside, {"state": json.dumps(state)})
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)

    def load(self, path: Path, mark: str) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as file:
                state: dict[str, Any] = json.loads(file.metadata()["state"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (SafetensorError, TypeError, KeyError, json.JSONDecodeError) as error:
            raise ValueError(f"The checkpoint {path.name!r} cannot be read ({error}); remove it.") from error
        if state["mark"] != mark:
            raise ValueError(f"The checkpoint {path.name!r} is of other samples or settings; remove it or its name.")
        self._put({name: tensors[f"weight/{name}"] for name in self.named})
        for name, weight in self.named.items():
            self.average[name], self.best[name] = tensors[f"average/{name}"], tensors[f"best/{name}"]
            keys = [key for key in tensors if key.startswith(f"adam/{name}/")]
            self.optimiser.state[weight] = {key.rsplit("/", 1)[1]: tensors[key] for key in keys}
        self.step, self.epoch, self.since = state["step"], state["epoch"], state["since"]
        self.report.history = [(int(epoch), float(loss), float(score)) for epoch, loss, score in state["history"]]
        self.report.best_epoch = state["best_epoch"]
        torch.set_rng_state(tensors["random"])


def _told(tables: Tables, train: Rows) -> tuple[Told, Tensor]:
    """Samples as they tell of tastes, and which of them do: not searches, and of items with a text."""
    told = Told(tables.user.id[train.batch.user], train.batch.item, train.label, train.batch.domain)
    return told, (train.batch.query < 0) & tables.item.told[train.batch.item]


def _fingerprint(network: FoundationNetwork, train: Rows, valid: Rows, settings: TrainingSettings) -> str:
    """What makes a training this one: samples, settings, the network's first weights."""
    digest = blake2b(repr((settings, network.settings)).encode(), digest_size=16)
    for rows in (train, valid):
        for part in (*rows.batch, rows.label):
            digest.update(part.numpy().tobytes())
    for name, weight in network.named_parameters():
        digest.update(f"{name}{tuple(weight.shape)}{weight.requires_grad}".encode())
        digest.update(weight.detach().numpy().tobytes())
    return digest.hexdigest()

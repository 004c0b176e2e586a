"""Training a peer's network until a wall-time budget ends: what the flows and flow matching share."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Training:
    """Adam with a cosine from ``rate`` to zero over the budget, clipped gradients and a mean of the weights.

    ``average`` is the decay of the exponential mean of the weights, which is what is judged and kept; 0 is none. Where
    the held-out loss has not fallen for ``patience`` (a share of the budget), training goes back to the best state with
    a third of the rate, so that a model that overfits early spends the rest of its budget on a finer one.
    """

    rate: float = 1e-2
    batch: int = 512
    clip: float = 1.0
    weight_decay: float = 0.0
    average: float = 0.998
    patience: float = 0.08


def split(train: Tensor, seed: int, share: float = 0.1) -> tuple[Tensor, Tensor]:
    """Rows to learn from and held-out rows that choose settings and states: a random tenth."""
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    held = max(1, round(share * len(train)))
    return train[order[held:]], train[order[:held]]


def train_within(
    network: nn.Module,
    loss: Callable[[nn.Module, Tensor], Tensor],
    held_out_loss: Callable[[nn.Module], Tensor],
    rows: Tensor,
    until: float,
    seed: int,
    training: Training,
) -> dict[str, float]:
    """Lower ``loss`` over mini-batches until ``time.perf_counter()`` is ``until``; keep the best state of the checks.

    The held-out loss is taken every hundredth of the budget and at least three times a second, and a last time before
    the budget ends; a state whose loss is not finite is never kept. Returns the steps made, the best held-out loss, the
    share of the budget at which it was found, and how often the rate was cut.
    """
    torch.manual_seed(seed)
    start = time.perf_counter()
    budget = max(until - start, 1e-3)
    every = min(budget / 100, 0.33)
    optimiser = torch.optim.AdamW(network.parameters(), lr=training.rate, weight_decay=training.weight_decay)
    mean = copy.deepcopy(network) if training.average else network
    best, best_at, state = math.inf, 0.0, copy.deepcopy(mean.state_dict())
    steps, at, size, order = 0, 0, min(training.batch, len(rows)), torch.randperm(len(rows))
    checked, check_seconds, turned, cuts = 0.0, 0.0, 0.0, 0
    while True:
        elapsed = time.perf_counter() - start + check_seconds
        if elapsed >= budget or elapsed - checked >= every:
            began = time.perf_counter()
            with torch.no_grad():
                found = float(held_out_loss(mean))
            check_seconds, checked = time.perf_counter() - began, elapsed
            if found < best:
                best, best_at, state = found, elapsed / budget, copy.deepcopy(mean.state_dict())
                turned = elapsed
            elif elapsed - turned > training.patience * budget:
                for each in (network, mean):
                    each.load_state_dict(state)
                turned, cuts = elapsed, cuts + 1
            if elapsed >= budget:
                break
        cosine = 0.5 * (1 + math.cos(math.pi * min(elapsed / budget, 1.0)))
        for group in optimiser.param_groups:
            group["lr"] = training.rate * cosine * min(1.0, (steps + 1) / 50) / 3**cuts
        if at + size > len(rows):
            at, order = 0, torch.randperm(len(rows))
        value = loss(network, rows[order[at : at + size]])
        at += size
        optimiser.zero_grad()
        value.backward()
        if math.isfinite(float(nn.utils.clip_grad_norm_(network.parameters(), training.clip))):
            optimiser.step()
        steps += 1
        if training.average:
            keep = min(training.average, (1 + steps) / (10 + steps))
            with torch.no_grad():
                for slow, fast in zip(mean.parameters(), network.parameters(), strict=True):
                    slow.lerp_(fast, 1 - keep)
    network.load_state_dict(state)
    return {"steps": steps, "held_out_loss": best, "best_at": best_at, "cuts": cuts}

"""The supervised half of arXiv 2310.14458: a plain network F that learns pairs (noise y, data x), and then samples.

F is fully connected and takes y (n, d), with the conditions (n, q) beside it where there are any, to x (n, d), by mean
squared error (eq. 14). Sampling is one pass through it.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

BATCH = 512
LEARNING_RATE = 0.01
MATRIX_RATE = 0.06
"""Of Muon, for the weights between two hidden layers; Adam's `LEARNING_RATE` is for the rest."""
PATIENCE = 8
"""Checks without a better error on the pairs held out, after which training ends."""
CHECK_EVERY = 250
SAMPLE_ROWS = 8192
"""Rows through the network at a time: its activations stay in a core's cache."""


class Map(nn.Module):
    """F: y -> x. Rectified layers of the widths ``hidden``; data are brought to unit variance inside.

    Example:
        >>> import torch
        >>> Map(2, 0, (64, 64))(torch.zeros(5, 2)).shape
        torch.Size([5, 2])
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, columns: int, conditions: int, hidden: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = columns + conditions
        for wide in hidden:
            layers += [nn.Linear(width, wide), nn.ReLU(inplace=True)]
            width = wide
        self.layers = nn.Sequential(*layers, nn.Linear(width, columns))
        self.register_buffer("centre", torch.zeros(columns))
        self.register_buffer("scale", torch.ones(columns))

    def forward(self, inputs: Tensor) -> Tensor:
        """x (n, d) for inputs (n, d + q): noise, then conditions."""
        return self.layers(inputs) * self.scale + self.centre

    @torch.inference_mode()
    def sample(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
        """x (n, d) for noise (n, d) and conditions (n, q), block by block."""
        found = torch.empty(len(noise), len(self.centre), dtype=noise.dtype, device=noise.device)
        for start in range(0, len(noise), SAMPLE_ROWS):
            part = slice(start, start + SAMPLE_ROWS)
            block = noise[part] if conditions is None else torch.cat([noise[part], conditions[part]], -1)
            found[part] = self(block)
        return found


@dataclass(frozen=True)
class Training:
    """How the training went: (steps, seconds, held-out mean squared error in units of the data's variance)."""

    history: list[tuple[int, float, float]]

    @property
    def error(self) -> float:
        """The best held-out error, as a share of the data's variance."""
        return min(error for _, _, error in self.history)


def train_map(
    noise: Tensor,
    data: Tensor,
    conditions: Tensor | None,
    hidden: Sequence[int],
    steps: int,
    *,
    max_seconds: float | None = None,
    held_out: float = 0.05,
    seed: int = 0,
    progress: Callable[[float, str], None] = lambda share, message: None,
) -> tuple[Map, Training]:
    """Fit F to pairs (noise, data), both (n, d), and keep the state with the least error on pairs held out.

    Muon (Jordan 2024, torch's own) for the weights between hidden layers and Adam for the rest; the rates fall as a
    cosine to 0 over ``steps`` batches, or over ``max_seconds`` if that ends first. Costs 6 multiplications a weight and
    pair of a batch, whatever the number of pairs.

    Raises:
        ValueError: fewer than 20 pairs, or a training that diverges.
    """
    if len(noise) < 20:
        raise ValueError(f"{len(noise)} pairs are too few to train on; give at least 20.")
    generator = torch.Generator(device=noise.device).manual_seed(seed)
    inputs = noise if conditions is None else torch.cat([noise, conditions], -1)
    with torch.random.fork_rng(devices=[noise.device] if noise.is_cuda else []):
        torch.manual_seed(seed)
        model = Map(data.shape[1], inputs.shape[1] - data.shape[1], hidden).to(noise.device)
    model.centre.copy_(data.mean(0))
    model.scale.copy_(data.std(0).clamp_min(1e-12))
    targets = (data - model.centre) / model.scale
    kept = max(10, int(held_out * len(inputs)))
    tried, wanted, inputs, targets = inputs[:kept], targets[:kept], inputs[kept:], targets[kept:]
    optimisers = _optimisers(model)
    rates = [group["lr"] for optimiser in optimisers for group in optimiser.param_groups]
    begun, history, best, since = time.perf_counter(), [], math.inf, 0
    state = copy.deepcopy(model.state_dict())
    order = torch.empty(0, dtype=torch.long)
    for step in range(1, steps + 1):
        seconds = time.perf_counter() - begun
        share = max(step / steps, seconds / max_seconds if max_seconds else 0.0)
        groups = [group for optimiser in optimisers for group in optimiser.param_groups]
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * (1 + math.cos(math.pi * min(share, 1.0))) / 2
        if len(order) < BATCH:
            order = torch.randperm(len(inputs), generator=generator, device=noise.device)
        batch, order = order[:BATCH], order[BATCH:]
        loss = (model.layers(inputs[batch]) - targets[batch]).square().mean()
        if not torch.isfinite(loss):
            raise ValueError("The training of the network diverged; look for far values in the table, or rescale it.")
        model.zero_grad(set_to_none=True)
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        last = step == steps or share >= 1
        if step % CHECK_EVERY == 0 or last:
            with torch.inference_mode():
                error = float((model.layers(tried) - wanted).square().mean())
            history.append((step, time.perf_counter() - begun, error))
            progress(min(share, 1.0), f"Training the network: error {error:.4f} of the variance")
            since = 0 if error < best else since + 1
            if error < best:
                best, state = error, copy.deepcopy(model.state_dict())
            if last or since >= PATIENCE:
                break
    model.load_state_dict(state)
    return model.eval(), Training(history)


def _optimisers(model: Map) -> list[torch.optim.Optimizer]:
    """Muon for the weights from a hidden layer to a hidden one, Adam for biases and for what touches y or x."""
    inner = [layer.weight for layer in model.layers if isinstance(layer, nn.Linear)][1:-1]
    known = {id(weight) for weight in inner}
    rest = [weight for weight in model.layers.parameters() if id(weight) not in known]
    found: list[torch.optim.Optimizer] = [torch.optim.Adam(rest, LEARNING_RATE)]
    return [*found, torch.optim.Muon(inner, MATRIX_RATE, weight_decay=0.0)] if inner else found

"""Small networks trained side by side: one for each group of users, all in the same few matrix products."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn


def pick_device(name: str) -> torch.device:
    """The device of that name; "auto" is CUDA where there is one.

    Raises:
        ValueError: a name that torch does not know, or CUDA where there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError("This machine has no CUDA device; use device='auto' or 'cpu'.")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"Torch knows no device {name!r}; use 'auto', 'cpu' or 'cuda'.") from error


@dataclass(frozen=True)
class Fitting:
    """How networks are trained: the same way for outcomes and for what follows, for learning and for evaluation.

    Args:
        hidden: units of each hidden layer.
        rate: Adam's step size at the start.
        updates: of the networks of a step; they start from those of the step after it.
        first_updates: of the networks of the last step but one, which start from nothing.
        outcome_updates: of the networks of immediate outcomes.
        batch: rows of an update where there are more than twice as many.
        chunk: points whose values are computed at a time.
        gamma: discount of the reward per step; money is not discounted.
    """

    hidden: tuple[int, ...] = (64, 64)
    rate: float = 1e-2
    updates: int = 200
    first_updates: int = 1000
    outcome_updates: int = 400
    batch: int = 4096
    chunk: int = 4096
    gamma: float = 1.0


class NetworkEnsemble(nn.Module):
    """M perceptrons with SiLU units and a linear last layer that starts at zero.

    Args:
        members: M.
        sizes: inputs, units of each hidden layer, outputs.
        seed: of the first weights; members start from different ones.
    """

    def __init__(self, members: int, sizes: Sequence[int], seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for number, (enter, leave) in enumerate(pairwise(sizes)):
            scale = 0.0 if number == len(sizes) - 2 else math.sqrt(1.6 / max(enter, 1))
            self.weights.append(nn.Parameter(scale * torch.randn(members, enter, leave, generator=generator)))
            self.biases.append(nn.Parameter(torch.zeros(members, 1, leave)))

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs [M, n, o] of all members at inputs [n, d]."""
        hidden = inputs.expand(len(self.weights[0]), *inputs.shape)
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = torch.baddbmm(bias, hidden, weight)
            if number < len(self.weights) - 1:
                hidden = nn.functional.silu(hidden)
        return hidden

    def outputs(self, numbers: Sequence[int]) -> NetworkEnsemble:
        """A copy with some of the outputs only."""
        weights = [weight.detach().clone() for weight in self.weights]
        biases = [bias.detach().clone() for bias in self.biases]
        kept = list(numbers)
        return NetworkEnsemble.of([*weights[:-1], weights[-1][..., kept]], [*biases[:-1], biases[-1][..., kept]])

    def rescaled(self, centre: Tensor, spread: Tensor) -> NetworkEnsemble:
        """A copy whose outputs are multiplied by ``spread`` and moved by ``centre`` [M, 1, o]."""
        weights = [weight.detach().clone() for weight in self.weights]
        biases = [bias.detach().clone() for bias in self.biases]
        weights[-1], biases[-1] = weights[-1] * spread, biases[-1] * spread + centre
        return NetworkEnsemble.of(weights, biases)

    @classmethod
    def of(cls, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> NetworkEnsemble:
        """An ensemble with these weights [M, in, out] and biases [M, 1, out], one of each for every layer."""
        made = cls(1, ())
        made.weights, made.biases = nn.ParameterList(weights), nn.ParameterList(biases)
        return made


def descend(
    network: nn.Module,
    loss: Callable[[Tensor | slice], Tensor],
    rows: int,
    updates: int,
    fitting: Fitting,
    generator: torch.Generator,
) -> None:
    """Adam with a cosine from ``fitting.rate`` to zero.

    ``loss`` is given the numbers of the rows to look at: all ``rows`` where they are no more than two batches, a random
    batch each time otherwise.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=fitting.rate, betas=(0.9, 0.99), foreach=True)
    device = next(network.parameters()).device
    order, at = torch.empty(0, dtype=torch.long, device=device), 0
    for update in range(updates):
        picked: Tensor | slice = slice(None)
        if rows > 2 * fitting.batch:
            if at + fitting.batch > len(order):
                order, at = torch.randperm(rows, generator=generator).to(device), 0
            picked, at = order[at : at + fitting.batch], at + fitting.batch
        for group in optimiser.param_groups:
            group["lr"] = fitting.rate * 0.5 * (1 + math.cos(math.pi * update / updates))
        optimiser.zero_grad()
        loss(picked).backward()
        optimiser.step()

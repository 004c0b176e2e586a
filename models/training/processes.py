"""A training in several processes (``torchrun``, ``accelerate launch``): which one this is, and what all agree on."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch
from torch import distributed


def rank() -> int:
    """The number of this process among those that train together; 0 writes the files."""
    return int(os.environ.get("RANK", "0")) if world() > 1 else 0


def world() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def share_of(batch_size: int) -> int:
    """How many examples of a batch are this process's.

    Raises:
        ValueError: the batch cannot be shared out evenly.
    """
    if batch_size % world():
        raise ValueError(f"A batch of {batch_size} cannot be shared out to {world()} processes; change batch_size.")
    return batch_size // world()


def summed(values: Sequence[float]) -> list[float]:
    """The sums over all processes."""
    if world() == 1 or not distributed.is_initialized():
        return list(values)
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    total = torch.tensor(values, dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return [float(value) for value in total]


def anybody(wants: bool) -> bool:
    """Whether any process says yes, so that all stop at the same step."""
    return summed([float(wants)])[0] > 0

"""Flow matching (Lipman et al. 2023) in its plainest form: straight conditional paths, one MLP, a midpoint ODE solver."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn


class Velocity(nn.Module):
    """v(x, t): an MLP of x, t, and sines and cosines of t."""

    def __init__(self, dimension: int, hidden: tuple[int, ...], waves: int = 4) -> None:
        super().__init__()
        self.waves = math.pi * 2.0 ** torch.arange(waves)
        widths = (dimension + 1 + 2 * waves, *hidden)
        layers: list[nn.Module] = []
        for i, o in itertools.pairwise(widths):
            layers += [nn.Linear(i, o), nn.SiLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], dimension))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x (n, d), t (n, 1): dx/dt, (n, d)."""
        angle = t * self.waves
        return self.layers(torch.cat([x, t, angle.sin(), angle.cos()], -1))


def matching_loss(velocity: nn.Module, rows: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """Mean square of v((1 - t) z + t x, t) - (x - z) over rows x and noise z."""
    return (velocity((1 - t) * noise + t * rows, t) - (rows - noise)).square().mean()


@torch.no_grad()
def flow(velocity: nn.Module, noise: Tensor, steps: int = 50) -> Tensor:
    """Noise moved from t = 0 to 1 by the midpoint rule: two evaluations a step."""
    x, h = noise, 1 / steps
    for number in range(steps):
        t = torch.full((len(x), 1), number * h)
        middle = x + h / 2 * velocity(x, t)
        x = x + h * velocity(middle, t + h / 2)
    return x


@torch.no_grad()
def log_density(velocity: nn.Module, rows: Tensor, steps: int = 50) -> Tensor:
    """log p(x) by the instantaneous change of variables, exact divergence (d directional derivatives), midpoint rule."""
    d = rows.shape[1]
    directions = torch.eye(d)

    def rate(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        value, divergence = velocity(x, t), torch.zeros(len(x))
        for column in range(d):
            direction = directions[column].expand_as(x)
            _, slope = torch.func.jvp(lambda y: velocity(y, t), (x,), (direction,))
            divergence = divergence + slope[:, column]
        return value, divergence

    x, h, change = rows, 1 / steps, torch.zeros(len(rows))
    for number in range(steps):
        t = torch.full((len(x), 1), 1 - number * h)
        value, _ = rate(x, t)
        value, divergence = rate(x - h / 2 * value, t - h / 2)
        x, change = x - h * value, change + h * divergence
    return -0.5 * x.square().sum(1) - d / 2 * math.log(2 * math.pi) - change

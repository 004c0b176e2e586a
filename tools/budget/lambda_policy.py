"""The greedy policy of a lambda-conditioned critic at one price of money; small, and without pickle to be stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bethink.tools.budget.cmdp import Ints
from bethink.tools.budget.critic import continuation_inputs
from bethink.tools.budget.experience import Encoder
from bethink.tools.budget.network_ensemble import NetworkEnsemble
from bethink.tools.budget.outcome_model import OutcomeModel
from bethink.tools.threads import one_thread_if_small

CHUNK = 4096
"""Users that are looked at together."""
MOST_COLUMNS = 100_000


def greedy(q_r: Tensor, q_c: Tensor, prices: Tensor, allowed: Tensor | None) -> Tensor:
    """The allowed action with the greatest Q_r - lambda Q_c [n, L]; ties go to the cheaper one.

    Args:
        q_r: reward to come [n, K, L].
        q_c: cost to come, likewise.
        prices: lambda [L]; infinite: the cheapest action.
        allowed: [n, K], or None for all.
    """
    endless = torch.isinf(prices)
    worth = torch.where(endless, -q_c, q_r - torch.where(endless, 0.0, prices) * q_c)
    if allowed is not None:
        worth = worth.masked_fill(~allowed[:, :, None], -torch.inf)
    tied = worth >= worth.amax(1, keepdim=True)
    return q_c.masked_fill(~tied, torch.inf).argmin(1)


@dataclass(frozen=True)
class Support:
    """Which amounts the log can tell anything of at a point: beta(a | x) >= tau max_b beta(b | x), as in discrete BCQ.

    ``behaviour`` says the log's own probabilities beta (one member, outputs [K]). ``nothing``: amount 0, no coupon, is
    allowed everywhere.
    """

    behaviour: NetworkEnsemble
    tau: float
    nothing: bool

    def allowed(self, points: Tensor) -> Tensor:
        """[n, K] for points [n, d]."""
        with torch.no_grad():
            scores = self.behaviour(points)[0]
            found = scores >= scores.amax(1, keepdim=True) + math.log(self.tau)
            found[:, 0] |= self.nothing
            return found


@dataclass(frozen=True)
class LambdaPolicy:
    """Who gets what at one price of money. Takes the features that the log had, in the same columns.

    Columns that were equal for all users of a step, such as the time, are not looked at: the step is given.
    ``continuations`` are the networks of the steps 0..T-2, outputs [2]: how the rewards and the costs to come change.
    Where networks have several members, their mean is acted on.
    """

    multiplier: float
    outcomes: OutcomeModel
    continuations: tuple[NetworkEnsemble, ...]
    support: Support | None
    gamma: float

    def at(self, number: int, multiplier: float) -> LambdaPolicy:
        """The policy of one price out of L, on the CPU; ``self`` has networks with the outputs of all prices [2 L]."""
        outputs = len(self.continuations[0].biases[-1][0, 0]) // 2 if self.continuations else 1
        continuations = tuple(network.outputs([number, outputs + number]).cpu() for network in self.continuations)
        support = self.support and replace(self.support, behaviour=self.support.behaviour.cpu())
        return LambdaPolicy(multiplier, self.outcomes.cpu(), continuations, support, self.gamma)

    def act(self, states: NDArray, step: int | Ints) -> Ints:
        """The amounts of n users with features [n, D], int64 [n].

        Raises:
            ValueError: features without the columns learned from or not finite, or steps outside of 0..T-1.
        """
        points = self.outcomes.encoder.points(states)
        steps = np.broadcast_to(np.asarray(step), (len(points),))
        if len(steps) and (steps.min() < 0 or steps.max() >= self.outcomes.horizon):
            raise ValueError(
                f"Steps must be within 0..{self.outcomes.horizon - 1}; found {steps.min()} to {steps.max()}."
            )
        found = np.zeros(len(points), np.int64)
        for each in np.unique(steps):
            rows = np.nonzero(steps == each)[0]
            for at in range(0, len(rows), CHUNK):
                part = rows[at : at + CHUNK]
                found[part] = self._act(points[part], int(each)).numpy()
        return found

    def _act(self, points: Tensor, step: int) -> Tensor:
        encoder = self.outcomes.encoder
        with torch.no_grad(), one_thread_if_small(len(points)):
            chances, rewards, costs = self.outcomes.predict(points, step)
            q_r, q_c = self.gamma**step * rewards[..., None], costs[..., None]
            if step < self.outcomes.horizon - 1:
                inputs = continuation_inputs(encoder, points)
                n, k, c, width = inputs.shape
                change = self.continuations[step](inputs.reshape(-1, width)).reshape(-1, n, k, c, 2)
                follows = (chances[..., None] * change).sum(3)
                q_r, q_c = q_r + follows[..., :1], q_c + follows[..., 1:]
            allowed = None if self.support is None else self.support.allowed(points)
            return greedy(q_r.mean(0), q_c.mean(0), torch.tensor([self.multiplier]), allowed)[:, 0]

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Settings (for JSON) and arrays (for safetensors) that :meth:`from_state` makes the same policy of."""
        networks = {"outcome": self.outcomes.classifier, "size": self.outcomes.sizes}
        networks |= {f"continuation.{step}": network for step, network in enumerate(self.continuations)}
        networks["behaviour"] = None if self.support is None else self.support.behaviour
        tensors = {"class_rewards": self.outcomes.rewards.numpy(), "class_shares": self.outcomes.shares.numpy()}
        for name, network in networks.items():
            for number in range(0 if network is None else len(network.weights)):
                tensors[f"{name}.weight.{number}"] = network.weights[number].detach().numpy()  # type: ignore[union-attr]
                tensors[f"{name}.bias.{number}"] = network.biases[number].detach().numpy()  # type: ignore[union-attr]
        settings = {
            "multiplier": None if math.isinf(self.multiplier) else self.multiplier,
            "encoder": asdict(self.outcomes.encoder),
            "horizon": self.outcomes.horizon,
            "pooled": self.outcomes.pooled,
            "tau": None if self.support is None else self.support.tau,
            "nothing": None if self.support is None else self.support.nothing,
            "gamma": self.gamma,
        }
        return settings, tensors

    @classmethod
    def from_state(cls, settings: dict[str, Any], tensors: dict[str, NDArray]) -> LambdaPolicy:
        """The policy that :meth:`state` described.

        Raises:
            ValueError: settings or arrays that are missing or do not fit each other.
        """
        try:
            encoder = Encoder(**{key: _tuple(value) for key, value in settings["encoder"].items()})
            horizon, pooled, tau = int(settings["horizon"]), bool(settings["pooled"]), settings["tau"]
            sizes = _network(tensors, "size") if "size.weight.0" in tensors else None
            classes = (torch.as_tensor(tensors[name]) for name in ("class_rewards", "class_shares"))
            outcomes = OutcomeModel(encoder, horizon, pooled, _network(tensors, "outcome"), sizes, *classes)
            continuations = tuple(_network(tensors, f"continuation.{step}") for step in range(horizon - 1))
            support = None
            if tau is not None:
                support = Support(_network(tensors, "behaviour"), float(tau), bool(settings["nothing"]))
            multiplier = math.inf if settings["multiplier"] is None else float(settings["multiplier"])
            made = cls(multiplier, outcomes, continuations, support, float(settings["gamma"]))
            columns = max(encoder.columns, default=-1) + 1
            if columns > MOST_COLUMNS or not len(encoder.columns) == len(encoder.centre) == len(encoder.spread):
                raise IndexError(f"columns {encoder.columns}, {len(encoder.centre)} centres")
            made.act(np.zeros((horizon, columns)), np.arange(horizon))
        except (KeyError, TypeError, RuntimeError, IndexError, AttributeError) as error:
            raise ValueError(f"This is no stored LambdaPolicy, or a part of it is missing: {error!r}") from error
        return made


def _tuple(value: object) -> Any:
    return tuple(value) if isinstance(value, Sequence) else value


def _network(tensors: dict[str, NDArray], name: str) -> NetworkEnsemble:
    layers = range(sum(key.startswith(f"{name}.weight.") for key in tensors))
    if not layers:
        raise KeyError(f"{name}.weight.0")
    parts = [[torch.as_tensor(tensors[f"{name}.{kind}.{i}"]).clone() for i in layers] for kind in ("weight", "bias")]
    return NetworkEnsemble.of(parts[0], parts[1])

"""A log as networks learn from it: columns scaled, equal rows merged, the immediate outcome sorted into classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.log import Log

MOST_REWARDS = 4
"""Rewards with no more distinct values than this are classes of their own; others only count as zero or not."""


@dataclass(frozen=True)
class Encoder:
    """From features, amounts and classes to what networks are given; plain numbers, so that it can be stored.

    ``columns`` are the features kept, ``centre`` and ``spread`` [d] scale them. ``amounts`` [K] are encoded one-hot
    and by log(1 + m / the middle amount), so that what is learned of one amount tells something of its neighbours.
    """

    columns: tuple[int, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    amounts: tuple[float, ...]
    classes: int

    def points(self, features: NDArray) -> Tensor:
        """Scaled features [n, d] of raw ones [n, D].

        Raises:
            ValueError: too few columns, or values that are not finite.
        """
        features = np.asarray(features)
        if features.ndim != 2 or features.shape[1] <= max(self.columns, default=-1):
            raise ValueError(
                f"Features of shape {features.shape} do not have the columns learned from: {self.columns}."
            )
        kept = features[:, list(self.columns)].astype(np.float64)
        if not np.isfinite(kept).all():
            raise ValueError("Features have values that are not finite.")
        return torch.as_tensor((kept - np.array(self.centre)) / np.array(self.spread), dtype=torch.float32)

    @property
    def action_table(self) -> Tensor:
        """The encoding of every amount [K, K + 1]."""
        amounts = torch.tensor(self.amounts, dtype=torch.float64)
        paid = amounts[amounts > 0]
        middle = paid.median() if len(paid) else torch.tensor(1.0)
        size = torch.log1p(amounts / middle).float()
        return torch.cat([torch.eye(len(amounts)), size[:, None]], 1)


class Transitions(NamedTuple):
    """Distinct (point, action, class) rows [R], and the distinct next points of each: E pairs of a row and a point."""

    points: Tensor
    actions: Tensor
    classes: Tensor
    pair_rows: Tensor
    pair_next: Tensor
    users: Ints
    """The user of every logged transition [n]."""
    pairs: Ints
    """The pair that every logged transition belongs to [n]."""

    def pair_weights(self, user_weights: Tensor) -> Tensor:
        """How often each pair was seen [M, E], users [M, N] weighted."""
        return _summed(user_weights, self.users, self.pairs, len(self.pair_rows))


class Cells(NamedTuple):
    """Distinct (step group, point, action) cells [Q] of the immediate outcome, and what every logged row is of."""

    steps: Tensor
    points: Tensor
    actions: Tensor
    rows: Ints
    """The cell of every logged row [n]."""


@dataclass(frozen=True)
class Experience:
    """Everything that critics regress on.

    Features that are equal for all users of a step say no more than the step does and are left out. Distinct points
    (states and next states alike), rows and pairs are kept once with the number of times they occur: nothing is lost,
    and discrete features make a log of any length small. Continuous features leave as many rows as the log has.
    """

    encoder: Encoder
    points: Tensor
    """Scaled features of the distinct points [u, d]."""
    cells: Cells
    transitions: tuple[Transitions, ...]
    """One for all steps but the last where steps are pooled, else one for each of them."""
    classes: Ints
    """The class of every logged row's immediate outcome [n]."""
    class_rewards: Floats
    """The reward of a class where it has only one, else NaN [C]."""
    class_shares: Floats
    """The part of the face value that a class costs where that is always the same, else NaN [C]."""
    rewards: Floats
    costs: Floats
    users: Ints
    first: Tensor
    """Points of the users in step 0 [N]."""
    features: NDArray
    """Raw features of the distinct points [u, D]; what is left out is to be filled in by the step."""
    fillings: NDArray
    """What every user's features were in a step, where they were all equal [T, D]; else NaN."""
    horizon: int
    pooled: bool

    @property
    def user_count(self) -> int:
        """N."""
        return int(self.users.max()) + 1

    def features_at(self, step: int) -> NDArray:
        """Raw features [u, D] of all points as they would look in ``step``."""
        filling = self.fillings[step]
        return np.where(np.isnan(filling), self.features, filling).astype(self.features.dtype)


def gather(log: Log, *, pooled: bool = True) -> Experience:
    """The experience in ``log``; sorts, O(n log n).

    Raises:
        TypeError: states that are numbers, not features.
        ValueError: features that are not finite, or costs below zero.
    """
    states, following = np.asarray(log.states), np.asarray(log.next_states)
    if states.ndim != 2:
        raise TypeError("Networks learn from features [n, d], not from state numbers; encode the states first.")
    if log.costs.min() < 0:
        raise ValueError("Costs are money spent: zero or more; the log has some below zero.")
    live = ~log.done
    fillings = _fillings(states, log.steps, log.horizon)
    columns = [int(number) for number in np.nonzero(np.isnan(fillings).any(0))[0]]
    fillings[:, columns] = np.nan
    kept = states[:, columns].astype(np.float64)
    if not np.isfinite(kept).all():
        raise ValueError("The features of the log have values that are not finite; drop or fill these rows.")
    spread = kept.std(0)
    classes, class_rewards, class_shares = _classes(log)
    encoder = Encoder(
        tuple(columns),
        tuple(kept.mean(0).tolist()),
        tuple(np.where(spread > 0, spread, 1.0).tolist()),
        tuple(np.asarray(log.amounts, float).tolist()),
        len(class_rewards),
    )
    every = np.concatenate([states[:, columns], following[live][:, columns].astype(states.dtype)])
    firsts, numbers = distinct_rows(every)
    raw = np.zeros((len(firsts), states.shape[1]), states.dtype)
    raw[:, columns] = every[firsts]
    here = numbers[: len(states)]
    there = np.full(len(states), -1)
    there[live] = numbers[len(states) :]
    group = np.zeros(len(states), np.int64) if pooled else log.steps
    cell_keys, cell_of = np.unique((group * len(firsts) + here) * len(log.amounts) + log.actions, return_inverse=True)
    cells = Cells(
        torch.as_tensor(cell_keys // len(log.amounts) // len(firsts)),
        torch.as_tensor(cell_keys // len(log.amounts) % len(firsts)),
        torch.as_tensor(cell_keys % len(log.amounts)),
        cell_of,
    )
    masks = [live] if pooled else [log.steps == step for step in range(log.horizon - 1)]
    parts = tuple(
        _transitions(here[mask], log.actions[mask], classes[mask], there[mask], log.users[mask], encoder)
        for mask in masks
        if mask.any()
    )
    start = log.steps == 0
    return Experience(
        encoder=encoder,
        points=encoder.points(raw),
        cells=cells,
        transitions=parts,
        classes=classes,
        class_rewards=class_rewards,
        class_shares=class_shares,
        rewards=np.asarray(log.rewards, float),
        costs=np.asarray(log.costs, float),
        users=log.users,
        first=torch.as_tensor(here[start]),
        features=raw,
        fillings=fillings,
        horizon=log.horizon,
        pooled=pooled,
    )


def distinct_rows(values: NDArray) -> tuple[Ints, Ints]:
    """Numbers of the first of each distinct row [u] of ``values`` [n, d], and the distinct row of every row [n]."""
    if not values.shape[1]:
        return np.zeros(1, np.int64), np.zeros(len(values), np.int64)
    numbers = np.zeros(len(values), np.int64)
    for column in values.T:
        _, codes = np.unique(column, return_inverse=True)
        _, numbers = np.unique(numbers * (int(codes.max()) + 1) + codes, return_inverse=True)
    _, firsts = np.unique(numbers, return_index=True)
    return firsts, numbers


def _fillings(states: NDArray, steps: Ints, horizon: int) -> NDArray:
    """What all users of a step have in common [T, D]; NaN where they differ."""
    found = np.full((horizon, states.shape[1]), np.nan)
    for step in range(horizon):
        rows = states[steps == step]
        if len(rows):
            found[step] = np.where((rows == rows[0]).all(0), rows[0], np.nan)
    return found


def _classes(log: Log) -> tuple[Ints, Floats, Floats]:
    """The class of each row, and the classes' rewards and shares of the face value where those are constant."""
    values = np.unique(log.rewards)
    kinds = np.searchsorted(values, log.rewards) if len(values) <= MOST_REWARDS else (log.rewards != 0).astype(int)
    keys, classes = np.unique(kinds * 2 + (log.costs != 0), return_inverse=True)
    amounts = np.asarray(log.amounts, float)[log.actions]
    shares = np.divide(log.costs, amounts, out=np.where(log.costs != 0, np.inf, 0.0), where=amounts > 0)
    rewards_of, shares_of = np.full(len(keys), np.nan), np.full(len(keys), np.nan)
    for number in range(len(keys)):
        of = classes == number
        for found, values in ((rewards_of, log.rewards[of]), (shares_of, shares[of])):
            if np.isfinite(values[0]) and np.allclose(values, values[0], rtol=1e-9, atol=0):
                found[number] = values[0]
    return classes, rewards_of, shares_of


def _transitions(here: Ints, actions: Ints, classes: Ints, there: Ints, users: Ints, encoder: Encoder) -> Transitions:
    keys = (here * len(encoder.amounts) + actions) * encoder.classes + classes
    rows, row_of = np.unique(keys, return_inverse=True)
    width = int(there.max()) + 1
    pairs, pair_of = np.unique(row_of * width + there, return_inverse=True)
    return Transitions(
        torch.as_tensor(rows // encoder.classes // len(encoder.amounts)),
        torch.as_tensor(rows // encoder.classes % len(encoder.amounts)),
        torch.as_tensor(rows % encoder.classes),
        torch.as_tensor(pairs // width),
        torch.as_tensor(pairs % width),
        users,
        pair_of,
    )


def _summed(user_weights: Tensor, users: Ints, numbers: Ints, count: int) -> Tensor:
    weights = user_weights.cpu().double().numpy()
    summed = [np.bincount(numbers, row[users], minlength=count) for row in weights]
    return torch.as_tensor(np.stack(summed), dtype=torch.float32)

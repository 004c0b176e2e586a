"""Where users move to, learned from counts: relative frequencies, and moves by factor that lean on each other.

A next state is 1 of S, seen a few times or never from most pairs of state and amount. In coordinates there is more to
go by: what changes is a factor, by a step (numbers) or to a level (categories), and it does so alike in cells that
are near. Factors that move independently, given state, amount and response, are learned one by one, the others together
(a dynamic Bayesian network: Dean and Kanazawa 1989). Staying gets what the moves leave, so that a cell at the edge,
where a step is not possible, is no exception to be learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.counts import Counts
from bethink.tools.budget.smoothing import Axes, Factors, smooth_shares

MOST_MOVES = 30
"""More kinds of moves than this are not smoothed: the factors then have no coordinates in which moves repeat."""
SIGMAS = 5.0
"""Factors move together where Pearson's statistic is further above what chance gives, in standard deviations."""
MOST_ENTRIES = 100_000_000
"""S x A x S that fits into memory, 0.8 GB."""


def frequencies(counts: Counts) -> Floats:
    """Relative frequencies of next states [S, A, S]; the state's own where an amount was never given, else staying.

    Raises:
        ValueError: too many states for a table.
    """
    shape = (counts.states, len(counts.amounts), counts.states)
    if np.prod(shape, dtype=float) > MOST_ENTRIES:
        raise ValueError(f"{shape[0]:,} states are too many for a table of all moves; make fewer cells.")
    count = np.zeros(shape)
    _, state, action, following, times = counts.moves.T
    np.add.at(count, (state, action, following), times)
    of_state = count.sum(1)
    unseen = of_state.sum(1) == 0
    of_state[unseen] = np.eye(counts.states)[unseen]
    of_state /= of_state.sum(1, keepdims=True)
    total = count.sum(-1, keepdims=True)
    return np.where(total > 0, count / np.maximum(total, 1), of_state[:, None])


def smoothed_moves(counts: Counts, factors: Factors, axes: Axes, response: Floats) -> Floats:
    """Smoothed transitions [S, A, S]; ``response`` is the probability of a response [S, A].

    By the chain rule, P(s' | s, a) = sum over responses of P(response | s, a) P(s' | s, a, response). Where moves have
    more than ``MOST_MOVES`` kinds, relative frequencies.
    """
    plain = frequencies(counts)
    if not len(counts.moves):
        return plain
    changes = _changes(counts, factors)
    cell = np.ravel_multi_index(tuple(counts.moves[:, :3].T), counts.rows.shape)
    groups = [_Group.of(members, changes, factors) for members in moving_together(changes, cell, counts.moves[:, 4])]
    if sum(len(group.kinds) for group in groups) > MOST_MOVES:
        return plain
    found = np.zeros_like(plain)
    for responded, share in enumerate((1 - response, response)):
        mine = counts.moves[:, 0] == responded
        if mine.any():
            tables = [group.probabilities(counts.moves[mine], changes[mine], axes, response.shape) for group in groups]
            moved = _product(groups, tables, np.unique(changes, axis=0), factors)
            found += share[:, :, None] * moved
    total = found.sum(-1, keepdims=True)
    return np.where(total > 0, found / np.where(total > 0, total, 1.0), plain)


def moving_together(changes: Ints, cells: Ints, times: Ints) -> list[list[int]]:
    """The factors in groups that move independently of each other within cells.

    Two factors are in one group if Pearson's statistic, summed over cells, is beyond chance; its expectation for given
    margins is exact however few rows a cell has.

    Args:
        changes: how each of k factors changed [m, k], any whole numbers.
        cells: which cell each of these was in [m].
        times: how often [m].

    Example:
        >>> rng = np.random.default_rng(0)
        >>> one, other = rng.integers(0, 2, (2, 1000))
        >>> moving_together(np.stack([one, other, one], axis=1), np.zeros(1000, np.int64), np.ones(1000, np.int64))
        [[0, 2], [1]]
    """
    group = list(range(changes.shape[1]))
    for one, other in combinations(range(changes.shape[1]), 2):
        if _dependent(changes[:, one], changes[:, other], cells, times):
            old, new = max(group[one], group[other]), min(group[one], group[other])
            group = [new if each == old else each for each in group]
    return [[factor for factor, mine in enumerate(group) if mine == each] for each in sorted(set(group))]


def _dependent(one: Ints, other: Ints, cells: Ints, times: Ints) -> bool:
    def margin(*columns: Ints) -> tuple[Ints, Ints, Ints]:
        place, inverse = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
        total = np.zeros(len(place), np.int64)
        np.add.at(total, inverse.ravel(), times)
        return place, inverse.ravel(), total

    place, inverse, both = margin(cells, one, other)
    first = np.zeros(len(place), np.int64)
    first[inverse] = np.arange(len(inverse))  # a row of each distinct place
    cell, of_cell, n = margin(cells)
    margins, levels = [], []
    for column in (one, other):
        found, of_row, total = margin(cells, column)
        margins.append(total[of_row[first]])
        levels.append(np.bincount(np.searchsorted(cell[:, 0], found[:, 0]), minlength=len(cell)))
    share = np.bincount(of_cell[first], weights=both**2 / (margins[0] * margins[1]), minlength=len(cell))
    statistic = float(((n - 1) * (share - 1)).sum())
    freedom = float((np.minimum(n - 1, 1) * (levels[0] - 1) * (levels[1] - 1)).sum())
    return statistic > freedom + SIGMAS * np.sqrt(2 * freedom) and freedom > 0


def _changes(counts: Counts, factors: Factors) -> Ints:
    """How each factor changed in each of the moves [m, k]: 0 for staying; the difference of what has an order, else
    the number of the new level, from 1."""
    state, following = counts.moves[:, 1], counts.moves[:, 3]
    old, new = factors.places[state], factors.places[following]
    found = new - old
    for factor, ordered in enumerate(factors.ordered):
        if not ordered:
            level = 1 + np.searchsorted(np.unique(factors.places[:, factor]), new[:, factor])
            found[:, factor] = np.where(old[:, factor] == new[:, factor], 0, level)
    return found


def _ends(places: Ints, change: Ints, ordered: list[bool], levels: list[Ints]) -> Ints:
    """Where a change leads from each place [S, k]."""
    found = places.copy()
    for factor, step in enumerate(change):
        if ordered[factor]:
            found[:, factor] += step
        elif step:
            found[:, factor] = levels[factor][step - 1]
    return found


@dataclass(frozen=True)
class _Group:
    """Factors that move together: their numbers, the kinds of moves [j, members] but staying, and from which states
    each is possible [j, S]."""

    members: list[int]
    kinds: Ints
    possible: Ints

    @classmethod
    def of(cls, members: list[int], changes: Ints, factors: Factors) -> _Group:
        kinds = np.unique(changes[:, members], axis=0)
        kinds = kinds[(kinds != 0).any(1)]
        places = factors.places[:, members]
        there = set(map(tuple, places.tolist()))
        ordered = [factors.ordered[each] for each in members]
        levels = [np.unique(places[:, each]) for each in range(len(members))]
        possible = [
            [end != start and tuple(end) in there for start, end in zip(places.tolist(), ends.tolist(), strict=True)]
            for ends in (_ends(places, kind, ordered, levels) for kind in kinds)
        ]
        return cls(members, kinds, np.array(possible, bool).reshape(len(kinds), len(places)))

    def probabilities(self, moves: Ints, changes: Ints, axes: Axes, shape: tuple[int, ...]) -> Floats:
        """Of each kind of move, and of staying as the last one [j + 1, S, A]."""
        state, action, times = moves[:, 1], moves[:, 2], moves[:, 4]
        leaving = np.zeros(shape, np.int64)
        np.add.at(leaving, (state, action), times)
        found = np.zeros((len(self.kinds) + 1, *shape))
        if len(self.members) > 1:  # at an edge, a step of one factor may stand for a step of both
            edge = np.unique(self.possible, axis=1, return_inverse=True)[1].ravel()
            places = np.concatenate([axes.places, np.repeat(edge, shape[1])[:, None]], axis=1)
            axes = Axes(places, np.append(axes.ordered, False))
        for number, kind in enumerate(self.kinds):
            mine = (changes[:, self.members] == kind).all(1)
            made = np.zeros(shape, np.int64)
            np.add.at(made, (state[mine], action[mine]), times[mine])
            possible = self.possible[number][:, None]
            rows = np.where(possible, leaving, 0)
            found[number] = np.where(possible, smooth_shares(axes, np.where(possible, made, 0), rows), 0.0)
        found /= np.maximum(found.sum(0), 1.0)
        found[-1] = np.clip(1.0 - found.sum(0), 0.0, 1.0)
        return found


def _product(groups: list[_Group], tables: list[Floats], joint: Ints, factors: Factors) -> Floats:
    """Transitions [S, A, S]: the product over groups, for all joint changes that were seen; what would lead out of the
    table is left out."""
    states, actions = tables[0].shape[1:]
    target = {tuple(place): number for number, place in enumerate(factors.places.tolist())}
    levels = [np.unique(column) for column in factors.places.T]
    found = np.zeros((states, actions, states))
    for change in joint:
        probability = np.ones((states, actions))
        for group, table in zip(groups, tables, strict=True):
            mine = (group.kinds == change[group.members]).all(1)
            probability = probability * table[int(mine.argmax()) if mine.any() else -1]
        for state, end in enumerate(_ends(factors.places, change, list(factors.ordered), levels).tolist()):
            if tuple(end) in target:
                found[state, :, target[tuple(end)]] += probability[state]
    total = found.sum(-1, keepdims=True)
    return found / np.where(total > 0, total, 1.0)

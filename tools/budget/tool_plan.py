"""Plans of the budget tools: a process learned from a log, the best mixture within a budget, what is promised of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bethink.tools.budget.campaign import CampaignDataset
from bethink.tools.budget.cells import Cells, Levels
from bethink.tools.budget.chord import Mixture, chord_search
from bethink.tools.budget.cmdp import Bools, Floats, Ints, TabularCMDP, TabularPolicy, occupancy
from bethink.tools.budget.column_generation import column_generation
from bethink.tools.budget.guarantee import (
    CostMoments,
    Guarantee,
    chance_plan,
    expected_guarantee,
    hard_guarantee,
    spread,
)
from bethink.tools.budget.log import Log
from bethink.tools.budget.model import ModelOracle
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.replanning import hard_mixture
from bethink.tools.budget.smoothing import Factors
from bethink.tools.budget.vector_oracle import TabularVectorOracle, by_segment

MAX_PAIRS = 320
"""Pairs of state and amount that a process is learned for: smoothing them takes one to two seconds."""
ROWS_PER_AMOUNT = 10
"""Rows of the rarest amount that a state should have on average; few, as states lean on each other."""
EXACT = 1e-9
"""A plan is searched for until no other can bring more than this, per user, in the learned process."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What a log, or a part of its users, tells: states, the whole log on them, and the process."""

    cells: Cells
    log: Log
    process: TabularCMDP


def learn(dataset: CampaignDataset, forced: Sequence[Levels] = (), rows: Bools | None = None) -> Learned:
    """Choose states and learn a process from some of the rows; about two seconds for 100,000.

    Args:
        dataset: the campaign.
        forced: columns that states must tell apart.
        rows: those learned from [n]; None: all. The log holds all of them.
    """
    part = slice(None) if rows is None else rows
    frame = dataset.features.loc[part].reset_index(drop=True)
    groups = int(np.prod([len(each.names) for each in forced])) if forced else 1
    most = max(4, MAX_PAIRS // len(dataset.amounts) // groups)
    cells = Cells.fit(
        frame, dataset.targets[part], dataset.actions[part], max_cells=most, rows_per_amount=ROWS_PER_AMOUNT
    )
    if forced:
        cells = cells.with_columns(dataset.features, forced)
    log = dataset.log(cells)
    learned_from = log if rows is None else log.rows(rows)
    oracle = ModelOracle.from_log(learned_from, cells.count, Factors(cells.factors, cells.ordered))
    return Learned(cells, log, oracle.cmdp)


@dataclass(frozen=True)
class Cap:
    """At most ``share`` of the budget for users whose ``levels`` are these, by column."""

    levels: dict[str, int]
    share: float


Mode = Literal["expected", "chance", "hard"]


@dataclass(frozen=True)
class Terms:
    """What a plan must keep.

    Args:
        budget: money per user.
        mode: of the guarantee.
        caps: on segments.
        faces: the most that each amount can cost [K]; what an open coupon blocks under the hard guarantee.
    """

    budget: float
    mode: Mode
    caps: tuple[Cap, ...]
    faces: Floats

    def plan(self, learned: Learned) -> Mixture:
        """The best mixture in the learned process: two policies, one more for each cap, at most T + 1 for hard.

        Raises:
            InfeasibleBudget: no policy keeps the budget.
            InfeasibleBudgets: or not with the caps.
        """
        process = learned.process
        if self.mode == "hard" and process.horizon == 1:
            return _true_cost(process, self._within(learned, replace(process, cost=self._faces(process))))
        if self.mode == "hard":
            faces = np.maximum(self.faces, process.cost.max(0))
            return hard_mixture(process, self.budget, faces, tolerance=EXACT)
        return self._within(learned, process)

    def _faces(self, process: TabularCMDP) -> Floats:
        return np.maximum(process.cost, self.faces)

    def _within(self, learned: Learned, process: TabularCMDP) -> Mixture:
        if not self.caps:
            return chord_search(TabularOracle(process), self.budget, tolerance=EXACT)
        groups = np.full(process.states, len(self.caps))
        for number, cap in enumerate(self.caps):
            groups[_where(learned.cells, cap.levels)] = number
        costs = by_segment(process.cost, groups, range(len(self.caps)))
        limits = [self.budget, *(cap.share * self.budget for cap in self.caps)]
        return column_generation(TabularVectorOracle(process, costs), limits, tolerance=EXACT)


def promise(terms: Terms, learned: Learned, users: int, alpha: float) -> tuple[Mixture, Guarantee]:
    """The plan under its guarantee, and what is promised of it.

    Raises:
        InfeasibleBudget: the budget, or what the guarantee leaves of it, cannot be kept.
    """
    moments = CostMoments.from_log(learned.log, learned.process)

    def uncertain(mixture: Mixture):  # type: ignore[no-untyped-def]  # a Spread
        return spread(learned.process, mixture.components, moments)

    if terms.mode == "chance":
        plan: Callable[[float], Mixture] = lambda budget: replace(terms, budget=budget).plan(learned)  # noqa: E731
        return chance_plan(plan, uncertain, terms.budget, users, alpha=alpha)
    mixture = terms.plan(learned)
    make = hard_guarantee if terms.mode == "hard" else expected_guarantee
    return mixture, make(mixture.outcome.cost, terms.budget, users, uncertain(mixture))


@dataclass(frozen=True)
class Use:
    """What a mixture does with users of one group: shares of their (user, step) pairs by amount [K], money per user."""

    shares: Floats
    cost: float


def use(process: TabularCMDP, mixture: Mixture, states: Ints) -> Use:
    """What the mixture does with users who start in ``states`` [m]."""
    initial = np.bincount(states, minlength=process.states) / len(states)
    own = replace(process, initial=initial)
    x = sum(
        weight * occupancy(own, policy) for policy, weight in mixture.components if isinstance(policy, TabularPolicy)
    )
    shares = np.asarray(x).sum((0, 1)) / process.horizon
    return Use(shares, float((np.asarray(x).sum(0) * process.cost).sum()))


def _true_cost(process: TabularCMDP, mixture: Mixture) -> Mixture:
    """A plan made with face values as costs, with the money that it is expected to spend."""
    outcomes = [(weight, TabularOracle(process).evaluate(policy)) for policy, weight in mixture.components]
    cost = sum(weight * each.cost for weight, each in outcomes)
    return replace(mixture, outcome=mixture.outcome._replace(cost=float(cost)))


def _where(cells: Cells, levels: dict[str, int]) -> Bools:
    found = np.ones(cells.count, bool)
    for place, column in enumerate(cells.columns):
        if column.name in levels:
            found &= cells.factors[:, place] == levels[column.name]
    return found

"""Several budgets at once: money in all and per segment, money until each step, carbon, floors as budgets below zero.

A mixture's reward and costs are the weighted sums of its policies'. With q budgets at most q + 1 policies are needed,
as q + 1 linear constraints (the weights sum to one) leave an optimal vertex with that many weights above zero.

Example:
    >>> from bethink.tools.budget.column_generation import column_generation
    >>> from bethink.tools.budget.environment import parts, tabular
    >>> cmdp = tabular()
    >>> segments = parts(np.arange(cmdp.states))[0]
    >>> oracle = TabularVectorOracle(cmdp, by_segment(cmdp.cost, segments, [0]))  # all money, deal-seekers'
    >>> plan = column_generation(oracle, [6.0, 1.0])
    >>> round(plan.outcome.reward, 3), [round(cost, 3) for cost in plan.costs], len(plan.components)
    (5.467, [6.0, 1.0], 3)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from bethink.tools.budget.chord import Mixture, Solve
from bethink.tools.budget.cmdp import Floats, Outcome, Policy, TabularCMDP, TabularPolicy, best_response, occupancy
from bethink.tools.budget.lp import InfeasibleBudget
from bethink.tools.budget.oracle import Oracle


class VectorOutcome(NamedTuple):
    """What a policy is expected to bring, and to cost of each of q budgets, per user."""

    reward: float
    costs: tuple[float, ...]


class VectorOracle(Protocol):
    """What the optimisers under several budgets need: linear optimisation over all policies."""

    def solve(self, multipliers: Floats, reward_weight: float) -> Policy:
        """The policy with the greatest ``reward_weight`` J_r - multipliers . J_c; multipliers [q], none below zero.

        At ``reward_weight`` 0 ties go to the greater reward.
        """
        ...

    def evaluate(self, policy: Policy) -> VectorOutcome:
        """Expected reward and costs per user of a policy that ``solve`` gave."""
        ...


class InfeasibleBudgets(InfeasibleBudget):
    """No mixture keeps all budgets; ``minima`` [q] is a list of budgets that could be kept.

    If the others can be kept without the first, only the first is raised, and by no more than it must. ``budget`` and
    ``minimum`` are those of the first.
    """

    def __init__(self, budgets: Sequence[float], minima: Sequence[float]) -> None:
        super().__init__(budgets[0], minima[0])
        self.budgets, self.minima = tuple(budgets), tuple(minima)
        raised = [i for i, pair in enumerate(zip(budgets, minima, strict=True)) if pair[1] > pair[0]]
        changes = "; ".join(f"number {i} of {budgets[i]:.6g} raised to {minima[i]:.6g}" for i in raised[:4])
        rest = f", and {len(raised) - 4} more" if len(raised) > 4 else ""
        self.args = (f"No policy keeps all {len(budgets)} budgets per user. This would do: {changes}{rest}.",)


@dataclass(frozen=True)
class VectorSolve(Solve):
    """One best response to q prices; ``multiplier`` and ``outcome.cost`` are the first budget's."""

    multipliers: tuple[float, ...]
    costs: tuple[float, ...]


@dataclass(frozen=True)
class VectorMixture(Mixture):
    """At most q + 1 policies under q budgets, the first of which is money by convention.

    ``multiplier`` and ``outcome.cost`` are the first budget's; ``multipliers`` and ``costs`` [q] are all of them.
    """

    multipliers: tuple[float, ...]
    costs: tuple[float, ...]


@dataclass(frozen=True)
class TabularVectorOracle:
    """Exact best responses in a known process with q costs instead of its own.

    Args:
        cmdp: the process; rewards [S, A] with its discount.
        costs: [q, S, A], the same in each step, or [q, T, S, A].

    Raises:
        ValueError: costs of another shape, or not finite.
    """

    cmdp: TabularCMDP
    costs: Floats

    def __post_init__(self) -> None:
        shape = (self.cmdp.states, self.cmdp.actions)
        shapes = (shape, (self.cmdp.horizon, *shape))
        if not self.costs.size or self.costs.shape[1:] not in shapes:
            wanted = " or ".join(f"(q, {', '.join(map(str, each))})" for each in shapes)
            raise ValueError(f"costs has shape {self.costs.shape}; {wanted} is needed.")
        if not np.isfinite(self.costs).all():
            raise ValueError("costs has values that are not finite.")

    def solve(self, multipliers: Floats, reward_weight: float) -> TabularPolicy:
        """Backward induction with the priced costs summed up; O(T A S^2), and O(q T S A) where costs go by the step.

        Ties go to the policy with the lower priced costs, then to the lower action.

        Raises:
            ValueError: another number of multipliers than of costs.
        """
        _check_count(len(multipliers), len(self.costs))
        priced = np.tensordot(multipliers, self.costs, 1)
        price = 1.0 if reward_weight > 0 else np.inf
        return best_response(self.cmdp, price, costs=priced, reward_weight=reward_weight)

    def evaluate(self, policy: Policy) -> VectorOutcome:
        """The exact outcome.

        Raises:
            TypeError: a policy that is no table.
        """
        if not isinstance(policy, TabularPolicy):
            raise TypeError(f"A table of actions is needed, not a {type(policy).__name__}.")
        x = occupancy(self.cmdp, policy)
        discount = self.cmdp.gamma ** np.arange(self.cmdp.horizon)
        reward = np.einsum("t,tsa,sa->", discount, x, self.cmdp.reward)
        used = x if self.costs.ndim == 4 else x.sum(0)
        return VectorOutcome(float(reward), tuple(np.tensordot(self.costs, used, used.ndim).tolist()))


@dataclass(frozen=True)
class OneBudget:
    """An oracle for one budget, as one for a vector of length one."""

    oracle: Oracle

    def solve(self, multipliers: Floats, reward_weight: float) -> Policy:
        """The best response at the ratio of the two; at ``reward_weight`` 0 the cheapest policy."""
        return self.oracle.solve(float(multipliers[0]) / reward_weight if reward_weight > 0 else np.inf)

    def evaluate(self, policy: Policy) -> VectorOutcome:
        """The outcome, as the oracle sees it."""
        found = self.oracle.evaluate(policy)
        return VectorOutcome(found.reward, (found.cost,))


@dataclass(frozen=True)
class LeastFirst:
    """The oracle whose reward is the first cost saved, under the other budgets: what must the first one be at least?"""

    oracle: VectorOracle

    def solve(self, multipliers: Floats, reward_weight: float) -> Policy:
        """The policy with the least priced costs, the first one's price being ``reward_weight``."""
        return self.oracle.solve(np.concatenate([[reward_weight], multipliers]), 0.0)

    def evaluate(self, policy: Policy) -> VectorOutcome:
        """The first cost with its sign turned, and the others."""
        first, *others = self.oracle.evaluate(policy).costs
        return VectorOutcome(-first, tuple(others))


def by_segment(cost: Floats, segments: ArrayLike, capped: Sequence[int]) -> Floats:
    """The cost of all users and then of those in each capped segment; [1 + len(capped), S, A].

    Args:
        cost: [S, A].
        segments: of each state [S]; a user must not change it.
        capped: segments with a budget of their own.

    Raises:
        ValueError: a capped segment that no state is in.
    """
    masks = np.asarray(segments)[None] == np.asarray(capped)[:, None]
    if not masks.any(1).all():
        raise ValueError(f"No state is in segment {capped[int(np.argmin(masks.any(1)))]}.")
    return np.concatenate([cost[None], cost * masks[:, :, None]])


def record(oracle: VectorOracle, trace: list[VectorSolve], multipliers: Floats, reward_weight: float) -> VectorSolve:
    """One best response, evaluated and added to ``trace``."""
    policy = oracle.solve(multipliers, reward_weight)
    found = oracle.evaluate(policy)
    _check_count(len(multipliers), len(found.costs))
    prices = multipliers / reward_weight if reward_weight > 0 else np.where(multipliers > 0, np.inf, 0.0)
    outcome = Outcome(found.reward, found.costs[0])
    trace.append(VectorSolve(float(prices[0]), policy, outcome, tuple(prices.tolist()), found.costs))
    return trace[-1]


def _check_count(budgets: int, costs: int) -> None:
    if budgets != costs:
        raise ValueError(f"{budgets} budgets for an oracle with {costs} costs; one is needed for each.")


def check_budgets(budgets: Sequence[float]) -> Floats:
    """The budgets as an array [q]; one below zero is a floor on what it counts with its sign turned.

    Raises:
        ValueError: none, or some that are NaN or infinite.
    """
    found = np.asarray(budgets, float)
    if found.ndim != 1 or not len(found) or not np.isfinite(found).all():
        raise ValueError(f"The budgets per user are {budgets}; give a list of finite numbers.")
    return found


def upper_bound(trace: Sequence[VectorSolve], budgets: Floats) -> float:
    """What no policy within the budgets exceeds, by weak duality: the least J_r + lambda . (B - J_c) of ``trace``."""
    return min(
        (
            solve.outcome.reward + float(np.dot(solve.multipliers, budgets - np.array(solve.costs)))
            for solve in trace
            if np.isfinite(solve.multipliers).all()
        ),
        default=np.inf,
    )


def mixture(
    trace: Sequence[VectorSolve], weights: Floats, multipliers: Floats, gap: float | None, chosen: Sequence[int]
) -> VectorMixture:
    """The mixture of ``trace[chosen[k]]`` with ``weights[k]``, those without weight left out."""
    kept = [(trace[number], float(weight)) for number, weight in zip(chosen, weights, strict=True) if weight > 0]
    reward = float(sum(weight * solve.outcome.reward for solve, weight in kept))
    costs = tuple(np.dot([weight for _, weight in kept], [solve.costs for solve, _ in kept]).tolist())
    return VectorMixture(
        tuple((solve.policy, weight) for solve, weight in kept),
        Outcome(reward, costs[0]),
        float(multipliers[0]),
        gap,
        tuple(trace),
        tuple(multipliers.tolist()),
        costs,
    )

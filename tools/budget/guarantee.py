"""What is promised of a budget: that it holds on average, with a given probability, or always.

*expected*: the plan costs the budget on average; N users then overspend about half of the time. *chance*: the plan aims
lower, at B' = B - z_{1-alpha} sqrt(se^2 + sigma^2 / N), sigma being the standard deviation of one user's total cost and
se that of the plan's own estimate of its cost; overspending then has probability alpha in the normal approximation.
*hard*: a :class:`BudgetGuard` lets coupons out only while money spent and the face value of all open ones fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.assignment import MOST_SALT_BYTES, draw
from bethink.tools.budget.chord import Mixture
from bethink.tools.budget.cmdp import Floats, Ints, Policy, StochasticPolicy, TabularCMDP, TabularPolicy, occupancy
from bethink.tools.budget.log import Log
from bethink.tools.budget.lp import InfeasibleBudget, check_budget

Mode = Literal["expected", "chance", "hard"]
ROUGH = 100
"""Below so many users the sum of their costs is far from normal, and the statement says so."""
MOST_ROUNDS = 60


# -- how uncertain a cost is ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CostMoments:
    """How the cost of one step varies, and how it goes together with the state that follows.

    Who redeems is active, and who is active moves on to other states than who is not: the variance of a total cost
    needs E[c 1{s'}], which a :class:`TabularCMDP` does not hold.

    Args:
        square: E[c^2 | s, a], [S, A].
        joint: E[c 1{next state is s'} | s, a], [S, A, S]; sums to the expected cost over the last axis.
        counts: how many rows of a log the model of (s, a) was learned from, [S, A]; None: the process is known.
        users: users in that log.
    """

    square: Floats
    joint: Floats
    counts: Floats | None = None
    users: int | None = None

    @classmethod
    def from_log(cls, log: Log, cmdp: TabularCMDP) -> CostMoments:
        """The moments in a log of state numbers, scaled so that they fit the costs that ``cmdp`` learned from it.

        O(n + S^2 A). E[c^2] is the learned cost times sum c^2 / sum c over the cell, which is the face value of coupons
        redeemed as a whole; over the whole action where the cell spent nothing. Next states in the last step are not
        looked at; where nothing was spent before it, cost and next state count as independent.

        Raises:
            ValueError: features instead of state numbers, or numbers beyond the states of ``cmdp``.
        """
        if log.states.ndim != 1 or not np.issubdtype(log.states.dtype, np.integer):
            raise ValueError("State numbers are needed, one a row; make them of the features first.")
        s, a = cmdp.states, cmdp.actions
        if log.states.min() < 0 or log.states.max() >= s or len(log.amounts) > a:
            raise ValueError(f"The log's states or actions are beyond the {s} states and {a} actions of the process.")
        cells = log.states * a + log.actions
        counts = np.bincount(cells, minlength=s * a).reshape(s, a).astype(float)
        money = np.bincount(cells, log.costs, s * a).reshape(s, a)
        squares = np.bincount(cells, log.costs**2, s * a).reshape(s, a)
        of_action = squares.sum(0) / np.where(money.sum(0) > 0, money.sum(0), 1.0)
        face = np.where(money > 0, squares / np.where(money > 0, money, 1.0), of_action)
        go_on = ~log.done
        flat = cells[go_on] * s + log.next_states[go_on]
        joint = np.bincount(flat, log.costs[go_on], s * a * s).reshape(s, a, s)
        spent = joint.sum(-1, keepdims=True)
        share = np.where(spent > 0, joint / np.where(spent > 0, spent, 1.0), cmdp.transition)
        square = np.maximum(cmdp.cost * face, cmdp.cost**2)
        return cls(square, cmdp.cost[:, :, None] * share, counts, log.user_count)


class Spread(NamedTuple):
    """How far the cost per user may be from the plan's, in units of money."""

    deviation: float
    """Standard deviation of one user's total cost, sigma."""
    standard_error: float
    """Standard deviation of the plan's own estimate of its expected cost, se; 0 if the process is known."""


def cost_to_go(cmdp: TabularCMDP, policy: Policy | StochasticPolicy, moments: CostMoments) -> tuple[Floats, Floats]:
    """First and second moment of what a user still costs, by step and state: [T + 1, S] each; O(T A S^2).

    Backward in t: E[C_t] = E[c + C_{t+1}(s')] and E[C_t^2] = E[c^2 + 2 c C_{t+1}(s') + C_{t+1}(s')^2].

    Raises:
        TypeError: a policy that is no table.
    """
    every = np.arange(cmdp.states)
    first, second = np.zeros((2, cmdp.horizon + 1, cmdp.states))
    for step in reversed(range(cmdp.horizon)):
        one = cmdp.cost + cmdp.transition @ first[step + 1]
        two = moments.square + 2 * moments.joint @ first[step + 1] + cmdp.transition @ second[step + 1]
        if isinstance(policy, TabularPolicy):
            first[step], second[step] = one[every, policy.actions[step]], two[every, policy.actions[step]]
        elif isinstance(policy, StochasticPolicy):
            first[step] = (policy.probabilities[step] * one).sum(1)
            second[step] = (policy.probabilities[step] * two).sum(1)
        else:
            raise TypeError(f"A table is needed, not a {type(policy).__name__}.")
    return first, second


def spread(
    cmdp: TabularCMDP, components: tuple[tuple[Policy | StochasticPolicy, float], ...], moments: CostMoments
) -> Spread:
    """The spread of a mixture's cost, exact for ``deviation``; O(T A S^2) a component.

    ``deviation`` holds the variance within each component and that between them, as each user draws one. The square of
    ``standard_error`` is the delta method's: every (s, a) was learned from ``counts`` independent rows, each of which
    moves the estimated cost by X(s,a) c + sum_t x_t(s,a) C_{t+1}(s') over its count, where x is the occupancy under the
    mixture and X its sum over t. The plan is taken as given: that it was chosen with the same rows is not in it. Nor
    is smoothing, which makes the true error smaller. A cell without rows counts as one row.
    """
    mean = square = 0.0
    weight_of_cost = np.zeros((cmdp.states, cmdp.actions))
    weight_of_next = np.zeros((cmdp.states, cmdp.actions, cmdp.states))
    at_start = np.zeros(cmdp.states)
    for policy, weight in components:
        first, second = cost_to_go(cmdp, policy, moments)
        mean += weight * float(cmdp.initial @ first[0])
        square += weight * float(cmdp.initial @ second[0])
        at_start += weight * first[0]
        if moments.counts is not None:
            x = occupancy(cmdp, policy)  # type: ignore[arg-type]  # cost_to_go has refused what is no table
            weight_of_cost += weight * x.sum(0)
            weight_of_next += weight * np.tensordot(x, first[1:], axes=(0, 0))
    deviation = math.sqrt(max(0.0, square - mean**2))
    if moments.counts is None or moments.users is None:
        return Spread(deviation, 0.0)
    total = weight_of_cost * cmdp.cost + (cmdp.transition * weight_of_next).sum(-1)
    variance = weight_of_cost**2 * moments.square + (cmdp.transition * weight_of_next**2).sum(-1) - total**2
    variance += 2 * weight_of_cost * (moments.joint * weight_of_next).sum(-1)
    start = float(cmdp.initial @ at_start**2 - (cmdp.initial @ at_start) ** 2)
    error = float((np.maximum(variance, 0.0) / np.maximum(moments.counts, 1.0)).sum()) + max(0.0, start) / moments.users
    return Spread(deviation, math.sqrt(error))


# -- what is promised -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guarantee:
    """A promise in numbers; money is per user unless a name says total."""

    mode: Mode
    users: int
    budget: float
    planned_budget: float
    """What the plan aims at."""
    expected_cost: float
    deviation: float
    standard_error: float
    p_overspend: float
    """Probability that all users together cost more than the total; in the normal approximation, 0 for hard."""
    alpha: float | None = None
    """The accepted probability, for chance."""

    @property
    def total_budget(self) -> float:
        """Money for all users."""
        return self.budget * self.users

    @property
    def unspent(self) -> float:
        """What is expected to be left, as a share of the budget."""
        return 1 - self.expected_cost / self.budget if self.budget > 0 else 0.0

    def numbers(self) -> dict[str, float]:
        """Every number that the statement may name, as it is written there."""
        money = ("budget", "planned_budget", "expected_cost", "deviation", "standard_error", "total_budget")
        found: dict[str, float] = {"users": self.users} | {name: float(_written(getattr(self, name))) for name in money}
        shares = {"p_overspend": self.p_overspend, "unspent": self.unspent, "alpha": self.alpha}
        return found | {name: float(f"{share:.3g}") for name, share in shares.items() if share is not None}

    @property
    def statement(self) -> str:
        """The promise in words, every number of which is in :meth:`numbers`."""
        n = {name: _written(value) for name, value in self.numbers().items()}
        if self.mode == "hard":
            return (
                f"Hard: a coupon is issued only while money spent and the face value of all open coupons stay within "
                f"{n['total_budget']} in total, so the budget cannot be exceeded. The price is money that stays "
                f"unspent: {n['unspent']} of it is expected to."
            )
        spreading = f"one user's total cost has a standard deviation of {n['deviation']}"
        if self.standard_error > 0:
            spreading += f", the plan's estimate of its cost has a standard error of {n['standard_error']}"
        rough = "; with so few users that is rough" if self.users < ROUGH else ""
        if self.mode == "chance":
            return (
                f"Chance: planned at {n['planned_budget']} per user instead of {n['budget']}, so that {n['users']} "
                f"users together exceed {n['total_budget']} with a probability of {n['p_overspend']}, at most "
                f"{n['alpha']} (normal approximation{rough}; {spreading})."
            )
        return (
            f"Expected: the plan costs {n['expected_cost']} per user on average, within {n['budget']}. What "
            f"{n['users']} users really spend varies about it and exceeds {n['total_budget']} in total with a "
            f"probability of {n['p_overspend']} (normal approximation{rough}; {spreading})."
        )

    def as_json(self) -> dict[str, Any]:
        """Mode, numbers and statement."""
        return {"mode": self.mode, **self.numbers(), "statement": self.statement}


def _written(value: float) -> str:
    """A number as people write it: four decimals, below one six significant digits."""
    places = 4 if abs(value) >= 1 or value == 0 else 5 - math.floor(math.log10(abs(value)))
    return f"{value:.{places}f}".rstrip("0").rstrip(".")


def expected_guarantee(expected_cost: float, budget: float, users: int, uncertain: Spread) -> Guarantee:
    """What a plan that costs ``expected_cost`` per user promises of ``budget`` when it is simply carried out.

    Raises:
        ValueError: no budget or no users.
    """
    _check(budget, users)
    scale = _scale(uncertain, users)
    if scale > 0:
        p_overspend = 1 - NormalDist().cdf((budget - expected_cost) / scale)
    else:
        p_overspend = float(expected_cost > budget * (1 + 1e-9))
    return Guarantee("expected", users, budget, budget, expected_cost, *uncertain, p_overspend)


def chance_plan(
    plan: Callable[[float], Mixture],
    uncertain: Callable[[Mixture], Spread],
    budget: float,
    users: int,
    *,
    alpha: float = 0.05,
    tolerance: float = 1e-4,
) -> tuple[Mixture, Guarantee]:
    """The best plan that all ``users`` together exceed the budget with at most a probability of ``alpha``.

    The plan at B' decides sigma, and sigma decides B': a fixed point, found by putting one into the other, and by
    halving the bracket where that leaves it; some five plans.

    Args:
        plan: the plan for a budget per user, such as ``lambda b: chord_search(oracle, b)``.
        uncertain: its spread, such as ``lambda m: spread(cmdp, m.components, moments)``.
        budget: money per user, B.
        users: N.
        alpha: in (0, 0.5].
        tolerance: B' is at most this share of B below the best one.

    Raises:
        InfeasibleBudget: the cheapest plan and its margin need more.
        ValueError: no budget, no users, alpha out of range.
    """
    _check(budget, users)
    if not 0 < alpha <= 0.5:
        raise ValueError(f"alpha is {alpha}; it must be above 0 and at most 0.5.")
    z = NormalDist().inv_cdf(1 - alpha)
    low, high, aim, least = 0.0, budget, budget, -math.inf
    best: tuple[float, Mixture] | None = None
    for _ in range(MOST_ROUNDS):
        try:
            mixture = plan(aim)
        except InfeasibleBudget as problem:
            if aim == budget:
                raise
            low = aim = least = problem.minimum
            continue
        margin = z * _scale(uncertain(mixture), users)
        if mixture.outcome.cost + margin <= budget * (1 + 1e-12):
            low, best = aim, (aim, mixture)
        elif aim <= least:
            raise InfeasibleBudget(budget, aim + margin)
        else:
            high = aim
        if best is not None and (best[0] == budget or high - low <= tolerance * budget):
            break
        aim = budget - margin if low < budget - margin < high else (low + high) / 2
    if best is None:
        raise InfeasibleBudget(budget, high)
    planned, mixture = best
    found = expected_guarantee(mixture.outcome.cost, budget, users, uncertain(mixture))
    return mixture, replace(found, mode="chance", planned_budget=planned, alpha=alpha)


def hard_guarantee(expected_cost: float, budget: float, users: int, uncertain: Spread) -> Guarantee:
    """What a plan under a :class:`BudgetGuard` promises; ``expected_cost`` is with the guard in force.

    Raises:
        ValueError: no budget or no users.
    """
    _check(budget, users)
    return Guarantee("hard", users, budget, budget, expected_cost, *uncertain, 0.0)


def _check(budget: float, users: int) -> None:
    check_budget(budget)
    if users < 1:
        raise ValueError(f"{users} users; at least one is needed.")


def _scale(uncertain: Spread, users: int) -> float:
    """Standard deviation of the average cost of ``users``, around what the plan thinks."""
    return math.hypot(uncertain.standard_error, uncertain.deviation / math.sqrt(users))


# -- the guard --------------------------------------------------------------------------------------------------------


def minor_units(amounts: Floats, scale: int = 100) -> Ints:
    """Money as whole minor units (cents), int64.

    Raises:
        ValueError: amounts that are negative, not finite, too large, or no whole number of minor units.
    """
    scaled = np.asarray(amounts, float) * scale
    if not np.isfinite(scaled).all() or (scaled < 0).any() or (scaled > 2**53).any():
        raise ValueError("Amounts of money must be finite, zero or more, and below 2^53 minor units.")
    whole = np.rint(scaled)
    if not np.allclose(scaled, whole, rtol=1e-12, atol=1e-6):
        raise ValueError(f"Amounts must be whole numbers of 1/{scale}.")
    return whole.astype(np.int64)


@dataclass
class BudgetGuard:
    """Never lets coupons out that could, all redeemed, take more than ``total``; whole minor units throughout.

    The state is four numbers, so it can be kept anywhere between two weeks: give them back to go on.

    Example:
        >>> guard = BudgetGuard(total=1_000)
        >>> granted = guard.filter(np.array([500, 0, 500, 500]), np.array([7, 8, 9, 10]))
        >>> int(granted.sum()), guard.open, guard.left
        (1000, 1000, 0)
        >>> guard.settle(granted, np.where(granted > 0, [500, 0, 0, 0], 0))
        >>> guard.left in (500, 1000)
        True
    """

    total: int
    spent: int = 0
    """Money paid for redeemed coupons."""
    open: int = 0
    """Face value of coupons that may still be redeemed."""
    calls: int = 0
    """How often coupons were cut; makes the next cut hit others."""
    salt: str = "guard"

    def __post_init__(self) -> None:
        for name in ("total", "spent", "open", "calls"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < 2**62:
                raise ValueError(f"{name} is {value!r}; give whole minor units (cents) from 0 to below 2^62.")
            setattr(self, name, int(value))
        if not 0 < len(self.salt.encode()) <= MOST_SALT_BYTES // 2:
            raise ValueError(f"The salt must be 1 to {MOST_SALT_BYTES // 2} bytes long.")
        if self.left < 0:
            raise ValueError(f"Spent {self.spent} and open {self.open} are more than the total of {self.total}.")

    @property
    def left(self) -> int:
        """What may still be let out."""
        return self.total - self.spent - self.open

    def filter(self, proposed: Ints, user_ids: NDArray) -> Ints:
        """The face values that go out, [n]: those proposed, or 0 for who is cut; they are open from now on.

        Where not all fit, users come in the order of a salted hash of their ids, another one each time, up to the
        first that does not fit. O(n), and O(n log n) with n hashes where something is cut.

        Raises:
            ValueError: values that are no whole minor units, or of another length than the ids.
        """
        proposed = _whole(proposed, "proposed")
        if proposed.shape != np.shape(user_ids):
            raise ValueError(f"{proposed.shape} face values need as many user ids, not {np.shape(user_ids)}.")
        granted = proposed
        if int(proposed.sum()) > self.left:
            asking = np.flatnonzero(proposed)
            order = asking[np.argsort(draw(np.asarray(user_ids)[asking], f"{self.salt}/{self.calls}"), kind="stable")]
            fits = order[np.cumsum(proposed[order]) <= self.left]
            granted = np.zeros_like(proposed)
            granted[fits] = proposed[fits]
            self.calls += 1
        self.open += int(granted.sum())
        return granted

    def settle(self, granted: Ints, redeemed: Ints) -> None:
        """Close coupons of these face values [m], of which ``redeemed`` [m] was taken; the rest may be issued anew.

        Raises:
            ValueError: more redeemed than granted, more closed than open, or no whole minor units.
        """
        granted, redeemed = _whole(granted, "granted"), _whole(redeemed, "redeemed")
        if granted.shape != redeemed.shape or (redeemed > granted).any():
            raise ValueError("redeemed must hold one value for each granted coupon, and none above it.")
        closed = int(granted.sum())
        if closed > self.open:
            raise ValueError(f"Coupons of {closed} are to be settled, but only {self.open} are open.")
        self.open -= closed
        self.spent += int(redeemed.sum())


def _whole(values: Ints, name: str) -> Ints:
    values = np.asarray(values)
    if not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{name} must be whole minor units (cents), not {values.dtype}; see minor_units.")
    if len(values) and (values.min() < 0 or int(values.max()) * len(values) >= 2**63):
        raise ValueError(f"{name} must be zero or more, and add up to less than 2^63.")
    return values.astype(np.int64, copy=False)

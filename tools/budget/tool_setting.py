"""What the runs of the budget tools have in common: the setting, refusals, progress, and the curve as judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.budget.chord import Mixture
from bethink.tools.budget.cmdp import Floats
from bethink.tools.budget.curve import BudgetCurve
from bethink.tools.budget.lp import InfeasibleBudget
from bethink.tools.budget.past import dependence_on_past
from bethink.tools.budget.tool_campaign import Campaign
from bethink.tools.budget.tool_judge import Verdict
from bethink.tools.budget.tool_plan import Learned, Terms, learn
from bethink.tools.budget.tool_report import interval, money, told, warned
from bethink.tools.contract import ToolContext, ToolError
from bethink.tools.threads import one_thread_if_small

if TYPE_CHECKING:
    from bethink.tools.budget.tool import CurvePoint, Warned

JUDGED = (0.35, 0.9)
"""The shares of a run between which plans are judged."""
PAST = (
    "What users got a step before changes what they do, beyond what they are told apart by: figures over many steps "
    "may be far off. Add a column that tells it, such as coupons in the last weeks, or more users."
)


@contextmanager
def one_thread() -> Iterator[None]:
    """Small matrices: a second thread would cost more than it helps."""
    import scipy.optimize  # noqa: F401  (limits hold for the libraries that are loaded)
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with one_thread_if_small(0), threadpool_limits(1, user_api="blas"):
        yield


@dataclass(frozen=True, eq=False)
class Setting:
    """What a run plans for: the campaign, what was learned of all users, and how many users are planned for."""

    campaign: Campaign
    learned: Learned
    users: int
    warnings: list[Warned]
    faces: Floats

    def total(self, per_user: float) -> float:
        """Money or reward of all users planned for."""
        return per_user * self.users


def settle(campaign: Campaign, n_users: int | None, context: ToolContext) -> Setting:
    """Learn the process from all users.

    Raises:
        ToolError: ``invalid_input`` where nobody got nothing.
    """
    dataset = campaign.dataset
    if not (dataset.actions == 0).any():
        raise ToolError(
            "invalid_input",
            "Every row of the log got a coupon, so what happens without one, and what coupons add to it, is not known.",
            "Add the users (or weeks) that got none, with the amount 0.",
        )
    context.checkpoint(0.1, "Telling users apart and learning what amounts do")
    learned = learn(dataset)
    warnings = [warned(each.code, each.message, each.numbers) for each in campaign.report.findings]
    if dataset.horizon > 1 and dependence_on_past(learned.log).matters:
        warnings.insert(0, warned("past_matters", PAST, {}))
    faces = np.maximum(dataset.amounts, 0.0)
    np.maximum.at(faces, dataset.actions, dataset.costs)
    return Setting(campaign, learned, n_users or campaign.users, warnings, faces)


def infeasible(error: InfeasibleBudget, users: int, what: str) -> ToolError:
    """The refusal of a budget that cannot be kept, with the least that can."""
    least = money(error.minimum * users * (1 + 1e-9) + 0.005)
    message = f"{what} cannot be kept: at least {least:g} is needed for {users} users."
    return ToolError("invalid_input", message, f"Give a budget of {least:g} or more, or loosen what it must keep.")


def judging(context: ToolContext) -> Callable[[float], None]:
    """Progress of a judge, as a share of the whole run."""
    low, high = JUDGED
    return lambda done: context.checkpoint(low + done * (high - low), "Judging on users not learned from")


def grid(curve: BudgetCurve, count: int) -> list[float]:
    """Budgets per user up to where more money brings nothing more, closer together where money is scarce."""
    steps = np.arange(1, count + 1) / count
    return [float(each) for each in curve.least + (curve.saturation - curve.least) * steps**2]


def points_of(setting: Setting, curve: BudgetCurve, verdict: Verdict, budgets: Mapping[str, float]) -> list[CurvePoint]:
    """The curve as judged: increments of the plans by the names that they were judged under."""
    from bethink.tools.budget.tool import CurvePoint

    found = []
    for name, budget in budgets.items():
        gain = verdict.gain(name)
        assert gain is not None
        found.append(
            CurvePoint(
                budget=money(setting.total(budget)),
                increment=told(setting.total(gain.value)),
                marginal=told(curve.point(budget).marginal),
                ci=interval(*(setting.total(end) for end in gain.ci)),
            )
        )
    return found


def fitting(terms: Terms, learned: Learned) -> Mixture:
    """The plan in a process learned from half of the users, where the least budget may be a little higher."""
    try:
        return terms.plan(learned)
    except InfeasibleBudget as error:
        return replace(terms, budget=error.minimum * (1 + 1e-6) + 1e-9, caps=(), mode="expected").plan(learned)

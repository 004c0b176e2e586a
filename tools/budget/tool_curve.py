"""A run of ``budget_curve``: what a range of budgets would bring, or the least budget for a target."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.budget import rules
from bethink.tools.budget.curve import BudgetCurve
from bethink.tools.budget.lp import InfeasibleBudget
from bethink.tools.budget.ope.target import Target
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.tool_campaign import read_campaign
from bethink.tools.budget.tool_judge import NOTHING, Verdict, judge
from bethink.tools.budget.tool_plan import Learned, Terms
from bethink.tools.budget.tool_report import assumptions_of, curve_summary, evaluation_of, money, read_as, told, written
from bethink.tools.budget.tool_setting import (
    JUDGED,
    Setting,
    fitting,
    grid,
    infeasible,
    judging,
    one_thread,
    points_of,
    settle,
)
from bethink.tools.contract import Plot, ToolContext, ToolError

if TYPE_CHECKING:
    from bethink.tools.budget.tool import BudgetCurveInput, BudgetCurveOutput

CURVE_POINTS = 9


def run_curve(request: BudgetCurveInput, context: ToolContext, start: float) -> BudgetCurveOutput:
    """See :func:`bethink.tools.budget.tool.curve`."""
    with one_thread():
        return _curve(request, context, start)


def _curve(request: BudgetCurveInput, context: ToolContext, start: float) -> BudgetCurveOutput:
    from bethink.tools.budget.tool import BudgetCurveOutput

    campaign = read_campaign(request, context)
    setting = settle(campaign, request.n_users, context)
    curve = BudgetCurve(TabularOracle(setting.learned.process), tolerance=1e-9)
    least = setting.total(curve.least)
    for total in request.budgets or ():
        if total < least * (1 - 1e-9):
            error = InfeasibleBudget(total / setting.users, curve.least)
            raise infeasible(error, setting.users, f"A budget of {written(money(total))}")
    wanted = [total / setting.users for total in sorted(request.budgets or [])]
    shown = {f"budget {n}": each for n, each in enumerate(wanted or grid(curve, CURVE_POINTS))}
    asked = {f"target {n}": each for n, each in enumerate(grid(curve, CURVE_POINTS))} if request.target else {}

    def policies(learned: Learned) -> dict[str, Target]:
        made: dict[str, Target] = {NOTHING: rules.always(learned.process, 0)}
        for name, each in (shown | asked).items():
            made[name] = fitting(Terms(each, "expected", (), setting.faces), learned)
        return made

    nobody = np.zeros(campaign.users, np.int64)
    verdict = judge(campaign.dataset, policies, nobody, seed=request.seed, progress=judging(context))
    context.checkpoint(JUDGED[1], "Drawing")
    points = points_of(setting, curve, verdict, shown)
    gains = [verdict.gain(name) for name in shown]
    worst = min((each for each in gains if each is not None), key=lambda each: each.ess)
    needed = None if request.target is None else _budget_for(request.target, setting, curve, verdict, asked)
    out = BudgetCurveOutput(
        summary="",
        status="warning" if setting.warnings else "ok",
        read_as=read_as(campaign, setting.learned.cells),
        users=setting.users,
        points=points,
        saturation=money(setting.total(curve.saturation)),
        target=request.target,
        budget_for_target=needed,
        evaluation=evaluation_of(campaign, worst),
        assumptions=assumptions_of(campaign, setting.learned.cells),
        warnings=setting.warnings,
        seconds=0.0,
    )
    out.plots = _draw_curve(out, context)
    out.summary = curve_summary(out)
    out.seconds = round(time.perf_counter() - start, 2)
    return out


def _budget_for(
    target: float, setting: Setting, curve: BudgetCurve, verdict: Verdict, asked: Mapping[str, float]
) -> float:
    """The least budget at which the judged total reward reaches the target, between judged budgets by straight lines.

    Raises:
        ToolError: ``invalid_input`` where no budget does.
    """
    nothing = setting.total(verdict.reward(NOTHING).value)
    budgets = [curve.least, *asked.values()]
    totals = [nothing, *(setting.total(verdict.reward(name).value) for name in asked)]
    if target > max(totals):
        message = (
            f"No budget is expected to bring a total of {target:g}: the most is {told(max(totals)):g}, from "
            f"{money(setting.total(curve.saturation)):g} on."
        )
        raise ToolError("invalid_input", message, f"Give a target of at most {told(max(totals)):g}.")
    for place in range(1, len(budgets)):
        if totals[place] >= target:
            low, high = totals[place - 1], totals[place]
            share = 0.0 if target <= low else (target - low) / (high - low)
            return money(setting.total(budgets[place - 1] + share * (budgets[place] - budgets[place - 1])))
    return money(setting.total(budgets[0]))


def _draw_curve(out: BudgetCurveOutput, context: ToolContext) -> list[Plot]:
    from bethink.tools.budget.plot import draw_curve

    context.folder.mkdir(parents=True, exist_ok=True)
    path: object = context.folder / f"budget_curve_{uuid.uuid4().hex[:8]}.png"
    reward = str(out.read_as.columns.get("reward"))
    draw_curve(
        [0.0, *(each.budget for each in out.points)],
        [0.0, *(each.increment for each in out.points)],
        [(0.0, 0.0), *(each.ci for each in out.points)],
        None,
        [],
        reward,
        out.read_as.currency or "",
        path,  # type: ignore[arg-type]
    )
    alt = f"{reward} above no coupon for {len(out.points)} budgets, with 95 % intervals."
    return [Plot(path=str(path), title=f"{out.read_as.source}: what a budget brings", alt=alt)]

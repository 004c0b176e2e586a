"""What the budget tools say of a run: a few sentences, each number of which stands in the output's other fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bethink.tools.contract import short

if TYPE_CHECKING:
    from bethink.tools.budget.tool import (
        AllocateBudgetOutput,
        Baseline,
        BudgetCurveOutput,
        CurvePoint,
        EvaluatePolicyOutput,
        ReadAs,
    )

DIGITS = 4


def money(value: float) -> float:
    """Money as it is told: no cents from 1,000 on, else two decimals.

    Example:
        >>> money(12345.678), money(12.345)
        (12346.0, 12.35)
    """
    return float(round(value)) if abs(value) >= 1000 else round(value, 2)


def told(value: float) -> float:
    """A quantity with four significant digits."""
    return 0.0 if value == 0 else short(value, DIGITS)


def interval(low: float, high: float) -> tuple[float, float]:
    """Both ends, as :func:`told`."""
    return told(low), told(high)


def written(value: float) -> str:
    """A number in a sentence: whole numbers without a point.

    Example:
        >>> written(12346.0), written(0.0982)
        ('12346', '0.0982')
    """
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def of_data(read: ReadAs) -> str:
    """The first words of a summary: what was read."""
    time = f" over {read.steps} steps" if read.steps > 1 else ", one shot"
    return f"{read.source}: {read.users} users{time}, {read.rows} rows"


def unit(read: ReadAs) -> str:
    """The currency with a blank before it, or nothing."""
    return f" {read.currency}" if read.currency else ""


def against(baselines: Sequence[Baseline]) -> str:
    """How the plan compares with the simpler rules, and where that is not significant."""
    parts = []
    for rule in baselines:
        low, high = (written(end) for end in rule.gain_ci)
        if rule.significant:
            parts.append(f"{written(rule.gain_of_plan)} above {rule.name} ({low} to {high})")
        else:
            parts.append(
                f"no detectable gain over {rule.name} (difference {written(rule.gain_of_plan)}, {low} to {high}: "
                "not significant)"
            )
    return ("; ".join(parts) + ". ") if parts else ""


def allocation_summary(out: AllocateBudgetOutput) -> str:
    """A paragraph for somebody who reads nothing else."""
    read, totals = out.read_as, out.totals
    reward = str(read.columns.get("reward") or "reward")
    low, high = (written(end) for end in totals.ci)
    text = (
        f"{of_data(read)}. The plan spends {written(totals.expected_cost)}{unit(read)} of "
        f"{written(totals.budget)}{unit(read)} on {totals.users} users (expected) and brings "
        f"{written(totals.increment)} more {reward} than no coupon (95 % interval {low} to {high}); "
    )
    if totals.ci[0] <= 0 <= totals.ci[1]:
        text += "that it brings anything is not significant; "
    text += f"one more unit of money would bring {written(out.marginal_return)}. "
    if totals.unspent > 0:
        text += f"{written(totals.unspent)}{unit(read)} stays unspent. "
    text += against(out.baselines)
    if totals.p_overspend is not None:
        text += f"Probability of overspending: {written(totals.p_overspend)} ({out.guarantee.mode}). "
    if not out.evaluation.reliable:
        text += f"These figures are unreliable: {out.evaluation.reason} "
    return text + _first_warning(out.warnings)


def curve_summary(out: BudgetCurveOutput) -> str:
    """The points in words, the target's answer, and from where on money does not help."""
    read = out.read_as
    reward = str(read.columns.get("reward") or "reward")
    points = "; ".join(_point(point, unit(read)) for point in out.points[:4])
    more = "" if len(out.points) <= 4 else f"; and {len(out.points) - 4} more"
    text = f"{of_data(read)}. More {reward} than no coupon: {points}{more}. "
    text += f"Beyond {written(out.saturation)}{unit(read)} more money brings nothing more. "
    if out.target is not None and out.budget_for_target is not None:
        text += f"A total of {written(out.target)} needs {written(out.budget_for_target)}{unit(read)}. "
    if not out.evaluation.reliable:
        text += f"These figures are unreliable: {out.evaluation.reason} "
    return text + _first_warning(out.warnings)


def evaluation_summary(out: EvaluatePolicyOutput) -> str:
    """What the rule would have brought and cost."""
    read = out.read_as
    reward = str(read.columns.get("reward") or "reward")
    low, high = (written(end) for end in out.ci)
    text = (
        f"{of_data(read)}. The rule would bring {written(out.reward)} {reward} in total "
        f"({written(out.reward_ci[0])} to {written(out.reward_ci[1])}), {written(out.increment)} more than no coupon "
        f"({low} to {high}{'' if out.ci[0] > 0 or out.ci[1] < 0 else ': not significant'}), and cost "
        f"{written(out.cost)}{unit(read)} ({written(out.cost_ci[0])} to {written(out.cost_ci[1])}). "
    )
    if not out.evaluation.reliable:
        text += f"These figures are unreliable: {out.evaluation.reason} "
    return text + _first_warning(out.warnings)


def _point(point: CurvePoint, currency: str) -> str:
    return f"{written(point.increment)} for {written(point.budget)}{currency}"


def _first_warning(warnings: Sequence[object]) -> str:
    if not warnings:
        return ""
    count = len(warnings)
    text = f"Warning: {getattr(warnings[0], 'message', '')}"
    return text if count == 1 else f"{text} {count - 1} more warnings in the result."

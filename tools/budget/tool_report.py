"""What the budget tools say of a run: a few sentences, each number of which stands in the output's other fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bethink.tools.budget.campaign import CampaignDataset
from bethink.tools.budget.cells import Cells
from bethink.tools.budget.cmdp import Floats
from bethink.tools.budget.ope import Estimate
from bethink.tools.budget.ope.estimate import MINIMUM_ESS
from bethink.tools.budget.tool_campaign import SAMPLE, Campaign
from bethink.tools.contract import short
from bethink.tools.findings import listed, quoted

if TYPE_CHECKING:
    from bethink.tools.budget.tool import (
        AllocateBudgetOutput,
        Baseline,
        BudgetCurveOutput,
        CurvePoint,
        EvaluatePolicyOutput,
        Evaluation,
        ReadAs,
        Warned,
    )

DIGITS = 4
MOST_ASSUMPTIONS = 12
ONE_SHOT = "doubly robust, on users that were not learned from"
LONG = "fitted Q evaluation with a bootstrap over users, on users that were not learned from"


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


def warned(code: str, message: str, numbers: Mapping[str, Any]) -> Warned:
    """A warning as the tools give it."""
    from bethink.tools.budget.tool import Warned

    return Warned(code=code, message=message, numbers=dict(numbers))


def labelled(dataset: CampaignDataset, shares: Floats) -> dict[str, float]:
    """Shares by amount, in three decimals."""
    return {label: round(float(share), 3) for label, share in zip(dataset.labels, shares, strict=True)}


def read_as(campaign: Campaign, cells: Cells) -> ReadAs:
    """How the file was understood."""
    from bethink.tools.budget.tool import ReadAs

    columns, dataset = campaign.dataset.columns, campaign.dataset
    features = [each.name for each in cells.columns]
    propensity = columns.propensity
    return ReadAs(
        source=campaign.source,
        rows=campaign.rows,
        users=campaign.users,
        steps=dataset.horizon,
        columns={
            "user": columns.user,
            "time": columns.time if dataset.horizon > 1 else None,
            "amount": columns.action,
            "reward": columns.reward,
            "cost": columns.cost,
            "propensity": propensity if isinstance(propensity, str | None) else list(propensity),
            "told_apart_by": features,
        },
        amounts=list(dataset.labels),
        states=cells.count,
        currency=dataset.currency,
    )


def evaluation_of(campaign: Campaign, gain: Estimate) -> Evaluation:
    """How the figures were obtained, and whether they may be relied on."""
    from bethink.tools.budget.tool import Evaluation

    ess, reasons = told(gain.ess), []
    if campaign.report.associational:
        reasons.append("amounts were not drawn at random, so the figures are associational")
    if gain.ess < MINIMUM_ESS:
        reasons.append(
            f"the log tells as much as {written(ess)} users under the policy itself would; {MINIMUM_ESS:g} are needed"
        )
    elif not gain.reliable:
        reasons.append("some of what the policy does was never logged for such users")
    return Evaluation(
        method=LONG if campaign.dataset.horizon > 1 else ONE_SHOT,
        level=95,
        n=gain.n,
        ess=ess,
        least_ess=MINIMUM_ESS,
        reliable=not reasons,
        reason="; ".join(reasons),
    )


def assumptions_of(campaign: Campaign, cells: Cells) -> list[str]:
    """What is taken for granted: how the file was read first."""
    dataset = campaign.dataset
    found = list(campaign.report.assumptions)
    reasons = dataset.columns.reasons
    guessed = {
        role: name
        for role, name in (("amount", dataset.columns.action), ("reward", dataset.columns.reward))
        if reasons.get("action" if role == "amount" else role) != "stated"
    }
    if guessed and campaign.source != SAMPLE:
        text = ", ".join(f"{role}: {quoted(name)}" for role, name in guessed.items())
        found.append(f"Columns were guessed by name and values ({text}); state them in `columns` if that is wrong.")
    if cells.dropped:
        names = listed(cells.dropped)
        found.append(f"Users are not told apart by {names}: that does not help to foretell what they do.")
    if dataset.horizon > 1:
        found.append(
            "Users start the planned campaign as those in the log did, and change as those did, in every step."
        )
    found.append("Users do not affect each other, and the next campaign's users behave as the log's did.")
    return found[:MOST_ASSUMPTIONS]


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
        if rule.gain_ci == (0.0, 0.0):
            parts.append(f"it does what {rule.name} does")
            continue
        if rule.significant:
            parts.append(f"{written(rule.gain_of_plan)} above {rule.name} ({low} to {high})")
        else:
            parts.append(
                f"no detectable gain over {rule.name} (difference {written(rule.gain_of_plan)}, {low} to {high}: "
                "not significant)"
            )
    return f"Against simpler rules at the same cost: {'; '.join(parts)}. " if parts else ""


def allocation_summary(out: AllocateBudgetOutput) -> str:
    """A paragraph for somebody who reads nothing else."""
    read, totals = out.read_as, out.totals
    reward = str(read.columns.get("reward") or "reward")
    low, high = (written(end) for end in totals.ci)
    text = (
        f"{of_data(read)}. The plan is expected to spend {written(totals.expected_cost)}{unit(read)} of "
        f"{written(totals.budget)}{unit(read)} on {totals.users} users and to bring "
        f"{written(totals.increment)} more ({reward}) than no coupon "
        f"({out.evaluation.level} % interval {low} to {high}); "
    )
    if totals.ci[0] <= 0 <= totals.ci[1] and totals.expected_cost > 0:
        text += "that it brings anything is not significant; "
    text += f"one more unit of money would bring {written(out.marginal_return)}. "
    if totals.unspent > 0:
        text += f"{written(totals.unspent)}{unit(read)} stays unspent. "
    text += against(out.baselines)
    text += f"Probability of overspending: {written(totals.p_overspend)} ({out.guarantee.mode}). "
    if not out.evaluation.reliable:
        text += f"These figures are unreliable: {out.evaluation.reason}. "
    return text + _first_warning(out.warnings)


def curve_summary(out: BudgetCurveOutput) -> str:
    """The points in words, the target's answer, and from where on money does not help."""
    read = out.read_as
    reward = str(read.columns.get("reward") or "reward")
    points = "; ".join(_point(point, unit(read)) for point in out.points[:4])
    more = "" if len(out.points) <= 4 else "; and more"
    text = f"{of_data(read)}. More ({reward}) than no coupon, for {out.users} users: {points}{more}. "
    text += f"Beyond {written(out.saturation)}{unit(read)} more money brings nothing more. "
    if out.target is not None and out.budget_for_target is not None:
        text += f"A total of {written(out.target)} needs {written(out.budget_for_target)}{unit(read)}. "
    if not out.evaluation.reliable:
        text += f"These figures are unreliable: {out.evaluation.reason}. "
    return text + _first_warning(out.warnings)


def evaluation_summary(out: EvaluatePolicyOutput) -> str:
    """What the rule would have brought and cost."""
    read = out.read_as
    reward = str(read.columns.get("reward") or "reward")
    low, high = (written(end) for end in out.ci)
    text = (
        f"{of_data(read)}. For {out.users} users the rule would bring {written(out.reward)} ({reward}) in total "
        f"({written(out.reward_ci[0])} to {written(out.reward_ci[1])}), {written(out.increment)} more than no coupon "
        f"({low} to {high}{'' if out.significant else ': not significant'}), and cost "
        f"{written(out.cost)}{unit(read)} ({written(out.cost_ci[0])} to {written(out.cost_ci[1])}). "
    )
    if not out.evaluation.reliable:
        text += f"These figures are unreliable: {out.evaluation.reason}. "
    return text + _first_warning(out.warnings)


def _point(point: CurvePoint, currency: str) -> str:
    return f"{written(point.increment)} for {written(point.budget)}{currency}"


def _first_warning(warnings: Sequence[Warned]) -> str:
    if not warnings:
        return ""
    text = f"Warning: {warnings[0].message}"
    return text if len(warnings) == 1 else f"{text} There are more warnings in the result."

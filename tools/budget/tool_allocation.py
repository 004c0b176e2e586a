"""A run of ``allocate_budget``: read, learn, plan, promise, judge, draw, write, report."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from bethink.tools.budget import rules
from bethink.tools.budget.cells import Levels
from bethink.tools.budget.chord import Mixture
from bethink.tools.budget.cmdp import outcome
from bethink.tools.budget.curve import BudgetCurve
from bethink.tools.budget.lp import InfeasibleBudget
from bethink.tools.budget.ope import Estimate
from bethink.tools.budget.ope.target import Target
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.tool_campaign import Campaign, Segments, read_campaign, segments_of
from bethink.tools.budget.tool_judge import NOTHING, PLAN, Verdict, judge
from bethink.tools.budget.tool_plan import Cap, Learned, Terms, learn, promise, use
from bethink.tools.budget.tool_report import (
    allocation_summary,
    assumptions_of,
    evaluation_of,
    interval,
    labelled,
    money,
    read_as,
    told,
    warned,
    written,
)
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
from bethink.tools.findings import quoted

if TYPE_CHECKING:
    from bethink.tools.budget.tool import (
        AllocateBudgetInput,
        AllocateBudgetOutput,
        Baseline,
        SegmentPlan,
        Totals,
        Warned,
    )

POINTS = 6
"""Budgets of the curve that a plan is shown with, besides the plan's own."""


def run_allocation(request: AllocateBudgetInput, context: ToolContext, start: float) -> AllocateBudgetOutput:
    """See :func:`bethink.tools.budget.tool.allocate`."""
    with one_thread():
        return _allocation(request, context, start)


def _allocation(request: AllocateBudgetInput, context: ToolContext, start: float) -> AllocateBudgetOutput:
    from bethink.tools.budget.tool import AllocateBudgetOutput, GuaranteeText, Totals
    from bethink.tools.budget.tool_files import write_files

    campaign = read_campaign(request, context)
    setting = settle(campaign, request.n_users, context)
    dataset = campaign.dataset
    segments = segments_of(campaign, request.segment_by, setting.learned.cells)
    caps, forced = _caps(request, segments, dataset.features.columns)
    if forced:
        setting = replace(setting, learned=learn(dataset, forced))
    logged = float(dataset.costs.sum()) / campaign.users
    total = setting.total(logged) if request.budget is None else request.budget
    terms = Terms(total / setting.users, request.guarantee, caps, setting.faces)
    context.checkpoint(0.25, "Planning within the budget")
    try:
        plan, guarantee = promise(terms, setting.learned, setting.users, request.alpha)
    except InfeasibleBudget as error:
        raise infeasible(error, setting.users, _what(request, total)) from error
    aim = replace(terms, budget=guarantee.planned_budget)
    curve = BudgetCurve(TabularOracle(setting.learned.process), tolerance=1e-9)
    shown = {f"curve {n}": budget for n, budget in enumerate(grid(curve, POINTS))}
    names: tuple[str, ...] = (
        ("random_users", "uniform") if dataset.horizon == 1 else ("random_users", "uniform", "myopic")
    )
    if plan.outcome.cost <= curve.least * (1 + 1e-9):
        names = ()  # nothing is spent, so there is nothing to compare

    def policies(learned: Learned) -> dict[str, Target]:
        made: dict[str, Target] = {NOTHING: rules.always(learned.process, 0), PLAN: fitting(aim, learned)}
        cost = max(plan.outcome.cost, outcome(learned.process, rules.always(learned.process, 0)).cost)
        made |= {name: rules.RULES[name](learned.process, cost) for name in names}
        made |= {name: fitting(Terms(each, "expected", (), setting.faces), learned) for name, each in shown.items()}
        return made

    verdict = judge(dataset, policies, segments.of_user, forced=forced, seed=request.seed, progress=judging(context))
    context.checkpoint(JUDGED[1], "Drawing")
    gain, cost, reward = verdict.gain(PLAN, comparisons=1 + len(names)), verdict.cost(PLAN), verdict.reward(PLAN)
    assert gain is not None
    totals = Totals(
        users=setting.users,
        budget=money(total),
        planned_budget=money(setting.total(guarantee.planned_budget)),
        expected_cost=money(setting.total(plan.outcome.cost)),
        cost_ci=(money(setting.total(cost.ci[0])), money(setting.total(cost.ci[1]))),
        unspent=money(max(0.0, total - setting.total(plan.outcome.cost))),
        p_overspend=told(guarantee.p_overspend),
        increment=told(setting.total(gain.value)),
        ci=interval(*(setting.total(end) for end in gain.ci)),
        reward=told(setting.total(reward.value)),
    )
    baselines = [_baseline(setting, verdict, name, 1 + len(names)) for name in names]
    setting.warnings.extend(_notices(setting, totals, plan, gain, cost, baselines, curve))
    policy_id, files = write_files(setting, segments, plan, salt_of(request, campaign), context)
    out = AllocateBudgetOutput(
        summary="",
        status="warning" if setting.warnings else "ok",
        read_as=read_as(campaign, setting.learned.cells),
        plan=_segments(setting, segments, plan, verdict),
        totals=totals,
        marginal_return=told(plan.multiplier),
        budget_curve=points_of(setting, curve, verdict, shown),
        baselines=baselines,
        evaluation=evaluation_of(campaign, gain),
        guarantee=GuaranteeText(mode=guarantee.mode, alpha=guarantee.alpha, statement=guarantee.statement),
        constraints=request.constraints,
        policy_id=policy_id,
        assumptions=assumptions_of(campaign, setting.learned.cells),
        warnings=setting.warnings,
        next_actions=_next(request, campaign, baselines),
        files=files,
        seconds=0.0,
    )
    out.plots = _draw(out, context)
    out.summary = allocation_summary(out)
    out.seconds = round(time.perf_counter() - start, 2)
    return out


def _caps(
    request: AllocateBudgetInput, segments: Segments, deciding: Collection[str]
) -> tuple[tuple[Cap, ...], tuple[Levels, ...]]:
    """The request's caps, and the columns that states must tell apart for them.

    Raises:
        ToolError: ``invalid_input`` for a segment that is not there, or columns that change over time.
    """
    if not request.constraints:
        return (), ()
    if request.guarantee == "hard":
        hint = "Ask for the guarantee `chance` with caps, or leave them out."
        raise ToolError("invalid_input", "Caps on segments cannot be combined with the hard guarantee.", hint)
    if not segments.fixed:
        message = (
            f"{quoted(segments.names[0])} changes over time, so a cap on a segment would not say whose money it is."
        )
        raise ToolError("invalid_input", message, "Name a column that stays as it is in `segment_by`.")
    ignored = [name for name in segments.names if name not in deciding]
    if ignored:
        message = f"{quoted(ignored[0])} is to be ignored, so no cap can be put on its segments."
        raise ToolError("invalid_input", message, "Take it out of `ignore`, or leave out the cap.")
    by_label = {label.casefold(): number for number, label in enumerate(segments.labels)}
    found = []
    for constraint in request.constraints:
        number = by_label.get(constraint.segment.strip().casefold())
        if number is None:
            there = ", ".join(quoted(label) for label in segments.labels)
            raise ToolError(
                "invalid_input", f"There is no segment {quoted(constraint.segment)}.", f"There are: {there}."
            )
        levels = {
            column.name: int(level)
            for column, level in zip(segments.cells.columns, segments.cells.factors[number], strict=True)
        }
        found.append(Cap(levels, constraint.max_share))
    return tuple(found), segments.cells.columns


def _what(request: AllocateBudgetInput, total: float) -> str:
    what = f"A budget of {written(money(total))}"
    if request.guarantee != "expected":
        what += f" with the guarantee {request.guarantee!r}"
    return what + (" and these caps" if request.constraints else "")


def _segments(setting: Setting, segments: Segments, plan: Mixture, verdict: Verdict) -> list[SegmentPlan]:
    """One row for each segment; money by the learned process, increments as judged."""
    from bethink.tools.budget.tool import SegmentPlan

    log, dataset = setting.learned.log, setting.campaign.dataset
    starts = log.states[setting.campaign.first]
    scale = setting.users / setting.campaign.users
    found = []
    for number, label in enumerate(segments.labels):
        mine = segments.of_user == number
        if not mine.any():
            continue
        users = float(mine.sum()) * scale
        of = use(setting.learned.process, plan, starts[mine])
        gain = verdict.gain(PLAN, group=number) if len(segments.labels) > 1 else verdict.gain(PLAN)
        found.append(
            SegmentPlan(
                segment=label,
                users=round(users),
                share_by_amount=labelled(dataset, of.shares),
                expected_cost=money(users * of.cost),
                expected_increment=None if gain is None else told(users * gain.value),
                ci=None if gain is None else interval(*(users * end for end in gain.ci)),
            )
        )
    return found


def _baseline(setting: Setting, verdict: Verdict, name: str, comparisons: int) -> Baseline:
    from bethink.tools.budget.tool import Baseline

    own, gain = verdict.gain(name), verdict.gain(PLAN, name, comparisons=comparisons)
    assert own is not None
    assert gain is not None
    return Baseline(
        name=name.replace("_", " "),
        increment=told(setting.total(own.value)),
        cost=money(setting.total(verdict.cost(name).value)),
        gain_of_plan=told(setting.total(gain.value)),
        gain_ci=interval(*(setting.total(end) for end in gain.ci)),
        significant=gain.significant,
    )


def _notices(
    setting: Setting,
    totals: Totals,
    plan: Mixture,
    gain: Estimate,
    cost: Estimate,
    baselines: Sequence[Baseline],
    curve: BudgetCurve,
) -> list[Warned]:
    """What the run itself has to warn of."""
    found = []
    if not gain.significant and plan.outcome.cost > 0:
        text = "It is not significant that the plan brings anything: the interval of its increment contains zero."
        found.append(warned("no_gain", text, {}))
    beaten = [each for each in baselines if not each.significant and plan.outcome.cost > 0]
    if beaten:
        names = ", ".join(each.name for each in beaten)
        found.append(warned("no_gain_over", f"No significant gain over: {names}.", {}))
    if plan.multiplier == 0 and totals.unspent > 0:
        saturation = money(setting.total(curve.saturation))
        text = f"More than {written(saturation)} brings nothing more: {written(totals.unspent)} stays unspent."
        found.append(warned("saturated", text, {"saturation": saturation, "unspent": totals.unspent}))
    if not cost.ci[0] <= plan.outcome.cost <= cost.ci[1]:
        text = (
            f"Users not learned from cost {written(totals.cost_ci[0])} to {written(totals.cost_ci[1])} (95 % interval) "
            f"under plans made like this one; the plan expects {written(totals.expected_cost)}."
        )
        found.append(warned("cost_differs", text, {}))
    return found


def salt_of(request: AllocateBudgetInput, campaign: Campaign) -> str:
    """The salt of this campaign's assignment: other campaigns, budgets and seeds draw anew."""
    told_of = f"{campaign.source}|{campaign.rows}|{request.budget}|{request.guarantee}|{request.seed}"
    return "budget-" + blake2b(told_of.encode(), digest_size=6).hexdigest()


def _next(request: AllocateBudgetInput, campaign: Campaign, baselines: Sequence[Baseline]) -> list[str]:
    found = []
    if campaign.report.associational:
        found.append("Draw amounts at random for a share of the users next time, so that effects can be known.")
    if any(not each.significant for each in baselines):
        found.append("Compare with random users in a test before relying on the targeting.")
    if request.guarantee == "expected":
        found.append("Ask for the guarantee chance or hard if the budget must not be exceeded.")
    found.append("Ask budget_curve what other budgets would bring.")
    return found


def _draw(out: AllocateBudgetOutput, context: ToolContext) -> list[Plot]:
    from bethink.tools.budget.plot import Shares, Spot, draw_curve, draw_shares

    context.folder.mkdir(parents=True, exist_ok=True)
    tag = uuid.uuid4().hex[:8]
    points = [(0.0, 0.0, (0.0, 0.0)), *((each.budget, each.increment, each.ci) for each in out.budget_curve)]
    if out.guarantee.mode == "expected" and not out.constraints:
        points = sorted([*points, (out.totals.expected_cost, out.totals.increment, out.totals.ci)])
    reward, currency = str(out.read_as.columns.get("reward")), out.read_as.currency or ""
    first, second = (context.folder / f"budget_{kind}_{tag}.png" for kind in ("curve", "shares"))
    draw_curve(
        [each[0] for each in points],
        [each[1] for each in points],
        [each[2] for each in points],
        Spot("the plan", out.totals.expected_cost, out.totals.increment),
        [Spot(each.name, each.cost, each.increment) for each in out.baselines],
        reward,
        currency,
        first,
    )
    amounts = list(out.plan[0].share_by_amount)
    bars = [Shares(each.segment, each.users, list(each.share_by_amount.values())) for each in out.plan]
    draw_shares(bars, amounts, second)
    return [
        Plot(
            path=str(first),
            title=f"{out.read_as.source}: what a budget brings",
            alt=f"{reward} above no coupon against money, with 95 % intervals; the plan and simpler rules as dots.",
        ),
        Plot(
            path=str(second),
            title="Who gets what",
            alt=f"For each of {len(bars)} segments the shares of {len(amounts)} amounts.",
        ),
    ]

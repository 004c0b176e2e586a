"""A run of ``evaluate_policy``: a rule written by hand, judged by the log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.budget import rules as baselines
from bethink.tools.budget.campaign import CampaignDataset
from bethink.tools.budget.cells import Levels
from bethink.tools.budget.cmdp import Bools, Ints, TabularPolicy, occupancy
from bethink.tools.budget.encoding import numbers_in
from bethink.tools.budget.tool_campaign import Campaign, read_campaign
from bethink.tools.budget.tool_judge import NOTHING, judge_fixed
from bethink.tools.budget.tool_plan import Learned, learn
from bethink.tools.budget.tool_report import (
    assumptions_of,
    evaluation_of,
    evaluation_summary,
    interval,
    labelled,
    money,
    read_as,
    told,
    warned,
)
from bethink.tools.budget.tool_setting import one_thread, settle
from bethink.tools.contract import ToolContext, ToolError
from bethink.tools.findings import listed, quoted
from bethink.tools.quantities import coded

if TYPE_CHECKING:
    import pandas as pd

    from bethink.tools.budget.tool import EvaluatePolicyInput, EvaluatePolicyOutput, Rule, Warned

RULE = "rule that fits"
GIVEN = "the rule"


def run_evaluation(request: EvaluatePolicyInput, context: ToolContext, start: float) -> EvaluatePolicyOutput:
    """See :func:`bethink.tools.budget.tool.evaluate`."""
    with one_thread():
        return _evaluation(request, context, start)


def _evaluation(request: EvaluatePolicyInput, context: ToolContext, start: float) -> EvaluatePolicyOutput:
    from bethink.tools.budget.tool import EvaluatePolicyOutput

    campaign = read_campaign(request, context)
    actions = [action_of(campaign.dataset, rule.amount) for rule in request.rules]
    actions.append(action_of(campaign.dataset, request.otherwise))
    number = which_rule(campaign.dataset, request.rules)
    setting = settle(campaign, request.n_users, context)
    learned = _told_apart(campaign, number, len(request.rules))
    table = np.array(actions)[_rule_of(learned)]
    policy = TabularPolicy(np.tile(table, (campaign.dataset.horizon, 1)))
    context.checkpoint(0.6, "Judging the rule")
    nothing = baselines.always(learned.process, 0)
    verdict = judge_fixed(campaign.dataset, learned, {GIVEN: policy, NOTHING: nothing}, request.seed)
    reward, cost, gain = verdict.reward(GIVEN), verdict.cost(GIVEN), verdict.gain(GIVEN)
    assert gain is not None
    warnings = [*setting.warnings, *_unfit(request.rules, number)]
    x = occupancy(learned.process, policy)
    out = EvaluatePolicyOutput(
        summary="",
        status="warning" if warnings else "ok",
        read_as=read_as(campaign, learned.cells),
        users=setting.users,
        reward=told(setting.total(reward.value)),
        reward_ci=interval(*(setting.total(end) for end in reward.ci)),
        cost=money(setting.total(cost.value)),
        cost_ci=(money(setting.total(cost.ci[0])), money(setting.total(cost.ci[1]))),
        increment=told(setting.total(gain.value)),
        ci=interval(*(setting.total(end) for end in gain.ci)),
        significant=gain.significant,
        share_by_amount=labelled(campaign.dataset, x.sum((0, 1)) / learned.process.horizon),
        evaluation=evaluation_of(campaign, gain),
        assumptions=assumptions_of(campaign, learned.cells),
        warnings=warnings,
        seconds=0.0,
    )
    out.summary = evaluation_summary(out)
    out.seconds = round(time.perf_counter() - start, 2)
    return out


def action_of(dataset: CampaignDataset, amount: float | str) -> int:
    """The action that an amount, or an arm's name, stands for.

    Raises:
        ToolError: ``invalid_input`` for an amount that was never logged.
    """
    text = str(amount).strip().casefold()
    for number, label in enumerate(dataset.labels):
        if label.casefold() == text:
            return number
    value = numbers_in_text(text)
    if value is not None:
        close = np.flatnonzero(np.isclose(dataset.amounts, value, rtol=1e-9, atol=1e-9))
        if len(close):
            return int(close[0])
    there = ", ".join(quoted(label) for label in dataset.labels)
    raise ToolError("invalid_input", f"The amount {quoted(amount)} was never logged.", f"There are: {there}.")


def numbers_in_text(text: str) -> float | None:
    """A number that is written as one, else None."""
    try:
        return float(text)
    except ValueError:
        return None


def which_rule(dataset: CampaignDataset, rules: Sequence[Rule]) -> Ints:
    """The first rule that fits each row, ``len(rules)`` where none does [n].

    Raises:
        ToolError: ``invalid_input`` for a column that is not known beforehand.
    """
    found = np.full(len(dataset.actions), len(rules))
    for place in reversed(range(len(rules))):
        fits = np.ones(len(found), bool)
        for name, values in rules[place].where.items():
            if name not in dataset.features.columns:
                there = listed(dataset.features.columns) if len(dataset.features.columns) else "none"
                hint = f"Rules can ask for what is known beforehand: {there}."
                raise ToolError("invalid_input", f"There is no feature {quoted(name)} for a rule to ask for.", hint)
            wanted = values if isinstance(values, list) else [values]
            fits &= _equals(dataset.features[name], wanted)
        found[fits] = place
    return found


def _equals(column: pd.Series, wanted: Sequence[str | float]) -> Bools:
    """Where a column has one of the values [n]."""
    numbers = numbers_in(column)
    found = np.zeros(len(column), bool)
    if numbers is not None:
        for value in wanted:
            number = value if isinstance(value, int | float) else numbers_in_text(str(value))
            found |= numbers == (np.nan if number is None else float(number))
        return found
    codes, levels = coded(column)
    texts = {str(value).strip().casefold() for value in wanted}
    fits = np.array([*(str(level).strip().casefold() in texts for level in levels), False])
    return np.asarray(fits[codes], bool)


def _told_apart(campaign: Campaign, number: Ints, rules: int) -> Learned:
    """What was learned with states that tell apart which rule fits."""
    import pandas as pd

    names = tuple(str(each) for each in range(rules + 1))
    levels = Levels(RULE, names, None, {name: place for place, name in enumerate(names)}, rules, rules)
    frame = campaign.dataset.features.assign(**{RULE: pd.Categorical([names[each] for each in number], names)})
    return learn(replace(campaign.dataset, features=frame), (levels,))


def _rule_of(learned: Learned) -> Ints:
    """Which rule fits in each state [S]."""
    place = next(n for n, column in enumerate(learned.cells.columns) if column.name == RULE)
    return learned.cells.factors[:, place]


def _unfit(rules: Sequence[Rule], number: Ints) -> list[Warned]:
    """A warning for every rule that no row fits."""
    there = np.bincount(number, minlength=len(rules) + 1)
    return [
        warned("rule_fits_nobody", f"Rule {place + 1} fits no row of the log.", {"rule": place + 1})
        for place in range(len(rules))
        if not there[place]
    ]

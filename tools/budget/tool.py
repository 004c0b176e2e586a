"""``allocate_budget``, ``budget_curve`` and ``evaluate_policy``: who gets which coupon, tools an agent can call."""

from __future__ import annotations

import time
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from bethink.tools.contract import Tool, ToolContext, ToolInput, ToolOutput

TIMEOUT_S = 300.0
ByAmount = dict[str, float]


class ColumnNames(BaseModel):
    """Which column of the file is what; those left out are guessed, and the guesses shown; "" if there is none."""

    model_config = {"extra": "forbid"}

    user: str | None = Field(None, max_length=200, description="Who.")
    time: str | None = Field(None, max_length=200, description="Week or day; none for a one-shot campaign.")
    amount: str | None = Field(None, max_length=200, description="What was given: the coupon's amount, or the arm.")
    reward: str | None = Field(None, max_length=200, description="The goal, to be increased: active, visit, spend.")
    cost: str | None = Field(None, max_length=200, description="Money really spent, not face value.")
    propensity: str | list[str] | None = Field(
        None, max_length=200, description="Probability with which the amount was drawn; or one column for each amount."
    )
    segment: str | None = Field(None, max_length=200, description="Column by which the plan is shown.")
    features: list[str] | None = Field(None, max_length=200, description="What is known of a user beforehand.")
    ignore: list[str] | None = Field(
        None, max_length=200, description="Columns that must not decide who gets what; a plan can be shown by them."
    )


class CampaignInput(ToolInput):
    """A logged campaign, and how to read it."""

    upload: str | None = Field(
        None, max_length=120, description="Name of an uploaded CSV or Parquet file; none: a simulated sample campaign."
    )
    columns: ColumnNames | None = Field(None, description="Which column is what, where the guess is wrong.")
    arm_costs: dict[str, float] | None = Field(
        None, max_length=20, description='What sending each arm costs, like {"Mens E-Mail": 0.1}, if there is no cost.'
    )
    currency: str | None = Field(None, max_length=12, description="Like EUR.")
    amounts: list[float] | None = Field(
        None, min_length=1, max_length=50, description="Amounts to plan with, if not all in the file; 0 is added."
    )
    horizon: int | None = Field(
        None, ge=1, le=1000, description="Plan for so many steps (weeks, say) only; default: as many as in the file."
    )
    n_users: int | None = Field(
        None, ge=1, le=10**10, description="Users of the planned campaign; default: as many as in the file."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Same seed, same result.")


class SegmentCap(BaseModel):
    """At most this share of the budget for one segment."""

    model_config = {"extra": "forbid"}

    segment: str = Field(max_length=200)
    max_share: float = Field(ge=0, le=1)


class AllocateBudgetInput(CampaignInput):
    """What is to be spent, on whom, and how surely it must not be exceeded."""

    budget: float | None = Field(
        None, ge=0, le=1e15, description="Total budget in currency; default: what the logged campaign spent per user."
    )
    guarantee: Literal["expected", "chance", "hard"] = Field(
        "expected",
        description="Whether the budget holds on average, with probability 1 - alpha, or always.",
    )
    alpha: float = Field(0.05, gt=0, le=0.5, description="Accepted probability of overspending, for chance.")
    segment_by: list[str] | None = Field(
        None, min_length=1, max_length=3, description="Columns by which the plan is shown; default the best one."
    )
    constraints: list[SegmentCap] = Field([], max_length=20, description="Caps on segments.")

    @field_validator("segment_by")
    @classmethod
    def _each_once(cls, names: list[str] | None) -> list[str] | None:
        return None if names is None else list(dict.fromkeys(names))


class BudgetCurveInput(CampaignInput):
    """Which budgets, or which target."""

    budgets: list[float] | None = Field(
        None, min_length=1, max_length=20, description="Total budgets; default seven up to where money stops helping."
    )
    target: float | None = Field(None, description="Find the least budget whose total reward reaches this.")


class Rule(BaseModel):
    """Users whose columns have these values get this amount."""

    model_config = {"extra": "forbid"}

    where: dict[str, str | float | list[str | float]] = Field(
        max_length=10, description='Like {"segment": "loyal"} or {"segment": ["loyal", "dormant"]}.'
    )
    amount: float | str


class EvaluatePolicyInput(CampaignInput):
    """A rule that has not been tried, to be judged by the log."""

    rules: list[Rule] = Field([], max_length=50, description="The first rule that fits a user counts.")
    otherwise: float | str = Field(0.0, description="The amount where no rule fits.")


class SegmentPlan(BaseModel):
    """What one segment gets."""

    segment: str
    users: int
    share_by_amount: ByAmount = Field(description="Shares of the segment's (user, step) pairs by amount.")
    expected_cost: float
    expected_increment: float | None = Field(
        description="Reward above no coupon, of all users of the segment; none where they are too few."
    )
    ci: tuple[float, float] | None = Field(description="95 % interval of the increment.")


class Totals(BaseModel):
    """The plan as a whole."""

    users: int
    budget: float
    planned_budget: float = Field(description="What the plan aims at; less than the budget for chance.")
    expected_cost: float
    cost_ci: tuple[float, float]
    unspent: float = Field(description="Budget that no coupon would make good use of, or that the guarantee keeps.")
    p_overspend: float = Field(description="Probability that the users together cost more than the budget.")
    increment: float
    ci: tuple[float, float] = Field(description="95 % interval of the increment.")
    reward: float = Field(description="Expected total reward, what comes without a coupon included.")


class Baseline(BaseModel):
    """A simpler rule at the same budget, judged the same way."""

    name: str
    increment: float
    cost: float
    gain_of_plan: float = Field(description="Increment of the plan less that of this rule.")
    gain_ci: tuple[float, float]
    significant: bool = Field(description="Whether that interval excludes zero.")


class CurvePoint(BaseModel):
    """One budget: what it would bring, and what one more unit of money would."""

    budget: float
    increment: float
    marginal: float
    ci: tuple[float, float] | None


class Evaluation(BaseModel):
    """How the figures were obtained."""

    method: str
    level: int = Field(description="Of all intervals, in percent.")
    n: int = Field(description="Users whose rows were used.")
    ess: float = Field(description="Effective sample size: how many users of the policy's own would tell as much.")
    least_ess: float = Field(description="Below it figures are unreliable.")
    reliable: bool
    reason: str


class Warned(BaseModel):
    """Something to know before acting; the numbers in the message stand in ``numbers``, too."""

    code: str
    message: str
    numbers: dict[str, Any] = {}


class ReadAs(BaseModel):
    """How the file was understood."""

    source: str
    rows: int
    users: int
    steps: int = Field(description="1 for a one-shot campaign.")
    columns: dict[str, str | list[str] | None]
    amounts: list[str]
    states: int = Field(description="Kinds of users that are told apart.")
    currency: str | None


class GuaranteeText(BaseModel):
    """What is promised of the budget."""

    mode: str
    alpha: float | None
    statement: str


class AllocateBudgetOutput(ToolOutput):
    """The plan, what it is expected to bring and cost, and how sure that is."""

    status: Literal["ok", "warning"]
    read_as: ReadAs
    plan: list[SegmentPlan]
    totals: Totals
    marginal_return: float = Field(description="Reward for one more unit of money at this budget.")
    budget_curve: list[CurvePoint]
    baselines: list[Baseline] = Field(description="The intervals of all of these and of the increment hold together.")
    evaluation: Evaluation
    guarantee: GuaranteeText
    constraints: list[SegmentCap]
    policy_id: str
    assumptions: list[str]
    warnings: list[Warned]
    next_actions: list[str]
    seconds: float


class BudgetCurveOutput(ToolOutput):
    """What each budget would bring."""

    status: Literal["ok", "warning"]
    read_as: ReadAs
    users: int
    points: list[CurvePoint]
    saturation: float = Field(description="Budget beyond which more money brings nothing more.")
    target: float | None
    budget_for_target: float | None
    evaluation: Evaluation
    assumptions: list[str]
    warnings: list[Warned]
    seconds: float


class EvaluatePolicyOutput(ToolOutput):
    """What the rule would have brought and cost."""

    status: Literal["ok", "warning"]
    read_as: ReadAs
    users: int
    reward: float
    reward_ci: tuple[float, float]
    cost: float
    cost_ci: tuple[float, float]
    increment: float = Field(description="Reward above that of no coupon.")
    ci: tuple[float, float]
    significant: bool = Field(description="Whether the interval of the increment excludes zero.")
    share_by_amount: ByAmount
    evaluation: Evaluation
    assumptions: list[str]
    warnings: list[Warned]
    seconds: float


def allocate(request: AllocateBudgetInput, context: ToolContext) -> AllocateBudgetOutput:
    """Learn from the log who answers to which amount, plan within the budget, judge the plan on held-out users.

    Raises:
        ToolError: ``not_found`` for a file that is not there, ``invalid_input`` for one that cannot be used or a
            budget below the least that one needs, ``limit`` for one too big, ``cancelled``.
    """
    from bethink.tools.budget.tool_allocation import run_allocation

    return run_allocation(request, context, time.perf_counter())


def curve(request: BudgetCurveInput, context: ToolContext) -> BudgetCurveOutput:
    """What a range of budgets would bring, or the least budget for a target.

    Raises:
        ToolError: as :func:`allocate`; ``invalid_input`` also for a target beyond what any budget reaches.
    """
    from bethink.tools.budget.tool_curve import run_curve

    return run_curve(request, context, time.perf_counter())


def evaluate(request: EvaluatePolicyInput, context: ToolContext) -> EvaluatePolicyOutput:
    """What a rule would have brought and cost, by off-policy evaluation.

    Raises:
        ToolError: as :func:`allocate`; ``invalid_input`` also for a rule over columns or amounts that are not there.
    """
    from bethink.tools.budget.tool_rules import run_evaluation

    return run_evaluation(request, context, time.perf_counter())


allocate_budget = Tool(
    name="allocate_budget",
    description=(
        "Plan a coupon or marketing budget over users from a logged campaign (an uploaded CSV or Parquet file, or a "
        "sample): who gets which amount, what it brings and costs with intervals, and whether the budget holds."
    ),
    Input=AllocateBudgetInput,
    Output=AllocateBudgetOutput,
    run=allocate,
    examples=(
        ("Allocate a coupon budget of 30000 euros.", {"budget": 30_000, "currency": "EUR"}),
        (
            "Plan coupons for 20000 and be 95 % sure not to overspend.",
            {"budget": 20_000, "guarantee": "chance"},
        ),
        ("Who should get a coupon? Use my campaign log.", {"upload": "campaign.csv"}),
        ("Spend my marketing budget where it helps most, and never exceed it.", {"guarantee": "hard"}),
    ),
    cost_hint="5-30 seconds",
    timeout_s=TIMEOUT_S,
    inferred=frozenset(("currency",)),
)

budget_curve = Tool(
    name="budget_curve",
    description=(
        "What different marketing budgets would bring, with the marginal return of one more unit of money, from a "
        "logged campaign or a sample; or the least budget that reaches a target."
    ),
    Input=BudgetCurveInput,
    Output=BudgetCurveOutput,
    run=curve,
    examples=(
        ("What would more coupon budget bring?", {}),
        ("Compare marketing budgets of 10000, 20000 and 40000.", {"budgets": [10_000, 20_000, 40_000]}),
        ("What is the least budget for 28000 active users?", {"target": 28_000}),
    ),
    cost_hint="5-30 seconds",
    timeout_s=TIMEOUT_S,
    inferred=frozenset(("currency",)),
)

evaluate_policy = Tool(
    name="evaluate_policy",
    description=(
        "Judge a coupon rule that was never tried, from a logged campaign or a sample: what it would bring and cost, "
        "with intervals, by off-policy evaluation."
    ),
    Input=EvaluatePolicyInput,
    Output=EvaluatePolicyOutput,
    run=evaluate,
    examples=(
        ("What if everybody got a 5 euro coupon?", {"otherwise": 5}),
        (
            "How good is a coupon of 10 for habit-formers only?",
            {"rules": [{"where": {"segment": "habit-former"}, "amount": 10}]},
        ),
    ),
    cost_hint="5-30 seconds",
    timeout_s=TIMEOUT_S,
    inferred=frozenset(("currency",)),
)

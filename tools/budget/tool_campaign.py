"""What the budget tools read: an uploaded campaign or the sample, cleaned, checked, and told what was understood."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bethink.tools.budget.campaign import CampaignDataset
from bethink.tools.budget.cells import Cells
from bethink.tools.budget.cmdp import Ints
from bethink.tools.budget.report import Report, validate
from bethink.tools.contract import ToolContext, ToolError
from bethink.tools.findings import Finding, TableError, listed, quoted
from bethink.tools.tables import TableFileError

if TYPE_CHECKING:
    import pandas as pd

    from bethink.tools.budget.tool import CampaignInput

ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
SAMPLE = "simulated sample campaign"
SAMPLE_USERS = 5_000
MOST_ROWS = 2_000_000
MOST_SEGMENTS = 20
MAX_BYTES = 500_000_000


@dataclass(frozen=True, eq=False)
class Campaign:
    """A campaign that can be planned from.

    Args:
        source: the file's name, or what the sample is.
        rows: of the log that is used.
        dataset: without features that leak, and without those that must not decide.
        report: what is to be known of it.
        shown: the features by which a plan can be shown, those that must not decide included.
    """

    source: str
    rows: int
    dataset: CampaignDataset
    report: Report
    shown: pd.DataFrame

    @property
    def users(self) -> int:
        """N of the log."""
        return self.dataset.user_count

    @property
    def first(self) -> Ints:
        """The row of each user's first step [N]."""
        return np.arange(self.users) * self.dataset.horizon


def read_campaign(request: CampaignInput, context: ToolContext) -> Campaign:
    """Read, clean and check what the request names.

    Raises:
        ToolError: ``not_found`` for a file that is not there, ``invalid_input`` for one that is no campaign, ``limit``
            for one too large.
    """
    context.checkpoint(0.0, "Reading the campaign")
    names = request.columns
    stated = {} if names is None else names.model_dump(exclude={"amount", "ignore"}, exclude_none=True)
    if names is not None and names.amount is not None:
        stated["action"] = names.amount
    source, table = _table(request, context)
    stated |= {"amounts": request.amounts, "arm_costs": request.arm_costs, "currency": request.currency}
    try:
        dataset = CampaignDataset.from_table(table, **stated, max_bytes=MAX_BYTES)
        if not dataset.costs.any() and dataset.columns.cost is None:
            dataset = _counting_sends(CampaignDataset.from_table(table, **_one_each(stated, dataset)))
        if len(dataset.actions) > MOST_ROWS:
            message = f"The campaign has {len(dataset.actions):,} rows; {MOST_ROWS:,} is the most."
            raise ToolError("limit", message, "Give a sample of the users, with all rows of each.")
        if request.horizon is not None:
            dataset = first_steps(dataset, request.horizon)
        context.checkpoint(0.05, f"Checking {len(dataset.actions):,} rows of {dataset.user_count:,} users")
        report = validate(dataset)
    except (TableFileError, TableError) as problem:
        raise ToolError("invalid_input", str(problem), problem.hint) from problem
    if not (dataset.costs > 0).any():
        raise ToolError(
            "invalid_input",
            "Nothing in this campaign cost any money, so there is no budget to allocate.",
            "Name the column of money spent (`columns.cost`), or state what each arm costs (`arm_costs`).",
        )
    dataset = dataset.without(report.leaks)
    shown, ignored = dataset.features, (names.ignore if names is not None else None) or []
    for name in ignored:
        if name not in shown.columns:
            there = listed(shown.columns) if len(shown.columns) else "none"
            raise ToolError("invalid_input", f"There is no feature {quoted(name)} to ignore.", f"There are: {there}.")
    dataset = dataset.without(ignored)
    if not report.associational:
        dataset = dataset.with_shares()
    return Campaign(source, len(dataset.actions), dataset, report, shown)


def sample_frame(users: int = SAMPLE_USERS, seed: int = 0) -> pd.DataFrame:
    """The sample: twelve weeks of users of ``CouponRetention-v0`` who got coupons at random, as a file would have it.

    Made on the spot, so that it has no licence but ours.
    """
    import pandas as pd

    from bethink.tools.budget.environment import SEGMENTS, campaign, parts

    log = campaign(users, seed)
    segment, engagement, fatigue = parts(log.states)
    return pd.DataFrame(
        {
            "user_id": log.users,
            "week": log.steps + 1,
            "segment": np.array([kind.name for kind in SEGMENTS])[segment],
            "engagement": engagement,
            "fatigue": fatigue,
            "amount": log.amounts[log.actions].astype(int),
            "active": log.rewards.astype(int),
            "spent": log.costs,
            "propensity": log.propensities,
        }
    )


def first_steps(dataset: CampaignDataset, steps: int) -> CampaignDataset:
    """Only the first steps of every user.

    Raises:
        ToolError: ``invalid_input`` for more steps than the log has.
    """
    import pandas as pd

    if steps > dataset.horizon:
        hint = f"Plan for at most {dataset.horizon}, or give a longer log."
        raise ToolError(
            "invalid_input", f"The log has {dataset.horizon} steps; {steps} cannot be learned from it.", hint
        )
    keep = np.flatnonzero(dataset.steps < steps)
    segments = dataset.segments
    return replace(
        dataset,
        features=dataset.features.iloc[keep].reset_index(drop=True),
        actions=dataset.actions[keep],
        rewards=dataset.rewards[keep],
        costs=dataset.costs[keep],
        steps=dataset.steps[keep],
        users=dataset.users[keep],
        horizon=steps,
        propensities=None if dataset.propensities is None else dataset.propensities[keep],
        segments=None if segments is None else pd.Categorical(segments[keep]),
    )


@dataclass(frozen=True, eq=False)
class Segments:
    """How users are told apart where a plan is shown.

    Args:
        names: columns.
        labels: what each group is called [G].
        of_user: the group of each user, by the first row [N].
        cells: the columns as levels.
        fixed: whether no user's group changes.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    of_user: Ints
    cells: Cells
    fixed: bool


def segments_of(campaign: Campaign, wanted: list[str] | None, otherwise: Cells) -> Segments:
    """The groups by ``wanted`` columns; by the file's segment column; or by the first column of ``otherwise``.

    Raises:
        ToolError: ``invalid_input`` for a column that is not there, or more than 20 groups.
    """
    from bethink.tools.budget.cells import levels_of

    frame = campaign.shown
    segment = campaign.dataset.columns.segment
    usual = [segment] if segment and segment in frame.columns else [each.name for each in otherwise.columns[:1]]
    names = list(wanted or usual)
    unknown = [name for name in names if name not in frame.columns]
    if unknown:
        there = listed(frame.columns) if len(frame.columns) else "none"
        hint = f"Columns that users can be told apart by: {there}."
        raise ToolError("invalid_input", f"There is no feature {quoted(unknown[0])}.", hint)
    known = {each.name: each for each in otherwise.columns}
    levels = [known.get(name) or levels_of(frame[name], name) for name in names]
    nobody = Cells((), np.zeros((1, 0), np.int64), {})
    cells = nobody.with_columns(frame, [each for each in levels if each is not None])
    if cells.count > MOST_SEGMENTS:
        message = f"{listed(names)} make {cells.count} segments; {MOST_SEGMENTS} is the most."
        raise ToolError("invalid_input", message, "Tell users apart by fewer columns in `segment_by`.")
    of_row = cells.states(frame)
    of_user = of_row[campaign.first]
    fixed = bool((of_row == np.repeat(of_user, campaign.dataset.horizon)).all())
    labels = cells.labels
    if len(cells.columns) == 1:
        start = f"{cells.columns[0].name}="
        labels = tuple(label.removeprefix(start) for label in labels)
    return Segments(tuple(each.name for each in cells.columns), labels, of_user, cells, fixed)


def _one_each(stated: dict[str, Any], dataset: CampaignDataset) -> dict[str, Any]:
    """The same columns, with a cost of one for every arm but the control."""
    return {**stated, "arm_costs": dict.fromkeys(dataset.labels[1:], 1.0), "max_bytes": MAX_BYTES}


def _counting_sends(dataset: CampaignDataset) -> CampaignDataset:
    """The campaign with costs of one, and a finding that says so in place of that there are none."""
    message = "Nothing says what an arm costs: each one counts as 1, so the budget is a number of users who get one."
    others = [each for each in dataset.findings if each.code != "no_cost"]
    return replace(dataset, findings=(*others, Finding("no_cost", message, {"each": 1})))


def _table(request: CampaignInput, context: ToolContext) -> tuple[str, object]:
    if request.upload:
        return request.upload, context.uploaded(request.upload, ENDINGS)
    if request.arm_costs is not None:
        raise ToolError("invalid_input", "The sample has its costs.", "Leave out `arm_costs`, or name an upload.")
    return SAMPLE, sample_frame(seed=request.seed)

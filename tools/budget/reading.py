"""From a table to a campaign: rows that lack something are left out and counted, users get whole histories, and money
one currency; or a sentence says why not.

The parts: :mod:`frames` (files and frames), :mod:`columns` (which column is what), :mod:`arms` (amounts),
:mod:`quantities` (numbers), :mod:`currency`, :mod:`panel` (users and times), :mod:`propensities`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.arms import Arms, read_arms
from bethink.tools.budget.campaign import CampaignDataset, CostModel
from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.columns import Columns
from bethink.tools.budget.currency import currency_of
from bethink.tools.budget.panel import Panel, whole_histories
from bethink.tools.budget.propensities import read_propensities
from bethink.tools.findings import Finding, TableError, quoted
from bethink.tools.frames import Frame, words_of
from bethink.tools.quantities import categories_of, coded, is_missing, numbers_of, quantities
from bethink.tools.tables import counted
from bethink.tools.times import read_times

if TYPE_CHECKING:
    import pandas as pd

MOST_MISSING = 0.5
"""A table of which more rows than this share lack a value that is needed is refused."""


class Reading:
    """A table on its way to a dataset: the rows that stay, and what was noticed so far."""

    def __init__(self, table: Frame, columns: Columns) -> None:
        self.table, self.frame, self.columns = table, table.frame, columns
        self.findings: list[Finding] = []
        self.notes = list(table.notes)

    def dataset(
        self, amounts: Sequence[float] | None, arm_costs: Mapping[str, float] | None, currency: str | None
    ) -> CampaignDataset:
        """Everything in turn."""
        names = self.columns
        arms = read_arms(self.frame[names.action], names.action, amounts, arm_costs)
        rewards = numbers_of(self.table, names.reward)
        stated_costs = None if names.cost is None else numbers_of(self.table, names.cost)
        found_currency = currency_of(self.frame, names, arms.currencies, currency)
        lacking = {names.action: arms.actions < 0, names.reward: np.isnan(rewards)}
        if names.cost is not None and stated_costs is not None:
            lacking[names.cost] = np.isnan(stated_costs)
        if names.user is not None:
            lacking[names.user] = self._no_text(names.user)
        rows = self._complete(lacking)
        panel = self._panel(rows)
        rows = panel.rows
        arms = replace(arms, actions=arms.actions[rows])
        costs, amounts_found, cost_model = self._costs(arms, rewards[rows], stated_costs, rows)
        user_ids = self._user_ids(rows, panel.horizon)
        self.findings += [f for f in arms.findings if not (f.code == "no_cost" and names.cost is not None)]
        self.findings += panel.findings
        features = self._features(rows)
        segments = None
        if names.segment is not None:
            segments = categories_of(self.frame[names.segment].iloc[rows])
        return CampaignDataset(
            features=features,
            actions=arms.actions,
            rewards=rewards[rows],
            costs=costs,
            steps=panel.steps,
            users=np.repeat(np.arange(len(user_ids)), panel.horizon),
            user_ids=user_ids,
            horizon=panel.horizon,
            amounts=amounts_found,
            labels=arms.labels,
            columns=replace(names, features=tuple(features.columns)),
            propensities=read_propensities(self.table, names.propensity, arms.actions, arms.labels, rows),
            segments=segments,
            cost_model=cost_model,
            currency=found_currency,
            findings=tuple(self.findings),
            notes=(*self.notes, *arms.notes),
        )

    def _no_text(self, name: str) -> NDArray[np.bool_]:
        """Whether cells are empty [n]."""
        codes, levels = coded(self.frame[name])
        return np.array([*(is_missing(level) for level in levels), True])[codes]

    def _complete(self, lacking: dict[str, NDArray[np.bool_]]) -> Ints:
        """The rows that have everything that is needed."""
        wrong = np.any(list(lacking.values()), axis=0)
        count = int(wrong.sum())
        if not count:
            return np.arange(len(wrong))
        missing = {name: int(mask.sum()) for name, mask in lacking.items() if mask.any()}
        parts = ", ".join(f"{quoted(name)} in {number:,}" for name, number in missing.items())
        message = f"{counted(count, 'row')} of {len(wrong):,} {'lacks' if count == 1 else 'lack'} a value: {parts}."
        if count > MOST_MISSING * len(wrong):
            hint = "Fill the column; write 0 where nothing was given, spent or done."
            raise TableError("missing_values", message, hint)
        message = f"{message} {'It was' if count == 1 else 'They were'} left out."
        self.findings.append(
            Finding("missing_values", message, {"rows_left_out": count, "rows": len(wrong), "missing": missing})
        )
        return np.flatnonzero(~wrong)

    def _panel(self, rows: Ints) -> Panel:
        one_shot = Panel(rows, np.zeros(len(rows), np.int64), 1)
        user, time = self.columns.user, self.columns.time
        if user is None:
            return one_shot
        ids, users = np.unique(coded(self.frame[user])[0][rows], return_inverse=True)
        if time is None or len(ids) == len(rows):
            repeats = len(rows) - len(ids)
            if repeats:
                message = (
                    f"{len(ids):,} users have {len(rows):,} rows: each row counts as a user of its own, so intervals "
                    "are too narrow where a user's rows are alike."
                )
                self.findings.append(Finding("repeated_users", message, {"users": len(ids), "rows": len(rows)}))
            elif time is not None:
                self.notes.append(
                    f"Every user has one row: column {quoted(time)} is not used, the campaign is one shot."
                )
            return one_shot
        times = read_times(self.frame[time], time)
        undated = np.isnan(times.values[rows])
        if undated.any():
            count = int(undated.sum())
            message = f"{counted(count, 'row')} without a time {'was' if count == 1 else 'were'} left out."
            self.findings.append(Finding("missing_values", message, {"rows_left_out": count, "missing": {time: count}}))
            rows, users = rows[~undated], np.unique(users[~undated], return_inverse=True)[1]
        if not len(rows):
            raise TableError("missing_values", f"Column {quoted(time)} is empty.", "Fill it, or state `time` as ''.")
        rows, users = self._without_copies(rows, users, times.values)
        panel = whole_histories(users, replace(times, values=times.values[rows]), time)
        return replace(panel, rows=rows[panel.rows])

    def _without_copies(self, rows: Ints, users: Ints, times: Floats) -> tuple[Ints, Ints]:
        """Leave out rows that say the same as another one, word for word."""
        order = np.lexsort((times[rows], users))
        same = (np.diff(users[order]) == 0) & (np.diff(times[rows][order]) == 0)
        if not same.any():
            return rows, users
        involved = np.flatnonzero(np.r_[same, False] | np.r_[False, same])
        where = np.sort(order[involved])
        copies = where[self.frame.iloc[rows[where]].duplicated().to_numpy()]
        if len(copies):
            message = f"{counted(len(copies), 'row')} repeat another one word for word and were left out."
            self.findings.append(Finding("repeated_rows", message, {"rows_left_out": len(copies)}))
        keep = np.ones(len(rows), bool)
        keep[copies] = False
        return rows[keep], users[keep]

    def _user_ids(self, rows: Ints, horizon: int) -> NDArray:
        first = rows[::horizon]
        if self.columns.user is None:
            return first + 1
        column = self.frame[self.columns.user].iloc[first]
        ids: NDArray = (
            column.astype(column.cat.categories.dtype).to_numpy() if hasattr(column, "cat") else column.to_numpy()
        )
        return ids

    def _costs(
        self, arms: Arms, rewards: Floats, stated: Floats | None, rows: Ints
    ) -> tuple[Floats, Floats, CostModel]:
        face, reward = arms.amounts[arms.actions], quoted(self.columns.reward)
        if stated is None and arms.face_values:
            self.notes.append(
                f"There is no cost column: a coupon is taken to be redeemed, and its amount spent, where {reward} is "
                "above 0."
            )
            return face * (rewards > 0), arms.amounts, "redeemed"
        if stated is None:
            self.notes.append("There is no cost column: every user of an arm costs what sending it is stated to cost.")
            return face, arms.amounts, "sent"
        name, costs = self.columns.cost or "", stated[rows]
        if (costs < 0).any():
            row = int(rows[np.argmax(costs < 0)])
            message = f"Column {quoted(name)} holds the negative cost {stated[row]:g} in {self.table.where(row)}."
            raise TableError("negative_cost", message, "Give money spent as numbers of zero or more.")
        only_whether = np.isin(costs, (0.0, 1.0)).all() and not np.isin(arms.amounts[1:], 1.0).all()
        if only_whether and ("redeem" in words_of(name) or "redemption" in words_of(name)):
            if arms.amounts.any():
                self.notes.append(f"Column {quoted(name)} says who redeemed: costs are amount x {quoted(name)}.")
                return face * costs, arms.amounts, "logged"
            message = f"Column {quoted(name)} says who redeemed, but not for how much: each redemption costs 1."
            self.findings.append(Finding("no_cost", message, {"each": 1}))
        if not arms.face_values and not arms.amounts.any():
            most = np.zeros(len(arms.amounts))
            np.maximum.at(most, arms.actions, costs)
            most[0] = 0.0
            self.notes.append("Each arm's amount is the most that one of its users cost.")
            return costs, most, "logged"
        return costs, arms.amounts, "logged"

    def _features(self, rows: Ints) -> pd.DataFrame:
        """Numbers where all values are numbers, categories of text elsewhere; what was guessed and cannot be read is
        left out.

        Raises:
            TableError: what :func:`quantities` refuses, in a feature that was stated.
        """
        import pandas as pd

        columns: dict[str, Any] = {}
        for name in self.columns.features:
            column = self.frame[name].iloc[rows].reset_index(drop=True)
            try:
                found = quantities(column, name)
            except TableError as error:
                if self.columns.reasons["features"] == "stated":
                    raise
                self.findings.append(Finding("feature_left_out", f"{error} It was left out of the features."))
                continue
            numbers = found.text is None and not found.truth
            columns[name] = found.values if numbers else categories_of(column)
        return pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))

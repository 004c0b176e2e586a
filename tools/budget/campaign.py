"""A logged campaign from any table: who was known to be what, got which coupon, did what, and what it cost.

Everything that people write into such files is understood once, in :mod:`bethink.tools.budget.reading`, or refused with
a sentence. What a clean log is still unfit for is said by :func:`bethink.tools.budget.report.validate`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.columns import Columns, guess_columns
from bethink.tools.budget.encoding import FeatureEncoding
from bethink.tools.budget.log import Log
from bethink.tools.budget.propensities import logged_shares
from bethink.tools.findings import Finding, quoted
from bethink.tools.frames import MAX_BYTES, read_frame

if TYPE_CHECKING:
    import pandas as pd

    from bethink.tools.budget.cells import Cells

CostModel = Literal["logged", "redeemed", "sent"]
"""Where costs come from: a column; amount x [reward > 0]; or what sending each arm is stated to cost."""


@dataclass(frozen=True, eq=False)
class CampaignDataset:
    """A clean log, by user and step; made by :meth:`from_table`.

    Args:
        features: what is known before each decision: numbers (NaN where missing) and categories; n rows.
        actions: index into ``amounts`` [n]; 0 is no coupon.
        rewards: [n].
        costs: money spent [n].
        steps: 0-based [n].
        users: dense numbers [n]. In a one-shot campaign every row counts as a user of its own.
        user_ids: what the file calls them, row numbers if nothing [N].
        horizon: T; 1 for a one-shot campaign.
        amounts: face values, or what sending each arm costs [K].
        labels: how each action is written [K].
        columns: which column was what, and why.
        propensities: of the actions [n], or None.
        segments: the segment column as categories [n], or None.
        cost_model: where costs come from.
        currency: its code, or None.
        findings: what was left out or looked odd while reading.
        notes: how the file was read, and what was assumed.
    """

    features: pd.DataFrame
    actions: Ints
    rewards: Floats
    costs: Floats
    steps: Ints
    users: Ints
    user_ids: NDArray
    horizon: int
    amounts: Floats
    labels: tuple[str, ...]
    columns: Columns
    propensities: Floats | None = None
    segments: pd.Categorical | None = None
    cost_model: CostModel = "logged"
    currency: str | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def from_table(
        cls,
        source: Any,
        *,
        user: str | None = None,
        time: str | None = None,
        action: str | None = None,
        reward: str | None = None,
        cost: str | None = None,
        propensity: str | Sequence[str] | None = None,
        features: Sequence[str] | None = None,
        segment: str | None = None,
        amounts: Sequence[float] | None = None,
        arm_costs: Mapping[str, float] | None = None,
        currency: str | None = None,
        ending: str = "",
        max_bytes: int = MAX_BYTES,
    ) -> CampaignDataset:
        """Read a campaign; O(n columns + n log n).

        Args:
            source: path of a CSV or Parquet file, a pandas frame, or anything with ``__arrow_c_stream__``.
            user: column of who; with ``time``, whole histories are made of each one's rows.
            time: column of when, numbers or dates; none: a one-shot campaign.
            action: column of face values, or of arms.
            reward: column of what is to be increased: 0 and 1, yes and no, or amounts.
            cost: column of money really spent. Without one, see ``cost_model``.
            propensity: column of the probability with which the action was drawn, or one column for each action.
            features: columns of what is known beforehand.
            segment: column by which a plan is told.
            amounts: face values to plan with; 0 is added.
            arm_costs: what sending each arm costs, where ``action`` holds arms.
            currency: such as EUR; checked against what the file says.
            ending: kind of file, ``.csv`` or ``.parquet``, if the path does not say so.
            max_bytes: largest file.

            Columns not named are guessed (:func:`bethink.tools.budget.columns.guess_columns`); an empty text says that
            there is none.

        Raises:
            TableError: whatever makes the table no campaign, with a code.
            TableFileError: a file or table that cannot be read.
            TypeError: what is no table.

        Example:
            >>> import pandas as pd
            >>> rows = {"user": [1, 2, 1, 2], "week": [2, 1, 1, 2], "age": 30, "amount": ["€5", 0, 0, 0], "active": 1}
            >>> log = CampaignDataset.from_table(pd.DataFrame(rows), features=["age"]).log()
            >>> log.horizon, log.users, log.actions, log.costs
            (2, array([0, 0, 1, 1]), array([0, 1, 0, 0]), array([0., 5., 0., 0.]))
        """
        from bethink.tools.budget.reading import Reading

        stated = {"user": user, "time": time, "action": action, "reward": reward, "cost": cost}
        stated |= {"propensity": propensity, "features": features, "segment": segment}  # type: ignore[dict-item]
        table = read_frame(source, max_bytes=max_bytes, ending=ending)
        columns = guess_columns(list(table.frame.columns), table.frame, stated)
        return Reading(table, columns).dataset(amounts, arm_costs, currency)

    @property
    def user_count(self) -> int:
        """N."""
        return len(self.user_ids)

    @cached_property
    def encoding(self) -> FeatureEncoding:
        """How features become numbers for networks and trees."""
        return FeatureEncoding.fit(self.features)

    @property
    def targets(self) -> Floats:
        """What cells should tell apart: rewards, and where there is more than one step also what is still to come
        [n, 1 or 2]."""
        if self.horizon == 1:
            return self.rewards[:, None]
        steps = self.rewards.reshape(-1, self.horizon)
        to_come = np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
        return np.stack([self.rewards, to_come.ravel()], axis=1)

    def log(self, cells: Cells | None = None) -> Log:
        """The log for learning: on state numbers if there are cells, else on encoded features float32 [n, d]; O(n)."""
        states: NDArray = self.encoding.matrix(self.features) if cells is None else cells.states(self.features)
        following = np.arange(len(states)) + (self.steps < self.horizon - 1)
        return Log(
            states=states,
            actions=self.actions,
            rewards=self.rewards,
            costs=self.costs,
            next_states=states[following],
            steps=self.steps,
            users=self.users,
            horizon=self.horizon,
            amounts=self.amounts,
            propensities=self.propensities,
        )

    def without(self, names: Sequence[str]) -> CampaignDataset:
        """The same without some features, such as those a report found to leak."""
        kept = [name for name in self.features.columns if name not in set(names)]
        left_out = {**self.columns.left_out, **dict.fromkeys(names, "left out")}
        columns = replace(self.columns, features=tuple(kept), left_out=left_out)
        return replace(self, features=self.features[kept], columns=columns)

    def with_shares(self) -> CampaignDataset:
        """The same with the logged shares of amounts as propensities, if it has none, and a note that says so; O(n).

        Right only where amounts were drawn whoever a user was: ask :func:`bethink.tools.budget.report.validate` first
        whether the log is ``associational``.
        """
        if self.propensities is not None:
            return self
        note = "There are no propensities: the share of each amount among all users is taken for them."
        if self.horizon > 1:
            note = "There are no propensities: the share of each amount among all users of a step is taken for them."
        return replace(self, propensities=logged_shares(self.actions, self.steps), notes=(*self.notes, note))

    def to_d3rlpy(self, multiplier: float = 0.0) -> Any:
        """A d3rlpy ``MDPDataset`` of encoded features with rewards less ``multiplier`` x costs.

        Raises:
            ImportError: d3rlpy is not installed.
        """
        try:
            from d3rlpy.constants import ActionSpace
            from d3rlpy.dataset import MDPDataset
        except ImportError as error:
            raise ImportError("d3rlpy is not installed: pip install 'bethink[d3rlpy]'.") from error
        log = self.log()
        return MDPDataset(
            observations=log.states,
            actions=log.actions[:, None],
            rewards=(log.rewards - multiplier * log.costs).astype(np.float32)[:, None],
            terminals=log.done.astype(np.float32),
            action_space=ActionSpace.DISCRETE,
            action_size=len(self.amounts),
        )

    def to_minari(self, dataset_id: str, multiplier: float = 0.0) -> Any:
        """Write a Minari data set, one episode a user: encoded features, rewards less ``multiplier`` x costs; O(n d).

        Minari keeps it in the folder that the environment variable ``MINARI_DATASETS_PATH`` names, else in its own.
        ``infos["cost"][t + 1]`` of an episode is what step t cost; Minari's first entry belongs to the start. Episodes
        end after T steps; the last observation, which nothing is known of, repeats the one before.

        Args:
            dataset_id: such as ``campaigns/spring-v0``; one that is not there yet.
            multiplier: what a unit of money is worth in rewards, finite.

        Returns:
            The ``minari.MinariDataset``.

        Raises:
            ImportError: minari or h5py is not installed.
            ValueError: no such name is possible, or it is taken; a multiplier that is not finite.
        """
        try:
            import_module("h5py")  # what Minari writes with
            import minari  # type: ignore[import-not-found]
            from minari.data_collector import EpisodeBuffer  # type: ignore[import-not-found]
        except ImportError as error:
            raise ImportError("minari is not installed: pip install 'minari[hdf5]'.") from error
        from gymnasium.spaces import Box, Discrete

        if not re.fullmatch(r"([-\w]{2,}/)*[-\w]+-v\d+", dataset_id):  # Minari makes folders of it before it looks
            raise ValueError(f"{quoted(dataset_id)} is no name of a data set; one is 'campaigns/spring-v0'.")
        if not np.isfinite(multiplier):
            raise ValueError(f"The multiplier must be finite, not {multiplier}.")
        states = self.log().states.reshape(self.user_count, self.horizon, -1)
        ends = np.arange(self.horizon) == self.horizon - 1
        by_user = (-1, self.horizon)
        rows = (self.actions, self.rewards - multiplier * self.costs, self.costs)
        episodes = (
            EpisodeBuffer(
                observations=np.concatenate([seen, seen[-1:]]),
                actions=actions,
                rewards=rewards,
                terminations=ends,
                truncations=np.zeros_like(ends),
                infos={"cost": np.concatenate([[0.0], costs])},
            )
            for seen, actions, rewards, costs in zip(states, *(row.reshape(by_user) for row in rows), strict=True)
        )
        return minari.create_dataset_from_buffers(
            dataset_id,
            episodes,
            observation_space=Box(-np.inf, np.inf, states.shape[2:], np.float32),
            action_space=Discrete(len(self.amounts)),
            description=f"Actions: {', '.join(map(quoted, self.labels))}. Rewards less {multiplier:g} x costs.",
        )

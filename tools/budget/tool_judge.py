"""What plans are worth by users that they were not learned from: for each of several random splits, in two folds.

One-shot campaigns are judged doubly robustly, longer ones by fitted Q evaluation; states are chosen anew in each fold,
and the splits put together by medians (:func:`bethink.tools.budget.ope.median_of`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from bethink.tools.budget.campaign import CampaignDataset
from bethink.tools.budget.cells import Levels
from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.log import Log
from bethink.tools.budget.ope import FQE, Estimate, Evaluation, OneShotScores, median_of, one_shot_scores
from bethink.tools.budget.ope.fqe import Replicates, evaluation, together
from bethink.tools.budget.ope.target import Target, components, probabilities
from bethink.tools.budget.response import Response, fit_response
from bethink.tools.budget.tool_plan import Learned, learn

SPLITS, ONE_SHOT_SPLITS = 5, 50
ROWS_OF_MOST_SPLITS = 65_000
"""One-shot campaigns of more rows are split less often: more rows make the splits more alike."""
LEVEL = 0.95
SPLITTING = 0x5911
"""Keeps the halves apart from what else is drawn with the same seed."""
NOTHING = "no coupon"
PLAN = "plan"
GROUPED = (PLAN, NOTHING)
"""Policies that are judged in each segment, too."""
Policies = Callable[[Learned], Mapping[str, Target]]
"""Makes policies of a learned process; by name, ``NOTHING`` among them."""


class Split(Protocol):
    """What one way of splitting the users says."""

    def evaluation(self, name: str, baseline: str | None = None, group: int | None = None) -> Evaluation | None:
        """Reward and cost per user of a policy, and the differences to a baseline; None where a group is too small."""
        ...


@dataclass(frozen=True, eq=False)
class OneShotSplit:
    """Doubly robust scores of every user, by policy."""

    scores: Mapping[str, OneShotScores]
    groups: Ints

    def evaluation(self, name: str, baseline: str | None = None, group: int | None = None) -> Evaluation | None:
        """See :class:`Split`."""
        found = self.scores[name]
        other = None if baseline is None else self.scores[baseline]
        if group is not None:
            keep = self.groups == group
            if keep.sum() < 2:
                return None
            found, other = found.rows(keep), None if other is None else other.rows(keep)
        return found.evaluation(other, level=LEVEL)


@dataclass(frozen=True, eq=False)
class LongSplit:
    """Replicates of fitted Q evaluation, by policy and group (None: all users)."""

    replicates: Mapping[tuple[str, int | None], Sequence[Replicates]]

    def evaluation(self, name: str, baseline: str | None = None, group: int | None = None) -> Evaluation | None:
        """See :class:`Split`."""
        found = self.replicates[name, group]
        if not found:
            return None
        other = None if baseline is None else together(self.replicates[baseline, group])
        return evaluation(together(found), other, LEVEL)


@dataclass(frozen=True)
class Verdict:
    """All splits together."""

    splits: Sequence[Split]

    def reward(self, name: str) -> Estimate:
        """Reward per user."""
        return median_of([found.reward for found in self._all(name)])

    def cost(self, name: str) -> Estimate:
        """Money per user."""
        return median_of([found.cost for found in self._all(name)])

    def gain(
        self, name: str, baseline: str = NOTHING, group: int | None = None, comparisons: int = 1
    ) -> Estimate | None:
        """Reward per user above the baseline's, of all users or of one group; None where that is too small.

        With so many ``comparisons`` their intervals hold together at the level (Bonferroni).
        """
        found = [each.evaluation(name, baseline, group) for each in self.splits]
        gains = [each.reward_gain for each in found if each is not None and each.reward_gain is not None]
        return median_of(gains, 1 - (1 - LEVEL) / comparisons) if len(gains) == len(self.splits) else None

    def _all(self, name: str) -> list[Evaluation]:
        return [found for each in self.splits if (found := each.evaluation(name)) is not None]


def judge(
    dataset: CampaignDataset,
    policies: Policies,
    groups: Ints,
    *,
    forced: Sequence[Levels] = (),
    seed: int = 0,
    progress: Callable[[float], None] = lambda done: None,
) -> Verdict:
    """Learn policies on one half of the users and judge them on the other, both ways, several times.

    Args:
        dataset: the campaign.
        policies: makes them of what was learned from a half.
        groups: of each user [N].
        forced: columns that states must tell apart.
        seed: of the random ways to halve the users.
        progress: told the share that is done; what it raises ends the judging.
    """
    found: list[Split] = []
    splits = SPLITS
    if dataset.horizon == 1:
        splits = max(SPLITS, ONE_SHOT_SPLITS * ROWS_OF_MOST_SPLITS // max(len(dataset.actions), ROWS_OF_MOST_SPLITS))
    users = np.random.default_rng([seed, SPLITTING])
    for split in range(splits):
        half = users.permutation(dataset.user_count) % 2 == 0
        parts = []
        for number, test in enumerate((half, ~half)):
            rows = test[dataset.users]
            learned = learn(dataset, forced, ~rows)
            parts.append((rows, learned, policies(learned)))
            progress((2 * split + number + 0.8) / (2 * splits))
        if dataset.horizon == 1:
            found.append(_one_shot(dataset, parts, groups))
        else:
            found.append(_long(parts, groups, seed * splits + split))
        progress((split + 1) / splits)
    return Verdict(found)


def judge_fixed(dataset: CampaignDataset, learned: Learned, policies: Mapping[str, Target], seed: int = 0) -> Verdict:
    """Judge policies that were not learned from the log on all of its users."""
    everyone = np.zeros(dataset.user_count, np.int64)
    if dataset.horizon > 1:
        fqe = FQE(learned.log, seed=seed)
        return Verdict([LongSplit({(name, None): [fqe.replicates(policy)] for name, policy in policies.items()})])
    half = np.random.default_rng([seed, SPLITTING]).permutation(dataset.user_count) % 2 == 0
    return Verdict([_one_shot(dataset, [(rows, learned, policies) for rows in (half, ~half)], everyone)])


Part = tuple[Ints, Learned, Mapping[str, Target]]
"""The rows judged on, what was learned from the others, and the policies made of it."""


def _one_shot(dataset: CampaignDataset, parts: Sequence[Part], groups: Ints) -> OneShotSplit:
    n, k = len(dataset.actions), len(dataset.amounts)
    targets: dict[str, Floats] = {}
    predicted = Response(np.zeros((n, k)), np.zeros((n, k)))
    for rows, learned, policies in parts:
        states = learned.log.states[rows]
        response = fit_response(_with_every_amount(learned.log.rows(~rows))).predict(states)
        predicted.rewards[rows], predicted.costs[rows] = response.rewards, response.costs
        for name, policy in policies.items():
            target = targets.setdefault(name, np.zeros((n, k)))
            for part, weight in components(policy):
                target[rows] += weight * probabilities(part, states, 0, k)
    log = replace(parts[0][1].log, propensities=known_propensities(dataset, parts[0][1]))
    scores = {name: one_shot_scores(log, target, predicted) for name, target in targets.items()}
    return OneShotSplit(scores, groups)


def _long(parts: Sequence[Part], groups: Ints, seed: int) -> LongSplit:
    found: dict[tuple[str, int | None], list[Replicates]] = {}
    labels = np.unique(groups)
    for number, (rows, learned, policies) in enumerate(parts):
        log = learned.log.rows(rows)
        fqe = FQE(log, seed=2 * seed + number, level=LEVEL)
        first = log.steps == 0
        starts, of = log.states[first], groups[log.users[first]]
        there = [int(group) for group in labels if (of == group).any()]
        for name, policy in policies.items():
            wanted: list[int | None] = [None, *there] if name in GROUPED and len(labels) > 1 else [None]
            populations = [None if group is None else starts[of == group] for group in wanted]
            for group, each in zip(wanted, fqe.by_population(policy, populations), strict=True):
                found.setdefault((name, group), []).append(each)
    return LongSplit(found)


def known_propensities(dataset: CampaignDataset, learned: Learned) -> Floats:
    """The log's own propensities; where amounts went by what was known, their shares in each state."""
    if dataset.propensities is not None:
        return dataset.propensities
    states, k = learned.log.states, len(dataset.amounts)
    given = np.bincount(states * k + dataset.actions, minlength=learned.cells.count * k).reshape(-1, k)
    shares: Floats = (given / np.maximum(given.sum(1, keepdims=True), 1))[states, dataset.actions]
    return shares


def _with_every_amount(log: Log) -> Log:
    """The log; a part of few rows may lack an amount, which is then taken to be like no coupon, as one row says."""
    missing = sorted(set(range(len(log.amounts))) - set(np.unique(log.actions).tolist()))
    if not missing:
        return log
    some = np.concatenate([np.arange(len(log.actions)), np.zeros(len(missing), np.int64)])
    padded = log.rows(some)
    actions = padded.actions.copy()
    actions[-len(missing) :] = missing
    return replace(padded, actions=actions)

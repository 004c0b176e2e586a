"""What a logged campaign can be used for: warnings as data, and refusals where nothing could be learned at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.budget.campaign import CampaignDataset
from bethink.tools.budget.cmdp import Bools, Floats, Ints
from bethink.tools.budget.confounding import Predictability, predictability
from bethink.tools.budget.encoding import numbers_in
from bethink.tools.budget.propensities import Balance, refuse_contradiction
from bethink.tools.findings import NAMED, Finding, TableError, listed, quoted
from bethink.tools.quantities import coded
from bethink.tools.tables import counted

if TYPE_CHECKING:
    import pandas as pd

    from bethink.tools.budget.cells import Cells

LEAST_USERS = 20
LEAST_REDEMPTIONS = 200
"""Of an amount; fewer, and its cost and effect are known badly."""
SMALL_PROPENSITY = 0.01
WRONG_UNIT = (10.0, 100.0, 1000.0)
"""Ratios of redeemed cost to face value that a factor between units explains, either way round."""
CHANCE = 1e-12
"""A value that always goes with a reward is suspicious if chance explains it with less than this probability."""


@dataclass(frozen=True)
class Report:
    """What was found.

    Args:
        findings: what to know before acting: first of the reading, then of the log.
        assumptions: sentences on how the file was read and what is taken for granted.
        leaks: features that say what happened afterwards; leave them out (:meth:`CampaignDataset.without`).
        associational: whether amounts went by what was known of users, or may have gone by a feature that says the
            same as they do, and it is not known how: differences between amounts may then be differences between users.
        predictability: how well amounts can be told from features and, where there is more than one step, from the
            step; None where propensities are known or nothing can be said.
        redemptions: rows with money spent, of each action [K].
        unsupported: pairs of a segment or cell and an action that nobody in it got, as labels.
    """

    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]
    leaks: tuple[str, ...]
    associational: bool
    predictability: Predictability | None
    redemptions: tuple[int, ...]
    unsupported: tuple[tuple[str, str], ...]


def validate(dataset: CampaignDataset, cells: Cells | None = None) -> Report:
    """Look for everything that would make a plan from this log wrong; O(n k), a few seconds for 100,000 rows.

    Support is looked at in each cell if there are some, else in each segment.

    Raises:
        TableError: ``too_few_users``, ``one_amount``, ``rewards_equal``, ``no_overlap`` (no segment or cell in which
            two amounts were logged), ``propensities`` that the actions contradict, ``unit`` where costs and amounts
            are in different ones.

    Example:
        >>> import pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> log = pd.DataFrame({"town": rng.choice(["Bonn", "Ulm"], 900), "amount": rng.choice([0, 5], 900)})
        >>> log["active"] = rng.integers(2, size=900)
        >>> report = validate(CampaignDataset.from_table(log))
        >>> [finding.code for finding in report.findings], report.associational
        ([], False)
        >>> report.assumptions[-1]
        'There are no propensities; features do not tell who got what (AUC 0.531): amounts are taken as random.'
    """
    _refuse_hopeless(dataset)
    findings = list(dataset.findings)
    leaks = _leaks(dataset)
    findings += leaks.values()
    named = tuple(name for name, finding in leaks.items() if finding.code == "leakage")
    found = predictability(_known(dataset.without(named)), dataset.actions, dataset.users)
    assumptions = list(dataset.notes)
    associational = False
    if dataset.propensities is None:
        confounding, assumption = _assignment(dataset, found)
        findings += confounding
        repeated = any(leak.numbers.get("same_as") == dataset.columns.action for leak in leaks.values())
        assumptions += [] if repeated else assumption
        associational = repeated or bool(confounding)
    else:
        weights = refuse_contradiction(dataset.propensities, dataset.actions, dataset.labels)
        findings += _positivity(dataset, dataset.propensities, weights)
        found = None
    unsupported, missing = _support(dataset, cells)
    findings += missing
    redemptions = np.bincount(dataset.actions, _redeemed(dataset), minlength=len(dataset.amounts)).astype(int)
    findings += _rare(dataset, redemptions)
    findings += _money(dataset)
    findings += _values(dataset)
    return Report(
        findings=tuple(findings),
        assumptions=tuple(assumptions),
        leaks=named,
        associational=associational,
        predictability=found,
        redemptions=tuple(redemptions.tolist()),
        unsupported=unsupported,
    )


def _refuse_hopeless(dataset: CampaignDataset) -> None:
    users, reward = dataset.user_count, quoted(dataset.columns.reward)
    if users < LEAST_USERS:
        message = f"There {'is' if users == 1 else 'are'} {counted(users, 'user')}; at least {LEAST_USERS} are needed."
        raise TableError("too_few_users", message, "Give more users.")
    given = np.unique(dataset.actions)
    if len(given) < 2:
        message = f"Everybody got {quoted(dataset.labels[given[0]])}: there is nothing to compare it with."
        raise TableError("one_amount", message, "Add users who got something else, or nothing.")
    if np.ptp(dataset.rewards) == 0:
        message = f"Column {reward} is {dataset.rewards[0]:g} in every row: nothing can increase it."
        raise TableError("rewards_equal", message, "Name another column as the reward.")


# -- how amounts were assigned ----------------------------------------------------------------------------------------


def _known(dataset: CampaignDataset) -> pd.DataFrame:
    """What amounts may have gone by: features, and the step where there is more than one.

    Models pool the steps, so that amounts which went by the calendar confound as much as those that went by users.
    """
    if dataset.horizon == 1:
        return dataset.features
    name = "step"
    while name in dataset.features.columns:
        name += "_"
    return dataset.features.assign(**{name: dataset.steps.astype(np.float64)})


def _assignment(dataset: CampaignDataset, found: Predictability | None) -> tuple[list[Finding], list[str]]:
    """A finding if features tell who got what, or the assumption that amounts were drawn at random."""
    if found is None and dataset.horizon == 1 and not len(dataset.features.columns):
        return [], ["There are no propensities and no features to tell amounts from: they are taken as random."]
    if found is None:
        return [], [
            "There are no propensities, and too few rows to see whether amounts went by what was known: they are "
            "taken as random."
        ]
    what = "features" if dataset.horizon == 1 else "features and steps"
    auc = float(round(found.auc[found.worst], 3))
    if not found.confounded:
        text = f"There are no propensities; {what} do not tell who got what (AUC {auc}): amounts are taken as random."
        return [], [text]
    label = dataset.labels[found.actions[found.worst]]
    message = (
        f"There are no propensities, and {what} tell who got {quoted(label)} (AUC {auc}): amounts were not drawn at "
        "random, so increments are associational and may be wrong in either direction."
    )
    return [Finding("confounding", message, {"auc": auc, "amount": label})], []


def _positivity(dataset: CampaignDataset, propensities: Floats, weights: Balance) -> Iterator[Finding]:
    small = int((propensities < SMALL_PROPENSITY).sum())
    if small:
        least = float(f"{propensities.min():.3g}")
        message = (
            f"{counted(small, 'row')} had an amount that was drawn with a probability below {SMALL_PROPENSITY} "
            f"(least {least}): estimates rest on few heavy rows."
        )
        yield Finding("positivity", message, {"rows": small, "least": least, "limit": SMALL_PROPENSITY})
    below = 1 - weights.means > np.maximum(0.05, 5 * weights.errors)
    below &= np.bincount(dataset.actions, minlength=len(below)) > 0
    if below.any() and propensities.min() >= SMALL_PROPENSITY:
        shares = {dataset.labels[action]: float(round(weights.means[action], 2)) for action in np.flatnonzero(below)}
        parts = ", ".join(f"{quoted(label)} {share}" for label, share in shares.items())
        message = (
            f"By their propensities some amounts were possible only for a share of the users ({parts}); if they were "
            "possible for all, the propensities are too large."
        )
        yield Finding("positivity", message, {"shares": shares})


def _support(dataset: CampaignDataset, cells: Cells | None) -> tuple[tuple[tuple[str, str], ...], list[Finding]]:
    """Pairs of a group and an action that nobody got, and what to say of them."""
    if cells is not None:
        place, names, kind = cells.states(dataset.features), list(cells.labels), "cell"
    elif dataset.segments is not None:
        place, names, kind = dataset.segments.codes.astype(np.int64), list(dataset.segments.categories), "segment"
        known = place >= 0
        place = np.where(known, place, len(names))
        names = [*names, "(missing)"]
    else:
        return (), []
    k = len(dataset.amounts)
    rows = np.bincount(place * k + dataset.actions, minlength=len(names) * k).reshape(-1, k)
    there = rows.sum(1) > 0
    if ((rows > 0).sum(1) < 2).all():
        message = f"In no {kind} were two amounts logged: what one would do where another was given is not known."
        raise TableError("no_overlap", message, "Give a log in which like users got different amounts by chance.")
    never = np.argwhere(there[:, None] & (rows == 0))
    pairs = tuple((str(names[group]), dataset.labels[action]) for group, action in never)
    if not pairs:
        return (), []
    shown = "; ".join(f"{quoted(action)} in {quoted(group)}" for group, action in pairs[:NAMED])
    more = f"; and {len(pairs) - NAMED} more" if len(pairs) > NAMED else ""
    affected = int(rows[np.unique(never[:, 0])].sum())
    message = (
        f"Never logged, so left out of the plan there: {shown}{more} ({counted(len(pairs), 'pair')} of {kind} and "
        f"amount, {counted(affected, 'row')} in these {kind}s)."
    )
    return pairs, [
        Finding("support", message, {"pairs": len(pairs), "rows": affected, "more": max(0, len(pairs) - NAMED)})
    ]


# -- what is known only afterwards ------------------------------------------------------------------------------------


def _leaks(dataset: CampaignDataset) -> dict[str, Finding]:
    """Features that repeat the reward, the cost or the action (``leakage``), or go with the reward too well."""
    found: dict[str, Finding] = {}
    others = {dataset.columns.reward: dataset.rewards, dataset.columns.action: dataset.actions.astype(float)}
    if dataset.cost_model == "logged":
        others[dataset.columns.cost or "cost"] = dataset.costs
    for name in dataset.features.columns:
        column = dataset.features[name]
        for other, values in others.items():
            if _same(column, values):
                message = f"Feature {quoted(name)} says the same as {quoted(other)}: it is left out."
                if other == dataset.columns.action:
                    message += " But if it was known before, amounts went by it, and increments are associational."
                found[name] = Finding("leakage", message, {"feature": name, "same_as": other})
                break
        else:
            where = _foretells(column, dataset.rewards)
            if where is not None:
                value, rows, outcome = where
                message = (
                    f"Where feature {quoted(name)} is {value} ({counted(rows, 'row')}), "
                    f"{quoted(dataset.columns.reward)} is {outcome}: if it is known only afterwards, leave it out."
                )
                found[name] = Finding("leakage_suspected", message, {"feature": name, "rows": rows})
    return found


def _same(column: pd.Series, values: Floats) -> bool:
    """Whether two columns tell the same rows apart: equal, or one value of one for each value of the other."""
    numbers = numbers_in(column)
    if numbers is not None and np.array_equal(numbers, values):
        return True
    codes = coded(column)[0] if numbers is None else np.unique(numbers, return_inverse=True)[1]
    others = np.unique(values, return_inverse=True)[1]
    kinds, other_kinds = len(np.unique(codes)), len(np.unique(others))
    if kinds != other_kinds or kinds < 2 or kinds > len(codes) / 10:
        return False
    return len(np.unique((codes + 1) * other_kinds + others)) == kinds


def _foretells(column: pd.Series, rewards: Floats) -> tuple[str, int, str] | None:
    """A value that the reward is never, or always, 0 with, though chance does not explain that: the value, its rows,
    and what the reward is; numbers are only told apart as 0 and others."""
    numbers = numbers_in(column)
    if numbers is None:
        codes, levels = coded(column)
        names = [f"{quoted(level)}" for level in levels]
    else:
        codes, names = np.where(np.isnan(numbers), -1, (numbers != 0).astype(np.int64)), ["0", "not 0"]
    kept = codes >= 0
    some = rewards != 0
    count = np.bincount(codes[kept], minlength=len(names))
    hits = np.bincount(codes[kept], some[kept], minlength=len(names))
    share = float(some.mean())
    for probability, sure, outcome in ((share, hits == count, "never 0"), (1 - share, hits == 0, "always 0")):
        places = np.flatnonzero(sure & (count > 0) & (count < len(rewards)))
        if len(places) and 0 < probability < 1:
            place = int(places[np.argmax(count[places])])
            if count[place] * np.log(probability) < np.log(CHANCE):
                return names[place], int(count[place]), outcome
    return None


# -- money and values -------------------------------------------------------------------------------------------------


def _redeemed(dataset: CampaignDataset) -> Bools:
    """Where a coupon was used: money was spent, or for arms that cost the same for everybody, users responded."""
    return (dataset.rewards > 0) if dataset.cost_model == "sent" else (dataset.costs > 0)


def _rare(dataset: CampaignDataset, redemptions: Ints) -> Iterator[Finding]:
    rows = np.bincount(dataset.actions, minlength=len(dataset.amounts))
    few = {
        dataset.labels[action]: int(redemptions[action])
        for action in range(1, len(rows))
        if redemptions[action] < LEAST_REDEMPTIONS
    }
    if few:
        what = "responses" if dataset.cost_model == "sent" else "redemptions"
        parts = ", ".join(f"{quoted(label)} {count:,}" for label, count in list(few.items())[:NAMED])
        message = f"Fewer than {LEAST_REDEMPTIONS} {what}, so effects are known badly: {parts}."
        yield Finding("few_redemptions", message, {"limit": LEAST_REDEMPTIONS, "redemptions": few})


def _money(dataset: CampaignDataset) -> Iterator[Finding]:
    if dataset.cost_model != "logged":
        return
    face, costs = dataset.amounts[dataset.actions], dataset.costs
    spent = (costs > 0) & (face > 0)
    if spent.any() and dataset.columns.cost is not None:
        ratio = float(np.median(costs[spent] / face[spent]))
        for factor in WRONG_UNIT:
            if abs(ratio / factor - 1) < 0.01 or abs(ratio * factor - 1) < 0.01:
                raise TableError(
                    "unit",
                    f"Money in {quoted(dataset.columns.cost)} is {ratio:g} times the amount that was given: the two "
                    "seem to be in different units.",
                    "Write both in the same unit, such as whole euros.",
                )
    free = (costs > 0) & (dataset.actions == 0)
    if free.any():
        count, total = int(free.sum()), float(f"{costs[free].sum():g}")
        message = f"{counted(count, 'row')} without a coupon cost money ({total:g} in all): that is counted, too."
        yield Finding("cost_without_coupon", message, {"rows": count, "total": total})
    above = (costs > face * (1 + 1e-9)) & (dataset.actions > 0) & (face > 0)
    if above.any():
        count = int(above.sum())
        message = f"{counted(count, 'row')} cost more than their amount: the amount is no upper limit of what is spent."
        yield Finding("cost_above_amount", message, {"rows": count})


def _values(dataset: CampaignDataset) -> Iterator[Finding]:
    low, high = float(dataset.rewards.min()), float(dataset.rewards.max())
    if low < 0 or high > 1:
        message = f"Rewards go from {low:g} to {high:g}: they are taken as amounts, not as yes and no."
        yield Finding("reward_scale", message, {"least": float(f"{low:g}"), "most": float(f"{high:g}")})
    missing = {name: int(count) for name, count in dataset.features.isna().sum().items() if count}
    if missing:
        message = f"Values are missing in {counted(len(missing), 'feature')}: {listed(missing)}. They count as a value."
        yield Finding("missing_features", message, {"features": len(missing), "missing": missing})

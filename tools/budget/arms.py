"""What users were given: face values of coupons, or arms of a test by name, as action numbers with amounts.

Action 0 is "no coupon". Face values are in ascending order; arms, too, by what they cost and then by name. Which arm is
the control is told by its name (``No E-Mail``, ``control``) or by a stated cost of zero that no other has.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.findings import Finding, TableError, listed, quoted
from bethink.tools.quantities import LARGEST, coded, is_missing, quantities, written

if TYPE_CHECKING:
    import pandas as pd

MOST_ARMS = 50
CONTROL = re.compile(
    r"(no|none|non|nothing|not|without|control|controls|holdout|hold-out|baseline|placebo|untreated|kein|keine|sin|sans)"
    r"\b.*|0|false",
    re.I | re.S,
)
"""Names of an arm that gets nothing."""
TREATMENT = re.compile(r"(is_?)?(treat|arm|variant|group|exposed|test|mail|sent)", re.I)
"""Names of columns whose 0 and 1 are arms, not money."""


@dataclass(frozen=True, eq=False)
class Arms:
    """An action for each row.

    Args:
        actions: action numbers [n], -1 where the cell is empty.
        amounts: face value of each action, or what sending the arm costs [K]; the first is 0.
        labels: how each action is written [K].
        face_values: whether amounts are face values, spent if redeemed; else they are spent for each user.
        currencies: codes written beside the amounts.
        findings: amounts that were stated and never logged; arms without a cost.
        notes: sentences on how the column was read.
    """

    actions: Ints
    amounts: Floats
    labels: tuple[str, ...]
    face_values: bool
    currencies: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def is_control(label: str) -> bool:
    """Whether a label says that its users got nothing."""
    return bool(CONTROL.fullmatch(label.strip()))


def read_arms(
    column: pd.Series,
    name: str,
    amounts: Sequence[float] | None = None,
    arm_costs: Mapping[str, float] | None = None,
) -> Arms:
    """Tell face values from arms and number them; O(n).

    Args:
        column: as :func:`bethink.tools.frames.read_frame` gives it.
        name: of the column.
        amounts: face values to plan with; None: those that occur.
        arm_costs: what sending each arm costs; None: nothing. Makes arms of whatever the column holds.

    Raises:
        TableError: ``no_control``, ``negative_amount``, ``unknown_amount``, ``too_many_amounts``, ``arm_costs``,
            and what :func:`quantities` refuses.

    Example:
        >>> import pandas as pd
        >>> arms = read_arms(pd.Series(["5 EUR", "0 EUR", "", "2 EUR"]), "coupon")
        >>> arms.actions, arms.labels, arms.currencies
        (array([ 2,  0, -1,  1]), ('0', '2', '5'), ('EUR',))
    """
    codes, levels = coded(column)
    present = np.bincount(codes[codes >= 0], minlength=len(levels)) > 0
    texts = [written(level) for level in levels]
    control = np.array([is_control(text) for text in texts], bool)
    missing = np.array([is_missing(level) for level in levels], bool) & ~control
    used = present & ~missing
    if not used.any():
        raise TableError("no_amounts", f"Column {quoted(name)} holds no amount.", "Name the column of amounts.")
    held = {text for text, use in zip(texts, used, strict=True) if use}
    named = held <= {"True", "False"} or (held <= {"0", "1"} and TREATMENT.match(name) is not None)
    if arm_costs is None and (amounts is not None or not named):
        nothing = np.isin(codes, np.flatnonzero(control & used))
        money = quantities(column.mask(nothing), name, money=True)
        if money.text is None:
            values = np.where(nothing, 0.0, money.values)
            return _face_values(values, name, amounts, money.currencies)
        if amounts is not None:
            row, cell = money.text or (0, "")
            raise TableError(
                "unknown_amount",
                f"Column {quoted(name)} holds {quoted(cell)} in row {row + 1:,}, which is no amount.",
                "Leave out `amounts` and state what each arm costs, or write amounts like 5.00.",
            )
    return _arms(codes, texts, used, name, arm_costs)


def _natural(label: str) -> tuple[int, str]:
    """An order in which 2 comes before 10."""
    return (int(label), "") if label.isascii() and label.isdecimal() else (-1, label)


def _face_values(values: Floats, name: str, amounts: Sequence[float] | None, currencies: tuple[str, ...]) -> Arms:
    known = ~np.isnan(values)
    found = np.unique(values[known])
    if found[0] < 0:
        message = f"Column {quoted(name)} holds the negative amount {found[0]:g}."
        raise TableError("negative_amount", message, "Give amounts of zero or more; 0 is no coupon.")
    if len(found) > MOST_ARMS:
        raise TableError(
            "too_many_amounts",
            f"Column {quoted(name)} has {len(found):,} distinct amounts; {MOST_ARMS} is the most.",
            "Round the amounts to a few steps, or name the column that says what was offered, not what was spent.",
        )
    findings: tuple[Finding, ...] = ()
    if amounts is None:
        wanted = np.union1d([0.0], found)
    else:
        wanted = _stated(amounts)
        strange = found[np.abs(found[:, None] - wanted).min(1) > 1e-9]
        if len(strange):
            others = ", ".join(f"{value:g}" for value in strange[:6])
            raise TableError(
                "unknown_amount",
                f"Column {quoted(name)} holds amounts that were not stated: {others}.",
                "Add them to `amounts`, or leave out their rows.",
            )
        never = [float(value) for value in wanted if value > 0 and np.abs(found - value).min() > 1e-9]
        if never:
            text = ", ".join(f"{value:g}" for value in never)
            message = f"Never logged, so nothing can be learned about them: amounts {text}. The plan leaves them out."
            findings = (Finding("never_logged", message, {"amounts": never}),)
            wanted = np.array([value for value in wanted if value not in never])
    if found[0] > 1e-9:
        empty = int((~known).sum())
        message = f"Nobody in column {quoted(name)} got nothing; the least amount is {found[0]:g}."
        raise TableError("no_control", message, _control_hint(empty))
    actions = np.where(known, np.abs(np.where(known, values, 0.0)[:, None] - wanted).argmin(1), -1)
    labels = tuple(f"{value:.12g}" for value in wanted)
    return Arms(actions, wanted, labels, True, currencies, findings)


def _control_hint(empty: int) -> str:
    if not empty:
        return "What users do without a coupon must be known: add users who got none, with the amount 0."
    cells = "1 cell of the column is" if empty == 1 else f"{empty:,} cells of the column are"
    return f"{cells} empty: if those users got nothing, write 0 there."


def _stated(amounts: Sequence[float]) -> Floats:
    wanted = np.asarray(amounts, np.float64)
    if (
        wanted.ndim != 1
        or not len(wanted)
        or not (np.isfinite(wanted).all() and wanted.min() >= 0 and wanted.max() <= LARGEST)
    ):
        raise TableError(
            "negative_amount", f"amounts is {list(amounts)!r:.80}.", "Give finite amounts of zero or more."
        )
    return np.union1d([0.0], wanted)


def _arms(codes: Ints, texts: list[str], used: np.ndarray, name: str, arm_costs: Mapping[str, float] | None) -> Arms:
    labels = sorted({text for text, use in zip(texts, used, strict=True) if use}, key=_natural)
    if len(labels) > MOST_ARMS:
        raise TableError(
            "too_many_amounts",
            f"Column {quoted(name)} has {len(labels):,} distinct texts; {MOST_ARMS} arms is the most.",
            "Name the column that says what each user was given, by amounts or by the names of a few arms.",
        )
    costs = _costs(labels, name, arm_costs)
    controls = [label for label in labels if is_control(label)]
    zero = [label for label in labels if costs[label] == 0]
    if arm_costs is not None and len(zero) == 1:
        controls = zero
    if len(controls) != 1:
        what = "none of the arms" if not controls else "more than one arm"
        raise TableError(
            "no_control",
            f"Column {quoted(name)} holds the arms {listed(labels)}; {what} is known to get nothing.",
            "State what sending each arm costs in `arm_costs`, 0 for the one without a coupon.",
        )
    control = controls[0]
    if costs[control] != 0:
        message = f"The arm {quoted(control)} gets nothing, but is stated to cost {costs[control]:g}."
        raise TableError("arm_costs", message, "State a cost of 0 for it.")
    ordered = sorted(labels, key=lambda label: (label != control, costs[label], _natural(label)))
    number = {label: index for index, label in enumerate(ordered)}
    table = np.array([number.get(text, -1) if use else -1 for text, use in zip(texts, used, strict=True)] + [-1])
    amounts = np.array([costs[label] for label in ordered])
    notes = (f"Column {quoted(name)} holds arms by name; {quoted(control)} is the one that gets nothing.",)
    findings: tuple[Finding, ...] = ()
    if arm_costs is None:
        message = "It is not stated what sending each arm costs: all are taken to be free, so that no budget binds."
        findings = (Finding("no_cost", message, {"arms": len(labels)}),)
    return Arms(table[codes], amounts, tuple(ordered), False, (), findings, notes)


def _costs(labels: list[str], name: str, arm_costs: Mapping[str, float] | None) -> dict[str, float]:
    if arm_costs is None:
        return dict.fromkeys(labels, 0.0)
    plain = {label.lower(): label for label in labels}
    costs: dict[str, float] = {}
    for arm, cost in arm_costs.items():
        label = plain.get(str(arm).strip().lower())
        if label is None:
            near = difflib.get_close_matches(str(arm), labels, 3, 0.5) or labels
            message = f"There is no arm {quoted(arm)} in column {quoted(name)}."
            raise TableError("arm_costs", message, f"There are: {listed(near)}.")
        if not 0 <= float(cost) <= LARGEST:
            message = f"The cost of arm {quoted(arm)} is {cost}."
            raise TableError("arm_costs", message, "State a cost of zero or more.")
        costs[label] = float(cost)
    left = [label for label in labels if label not in costs and not is_control(label)]
    if left:
        message = f"arm_costs does not say what these arms cost: {listed(left)}."
        raise TableError("arm_costs", message, "State the cost of every arm, 0 for the one without a coupon.")
    return {label: costs.get(label, 0.0) for label in labels}

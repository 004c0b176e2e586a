"""Probabilities with which a campaign drew its amounts: read, and held against the amounts that were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.findings import TableError, listed, quoted
from bethink.tools.frames import Frame
from bethink.tools.quantities import numbers_of
from bethink.tools.tables import counted

SUM_ERROR = 1e-3
"""Propensities of all actions may miss 1 by so much: they are often written with three decimals."""
DEVIATIONS = 5.0
LEAST_GAP = 0.05
"""Weights contradict propensities if they are off by this share and by so many standard errors."""


def read_propensities(
    table: Frame, names: str | Sequence[str] | None, actions: Ints, labels: Sequence[str], rows: Ints
) -> Floats | None:
    """Probabilities of the logged actions [m], for the ``rows`` [m] of a table; None without a column.

    Args:
        table: the whole table.
        names: one column for the action that was given, or one for each action, in the order of ``labels``.
        actions: of the rows [m].
        labels: how actions are written [K].
        rows: numbers of the rows that stay.

    Raises:
        TableError: ``propensities`` for one that is missing or not within (0, 1], for a sum that is not 1, or for
            as many columns as neither one nor K.
    """
    if not names:
        return None
    if isinstance(names, str):
        found = numbers_of(table, names)[rows]
    else:
        if len(names) != len(labels):
            message = (
                f"{counted(len(names), 'column')} of propensities are stated for {counted(len(labels), 'action')}."
            )
            hint = f"State one column for the action that was given, or one for each of: {listed(labels)}."
            raise TableError("propensities", message, hint)
        each = np.stack([numbers_of(table, name)[rows] for name in names], axis=1)
        sums = each.sum(1)
        off = ~(np.abs(sums - 1) <= SUM_ERROR)
        if off.any():
            row = int(np.argmax(off))
            message = f"The propensities in {table.where(int(rows[row]))} sum to {sums[row]:g}, not to 1."
            raise TableError("propensities", message, "Give the probability of every action, above 0, in each row.")
        found = each[np.arange(len(rows)), actions]
    wrong = ~((found > 0) & (found <= 1))
    if wrong.any():
        row, count = int(np.argmax(wrong)), int(wrong.sum())
        value = "nothing" if np.isnan(found[row]) else f"{found[row]:g}"
        name = names if isinstance(names, str) else names[int(actions[row])]
        raise TableError(
            "propensities",
            f"Column {quoted(name)} should hold probabilities above 0 and up to 1; in {table.where(int(rows[row]))} it "
            f"holds {value} ({counted(count, 'row')} in all).",
            "Give the probability with which the logged action was drawn; or state that `propensity` is ''.",
        )
    return found


def logged_shares(actions: Ints, steps: Ints) -> Floats:
    """Share of each row's action among the rows of its step [n]; O(n).

    Right as propensities where amounts were drawn whoever a user was.

    Example:
        >>> logged_shares(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 0, 0, 1, 1]))
        array([0.75, 0.75, 0.75, 0.25, 1.  , 1.  ])
    """
    k = int(actions.max()) + 1
    place = steps * k + actions
    rows = np.bincount(place).astype(np.float64)
    found: Floats = rows[place] / np.bincount(steps)[steps]
    return found


@dataclass(frozen=True)
class Balance:
    """Mean of 1[action drawn] / propensity over all rows [K], and its standard error [K].

    It is 1 where the propensities are right and the action was possible for everybody, less where it was not possible
    for some, and more only by chance or where the propensities are wrong.
    """

    means: Floats
    errors: Floats


def balance(propensities: Floats, actions: Ints, count: int) -> Balance:
    """The balance of ``count`` actions; O(n)."""
    n = len(actions)
    means = np.bincount(actions, 1 / propensities, minlength=count) / n
    squares = np.bincount(actions, 1 / propensities**2, minlength=count) / n
    return Balance(means, np.sqrt(np.maximum(squares - means**2, 0.0) / n))


def refuse_contradiction(propensities: Floats, actions: Ints, labels: Sequence[str]) -> Balance:
    """Refuse propensities that are too small for how often their actions were drawn, as when they sum to less than 1.

    Raises:
        TableError: ``propensities``.
    """
    found = balance(propensities, actions, len(labels))
    over = found.means - 1 > np.maximum(LEAST_GAP, DEVIATIONS * found.errors)
    for action in np.flatnonzero(over)[:1]:
        raise TableError(
            "propensities",
            f"Rows with {quoted(labels[action])}, each weighted by 1 / its propensity, should weigh as much as all "
            f"rows; they weigh {found.means[action]:.3g} times as much.",
            "Give the probability with which each row's own action was drawn, from a policy whose probabilities sum to "
            "1; or state that `propensity` is ''.",
        )
    return found

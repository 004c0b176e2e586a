"""What of a table is fitted, and how a generated row becomes a row of the table again.

Left out of the fit are columns that say nothing of their own: constants, and columns that follow from others (equal,
or a linear combination). Columns of steps (whole numbers, say) have no density; they get uniform noise within the
step, as in Uria, Murray and Larochelle 2013 (RNADE), section 5.1, and generated values go back to the nearest step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bethink.tools.density.table import LARGEST, NAMED
from bethink.tools.tables import TableFileError

EXACT = 2e-7
"""Largest residual of a column that follows from others, over its sd plus its size: single precision rounds by less."""
LOOKED_AT = 5_000
"""Rows in which such columns are searched; what is found is checked in all."""
NARROWEST = 1e-3
"""Least width of the noise in a column of steps, in its sds: a spike among close values would stay a spike."""
REPEATS = 0.5
"""A column is one of steps where its distinct values are at most this share of the rows."""
SPIKE = 0.2
"""Share of rows at one value from which a column with many values is said to have a spike."""
FEW_VALUES = 100


@dataclass(frozen=True, eq=False)
class Steps:
    """A column of steps: its distinct values in order, and the width of the noise."""

    levels: np.ndarray
    width: float

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """The level nearest to each value."""
        middles = self.levels[:-1] / 2 + self.levels[1:] / 2
        return self.levels[np.searchsorted(middles, values)]


@dataclass(frozen=True, eq=False)
class Layout:
    """How the d columns of a table are fitted: those of ``fitted`` directly, the others not at all.

    ``constants`` give a column's value; ``follows`` the coefficients (over all columns) and the intercept of a column
    that is a linear combination of fitted ones; ``steps`` the fitted columns of steps. Keys count the table's columns.
    """

    columns: tuple[str, ...]
    fitted: tuple[int, ...]
    constants: dict[int, float]
    follows: dict[int, tuple[np.ndarray, float]]
    steps: dict[int, Steps]
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fitted columns."""
        return tuple(self.columns[index] for index in self.fitted)

    def to_fit(self, values: np.ndarray, chance: np.random.Generator | None = None) -> np.ndarray:
        """The fitted columns (n, k) of rows (n, d); with ``chance``, those of steps get their noise."""
        out = np.array(values[:, list(self.fitted)], dtype=np.float64)
        if chance is not None:
            for place, index in enumerate(self.fitted):
                if index in self.steps:
                    out[:, place] += self.steps[index].width * (chance.random(len(out)) - 0.5)
        return out

    def restore(self, fitted: np.ndarray) -> np.ndarray:
        """Rows (n, d) of the table from fitted columns (n, k): to steps, then what was left out is put back."""
        out = np.zeros((len(fitted), len(self.columns)))
        out[:, list(self.fitted)] = fitted
        for index, steps in self.steps.items():
            out[:, index] = steps.nearest(out[:, index])
        for index, value in self.constants.items():
            out[:, index] = value
        for index, (coefficients, intercept) in self.follows.items():
            out[:, index] = out[:, list(self.fitted)] @ coefficients[list(self.fitted)] + intercept
        return out


def layout_of(columns: Sequence[str], values: np.ndarray) -> Layout:
    """The layout for rows ``values`` (n, d).

    Raises:
        TableFileError: every column is constant, or one spreads too little for double precision.

    Example:
        >>> rows = np.stack([np.arange(40) % 4, np.full(40, 7), 2 * (np.arange(40) % 4)], 1).astype(float)
        >>> layout = layout_of(("a", "b", "c"), rows)
        >>> layout.names, layout.notes[0]
        (('a',), "Column 'b' is always 7: it is left out of the fit and put back in generated rows.")
        >>> layout.restore(np.array([[2.2]]))
        array([[2., 7., 4.]])
    """
    notes = []
    constants = {int(i): float(values[0, i]) for i in np.flatnonzero((values == values[0]).all(0))}
    if len(constants) == values.shape[1]:
        raise TableFileError("Every column has one value only.", "Give rows that differ.")
    sd = values.std(0)
    for index in range(values.shape[1]):
        if index not in constants and sd[index] < max(1 / LARGEST, 1e-13 * np.abs(values[:, index]).max()):
            message = f"Column {columns[index]!r} spreads over {sd[index]:.1g} around {values[0, index]:g} only."
            raise TableFileError(message, "Subtract its mean, change its unit, or leave it out with `columns`.")
    if constants:
        notes.append(_said_constants(columns, constants))
    free = [index for index in range(values.shape[1]) if index not in constants]
    follows = _followers(values, free)
    notes += _said_followers(columns, follows)
    fitted = tuple(index for index in free if index not in follows)
    steps = {index: found for index in fitted if (found := steps_of(values[:, index])) is not None}
    notes += _said_steps(columns, values, steps)
    return Layout(tuple(columns), fitted, constants, follows, steps, tuple(notes))


def steps_of(column: np.ndarray) -> Steps | None:
    """The steps of a column (n,) whose values repeat; None where at least half of them are distinct."""
    levels = np.unique(column)
    if len(levels) > max(2, REPEATS * len(column)):
        return None
    return Steps(levels, float(max(np.diff(levels).min(), NARROWEST * column.std())))


def _followers(values: np.ndarray, free: Sequence[int]) -> dict[int, tuple[np.ndarray, float]]:
    """Columns that are linear combinations of earlier ones, by Gram and Schmidt's steps on standardised columns."""
    part = values if len(values) <= LOOKED_AT else values[:: len(values) // LOOKED_AT + 1]
    basis = np.empty((0, len(part)))
    kept: list[int] = []
    found: dict[int, tuple[np.ndarray, float]] = {}
    for index in free:
        column = part[:, index] - part[:, index].mean()
        size = float(np.linalg.norm(column))
        if size == 0:  # it varies elsewhere
            kept.append(index)
            continue
        rest = column / size
        for _ in range(2):
            rest = rest - basis.T @ (basis @ rest)
        length = float(np.linalg.norm(rest))
        exact = EXACT * (1 + float(np.abs(part[:, index]).max()) * len(part) ** 0.5 / size)
        if length < 10 * exact and (solved := _combination(values, kept, index)) is not None:
            found[index] = solved
        else:
            kept.append(index)
            if length > 1e-12:
                basis = np.vstack([basis, rest / length])
    return found


def _combination(values: np.ndarray, kept: Sequence[int], index: int) -> tuple[np.ndarray, float] | None:
    """(coefficients over all columns, intercept) by which a column follows in every row; None if it does not."""
    columns, target = values[:, list(kept)], values[:, index]
    mean, sd = columns.mean(0), columns.std(0)
    middle, size = target.mean(), target.std()
    weights = np.linalg.lstsq((columns - mean) / sd, (target - middle) / size, rcond=None)[0]
    weights = np.where(np.abs(weights) < 1e-6, 0.0, weights) * size / sd
    weights = np.array([float(f"{weight:.10g}") for weight in weights])
    rest = target - columns @ weights
    intercept = float(np.median(rest))
    if abs(intercept) < 1e-9 * size:
        intercept = 0.0
    if np.abs(rest - intercept).max() > EXACT * (size + np.abs(target).max()):
        return None
    coefficients = np.zeros(values.shape[1])
    coefficients[list(kept)] = weights
    return coefficients, intercept


# -- sentences --------------------------------------------------------------------------------------------------------


def _said_constants(columns: Sequence[str], constants: dict[int, float]) -> str:
    if len(constants) == 1:
        ((index, value),) = constants.items()
        what = f"Column {columns[index]!r} is always {value:.12g}: it is"
    else:
        listed = [f"{columns[index]!r} ({value:.12g})" for index, value in constants.items()]
        what = f"Columns {_few(listed)} never change: they are"
    return f"{what} left out of the fit and put back in generated rows."


def _said_followers(columns: Sequence[str], follows: dict[int, tuple[np.ndarray, float]]) -> list[str]:
    said = []
    for index, (coefficients, intercept) in list(follows.items())[:NAMED]:
        sources = [int(i) for i in np.flatnonzero(coefficients)]
        names = _few([repr(columns[i]) for i in sources])
        if len(sources) == 1 and coefficients[sources[0]] == 1 and intercept == 0:
            how = f"equals {names}"
        elif len(sources) == 1:
            how = f"is {coefficients[sources[0]]:.6g} times {names}" + (f" plus {intercept:.6g}" if intercept else "")
        else:
            how = f"is a linear combination of {names}"
        said.append(f"Column {columns[index]!r} {how}: it is left out of the fit and put back in generated rows.")
    if len(follows) > NAMED:
        said.append(f"So are {len(follows) - NAMED} more columns that follow from others.")
    return said


def _said_steps(columns: Sequence[str], values: np.ndarray, steps: dict[int, Steps]) -> list[str]:
    if not steps:
        return []
    listed = [f"{columns[index]!r} ({len(one.levels):,} values)" for index, one in steps.items()]
    one = len(steps) == 1
    said = [
        f"Column{'' if one else 's'} {_few(listed)} {'repeats its' if one else 'repeat their'} values: uniform noise "
        f"within the step is added for the fit, and generated rows have values that stand in the file."
    ]
    for index, one_column in steps.items():
        if len(one_column.levels) > FEW_VALUES:
            counts = np.unique(values[:, index], return_counts=True)[1]
            if counts.max() >= SPIKE * len(values):
                value = one_column.levels[counts.argmax()]
                share = 100 * counts.max() / len(values)
                said.append(
                    f"{share:.0f} % of the rows have {value:g} in column {columns[index]!r}: its density has a spike "
                    "there, whose height depends on the noise's width."
                )
    return said[: NAMED + 1]


def _few(listed: Sequence[str]) -> str:
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    if more or len(listed) == 1:
        return ", ".join(listed[:NAMED]) + more
    return ", ".join(listed[:-1]) + " and " + listed[-1]

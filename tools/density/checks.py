"""What a table of numbers must be for a density to exist, and the sentences that say so."""

from __future__ import annotations

import numpy as np

LEAST_ROWS = 10
"""Fewer rows say nothing about a distribution."""
MOST_COLUMNS = 500
"""A cluster's covariance has columns squared numbers."""
LARGEST = 1e100
"""Larger values overflow when squared."""


class TableError(ValueError):
    """A table whose density cannot be estimated: what is wrong, and in ``hint`` what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message, self.hint = message, hint


def check_table(values: np.ndarray, names: list[str] | None = None) -> None:
    """Refuse what has no density: ``values`` (n, d) of finite floats, ``names`` of its columns for the message.

    Raises:
        TableError: too few rows, too many columns, values too large, a constant column, two columns that tell the
            same, or rows that are nearly all the same.
    """
    rows, columns = values.shape
    named = names or [f"column {index}" for index in range(columns)]
    if rows < LEAST_ROWS:
        # scikit-learn's checks look for these words
        raise TableError(f"Found {rows} rows (n_samples = {rows}).", f"At least {LEAST_ROWS} are needed.")
    if columns > MOST_COLUMNS:
        message = f"There are {columns:,} columns; {MOST_COLUMNS} is the most."
        raise TableError(message, "Choose columns, or reduce them first (principal components, say).")
    if np.abs(values).max() > LARGEST:
        row, column = np.unravel_index(np.abs(values).argmax(), values.shape)
        message = f"Row {row}, {named[column]} holds {values[row, column]:g}, which is too large to square."
        raise TableError(message, "Rescale the column or mend the value.")
    low, high = values.min(0), values.max(0)
    size = np.maximum(np.abs(low), np.abs(high))
    for column in np.flatnonzero(high - low <= 1e-12 * size):
        message = f"{named[column].capitalize() if names is None else named[column]} is constant ({low[column]:g})."
        raise TableError(message, "A constant has no density: leave the column out.")
    distinct = len(np.unique(values, axis=0))
    if distinct < LEAST_ROWS:
        message = f"Only {distinct} different rows are among the {rows:,}."
        raise TableError(message, "Count them instead: they are categories, not a density.")
    _check_pairs(values, named)


def _check_pairs(values: np.ndarray, named: list[str]) -> None:
    """Refuse two columns one of which follows from the other (correlation +-1)."""
    if values.shape[1] < 2:
        return
    scaled = values - values.mean(0)
    scaled /= np.sqrt(np.square(scaled).mean(0))
    correlation = np.abs(scaled.T @ scaled) / len(values)
    np.fill_diagonal(correlation, 0)
    first, second = np.unravel_index(correlation.argmax(), correlation.shape)
    if correlation[first, second] > 1 - 1e-9:
        message = f"{named[min(first, second)]} and {named[max(first, second)]} tell the same (correlation 1)."
        raise TableError(message[0].upper() + message[1:], "Such rows lie on a line: leave one of the two out.")


def tied_columns(values: np.ndarray) -> list[int]:
    """Columns in which most values occur more than once: steps or categories, whose density has spikes."""
    return [
        index
        for index, column in enumerate(values.T)
        if len(np.unique(column)) < 0.5 * len(column) and len(np.unique(column)) < 1000
    ]

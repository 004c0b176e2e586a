"""What a table of numbers must be for a density to exist, and the sentences that say so."""

from __future__ import annotations

from typing import Any

import numpy as np

LEAST_ROWS = 10
"""Fewer rows say nothing about a distribution."""
MOST_COLUMNS = 500
"""A cluster's covariance has columns squared numbers."""
LARGEST = 1e100
"""Larger values overflow when squared."""
SMALLEST = 1e-100
"""Columns that span less lose their digits when squared."""


class TableError(ValueError):
    """A table whose density cannot be estimated: what is wrong, and in ``hint`` what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message, self.hint = message, hint


def check_kind(X: Any) -> None:
    """Refuse dates and text by name before anything turns them into numbers.

    Raises:
        TableError: a column of dates or of text.
    """
    columns = getattr(X, "columns", None)
    if columns is not None and hasattr(X, "dtypes"):
        for name in columns:
            _check_column(f"Column {str(name)!r}", X[name].to_numpy())
        return
    array = X if isinstance(X, np.ndarray) else None
    if array is None and isinstance(X, list):
        array = np.array(X, dtype=object)
    if array is None or array.dtype.kind not in "mMOUS":
        return
    for index in range(array.shape[1] if array.ndim == 2 else 1):
        _check_column(f"Column {index}", array[:, index] if array.ndim == 2 else array)


def _check_column(label: str, values: np.ndarray) -> None:
    if values.dtype.kind in "mM":
        raise TableError(
            f"{label} holds dates.", "Turn them into numbers that mean something (days since, hour of day)."
        )
    if values.dtype.kind not in "OUS":
        return
    for value in values.ravel():
        if isinstance(value, str | bytes):
            try:
                float(value)
            except ValueError:
                hint = "Leave the column out, or give its categories numbers that mean something."
                raise TableError(f"{label} holds text ({str(value)[:40]!r}).", hint) from None


def check_size(values: np.ndarray, labels: list[str]) -> None:
    """Refuse values (n, d) beyond `LARGEST`, and name the first.

    Raises:
        TableError: a value too large.
    """
    if np.abs(values).max() > LARGEST:
        row, column = (int(place) for place in np.unravel_index(np.abs(values).argmax(), values.shape))
        message = f"{labels[column]} holds {values[row, column]:g} in row {row}, which is too large to square."
        raise TableError(message, "Rescale the column or mend the value.")


def check_table(values: np.ndarray, labels: list[str] | None = None) -> None:
    """Refuse what has no density: ``values`` (n, d) of finite floats; ``labels`` name the columns in messages.

    Raises:
        TableError: too few rows, too many columns, values too large, a constant column, two columns that tell the
            same, or rows that are nearly all the same.
    """
    rows, columns = values.shape
    named = labels or [f"Column {index}" for index in range(columns)]
    if rows < LEAST_ROWS:
        # scikit-learn's checks look for these words
        raise TableError(f"Found {rows} rows (n_samples = {rows}).", f"At least {LEAST_ROWS} are needed.")
    if columns > MOST_COLUMNS:
        message = f"There are {columns:,} columns; {MOST_COLUMNS} is the most."
        raise TableError(message, "Choose columns, or reduce them first (principal components, say).")
    low, high = values.min(0), values.max(0)
    size = np.maximum(np.abs(low), np.abs(high))
    check_size(values, named)
    for column in np.flatnonzero(high - low <= 1e-12 * size):
        message = f"{named[column]} is constant ({low[column]:g})."
        raise TableError(message, "A constant has no density: leave the column out.")
    if (high - low).min() < SMALLEST:
        message = f"{named[int((high - low).argmin())]} spans less than {SMALLEST:g}."
        raise TableError(message, "Rescale the column.")
    distinct = len(np.unique(values, axis=0))
    if distinct < LEAST_ROWS:
        message = f"Only {distinct} different rows are among the {rows:,}."
        raise TableError(message, "Count them instead: they are categories, not a density.")
    _check_pairs((values - low) / (high - low), named)


def _check_pairs(values: np.ndarray, named: list[str]) -> None:
    """Refuse two columns one of which follows from the other (correlation +-1); ``values`` lie in [0, 1]."""
    if values.shape[1] < 2:
        return
    scaled = values - values.mean(0)
    scaled /= np.sqrt(np.square(scaled).mean(0))
    correlation = np.abs(scaled.T @ scaled) / len(values)
    np.fill_diagonal(correlation, 0)
    first, second = sorted(int(place) for place in np.unravel_index(correlation.argmax(), correlation.shape))
    if correlation[first, second] > 1 - 1e-9:
        other = named[second][0].lower() + named[second][1:]
        message = f"{named[first]} and {other} tell the same (correlation 1)."
        raise TableError(message, "Such rows lie on a line: leave one of the two out.")


def tied_columns(values: np.ndarray) -> list[int]:
    """Columns in which most values occur more than once: steps or categories, whose density has spikes."""
    return [
        index
        for index, column in enumerate(values.T)
        if len(np.unique(column)) < 0.5 * len(column) and len(np.unique(column)) < 1000
    ]

"""Features of users as numbers for networks and trees; fitted once, so that later users are encoded alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.findings import TableError, listed, quoted
from bethink.tools.quantities import coded

if TYPE_CHECKING:
    import pandas as pd

MOST_LEVELS = 20
"""Most frequent values of a text column that get a column of their own."""


@dataclass(frozen=True)
class _Column:
    name: str
    levels: tuple[str, ...] | None
    """Values of a text column; None for numbers."""
    middle: float = 0.0
    missing: bool = False
    """Whether missing values have a column of their own."""


@dataclass(frozen=True)
class FeatureEncoding:
    """Numbers as they are, missing ones the median with a column that says so; one-hot columns for the most frequent
    values of text, all zero for other values."""

    columns: tuple[_Column, ...]

    @classmethod
    def fit(cls, frame: pd.DataFrame) -> FeatureEncoding:
        """Learn medians and values from a frame of numbers and categories; O(n k).

        Example:
            >>> import pandas as pd
            >>> frame = pd.DataFrame({"age": [30.0, None, 50.0], "town": pd.Categorical(["Bonn", "Ulm", "Bonn"])})
            >>> encoding = FeatureEncoding.fit(frame)
            >>> encoding.names
            ('age', 'age is missing', 'town = Bonn', 'town = Ulm')
            >>> encoding.matrix(frame)[1].tolist()
            [40.0, 1.0, 0.0, 1.0]
        """
        columns = []
        for name in frame.columns:
            numbers = numbers_in(frame[name])
            if numbers is None:
                codes, levels = coded(frame[name])
                counts = np.bincount(codes[codes >= 0], minlength=len(levels))
                frequent = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
                columns.append(_Column(name, tuple(sorted(str(levels[code]) for code in frequent if counts[code]))))
                continue
            unknown = np.isnan(numbers)
            middle = float(np.median(numbers[~unknown])) if not unknown.all() else 0.0
            columns.append(_Column(name, None, middle, bool(unknown.any())))
        return cls(tuple(columns))

    @property
    def names(self) -> tuple[str, ...]:
        """What each of the d columns of the matrix says."""
        found: list[str] = []
        for column in self.columns:
            if column.levels is None:
                found += [column.name, f"{column.name} is missing"] if column.missing else [column.name]
            else:
                found += [f"{column.name} = {level}" for level in column.levels]
        return tuple(found)

    def matrix(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Encode a frame that has the columns, as float32 [n, d]; O(n d).

        Raises:
            TableError: ``no_column``, or ``not_numbers`` for text where numbers were learned.
        """
        require_columns(frame, [column.name for column in self.columns])
        parts = [np.zeros((len(frame), 0), np.float32)]
        for column in self.columns:
            if column.levels is None:
                numbers = required_numbers(frame[column.name], column.name)
                unknown = np.isnan(numbers)
                parts.append(np.where(unknown, column.middle, numbers).astype(np.float32)[:, None])
                if column.missing:
                    parts.append(unknown.astype(np.float32)[:, None])
            else:
                parts.append(_one_hot(frame[column.name], column.levels))
        return np.concatenate(parts, axis=1)


def _one_hot(column: pd.Series, levels: Sequence[str]) -> NDArray[np.float32]:
    """A column of text as float32 [n, levels]."""
    place = places(column, {level: index for index, level in enumerate(levels)}, len(levels))
    hot: NDArray[np.float32] = np.eye(len(levels) + 1, len(levels), dtype=np.float32)[place]
    return hot


def places(column: pd.Series, number: dict[str, int], otherwise: int, missing: int | None = None) -> NDArray[np.int64]:
    """Each cell's number by its text [n]; ``otherwise`` for other texts, and for none unless ``missing`` is given."""
    codes, levels = coded(column)
    last = otherwise if missing is None else missing
    table: list[Any] = [number.get(str(level), otherwise) for level in levels]
    return np.array([*table, last], np.int64)[codes]


def numbers_in(column: pd.Series) -> NDArray[np.float64] | None:
    """A column of numbers or truth values as float64 [n], NaN where missing; None for others."""
    import pandas as pd

    if not (pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype)):
        return None
    found: NDArray[np.float64] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def required_numbers(column: pd.Series, name: str) -> NDArray[np.float64]:
    """:func:`numbers_in`, or an error that names the column.

    Raises:
        TableError: ``not_numbers``.
    """
    found = numbers_in(column)
    if found is None:
        message = f"Column {quoted(name)} held numbers when it was learned from; it holds text now."
        raise TableError("not_numbers", message, "Give the same columns, read the same way.")
    return found


def require_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse a frame without the columns.

    Raises:
        TableError: ``no_column``.
    """
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise TableError("no_column", f"Columns are missing: {listed(absent)}.", "Give the same columns as before.")

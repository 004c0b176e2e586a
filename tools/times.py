"""Columns of times: whole numbers of steps, or dates however they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.dates import DateError, seconds_of
from bethink.tools.findings import TableError, quoted
from bethink.tools.quantities import Floats, coded, is_missing, quantities

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Times:
    """Numbers, or seconds since 1970, of each row [n]; NaN where the cell is empty."""

    values: Floats
    dates: bool


def read_times(column: pd.Series, name: str) -> Times:
    """Read numbers or dates; O(n) and one parse for each distinct cell.

    Raises:
        TableError: ``no_time`` for text that is neither, or dates that could be read in two ways.
    """
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        plain = column.dt.tz_convert(None) if getattr(column.dtype, "tz", None) is not None else column
        seconds = (plain - pd.Timestamp(0)) / pd.Timedelta(1, "s")
        return Times(seconds.to_numpy(np.float64), True)
    codes, levels = coded(column)
    texts = {index: str(level).strip() for index, level in enumerate(levels) if not is_missing(level)}
    compact = all(len(text) == 8 and text.isdecimal() for text in texts.values())
    if not (compact and name.lower().startswith("date")):
        numbers = quantities(column, name)
        if numbers.text is None and not numbers.truth:
            return Times(numbers.values, False)
    try:
        found = seconds_of(list(texts.values()))
    except DateError as error:
        cell = list(texts.values())[error.index or 0]
        reason = f"day and month of {quoted(cell)} could be either way round" if error.index is None else quoted(cell)
        message = f"Column {quoted(name)} holds no times: {reason}."
        raise TableError("no_time", message, "Write times as whole numbers, or as dates like 2024-01-31.") from error
    table = np.full(len(levels) + 1, np.nan)
    table[list(texts)] = found
    return Times(table[codes], True)

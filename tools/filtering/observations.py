"""Observations from a CSV file: a time series of numbers with gaps, or a sentence that says why it is none."""

from __future__ import annotations

import csv
import re
from array import array
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from bethink.tools.dates import EPOCH, DateError, seconds_of
from bethink.tools.tables import (
    MISSING,
    NumberCells,
    TableFileError,
    counted,
    delimiter_of,
    fitted,
    names_of,
    rows_of,
    shown,
    text_of,
)

TIME_NAMES = ("time", "t", "date", "datetime", "timestamp")
"""Names, in any case and with or without a unit in brackets, of a column that says when."""
UNITS = (("days", 86_400.0), ("hours", 3_600.0), ("seconds", 1.0))


class ObservationError(TableFileError):
    """Observations that cannot be used: the message says what was found, ``hint`` what to do."""


@dataclass(frozen=True, eq=False)
class ObservedSeries:
    """What was observed, and when.

    ``times`` (T,) increase; they are the file's numbers, or for dates the days, hours or seconds since the first that
    the notes name. ``values`` (T, p) are NaN where a value is missing. ``columns`` names the p values. ``notes`` are
    sentences about what was found and how it was read. ``time_column`` names the column that says when: empty for a
    first one without a name, None where the rows are counted.
    """

    times: np.ndarray
    values: np.ndarray
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    time_column: str | None = None


def read_observations(path: Path, *, max_bytes: int = 50_000_000) -> ObservedSeries:
    """Read a CSV file (UTF-8) with a line of column names, one row a time, and one column a value.

    A column named time, t, date, datetime or timestamp says when, by numbers or by dates (`seconds_of`); failing
    that a first column without a name; failing that the rows are 0, 1, 2, ... Columns are separated by commas,
    semicolons or tabs; where it is not commas, a decimal comma is understood. Empty cells, NaN, NA, N/A, null, none,
    - and ? are missing values. Empty lines are left out, but in a file of one column they are missing values.

    Raises:
        ObservationError: whatever is wrong with the file; nothing else is raised.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "river.csv"
        >>> _ = file.write_text("date;level\\n2024-03-01;1,5\\n2024-03-02;\\n2024-03-04;1,75\\n")
        >>> series = read_observations(file)
        >>> series.times, series.values[:, 0], series.columns
        (array([0., 1., 3.]), array([1.5 ,  nan, 1.75]), ('level',))
        >>> series.notes[0]
        "Column 'date' holds dates: times are days since 2024-03-01 00:00:00."
    """
    path = Path(path)
    try:
        data = text_of(path, max_bytes)
        delimiter = delimiter_of(data)
        rows = rows_of(data, delimiter)
        table = _Table(next(rows, (1, []))[1], NumberCells(delimiter, data))
        for line, row in rows:
            table.add(line, row)
        return table.series()
    except csv.Error as error:
        raise ObservationError(
            f"The file {path.name!r} cannot be read as CSV: {error}.", "Look for a quotation mark that is never closed."
        ) from error
    except ObservationError:
        raise
    except TableFileError as error:
        raise ObservationError(str(error), error.hint) from error


class _Table:
    """The rows of a file as numbers, and what was noticed on the way."""

    def __init__(self, header: list[str], cells: NumberCells) -> None:
        names = names_of(header)
        self.unnamed = {index for index, name in enumerate(names) if not name}
        self.names = [name or f"column {index + 1}" for index, name in enumerate(names)]
        named_time = [index for index, name in enumerate(names) if _plain(name) in TIME_NAMES]
        if len(named_time) > 1:
            both = " and ".join(repr(names[index]) for index in named_time[:2])
            raise ObservationError(
                f"The columns {both} both say when.",
                "Keep one of them; write a day and its hour in one cell, such as 2024-01-31 12:30.",
            )
        self.time = named_time[0] if named_time else 0 if 0 in self.unnamed and len(names) > 1 else None
        self.cells = cells
        self.skipped = 0
        self.waiting: list[int] = []
        """Lines of empty rows that count only if a full one follows."""
        self.lines = array("q")
        self.times: list[str] = []
        self.values = array("d")

    def add(self, line: int, row: list[str]) -> None:
        """Take one row of cells."""
        width = len(self.names)
        if not any(cell.strip() for cell in row):
            if self.time is None and (row or width == 1):
                self.waiting.append(line)
            else:
                self.skipped += 1
            return
        for empty in self.waiting:
            self.lines.append(empty)
            self.values.extend([np.nan] * width)
        self.waiting.clear()
        self.lines.append(line)
        row = fitted(row, width, self._where(-1))
        if self.time is not None:
            self.times.append(row.pop(self.time).strip())
        self.values.extend(self.cells.row(row, lambda: self._where(-1), self._text))

    def series(self) -> ObservedSeries:
        """The whole, checked."""
        if not self.lines:
            message = "The file has column names but no rows."
            raise ObservationError(message, "Add one row of numbers for each time.")
        columns = [name for index, name in enumerate(self.names) if index != self.time]
        values = np.frombuffer(self.values, dtype=np.float64).reshape(len(self.lines), len(columns)).copy()
        self._refuse_infinite(values, columns)
        times, notes = self._read_times()
        self.cells.refuse_mixed()
        missing = np.isnan(values)
        unnamed = {self.names[index] for index in self.unnamed}
        keep = [i for i, name in enumerate(columns) if name not in unnamed or not missing[:, i].all()]
        if 0 in self.unnamed and self.time and _counts_rows(values[:, 0]):
            notes.append("The first column has no name and counts the rows: it was left out.")
            keep.remove(0)
        values, missing, columns = values[:, keep], missing[:, keep], [columns[i] for i in keep]
        if not columns:
            raise ObservationError("The file has a time column and no other.", "Add a column of measured values.")
        if missing.all():
            raise ObservationError("All values are missing.", "Check the file: it has no number to learn from.")
        if self.cells.comma is not None:
            notes.append("Numbers are written with a decimal comma.")
        if self.skipped:
            notes.append(f"{counted(self.skipped, 'empty line')} {'was' if self.skipped == 1 else 'were'} left out.")
        if missing.any():
            lost = int(missing.sum())
            notes.append(f"{lost:,} of {values.size:,} values {'is' if lost == 1 else 'are'} missing.")
        notes.extend(f"Column {columns[i]!r} holds no value." for i in np.flatnonzero(missing.all(0))[:5])
        when = None if self.time is None else "" if self.time in self.unnamed else self.names[self.time]
        return ObservedSeries(times, values, tuple(columns), tuple(notes), when)

    def _text(self, index: int, cell: str) -> float:
        """Refuse a cell of text; ``index`` counts the columns without the time."""
        if self.time is not None and index >= self.time:
            index += 1
        raise ObservationError(
            f"Column {self.names[index]!r} holds text: {shown(cell)} in {self._where(-1)}.",
            "Leave out columns of text; write numbers like 1234.5, and leave a cell empty where a value is missing.",
        )

    def _read_times(self) -> tuple[np.ndarray, list[str]]:
        if self.time is None:
            return np.arange(len(self.lines), dtype=np.float64), ["No time column: the rows are at 0, 1, 2, ..."]
        name = self.names[self.time]
        notes = ["The first column has no name and is taken for the time."] if self.time in self.unnamed else []
        for row, cell in enumerate(self.times):
            if cell.lower() in MISSING:
                raise ObservationError(f"{self._where(row).capitalize()} has no time.", f"Fill the column {name!r}.")
        numbers = [self.cells.number(cell, lambda row=row: self._where(row)) for row, cell in enumerate(self.times)]  # type: ignore[misc]
        dates = _plain(name).startswith("date") and all(len(c) == 8 and c.isdecimal() for c in self.times)
        if None not in numbers and not dates:
            times = np.array(numbers, dtype=np.float64)
            for row in np.flatnonzero(~np.isfinite(times))[:1]:
                message = f"The time in {self._where(int(row))} is infinite: {shown(self.times[row])}."
                raise ObservationError(message, "Write the time as a number or a date.")
            pointed = next((row for row, cell in enumerate(self.times) if "." in cell), None)
            if pointed is not None and self.cells.comma_allowed:
                self.cells.point = self.cells.point or self._where(pointed)
        else:
            times, unit = self._read_dates(name)
            notes.append(unit)
        self._refuse_disorder(times)
        return times, notes

    def _read_dates(self, name: str) -> tuple[np.ndarray, str]:
        try:
            seconds = np.array(seconds_of(self.times))
        except DateError as error:
            if error.index is None:
                message = f"Column {name!r}: {error} in {shown(self.times[0])} and every other row."
            else:
                cell = shown(self.times[error.index])
                reason = "" if str(error) == "no date" else f" ({error})"
                message = f"Column {name!r} holds {cell} in {self._where(error.index)}, which is no time{reason}."
            raise ObservationError(message, "Write times as numbers, or as dates like 2024-01-31 12:30.") from error
        gap = float(np.median(np.diff(seconds))) if len(seconds) > 1 else UNITS[0][1]
        unit, size = next((pair for pair in UNITS if gap >= pair[1]), UNITS[-1])
        first = EPOCH + timedelta(seconds=float(seconds[0]))
        start = first.time() if ":" in self.times[0][:3] else first
        return (seconds - seconds[0]) / size, f"Column {name!r} holds dates: times are {unit} since {start}."

    def _refuse_disorder(self, times: np.ndarray) -> None:
        with np.errstate(over="ignore"):
            wrong = np.flatnonzero(~(np.diff(times) > 0))
        if len(wrong):
            row = int(wrong[0]) + 1
            now, before = shown(self.times[row]), shown(self.times[row - 1])
            what = f"repeats the time {now}" if times[row] == times[row - 1] else f"has the time {now} after {before}"
            raise ObservationError(
                f"{self._where(row).capitalize()} {what}.", "Sort the rows by time, and keep one row for each time."
            )

    def _refuse_infinite(self, values: np.ndarray, columns: list[str]) -> None:
        for row, column in np.argwhere(np.isinf(values))[:1]:
            raise ObservationError(
                f"Column {columns[column]!r} is infinite in {self._where(int(row))}.",
                "Leave the cell empty if the value is missing.",
            )

    def _where(self, row: int) -> str:
        """How a message calls a row, counted from 0, or from the end."""
        return f"row {row % len(self.lines) + 1} (line {self.lines[row]})"


def _counts_rows(values: np.ndarray) -> bool:
    """Whether a column is 0, 1, 2, ... or 1, 2, 3, ..."""
    return values[0] in (0, 1) and np.array_equal(values - values[0], np.arange(len(values)))


def _plain(name: str) -> str:
    """A column's name in small letters, without a unit in brackets."""
    return re.sub(r"\s*[(\[][^)\]]*[)\]]$", "", name).lower()

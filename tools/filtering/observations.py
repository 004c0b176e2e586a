"""Observations from a CSV file: a time series of numbers with gaps, or a sentence that says why it is none."""

from __future__ import annotations

import csv
import io
import re
import stat
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from bethink.tools.filtering.dates import EPOCH, DateError, seconds_of

MOST_COLUMNS = 10_000
TIME_NAMES = ("time", "t", "date", "datetime", "timestamp")
"""Names, in any case and with or without a unit in brackets, of a column that says when."""
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-", "?"})
"""Cells, in any case, that stand for a missing value."""
SAMPLE_BYTES = 65_536
"""How much of a file is looked at to tell what separates its columns."""
DECIMAL_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?", re.ASCII)
UNITS = (("days", 86_400.0), ("hours", 3_600.0), ("seconds", 1.0))


class ObservationError(ValueError):
    """Observations that cannot be used: the message says what was found, ``hint`` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, eq=False)
class ObservedSeries:
    """What was observed, and when.

    ``times`` (T,) increase; they are the file's numbers, or for dates the days, hours or seconds since the first that
    the notes name. ``values`` (T, p) are NaN where a value is missing. ``columns`` names the p values. ``notes`` are
    sentences about what was found and how it was read.
    """

    times: np.ndarray
    values: np.ndarray
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


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
    data = _bytes_of(path, max_bytes)
    delimiter = _delimiter(data)
    rows = _rows(data, delimiter)
    try:
        table = _Table(next(rows, (1, []))[1], delimiter, careful=b"_" in data)
        for line, row in rows:
            table.add(line, row)
    except csv.Error as error:
        raise ObservationError(
            f"The file {path.name!r} cannot be read as CSV: {error}.", "Look for a quotation mark that is never closed."
        ) from error
    return table.series()


def _bytes_of(path: Path, max_bytes: int) -> bytes:
    """The file's bytes, once they are known to be text."""
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= max_bytes:
            with path.open("rb") as file:
                data = file.read(max_bytes)
    except FileNotFoundError as error:
        raise ObservationError(f"There is no file {str(path)!r}.", "Check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise ObservationError(f"The file {_shown(str(path))} cannot be read: {reason}.", "Check the path.") from error
    if stat.S_ISDIR(status.st_mode):
        raise ObservationError(f"{str(path)!r} is a folder.", "Give the path of one CSV file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise ObservationError(f"{str(path)!r} is not a regular file.", "Give the path of a CSV file.")
    if status.st_size > max_bytes:
        message = f"The file {path.name!r} has {status.st_size:,} bytes; {max_bytes:,} is the most."
        raise ObservationError(message, "Leave out columns or rows that are not needed.")
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise ObservationError(f"The file {path.name!r} is empty.", "Give a CSV file with column names and numbers.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ObservationError(f"The file {path.name!r} is UTF-16, not UTF-8.", "Save it as CSV in UTF-8.")
    if b"\0" in data or data.startswith(b"PK\x03\x04"):
        message = f"The file {path.name!r} is binary, not text."
        raise ObservationError(message, "Give a CSV file; a spreadsheet can be exported as one.")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"The file {path.name!r} is not UTF-8: byte {error.start + 1:,} is 0x{data[error.start]:02x}."
        raise ObservationError(message, "Save it as CSV in UTF-8.") from error
    return data


def _rows(data: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells; lines without any character but blanks come as empty lists."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors="replace", newline="")
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True)
    started = False
    for row in reader:
        empty = not row or (len(row) == 1 and not row[0].strip())
        started = started or not empty
        if started:
            yield reader.line_num, [] if empty else row


def _delimiter(data: bytes) -> str:
    """What separates columns: the first of tab, semicolon and comma that cuts the first lines into equally many."""
    sample = data[:SAMPLE_BYTES]
    if len(data) > SAMPLE_BYTES:
        sample = sample[: max(sample.rfind(b"\n"), sample.rfind(b"\r")) + 1] or sample
    widths: dict[str, int] = {}
    for delimiter in "\t;,":
        try:
            counts = [len(row) for _, row in _rows(sample, delimiter) if row]
        except csv.Error:
            continue
        if counts and counts[0] > 1 and len(set(counts)) == 1:
            return delimiter
        widths[delimiter] = counts[0] if counts else 0
    best = max(widths, key=lambda delimiter: widths[delimiter], default=",")
    return best if widths.get(best, 0) > 1 else ";"


class _Table:
    """The rows of a file as numbers, and what was noticed on the way."""

    def __init__(self, header: list[str], delimiter: str, careful: bool) -> None:
        names = [cell.strip() for cell in header]
        names[:1] = [name.lstrip("# ") for name in names[:1]]  # as numpy.savetxt writes it
        _check_names(names)
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
        self.comma_allowed = delimiter != ","
        self.careful = careful
        """Whether cells hold underscores, which Python would read as part of a number."""
        self.comma: str | None = None
        self.point: str | None = None
        """Where a decimal comma, or a point, was first seen."""
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
        if len(row) > width and not any(cell.strip() for cell in row[width:]):
            row = row[:width]
        self.lines.append(line)
        if len(row) != width:
            raise ObservationError(
                f"{self._where(-1).capitalize()} has {_count(len(row), 'cell')}, but there are "
                f"{_count(width, 'column name')}.",
                "Give every row one cell a column; leave a cell empty where a value is missing.",
            )
        if self.time is not None:
            self.times.append(row.pop(self.time).strip())
        if self.comma_allowed and self.point is None and any("." in cell for cell in row):
            self.point = self._where(-1)
        try:
            if self.careful:
                raise ValueError
            numbers = [float(cell) for cell in row]
        except ValueError:
            numbers = [self._number(cell, index) for index, cell in enumerate(row)]
        self.values.extend(numbers)

    def series(self) -> ObservedSeries:
        """The whole, checked."""
        if not self.lines:
            message = "The file has column names but no rows."
            raise ObservationError(message, "Add one row of numbers for each time.")
        columns = [name for index, name in enumerate(self.names) if index != self.time]
        values = np.frombuffer(self.values, dtype=np.float64).reshape(len(self.lines), len(columns)).copy()
        self._refuse_infinite(values, columns)
        times, notes = self._read_times()
        self._refuse_mixed()
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
        if self.comma is not None:
            notes.append("Numbers are written with a decimal comma.")
        if self.skipped:
            notes.append(f"{_count(self.skipped, 'empty line')} {'was' if self.skipped == 1 else 'were'} left out.")
        if missing.any():
            lost = int(missing.sum())
            notes.append(f"{lost:,} of {values.size:,} values {'is' if lost == 1 else 'are'} missing.")
        notes.extend(f"Column {columns[i]!r} holds no value." for i in np.flatnonzero(missing.all(0))[:5])
        return ObservedSeries(times, values, tuple(columns), tuple(notes))

    def _number(self, cell: str, index: int) -> float:
        """One cell; ``index`` counts the columns without the time."""
        cell = cell.strip()
        if cell.lower() in MISSING:
            return np.nan
        number = self._parsed(cell)
        if number is not None:
            return number
        if self.time is not None and index >= self.time:
            index += 1
        raise ObservationError(
            f"Column {self.names[index]!r} holds text: {_shown(cell)} in {self._where(-1)}.",
            "Leave out columns of text; write numbers like 1234.5, and leave a cell empty where a value is missing.",
        )

    def _parsed(self, cell: str, row: int = -1) -> float | None:
        """A number with a decimal point, or where it is allowed a decimal comma; None for text."""
        if "_" in cell:
            return None
        try:
            return float(cell)
        except ValueError:
            if not (self.comma_allowed and DECIMAL_COMMA.fullmatch(cell)):
                return None
        self.comma = self.comma or self._where(row)
        return float(cell.replace(",", "."))

    def _read_times(self) -> tuple[np.ndarray, list[str]]:
        if self.time is None:
            return np.arange(len(self.lines), dtype=np.float64), ["No time column: the rows are at 0, 1, 2, ..."]
        name = self.names[self.time]
        notes = ["The first column has no name and is taken for the time."] if self.time in self.unnamed else []
        for row, cell in enumerate(self.times):
            if cell.lower() in MISSING:
                raise ObservationError(f"{self._where(row).capitalize()} has no time.", f"Fill the column {name!r}.")
        numbers = [self._parsed(cell, row) for row, cell in enumerate(self.times)]
        dates = _plain(name).startswith("date") and all(len(c) == 8 and c.isdecimal() for c in self.times)
        if None not in numbers and not dates:
            times = np.array(numbers, dtype=np.float64)
            for row in np.flatnonzero(~np.isfinite(times))[:1]:
                message = f"The time in {self._where(int(row))} is infinite: {_shown(self.times[row])}."
                raise ObservationError(message, "Write the time as a number or a date.")
            pointed = next((row for row, cell in enumerate(self.times) if "." in cell), None)
            if pointed is not None and self.comma_allowed:
                self.point = self.point or self._where(pointed)
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
                message = f"Column {name!r}: {error} in {_shown(self.times[0])} and every other row."
            else:
                cell = _shown(self.times[error.index])
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
            now, before = _shown(self.times[row]), _shown(self.times[row - 1])
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

    def _refuse_mixed(self) -> None:
        if self.comma is not None and self.point is not None:
            raise ObservationError(
                f"Numbers have a decimal comma ({self.comma}) and a point ({self.point}): either could be meant.",
                "Write all numbers one way, without separators between thousands.",
            )

    def _where(self, row: int) -> str:
        """How a message calls a row, counted from 0, or from the end."""
        return f"row {row % len(self.lines) + 1} (line {self.lines[row]})"


def _check_names(names: list[str]) -> None:
    if len(names) > MOST_COLUMNS:
        message = f"The file has {len(names):,} columns; {MOST_COLUMNS:,} is the most."
        raise ObservationError(message, "Leave out columns that are not needed.")
    if not any(names):
        raise ObservationError("The first line names no column.", "Put a line of column names above the numbers.")
    if all(_is_value(name) for name in names if name):
        message = f"The first line holds values, not column names: {_shown(', '.join(names))}."
        raise ObservationError(message, "Put a line of column names above the numbers.")
    seen: set[str] = set()
    for name in names:
        if name and name in seen:
            raise ObservationError(f"Two columns are named {name!r}.", "Give every column its own name.")
        seen.add(name)


def _counts_rows(values: np.ndarray) -> bool:
    """Whether a column is 0, 1, 2, ... or 1, 2, 3, ..."""
    return values[0] in (0, 1) and np.array_equal(values - values[0], np.arange(len(values)))


def _is_value(cell: str) -> bool:
    """Whether a cell of the first line is a number or a date."""
    try:
        float(cell.replace(",", "."))
    except ValueError:
        try:
            seconds_of([cell])
        except DateError as error:
            return error.index is None
    return True


def _plain(name: str) -> str:
    """A column's name in small letters, without a unit in brackets."""
    return re.sub(r"\s*[(\[][^)\]]*[)\]]$", "", name).lower()


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:40] + "...")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

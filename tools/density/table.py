"""A table of numbers from a CSV or Parquet file, row by row, or a sentence that says why there is none."""

from __future__ import annotations

import csv
import difflib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bethink.tools.tables import (
    NAN,
    NumberCells,
    TableFileError,
    bytes_of,
    counted,
    delimiter_of,
    fitted,
    is_value,
    names_of,
    rows_of,
    shown,
    text_of,
)

LEAST_ROWS = 20
MOST_COLUMNS = 200
MOST_VALUES = 20_000_000
"""Numbers a table may hold: 160 MB."""
LARGEST = 1e100
"""Larger numbers, and columns that spread over less than its inverse, have no variance in double precision."""
ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
NAMED = 6
"""Names that a message lists at most."""


class MixedColumnsError(TableFileError):
    """Some columns hold no numbers: ``unusable`` says what each holds, ``usable`` names the others."""

    def __init__(self, message: str, hint: str, unusable: dict[str, str], usable: tuple[str, ...]) -> None:
        super().__init__(message, hint)
        self.unusable, self.usable = unusable, usable


@dataclass(frozen=True, eq=False)
class Table:
    """Complete rows of numbers.

    ``values`` (n, d) are finite; ``columns`` names the d columns; ``rows`` (n,) says which row of the file each is,
    counted from 1 below the names, as a person would; ``lines`` (n,) its line in a text file, None elsewhere.
    ``dropped`` rows had a missing value. ``notes`` are sentences about what was found and how it was read.
    """

    columns: tuple[str, ...]
    values: np.ndarray
    rows: np.ndarray
    lines: np.ndarray | None = None
    dropped: int = 0
    notes: tuple[str, ...] = ()

    def where(self, index: int) -> str:
        """What a message calls the row: ``row 3 (line 4)``."""
        return _where(int(self.rows[index]), self.lines, index)


def read_table(
    path: Path, columns: Sequence[str] | None = None, *, max_bytes: int = 50_000_000, ending: str = ""
) -> Table:
    """Read a CSV file (UTF-8, a line of column names) or a Parquet file, all columns or those named.

    Which of the two it is, is told by the ending of the path, or by ``ending``.

    Columns of a text file are separated by commas, semicolons or tabs; where it is not commas, a decimal comma is
    understood. Empty cells, NaN, NA, N/A, null, none, - and ? are missing values: their rows are left out. A column
    without any value is left out.

    Raises:
        TableFileError: whatever is wrong with the file; nothing else is raised.
        MixedColumnsError: its kind for columns that hold text, dates or the like.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "people.csv"
        >>> _ = file.write_text("height;weight\\n" + "1,5;60\\n1,75;\\n" * 20)
        >>> table = read_table(file)
        >>> table.columns, table.values.shape, table.dropped
        (('height', 'weight'), (20, 2), 20)
        >>> table.notes[-1]
        '20 of 40 rows have a missing value and were left out.'
    """
    path = Path(path)
    if (ending or path.suffix).lower() == ".parquet":
        return _from_parquet(path, columns, max_bytes)
    try:
        return _from_text(path, columns, max_bytes)
    except csv.Error as error:
        raise TableFileError(
            f"The file {path.name!r} cannot be read as CSV: {error}.", "Look for a quotation mark that is never closed."
        ) from error


def table_of(
    columns: Sequence[str], values: np.ndarray, lines: np.ndarray | None = None, notes: Sequence[str] = ()
) -> Table:
    """The complete rows of ``values`` (n, d), NaN where missing.

    Raises:
        TableFileError: too few rows or too many columns, or numbers that are infinite or too large.
    """
    names, notes = list(columns), list(notes)
    _refuse_wide(names)
    if values.size > MOST_VALUES:
        message = f"There are {values.size:,} numbers; {MOST_VALUES:,} is the most."
        raise TableFileError(message, "Pick fewer columns with `columns`, or leave out rows.")
    rows = np.arange(1, len(values) + 1)
    _refuse_extremes(names, values, lines)
    missing = np.isnan(values)
    hollow = missing.all(0)
    if len(values) and hollow.any():
        notes.append(f"{_columns(names, hollow, 'holds', 'hold')} no value and {_was(hollow)} left out.")
        names = [name for name, empty in zip(names, hollow, strict=True) if not empty]
        values, missing = values[:, ~hollow], missing[:, ~hollow]
    if not names:
        raise TableFileError("All values are missing.", "Check the file: it has no number to learn from.")
    counting = [names[i] for i in range(len(names)) if _counts_rows(values[:, i])]
    if counting:
        message = f"Column {counting[0]!r} counts the rows; if that is all it does, pick the others with `columns`."
        notes.append(message)
    complete = ~missing.any(1)
    dropped = len(values) - int(complete.sum())
    if int(complete.sum()) < LEAST_ROWS:
        raise _too_few(names, missing, int(complete.sum()))
    if dropped:
        have, were = ("has", "was") if dropped == 1 else ("have", "were")
        notes.append(f"{dropped:,} of {counted(len(values), 'row')} {have} a missing value and {were} left out.")
        values, rows = values[complete], rows[complete]
        lines = None if lines is None else lines[complete]
    return Table(tuple(names), np.ascontiguousarray(values), rows, lines, dropped, tuple(notes))


# -- text -------------------------------------------------------------------------------------------------------------


def _from_text(path: Path, columns: Sequence[str] | None, max_bytes: int) -> Table:
    data = text_of(path, max_bytes)
    delimiter = delimiter_of(data)
    rows, cells = rows_of(data, delimiter), NumberCells(delimiter, data)
    header = names_of(next(rows, (1, []))[1])
    names = [name or f"column {index + 1}" for index, name in enumerate(header)]
    picked = _picked(names, columns)
    place = {name: index for index, name in enumerate(names)}
    chosen = [place[name] for name in picked]
    all_cells = chosen == list(range(len(names)))
    lines, values, skipped, number = array("q"), array("d"), 0, 0
    texts: dict[int, str] = {}
    line = 0

    def here() -> str:
        return _where(number, line)

    def text(index: int, cell: str) -> float:
        if index not in texts:
            kind = "dates" if is_value(cell) else "text"
            texts[index] = f"{kind} ({shown(cell)} in {here()})"
        return NAN

    for line, row in rows:
        if not any(cell.strip() for cell in row):
            skipped += 1
            continue
        number += 1
        row = fitted(row, len(names), here())
        if not all_cells:
            row = [row[index] for index in chosen]
        values.extend(cells.row(row, here, text))
        lines.append(line)
    if not lines:
        raise TableFileError("The file has column names but no rows.", "Add rows of numbers below the names.")
    _refuse_mixed(picked, {picked[index]: found for index, found in sorted(texts.items())})
    cells.refuse_mixed()
    notes = []
    if cells.comma is not None:
        notes.append("Numbers are written with a decimal comma.")
    if skipped:
        notes.append(f"{counted(skipped, 'empty line')} {'was' if skipped == 1 else 'were'} left out.")
    numbers = np.frombuffer(values, dtype=np.float64).reshape(len(lines), len(picked)).copy()
    keep = [i for i, name in enumerate(picked) if header[place[name]] or not np.isnan(numbers[:, i]).all()]
    names = [picked[i] for i in keep]
    return table_of(names, numbers[:, keep], np.frombuffer(lines, dtype=np.int64).copy(), notes)


# -- Parquet ----------------------------------------------------------------------------------------------------------


def _from_parquet(path: Path, columns: Sequence[str] | None, max_bytes: int) -> Table:
    from bethink.tools.parquet import read_parquet

    file = read_parquet(bytes_of(path, max_bytes, "Parquet"), columns)
    picked = _picked(list(file.names), columns)
    _refuse_mixed(picked, {name: file.unusable[name] for name in picked if name in file.unusable})
    if file.values is None or not len(file.values):
        raise TableFileError("The file has columns but no rows.", "Add rows of numbers.")
    asked = list(file.names if columns is None else columns)
    return table_of(picked, file.values[:, [asked.index(name) for name in picked]])


# -- checks -----------------------------------------------------------------------------------------------------------


def _picked(names: list[str], columns: Sequence[str] | None) -> list[str]:
    """The columns asked for, in the file's order."""
    if columns is None:
        _refuse_wide(names)
        return names
    for name in columns:
        if name not in names:
            near = difflib.get_close_matches(name, names, 3, 0.5) or names[:NAMED]
            listed = ", ".join(map(repr, near)) + ("" if len(near) == len(names) else ", ...")
            raise TableFileError(f"There is no column {name[:80]!r}.", f"There are: {listed}.")
    picked = [name for name in names if name in set(columns)]
    _refuse_wide(picked)
    return picked


def _refuse_wide(names: Sequence[str]) -> None:
    if len(names) > MOST_COLUMNS:
        message = f"There are {len(names):,} columns; {MOST_COLUMNS} is the most."
        raise TableFileError(message, f"Pick up to {MOST_COLUMNS} of them with `columns`.")


def _refuse_mixed(picked: Sequence[str], unusable: dict[str, str]) -> None:
    if not unusable:
        return
    usable = tuple(name for name in picked if name not in unusable)
    listed = [f"{name!r} holds {what}" for name, what in list(unusable.items())[:NAMED]]
    more = f" and {len(unusable) - NAMED} more are alike" if len(unusable) > NAMED else ""
    many = len(unusable) > 1
    message = f"{len(unusable)} of {counted(len(picked), 'column')} hold" if many else "A column holds"
    message = f"{message} no numbers: {'; '.join(listed)}{more}."
    if usable:
        names = ", ".join(f'"{name}"' for name in usable[:NAMED]) + (", ..." if len(usable) > NAMED else "")
        hint = f"Name the columns to use: columns = [{names}]. A category can be written as columns of 0 and 1."
    else:
        hint = "Give a file with at least one column of numbers, written like 1234.5."
    raise MixedColumnsError(message, hint, unusable, usable)


def _refuse_extremes(names: Sequence[str], values: np.ndarray, lines: np.ndarray | None) -> None:
    with np.errstate(invalid="ignore"):
        wrong = np.abs(values) > LARGEST
    for row, column in np.argwhere(wrong)[:1]:
        value, place = values[row, column], _where(int(row) + 1, lines, int(row))
        if np.isinf(value):
            raise TableFileError(
                f"Column {names[column]!r} is infinite in {place}.", "Leave the cell empty if the value is missing."
            )
        message = f"Column {names[column]!r} holds {value:g} in {place}; numbers up to {LARGEST:g} are handled."
        raise TableFileError(message, "Change the column's unit, or leave it out with `columns`.")


def _too_few(names: Sequence[str], missing: np.ndarray, complete: int) -> TableFileError:
    rows = len(missing)
    if complete == rows:
        message = f"The table has {counted(rows, 'row')}; a density needs at least {LEAST_ROWS}."
        return TableFileError(message, "Give more rows.")
    worst = int(missing.sum(0).argmax())
    message = f"Only {complete} of {counted(rows, 'row')} have no missing value; at least {LEAST_ROWS} are needed."
    hint = (
        f"Column {names[worst]!r} misses the most ({int(missing[:, worst].sum()):,}): pick the others with `columns`."
    )
    return TableFileError(message, hint)


def _counts_rows(values: np.ndarray) -> bool:
    """Whether a column is 0, 1, 2, ... or 1, 2, 3, ..."""
    return len(values) > 1 and values[0] in (0, 1) and np.array_equal(values - values[0], np.arange(len(values)))


def _where(number: int, lines: np.ndarray | int | None, index: int = 0) -> str:
    if lines is None:
        return f"row {number}"
    return f"row {number} (line {lines if isinstance(lines, int) else int(lines[index])})"


def _columns(names: Sequence[str], which: np.ndarray, one: str, many: str) -> str:
    found = [repr(name) for name, is_it in zip(names, which, strict=True) if is_it]
    listed = ", ".join(found[:NAMED]) + (f" and {len(found) - NAMED} more" if len(found) > NAMED else "")
    return f"Column {listed} {one}" if len(found) == 1 else f"Columns {listed} {many}"


def _was(which: np.ndarray) -> str:
    return "was" if which.sum() == 1 else "were"

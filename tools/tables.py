"""Tables of numbers in text files: what separates the columns, which cells are missing, and what a number looks like.

Each method reads its own kind of table with these parts: :mod:`bethink.tools.filtering.observations` a series with
times and gaps, :mod:`bethink.tools.density.table` rows without an order.
"""

from __future__ import annotations

import csv
import io
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bethink.tools.dates import DateError, seconds_of

MOST_COLUMNS = 10_000
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-", "?"})
"""Cells, in any case, that stand for a missing value."""
SAMPLE_BYTES = 65_536
"""How much of a file is looked at to tell what separates its columns."""
DECIMAL_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?", re.ASCII)
NAN = float("nan")


class TableFileError(ValueError):
    """A table that cannot be used: the message says what was found, ``hint`` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def bytes_of(path: Path, max_bytes: int, kind: str = "CSV") -> bytes:
    """All bytes of a regular file of at most ``max_bytes``; ``kind`` is what the hints ask for.

    Raises:
        TableFileError: no file, a folder, a device, a file that is empty, too large or cannot be read.
    """
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= max_bytes:
            with path.open("rb") as file:
                data = file.read(max_bytes)
    except FileNotFoundError as error:
        raise TableFileError(f"There is no file {str(path)!r}.", "Check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise TableFileError(f"The file {shown(str(path))} cannot be read: {reason}.", "Check the path.") from error
    if stat.S_ISDIR(status.st_mode):
        raise TableFileError(f"{str(path)!r} is a folder.", f"Give the path of one {kind} file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise TableFileError(f"{str(path)!r} is not a regular file.", f"Give the path of a {kind} file.")
    if status.st_size > max_bytes:
        message = f"The file {path.name!r} has {status.st_size:,} bytes; {max_bytes:,} is the most."
        raise TableFileError(message, "Leave out columns or rows that are not needed.")
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise TableFileError(f"The file {path.name!r} is empty.", f"Give a {kind} file with column names and numbers.")
    return data


def text_of(path: Path, max_bytes: int) -> bytes:
    """The file's bytes, once they are known to be text in UTF-8.

    Raises:
        TableFileError: what `bytes_of` refuses, and what is no text.
    """
    data = bytes_of(path, max_bytes)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TableFileError(f"The file {path.name!r} is UTF-16, not UTF-8.", "Save it as CSV in UTF-8.")
    if b"\0" in data or data.startswith(b"PK\x03\x04"):
        message = f"The file {path.name!r} is binary, not text."
        raise TableFileError(message, "Give a CSV file; a spreadsheet can be exported as one.")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"The file {path.name!r} is not UTF-8: byte {error.start + 1:,} is 0x{data[error.start]:02x}."
        raise TableFileError(message, "Save it as CSV in UTF-8.") from error
    return data


def rows_of(data: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells from the first full line on; lines of nothing but blanks come as empty lists.

    Raises:
        csv.Error: a quotation mark that is never closed, say.
    """
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors="replace", newline="")
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True)
    started = False
    for row in reader:
        empty = not row or (len(row) == 1 and not row[0].strip())
        started = started or not empty
        if started:
            yield reader.line_num, [] if empty else row


def delimiter_of(data: bytes) -> str:
    """What separates columns: the first of tab, semicolon and comma that cuts the first lines into equally many.

    Example:
        >>> delimiter_of(b"a;b\\n1,5;2\\n")
        ';'
    """
    sample = data[:SAMPLE_BYTES]
    if len(data) > SAMPLE_BYTES:
        sample = sample[: max(sample.rfind(b"\n"), sample.rfind(b"\r")) + 1] or sample
    widths: dict[str, int] = {}
    for delimiter in "\t;,":
        try:
            counts = [len(row) for _, row in rows_of(sample, delimiter) if row]
        except csv.Error:
            continue
        if counts and counts[0] > 1 and len(set(counts)) == 1:
            return delimiter
        widths[delimiter] = counts[0] if counts else 0
    best = max(widths, key=lambda delimiter: widths[delimiter], default=",")
    return best if widths.get(best, 0) > 1 else ";"


def names_of(header: Sequence[str]) -> list[str]:
    """The names in a file's first line, without blanks around them; empty where a column has none.

    Raises:
        TableFileError: no name at all, a name twice, values instead of names, more than `MOST_COLUMNS`.
    """
    names = [cell.strip() for cell in header]
    names[:1] = [name.lstrip("# ") for name in names[:1]]  # as numpy.savetxt writes it
    if len(names) > MOST_COLUMNS:
        message = f"The file has {len(names):,} columns; {MOST_COLUMNS:,} is the most."
        raise TableFileError(message, "Leave out columns that are not needed.")
    if not any(names):
        raise TableFileError("The first line names no column.", "Put a line of column names above the numbers.")
    if all(is_value(name) for name in names if name):
        message = f"The first line holds values, not column names: {shown(', '.join(names))}."
        raise TableFileError(message, "Put a line of column names above the numbers.")
    seen: set[str] = set()
    for name in names:
        if name and name in seen:
            raise TableFileError(f"Two columns are named {name!r}.", "Give every column its own name.")
        seen.add(name)
    return names


def fitted(row: list[str], width: int, place: str) -> list[str]:
    """A row's cells, as many as there are columns; empty ones beyond are cut. ``place`` is what a message calls it.

    Raises:
        TableFileError: too few or too many cells.
    """
    if len(row) > width and not any(cell.strip() for cell in row[width:]):
        row = row[:width]
    if len(row) != width:
        raise TableFileError(
            f"{place.capitalize()} has {counted(len(row), 'cell')}, but there are {counted(width, 'column name')}.",
            "Give every row one cell a column; leave a cell empty where a value is missing.",
        )
    return row


class NumberCells:
    """Cells as numbers. Where columns are not separated by commas a decimal comma is understood, but not beside points.

    ``comma`` and ``point`` say where the first of each was seen.
    """

    def __init__(self, delimiter: str, data: bytes) -> None:
        self.comma_allowed = delimiter != ","
        self.careful = b"_" in data
        """Whether cells hold underscores, which Python would read as part of a number."""
        self.comma: str | None = None
        self.point: str | None = None

    def row(self, cells: list[str], place: Callable[[], str], text: Callable[[int, str], float]) -> list[float]:
        """The numbers of a row, NaN where a value is missing.

        ``place()`` is what a message calls the row; ``text(index, cell)`` is asked about cells that are no number, and
        raises or gives one.
        """
        if self.comma_allowed and self.point is None and any("." in cell for cell in cells):
            self.point = place()
        try:
            if self.careful:
                raise ValueError
            return [float(cell) for cell in cells]
        except ValueError:
            numbers = []
            for index, cell in enumerate(cells):
                cell = cell.strip()
                number = NAN if cell.lower() in MISSING else self.number(cell, place)
                numbers.append(text(index, cell) if number is None else number)
            return numbers

    def number(self, cell: str, place: Callable[[], str]) -> float | None:
        """A number with a decimal point, or where it is allowed a decimal comma; None for text."""
        if "_" in cell:
            return None
        try:
            return float(cell)
        except ValueError:
            if not (self.comma_allowed and DECIMAL_COMMA.fullmatch(cell)):
                return None
        self.comma = self.comma or place()
        return float(cell.replace(",", "."))

    def refuse_mixed(self) -> None:
        """Refuse a file with both decimal commas and points.

        Raises:
            TableFileError: naming where each was first seen.
        """
        if self.comma is not None and self.point is not None:
            raise TableFileError(
                f"Numbers have a decimal comma ({self.comma}) and a point ({self.point}): either could be meant.",
                "Write all numbers one way, without separators between thousands.",
            )


def is_value(cell: str) -> bool:
    """Whether a cell of the first line is a number or a date."""
    try:
        float(cell.replace(",", "."))
    except ValueError:
        try:
            seconds_of([cell])
        except DateError as error:
            return error.index is None
    return True


def shown(cell: str) -> str:
    """A cell as a message quotes it, cut after 40 characters."""
    return repr(cell if len(cell) <= 40 else cell[:40] + "...")


def counted(number: int, noun: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

"""Where the rows of a delimited text begin and end, block by block, so that one broken row costs that row and no other.

Arrow's reader gives up a whole file where a quotation mark is never closed, and takes lines for a field's text where it
is closed by chance. So the rows are found here, and only rows of the right shape are handed to Arrow.

A field in quotation marks may hold delimiters, line ends and doubled quotation marks; after the closing one comes a
delimiter or the line's end, or the quotation marks are broken: that line alone is refused, and reading goes on with the
next. A quotation mark inside a field that does not begin with one is a character like others. Source: RFC 4180, and
what Arrow and Python's ``csv`` make of what it leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

BLOCK_BYTES = 4 << 20
"""Read at a time."""
MOST_ROW_BYTES = 1 << 20
"""The longest row."""
FIELDS, QUOTES, RETURN, LONG, EMPTY = (
    "wrong number of fields",
    "quotation marks are broken",
    "a line end in mid-row",
    "row is too long",
    "empty line",
)
_REASONS = ("", FIELDS, QUOTES, RETURN, LONG, EMPTY)
_QUOTE, _LINE, _RETURN = b'"\n\r'
_QUOTED = re.compile(rb'"(?>[^"]++|"")*+')
"""A field up to its closing quotation mark."""


@dataclass(frozen=True, eq=False)
class Refused:
    """Rows refused for one reason: how many, and of the first the row, the line and the beginning of its text."""

    reason: str
    count: int
    first: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows.

    Args:
        data: the text of those that have the right shape, complete.
        rows: their numbers below the header, from 1 [n].
        lines: the lines they begin at, from 1 [n].
        quoted: whether there are quotation marks.
        read: number of rows, refused ones too.
        refused: those that have not.
    """

    data: bytes
    rows: Ints
    lines: Ints
    quoted: bool
    read: int
    refused: tuple[Refused, ...]


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows found: begin and end (of the line end) in the data [n], fields [n], why refused [n]; how far they reach."""

    starts: Ints
    ends: Ints
    fields: Ints
    wrong: NDArray[np.uint8]
    used: int
    cut: bool = False
    """Whether the last row is refused as too long, and goes on in what was not read yet."""


def blocks(file: BinaryIO, delimiter: str, width: int, examples: int, line: int = 1) -> Iterator[Block]:
    """All rows from where the file stands.

    Args:
        file: of bytes.
        delimiter: one ASCII character.
        width: fields of a good row.
        examples: how many refused rows are told of each reason and block.
        line: the file's line at which the reading begins.

    Memory: some blocks, and the longest row (:data:`MOST_ROW_BYTES`). Cost: linear; many times slower where most rows
    have broken quotation marks.
    """
    rest, row, skip = b"", 1, False
    while True:
        read = file.read(BLOCK_BYTES)
        last = not read
        if skip and read:
            _, found, read = read.partition(b"\n")
            skip, line = not found, line + len(found)
        data = rest + read
        if data:
            found_rows = _rows(data, delimiter.encode(), last)
            rest, skip = data[found_rows.used :], found_rows.cut
            if len(found_rows.starts):
                newlines = data.count(b"\n", 0, found_rows.used)
                yield _block(data, found_rows, newlines, width, examples, row, line)
                row, line = row + len(found_rows.starts), line + newlines
        if last:
            return


def first_row(file: BinaryIO, delimiter: str) -> tuple[list[str], int]:
    """The fields of the first row, and the number of the line after it; the file then stands there.

    Raises:
        ValueError: there is none, it is too long, or no text in UTF-8.
    """
    import csv
    import io

    data, lines = b"", 0
    while not data.removeprefix(b"\xef\xbb\xbf").strip() or (data.count(b'"') % 2 and len(data) < MOST_ROW_BYTES):
        more = file.readline(MOST_ROW_BYTES)
        if not more:
            break
        data, lines = data + more, lines + 1
    if len(data) >= MOST_ROW_BYTES:
        raise ValueError(f"its first row has more than {MOST_ROW_BYTES:,} bytes")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("it is UTF-16, not UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("its first row is not UTF-8") from error
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    if len(rows) != 1:
        raise ValueError("it is empty" if not text.strip() else "its first row cannot be told from the next")
    return [name.strip() for name in rows[0]], lines + 1


def _block(data: bytes, found: _Rows, newlines: int, width: int, examples: int, row: int, line: int) -> Block:
    wrong = np.where((found.wrong == 0) & (found.fields != width), _REASONS.index(FIELDS), found.wrong)
    count = len(wrong)
    if newlines == count - (not data.endswith(b"\n", 0, found.used)):  # each is one line
        lines = line + np.arange(count)
    else:
        breaks = np.flatnonzero(np.frombuffer(data, np.uint8, found.used) == _LINE)
        lines = line + np.searchsorted(breaks, found.starts)
    rows = row + np.arange(count)
    good = wrong == 0
    refused = []
    for number in np.unique(wrong[~good]):
        places = np.flatnonzero(wrong == number)
        first = [(int(rows[i]), int(lines[i]), _told(data, found, i, number, width)) for i in places[:examples]]
        refused.append(Refused(_REASONS[number], len(places), tuple(first)))
    kept = data[: found.used] if good.all() else _joined(data, found, good)
    return Block(kept, rows[good], lines[good], b'"' in kept, count, tuple(refused))


def _told(data: bytes, found: _Rows, row: int, number: int, width: int) -> str:
    text = repr(data[found.starts[row] : found.ends[row]][:60].decode("utf-8", "replace").rstrip("\r\n"))
    return f"{found.fields[row]} fields instead of {width}: {text}" if _REASONS[number] == FIELDS else text


def _joined(data: bytes, found: _Rows, good: NDArray[np.bool_]) -> bytes:
    edges = np.flatnonzero(np.diff(np.r_[False, good, False].astype(np.int8)))
    return b"".join(data[found.starts[a] : found.ends[b - 1]] for a, b in zip(edges[::2], edges[1::2], strict=True))


def _rows(data: bytes, delimiter: bytes, last: bool) -> _Rows:
    """All rows of a block: scanned up to where quotation marks are broken, a few walked, scanned again."""
    parts, walk, rest = [], 1, data
    while True:
        part, fine = _scanned(rest, delimiter, last)
        parts.append(part)
        rest = rest[part.used :]
        if fine and len(rest) <= MOST_ROW_BYTES:
            break
        parts.append(_walked(rest, delimiter, last, walk))
        rest, walk = rest[parts[-1].used :], walk * 4  # where many are broken most are walked, and few scanned in vain
        if not parts[-1].used or not rest:
            break
    offsets = np.cumsum([0, *(part.used for part in parts)])
    return _Rows(
        np.concatenate([part.starts + offset for part, offset in zip(parts, offsets, strict=False)]),
        np.concatenate([part.ends + offset for part, offset in zip(parts, offsets, strict=False)]),
        np.concatenate([part.fields for part in parts]),
        np.concatenate([part.wrong for part in parts]),
        int(offsets[-1]),
        parts[-1].cut,
    )


def _scanned(data: bytes, delimiter: bytes, last: bool) -> tuple[_Rows, bool]:
    """The rows before the first broken quotation mark, which vectors of their places can tell; and whether that is all.

    Before each opening one stands a delimiter, a line end or the closing one of a pair; after each closing one a
    delimiter, a line end or the next of a pair. So far, whatever has an odd number of them before it is inside a field.
    """
    array = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(array == _LINE) + 1
    quotes = np.flatnonzero(array == _QUOTE) if b'"' in data else np.empty(0, np.int64)
    if len(quotes):
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
    used = int(ends[-1]) if len(ends) else 0
    fine = True
    if last and used < len(data):
        if len(quotes) % 2 == 0:
            ends, used = np.r_[ends, len(data)], len(data)
        else:
            fine = False
    quotes = quotes[: np.searchsorted(quotes, used)]
    broken = _misplaced(array, quotes, delimiter[0])
    long = np.flatnonzero(np.diff(ends, prepend=0) > MOST_ROW_BYTES)
    for row in long:  # a field of several lines that is longer than any row is taken for an open quotation mark
        start = int(ends[row - 1]) if row else 0
        broken = min(broken, start if data.find(b"\n", start, int(ends[row]) - 1) >= 0 else broken)
    if broken < used:
        ends, fine = ends[: np.searchsorted(ends, broken, side="right")], False
        used = int(ends[-1]) if len(ends) else 0
        quotes = quotes[: np.searchsorted(quotes, used)]
    separators = np.cumsum(array[:used] == delimiter[0], dtype=np.int32)
    fields: Ints = np.diff(separators[ends - 1].astype(np.int64), prepend=0) + 1  # type: ignore[assignment]
    if len(quotes):
        opening, closing = quotes[::2], quotes[1::2]
        within = separators[closing] - separators[opening]
        fields -= np.bincount(np.searchsorted(ends, opening, side="right"), within, len(ends)).astype(np.int64)
    starts = np.r_[0, ends[:-1]][: len(ends)]
    wrong = np.zeros(len(ends), np.uint8)
    stops = ends - (array[ends - 1] == _LINE)
    if b"\r" in data:
        stops -= (stops > starts) & (array[stops - 1] == _RETURN)
        returns = np.flatnonzero(array[:used] == _RETURN)
        returns = returns[np.searchsorted(quotes, returns) % 2 == 0]
        alone = (returns + 1 < len(data)) & (array[np.minimum(returns + 1, len(data) - 1)] != _LINE)
        wrong[np.searchsorted(ends, returns[alone], side="right")] = _REASONS.index(RETURN)
    wrong[stops == starts] = _REASONS.index(EMPTY)
    wrong[ends - starts > MOST_ROW_BYTES] = _REASONS.index(LONG)
    return _Rows(starts, ends, fields, wrong, used), fine


def _misplaced(array: NDArray[np.uint8], quotes: Ints, delimiter: int) -> int:
    """Where the first field begins whose quotation marks are broken; beyond the data if there is none."""
    opening, closing = quotes[::2], quotes[1::2]
    fine = np.zeros(256, bool)
    fine[[delimiter, _LINE, _QUOTE]] = True
    before = fine[array[np.maximum(opening - 1, 0)]] | (opening == 0)
    fine[_RETURN] = True
    after = fine[array[np.minimum(closing + 1, len(array) - 1)]] | (closing + 1 == len(array))
    both = before[: len(after)] & after
    if both.all() and before.all():
        return len(array)
    return int(opening[np.argmin(np.r_[both, before[len(after) :]])])


def _walked(data: bytes, delimiter: bytes, last: bool, most: int) -> _Rows:
    """The first rows, one after the other, where some quotation marks are broken or a row is very long."""
    found: list[tuple[int, int, int, str]] = []
    start, cut = 0, False
    while start < len(data) and len(found) < most:
        line = data.find(b"\n", start) + 1
        more = not last and len(data) - start <= MOST_ROW_BYTES  # what is missing may be in the next block
        if not line and more:
            break
        stop = line or len(data)
        if stop - start > MOST_ROW_BYTES:
            cut = not line and not last
            row = stop, 1, LONG
        elif data.find(b'"', start, stop) < 0:
            text = data[start:stop].removesuffix(b"\n").removesuffix(b"\r")
            row = stop, text.count(delimiter) + 1, EMPTY if not text else RETURN if b"\r" in text else ""
        else:
            walked = _walked_row(data, start, delimiter, last)
            if walked is None and more:
                break
            row = walked if walked and walked[2] != QUOTES else (stop, 1, QUOTES)
        found.append((start, *row))
        start = row[0]
    starts, ends, fields = (np.array([row[k] for row in found], np.int64) for k in range(3))
    return _Rows(starts, ends, fields, np.array([_REASONS.index(row[3]) for row in found], np.uint8), start, cut)


def _walked_row(data: bytes, start: int, delimiter: bytes, last: bool) -> tuple[int, int, str] | None:
    """Where a row ends, its number of fields and what is wrong; None where the data or the longest row ends before."""
    limit = min(len(data), start + MOST_ROW_BYTES)
    plain = re.compile(b"[^\n%s]*+" % re.escape(delimiter))
    place, count, alone = start, 1, False
    while True:
        line = data.find(b"\n", place, limit)
        quote = data.find(b'"', place, line if line >= 0 else limit)
        if quote < 0:
            end = line if line >= 0 else limit
            count += data.count(delimiter, place, end)
        else:
            field = max(place, data.rfind(delimiter, place, quote) + 1)
            count += data.count(delimiter, place, field)
            alone |= _alone(data, place, field)
            place = field
            if field == quote:
                place = _end(_QUOTED, data, field, limit) + 1
                if place > limit:
                    return None
                if data[place : place + 1] not in (delimiter, b"\n", b"\r", b""):
                    return place, count, QUOTES
            end = _end(plain, data, place, limit)
        alone |= _alone(data, place, end)
        if end == limit:
            return (end, count, RETURN if alone else "") if last and limit == len(data) else None
        if data[end] == _LINE:
            return end + 1, count, RETURN if alone else ""
        place, count = end + 1, count + 1


def _alone(data: bytes, start: int, end: int) -> bool:
    """Whether there is a carriage return that ends no line."""
    return data.count(b"\r", start, end) > (data[end - 1 : end + 1] in (b"\r\n", b"\r"))


def _end(pattern: re.Pattern[bytes], data: bytes, start: int, limit: int) -> int:
    found = pattern.match(data, start, limit)
    return found.end() if found else start

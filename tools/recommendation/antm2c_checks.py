"""What the cells of AntM2C rows have to be: ids, labels, times, scenes, numbers; each row that is not, with a reason.

A row has one reason, the first in the order of :data:`REASONS`. All checks are vectors of Arrow or NumPy; where a batch
has rows to refuse, it is cut and goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.dates import EPOCH
from bethink.tools.recommendation.antm2c_csv import Ints, Refused
from bethink.tools.recommendation.antm2c_schema import MOST_EXAMPLES, Column, Schema
from bethink.tools.tables import shown

UTF8, USER, ITEM, LABEL, TIME, SCENE, NUMBER, VECTOR = REASONS = (
    "not UTF-8",
    "no user id",
    "no item id",
    "label is not 0 or 1",
    "time is missing or unreadable",
    "scene is missing or not declared",
    "not a number",
    "not a vector",
)
LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
ISO = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d$"
_FLOAT = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_VECTOR = rf"^\s*\[?\s*{_FLOAT}([\s,;|]+{_FLOAT})*\s*\]?\s*$"
_NO_TIME = np.iinfo(np.int64).min
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Checked:
    """The good rows of a batch, column by column as in :class:`~.antm2c.Batch`, and the refused ones."""

    user_id: Any
    item_id: Any
    scene: Any
    time: Ints
    label: NDArray[np.int8]
    texts: dict[str, Any]
    numbers: dict[str, NDArray[np.float32]]
    rows: Ints
    refused: tuple[Refused, ...]
    mended: int


class _State:
    """The rows still good, and why others went."""

    def __init__(self, cells: Mapping[str, Any], rows: Ints, lines: Ints | None) -> None:
        self.columns = dict(cells)
        self.rows, self.lines = rows, lines
        self.mended: Mask = np.zeros(len(rows), bool)
        self.refused: list[Refused] = []

    def refuse(self, bad: Mask, reason: str, name: str, column: Any = None) -> None:
        """Take the rows of ``bad`` out of everything; ``column`` (or that of ``name``) shows why."""
        places = np.flatnonzero(bad)
        if not len(places):
            return
        cells = self.columns[name] if column is None else column
        first = []
        for i in places[:MOST_EXAMPLES].tolist():
            cell = cells[i].as_py()
            text = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
            first.append((int(self.rows[i]), 0 if self.lines is None else int(self.lines[i]), f"{name} {shown(text)}"))
        self.refused.append(Refused(reason, len(places), tuple(first)))
        good = ~bad
        self.rows, self.mended = self.rows[good], self.mended[good]
        self.lines = None if self.lines is None else self.lines[good]
        self.columns = {key: _filtered(column, good) for key, column in self.columns.items()}


def checked(
    cells: Mapping[str, Any], schema: Schema, present: Sequence[Column], rows: Ints, lines: Ints | None
) -> Checked:
    """Check rows and take the cells for what they are declared to be.

    Args:
        cells: of each column a ``pyarrow.BinaryArray`` [n].
        schema: the declaration.
        present: its columns that are in ``cells``.
        rows: numbers of the rows, for places [n].
        lines: their lines [n], if there are lines.

    Cost: linear; see ``make bench NAME=recommendation``.
    """
    state = _State(cells, rows, lines)
    by_role: dict[str, list[str]] = {}
    for column in present:
        by_role.setdefault(column.role, []).append(column.name)
        _decode(state, column.name)
    user, item, label, time, scene = (by_role[role][0] for role in ("user", "item", "label", "time", "scene"))
    for name, reason in ((user, USER), (item, ITEM)):
        _code(state, name)
        state.refuse(_blank(state.columns[name], schema.missing), reason, name)
    _labels(state, label)
    _times(state, time, schema)
    _code(state, scene)
    state.refuse(_blank(state.columns[scene], schema.missing, schema.scenes), SCENE, scene)
    for name in by_role.get("number", ()):
        _numbers(state, name, schema.missing)
    for name in by_role.get("vector", ()):
        _vectors(state, name, schema.missing)
    texts = [*by_role.get("text", ()), *by_role.get("sparse", ()), *by_role.get("vector", ())]
    for name in texts:
        _code(state, name, schema.missing)
    columns = state.columns
    return Checked(
        columns[user],
        columns[item],
        columns[scene],
        columns[time],
        columns[label],
        {name: columns[name] for name in texts},
        {name: columns[name] for name in by_role.get("number", ())},
        state.rows,
        tuple(state.refused),
        int(state.mended.sum()),
    )


def _decode(state: _State, name: str) -> None:
    """Bytes as text; rows that are no UTF-8 are refused."""
    import pyarrow as pa

    column = state.columns[name]
    try:
        state.columns[name] = column.cast(pa.string())
    except pa.ArrowInvalid:
        state.refuse(_mask(not _is_utf8(cell) for cell in column.to_pylist()), UTF8, name)
        state.columns[name] = state.columns[name].cast(pa.string())


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _code(state: _State, name: str, missing: frozenset[str] | None = None) -> None:
    """A column of text as a dictionary and numbers into it; cells that stand for a missing value become ""."""
    import pyarrow as pa

    coded = state.columns[name].dictionary_encode()
    if missing and (stand_ins := [text for text in missing if text]):
        gone = _is_in(coded.dictionary, stand_ins)
        if gone.any():
            plain = pa.array(np.where(gone, "", coded.dictionary.to_numpy(zero_copy_only=False)), pa.string())
            merged = plain.dictionary_encode()
            indices = merged.indices.take(coded.indices)
            coded = pa.DictionaryArray.from_arrays(indices, merged.dictionary)
    state.columns[name] = coded


def _blank(coded: Any, missing: frozenset[str], known: Sequence[str] | None = None) -> Mask:
    """Where there is nothing, or not what is known."""
    import pyarrow.compute as pc

    values = coded.dictionary
    bad = _is_in(values, sorted(missing)) | _is_in(pc.utf8_trim_whitespace(values), [""])
    if known is not None:
        bad |= ~_is_in(values, known)
    return np.r_[bad, False][coded.indices.to_numpy()]


def _labels(state: _State, name: str) -> None:
    coded = state.columns[name].dictionary_encode()
    values = np.array([*(LABELS.get(text, -1) for text in coded.dictionary.to_pylist()), -1], np.int8)
    state.columns[name] = values[coded.indices.to_numpy()]
    state.refuse(state.columns[name] < 0, LABEL, name, coded)


def _times(state: _State, name: str, schema: Schema) -> None:
    """Seconds since 1970: as ISO 8601 at once, else by the schema's formats, else the default or refused."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = state.columns[name]
    try:
        state.columns[name] = cells.cast(pa.timestamp("s")).cast(pa.int64()).to_numpy()
        return
    except pa.ArrowInvalid:
        pass
    seconds = np.full(len(cells), _NO_TIME, np.int64)
    iso = pc.match_substring_regex(cells, ISO).to_numpy(zero_copy_only=False)
    seconds[iso] = _iso_seconds(cells.filter(pa.array(iso)))
    for form in schema.time_formats:
        left = seconds == _NO_TIME
        seconds[left] = _each(cells.filter(pa.array(left)), lambda text, form=form: datetime.strptime(text, form))  # type: ignore[misc]
    left = seconds == _NO_TIME
    seconds[left] = _each(cells.filter(pa.array(left)), _iso)
    left = seconds == _NO_TIME
    state.columns[name] = seconds
    if schema.default_time is None:
        state.refuse(left, TIME, name, cells)
    else:
        seconds[left] = int((datetime.fromisoformat(schema.default_time) - EPOCH).total_seconds())
        state.mended = left


def _iso_seconds(cells: Any) -> Ints:
    """Of texts that look like ISO 8601; no time where there is no such day."""
    import pyarrow as pa
    import pyarrow.compute as pc

    seconds = _each(pc.utf8_slice_codeunits(cells, 0, 10), _iso)
    good = seconds != _NO_TIME
    seconds[good] = cells.filter(pa.array(good)).cast(pa.timestamp("s")).cast(pa.int64()).to_numpy()
    return seconds


def _iso(text: str) -> datetime:
    import pyarrow as pa

    try:
        found: datetime = pa.scalar(text).cast(pa.timestamp("s")).as_py()
    except pa.ArrowInvalid as error:
        raise ValueError(text) from error
    return found


def _each(cells: Any, read: Callable[[str], datetime]) -> Ints:
    """What ``read`` makes of each distinct text; no time where it raises."""
    coded = cells.dictionary_encode()
    seconds = [_NO_TIME]
    for text in coded.dictionary.to_pylist():
        try:
            seconds.append(int((read(text) - EPOCH).total_seconds()))
        except (ValueError, TypeError, OverflowError):  # TypeError: with a time zone, which none of the files has
            seconds.append(_NO_TIME)
    return np.array(seconds, np.int64)[coded.indices.to_numpy() + 1]


def _numbers(state: _State, name: str, missing: frozenset[str]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = state.columns[name]
    gone = _is_in(cells, sorted(missing))
    numeric = pc.if_else(pa.array(gone), pa.scalar(None, pa.string()), cells)
    bad = np.zeros(len(cells), bool)
    try:
        found = numeric.cast(pa.float64())
    except pa.ArrowInvalid:
        bad = ~gone & ~pc.match_substring_regex(cells, f"^{_FLOAT}$").to_numpy(zero_copy_only=False)
        found = pc.if_else(pa.array(bad), pa.scalar(None, pa.string()), numeric).cast(pa.float64())
    with np.errstate(over="ignore"):
        values = found.to_numpy(zero_copy_only=False).astype(np.float32)
    state.columns[name] = values
    state.refuse(bad | (~np.isfinite(values) & ~gone), NUMBER, name, cells)


def _vectors(state: _State, name: str, missing: frozenset[str]) -> None:
    import pyarrow.compute as pc

    cells = state.columns[name]
    fine = pc.match_substring_regex(cells, _VECTOR).to_numpy(zero_copy_only=False)
    state.refuse(~fine & ~_is_in(cells, sorted(missing)), VECTOR, name)


def _is_in(values: Any, among: Sequence[str]) -> Mask:
    import pyarrow as pa
    import pyarrow.compute as pc

    found: Mask = pc.is_in(values, value_set=pa.array(among, pa.string())).to_numpy(zero_copy_only=False)
    return found


def _filtered(column: Any, good: Mask) -> Any:
    import pyarrow as pa

    return column[good] if isinstance(column, np.ndarray) else column.filter(pa.array(good))


def _mask(values: Iterable[bool]) -> Mask:
    return np.fromiter(values, bool)

"""Any table as a pandas frame of plain columns: numbers, truth values, dates, or categories of text.

Text files are cut by :mod:`bethink.tools.tables`; every cell stays text here, since what it means depends on the
column. Parquet files are read in a process of their own, limited in memory and time, as
:mod:`bethink.tools.parquet` does for numbers; here text is read, too. Frames and Arrow tables are the caller's own.
"""

from __future__ import annotations

import csv
import re
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bethink.tools.findings import listed, quoted
from bethink.tools.parquet import (
    AGAIN,
    BATCH_ROWS,
    FAILED,
    INDEX_PREFIX,
    MOST_BYTES,
    MOST_MEMORY,
    MOST_SECONDS,
    MOST_VALUES,
    answer,
    ask_child,
    kind_of,
    refuse_too_many,
    refuse_unpacking,
)
from bethink.tools.tables import (
    MOST_COLUMNS,
    TableFileError,
    bytes_of,
    counted,
    delimiter_of,
    fitted,
    names_of,
    rows_of,
    text_of,
)

if TYPE_CHECKING:
    import pandas as pd

MAX_BYTES = 50_000_000
ROWS_AT_ONCE = 4_096


@dataclass(frozen=True, eq=False)
class Frame:
    """A table as it was read.

    ``frame`` has rows 0..n-1 and distinct text names; ``lines`` (n,) are the lines of a text file; ``notes`` are
    sentences about how it was read.
    """

    frame: pd.DataFrame
    lines: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def where(self, row: int) -> str:
        """What a message calls the row: ``row 3 (line 4)``, counted from 1."""
        return f"row {row + 1:,}" + ("" if self.lines is None else f" (line {int(self.lines[row]):,})")


def words_of(name: str) -> str:
    """A column's name in small letters, words joined by underscores; without the type that RecBole writes behind it.

    Example:
        >>> words_of("CouponAmount (EUR)"), words_of("user_id:token")
        ('coupon_amount_eur', 'user_id')
    """
    name = re.sub(r":(token|float)(_seq)?$", "", name[:200])
    return "_".join(re.findall(r"[^\W_]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).lower()))


def read_frame(source: Any, *, max_bytes: int = MAX_BYTES, ending: str = "") -> Frame:
    """Read a CSV or Parquet file, a pandas frame, or anything with ``__arrow_c_stream__`` (pyarrow, polars, DuckDB).

    Args:
        source: a path or a table.
        max_bytes: largest file.
        ending: which kind of file it is, where the path's own ending does not say so.

    Raises:
        TableFileError: whatever is wrong with a file or table.
        TypeError: what is no table.
    """
    import pandas as pd

    if isinstance(source, str | Path):
        path = Path(source)
        if (ending or path.suffix).lower() == ".parquet":
            return _from_parquet(bytes_of(path, max_bytes, "Parquet"))
        try:
            return _from_text(path, max_bytes)
        except csv.Error as error:
            message = f"The file {quoted(path.name)} cannot be read as CSV: {error}."
            raise TableFileError(message, "Look for a quotation mark that is never closed.") from error
    if isinstance(source, pd.DataFrame):
        return _from_pandas(source)
    if hasattr(source, "__arrow_c_stream__"):
        import pyarrow as pa

        try:
            return _from_arrow(pa.RecordBatchReader.from_stream(source).read_all())
        except pa.ArrowInvalid as error:
            raise TypeError(f"A {type(source).__name__} is no table: {error}") from error
    raise TypeError(
        f"A {type(source).__name__} cannot be read as a table. Pass a path, a pandas frame, or something with "
        "__arrow_c_stream__ (a lazy frame must be collected first)."
    )


# -- text -------------------------------------------------------------------------------------------------------------


def _from_text(path: Path, max_bytes: int) -> Frame:
    import pandas as pd
    import pyarrow as pa

    data = text_of(path, max_bytes)
    delimiter = delimiter_of(data)
    rows = rows_of(data, delimiter)
    header = names_of(next(rows, (1, []))[1])
    names = [name or f"column {index + 1}" for index, name in enumerate(header)]
    chunks: list[list[Any]] = [[] for _ in names]
    lines, skipped = array("q"), 0
    batch: list[list[str]] = []

    def flush() -> None:
        for column, cells in zip(chunks, zip(*batch, strict=True), strict=False):
            column.append(pa.array(map(str.strip, cells), pa.large_string(), size=len(cells)))
        batch.clear()

    for line, row in rows:
        if not any(cell.strip() for cell in row):
            skipped += 1
            continue
        if len(row) != len(names):
            row = fitted(row, len(names), f"row {len(lines) + 1:,} (line {line:,})")
        batch.append(row)
        lines.append(line)
        if len(batch) == ROWS_AT_ONCE:
            flush()
    flush()
    if not lines:
        raise TableFileError("The file has column names but no rows.", "Add rows below the names.")
    notes = [f"{counted(skipped, 'empty line')} {'was' if skipped == 1 else 'were'} left out."] if skipped else []
    columns = {}
    for name, title, column in zip(names, header, chunks, strict=True):
        encoded = pa.chunked_array(column).combine_chunks().dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        if not title and (texts == [""] or _counts_rows(texts, len(lines))):
            continue
        columns[name] = pd.Categorical.from_codes(encoded.indices.to_numpy(), pd.Index(texts, dtype=object))
    return Frame(pd.DataFrame(columns), np.frombuffer(lines, np.int64).copy(), tuple(notes))


def _counts_rows(texts: list[str], rows: int) -> bool:
    """Whether distinct cells are 0, 1, 2, ... or 1, 2, 3, ..., one for each row."""
    return len(texts) == rows and texts[0] in ("0", "1") and texts == [str(int(texts[0]) + i) for i in range(rows)]


# -- frames -----------------------------------------------------------------------------------------------------------


def _from_pandas(source: pd.DataFrame) -> Frame:
    import pandas as pd

    labels = [name for name in source.index.names if name is not None]
    _refuse_names([str(name) for name in [*labels, *source.columns]])
    frame = source.reset_index(drop=not labels)
    columns, left_out = {}, {}
    for name, column in frame.items():
        if column.dtype != object:
            columns[str(name)] = column.array
            continue
        try:
            columns[str(name)] = column.astype("category").array
        except TypeError:  # lists and the like cannot be told apart
            left_out[str(name)] = "lists or other objects"
    return _checked(pd.DataFrame(columns), left_out)


def _from_arrow(table: Any) -> Frame:
    import pandas as pd

    table, left_out = _plain(table)
    columns = {
        name: column.to_pandas(integer_object_nulls=True, date_as_object=False)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return _checked(pd.DataFrame(columns), left_out)


def _checked(frame: pd.DataFrame, left_out: dict[str, str]) -> Frame:
    if not len(frame.columns):
        raise TableFileError("The table has no column that can be used.", "Give columns of numbers or text.")
    if not len(frame):
        raise TableFileError("The table has columns but no rows.", "Add rows.")
    notes = [f"Columns left out, as they hold lists or the like: {listed(left_out)}."] if left_out else []
    return Frame(frame, None, tuple(notes))


def _refuse_names(names: list[str]) -> None:
    if len(names) > MOST_COLUMNS:
        message = f"The table has {len(names):,} columns; {MOST_COLUMNS:,} is the most."
        raise TableFileError(message, "Leave out columns that are not needed.")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise TableFileError(f"Two columns are named {quoted(name)}.", "Give every column its own name.")
        seen.add(name)


def _plain(table: Any) -> tuple[Any, dict[str, str]]:
    """An Arrow table without pandas's row labels: numbers, truth values, dates, dictionaries of text; and what was
    left out."""
    import pyarrow as pa
    from pyarrow import types

    _refuse_names(list(table.column_names))
    columns, left_out = {}, {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = kind_of(column.type)
        if name.startswith(INDEX_PREFIX):
            continue
        if types.is_dictionary(column.type):
            column = _decoded(column)
            kind = kind_of(column.type)
        if types.is_decimal(column.type):
            column = column.cast(pa.float64())
        elif kind == "text":
            column = column.cast(pa.large_string()).dictionary_encode()
        elif kind == "nothing":
            column = column.cast(pa.float64())
        elif kind and not (types.is_date(column.type) or types.is_timestamp(column.type)):
            left_out[name] = kind
            continue
        columns[name] = column
    return pa.table(columns), left_out


def _decoded(column: Any) -> Any:
    """A dictionary column as plain values; texts of polars cannot be taken from as they are."""
    import pyarrow as pa

    kind = pa.large_string() if kind_of(column.type.value_type) == "text" else column.type.value_type
    return pa.chunked_array([chunk.dictionary.cast(kind).take(chunk.indices) for chunk in column.chunks], type=kind)


# -- Parquet ----------------------------------------------------------------------------------------------------------


def _from_parquet(data: bytes) -> Frame:
    asked = {
        "most_values": MOST_VALUES,
        "most_bytes": MOST_BYTES,
        "most_memory": MOST_MEMORY,
        "most_seconds": MOST_SECONDS,
    }
    found, body = ask_child(__name__, asked, data)
    import pyarrow as pa

    try:
        frame = _from_arrow(pa.ipc.open_stream(body).read_all())
    except TableFileError:
        raise
    except (ValueError, pa.ArrowException) as error:  # the child died while it wrote
        raise TableFileError(FAILED, AGAIN) from error
    return _checked(frame.frame, found["left_out"])


def _answer(data: bytes, asked: dict[str, Any]) -> tuple[dict[str, Any], bytes | memoryview]:
    """In the child: what was left out, and the columns as an Arrow stream."""
    import pyarrow as pa

    table, left_out = _plain(_read(data, asked))
    table.validate(full=True)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return {"left_out": left_out}, memoryview(sink.getvalue())


def _read(data: bytes, asked: dict[str, Any]) -> Any:
    """All columns that can be used, as an Arrow table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
    schema = file.schema_arrow
    _refuse_names(list(schema.names))
    usable = [name for name in schema.names if kind_of(schema.field(name).type) != "lists"]
    refuse_too_many(file.metadata.num_rows * len(usable), asked["most_values"])
    refuse_unpacking(file.metadata, set(usable), asked["most_bytes"])
    batches, count = [], 0
    for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=usable, use_threads=False):
        count += batch.num_rows
        refuse_too_many(count * len(usable), asked["most_values"])
        batches.append(batch)
    return pa.Table.from_batches(batches, schema=pa.schema([schema.field(name) for name in usable]))


if __name__ == "__main__":
    answer(_answer)

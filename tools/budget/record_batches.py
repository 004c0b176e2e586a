"""Tables of any size as Arrow record batches, one after the other, so that memory does not grow with the table.

What can be read: a Parquet file, a folder of them, anything that speaks Arrow's stream protocol
(``__arrow_c_stream__``: pyarrow, polars, pandas, DuckDB), or several of these one after the other. Tables of polars and
pandas are in memory already; to stay in constant memory pass ``lazy.collect_batches()`` or
``relation.to_arrow_reader()``. Arrow trusts a file's metadata: strangers' files belong into a process of their own
(:mod:`bethink.tools.parquet`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Ints

BATCH_ROWS = 65_536
READ_BYTES = 1 << 20
"""Of a column read from a file at a time, whatever the size of its row groups."""
MOST_NAMES = 20


class TableError(ValueError):
    """A table that cannot be read, lacks a column, or holds what cannot be used; with its row where there is one."""


def record_batches(source: Any, columns: Sequence[str], batch_rows: int = BATCH_ROWS) -> Iterator[Any]:
    """The columns named, in that order, as ``pyarrow.RecordBatch`` of at most ``batch_rows`` rows; empty ones left out.

    Categories become plain values, and texts of a type that Arrow cannot write (polars's) large strings.

    Raises:
        TableError: no such file, no Parquet in a folder, a file that is broken, a column missing or there twice.
        TypeError: what is no table.
    """
    import pyarrow as pa

    for batch in _batches(source, columns, batch_rows):
        for first in range(0, batch.num_rows, batch_rows):
            part = [_decoded(column) for column in batch.slice(first, batch_rows).columns]
            yield pa.RecordBatch.from_arrays(part, batch.schema.names)


def parquet_files(path: str | Path) -> list[Path]:
    """The file itself, or the Parquet files in a folder and the folders in it, sorted by name.

    Raises:
        TableError: nothing there.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise TableError(f"There is no file or folder {path}.")
    found = sorted(path.rglob("*.parquet"))
    if not found:
        raise TableError(f"There are no Parquet files in {path}.")
    return found


def _batches(source: Any, columns: Sequence[str], batch_rows: int) -> Iterator[Any]:
    import pyarrow as pa

    if isinstance(source, str | Path):
        for path in parquet_files(source):
            yield from _file_batches(path, columns, batch_rows)
    elif hasattr(source, "__arrow_c_stream__"):
        try:
            reader = pa.RecordBatchReader.from_stream(source)
        except pa.ArrowInvalid as error:
            raise TypeError(f"A {type(source).__name__} is no table: {error}") from error
        check_columns(reader.schema.names, columns)
        for batch in reader:
            yield batch.select(list(columns))
    elif isinstance(source, Iterable) and not isinstance(source, bytes | dict):
        for part in source:
            yield from _batches(part, columns, batch_rows)
    else:
        raise TypeError(
            f"A {type(source).__name__} cannot be read as a table. Pass a path, something with __arrow_c_stream__ "
            "(a lazy frame must be collected first), or a list of these."
        )


def _file_batches(path: Path, columns: Sequence[str], batch_rows: int) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, buffer_size=READ_BYTES, pre_buffer=False) as file:
            check_columns(file.schema_arrow.names, columns)
            for batch in file.iter_batches(batch_size=batch_rows, columns=list(columns), use_threads=False):
                yield batch.select(list(columns))
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{path.name} cannot be read as Parquet: {str(error).rstrip('.')}.") from error


def check_columns(names: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse a table without a column that is needed, or with two of its name.

    Raises:
        TableError: that.
    """
    for name in wanted:
        if names.count(name) != 1:
            shown = ", ".join(map(repr, names[:MOST_NAMES])) + (", ..." if len(names) > MOST_NAMES else "")
            kind = "no column" if name not in names else "more than one column"
            raise TableError(f"There is {kind} {name!r}. The columns are: {shown or 'none'}.")


def whole_numbers(column: Any, name: str, below: int, first_row: int) -> Ints:
    """A column of numbers 0..below-1 as int64.

    Raises:
        TableError: another type, missing values, numbers out of range; with the row, counted from ``first_row``.
    """
    import pyarrow as pa

    if not pa.types.is_integer(column.type):
        raise TableError(f"Column {name!r} must hold whole numbers; it holds {column.type}.")
    refuse_missing(column, name, first_row)
    found: Ints = column.to_numpy()
    bad = (found < 0) | (found >= below)
    if bad.any():
        row = int(np.argmax(bad))
        raise TableError(f"Row {first_row + row:,}: {name} is {found[row]}; numbers from 0 to {below - 1} are known.")
    return found.astype(np.int64)


def user_ids(column: Any, name: str, first_row: int) -> NDArray:
    """A column of ids as whole numbers, or as texts in UTF-8: what :func:`bethink.tools.budget.assignment.draw` takes.

    Raises:
        TableError: another type, or missing values.
    """
    import pyarrow as pa

    column = _decoded(column)
    refuse_missing(column, name, first_row)
    if pa.types.is_integer(column.type):
        whole: NDArray = column.to_numpy()
        return whole
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise TableError(f"Column {name!r} must hold user ids, whole numbers or texts; it holds {column.type}.")
    texts: NDArray = column.cast(pa.large_string()).cast(pa.large_binary()).to_numpy(zero_copy_only=False)
    return texts


def labels(column: Any, missing: str = "(missing)") -> tuple[Ints, list[str]]:
    """A column of segments as numbers into a list of names, texts of whatever the column holds."""
    import pyarrow as pa

    found = _decoded(column).cast(pa.large_string()).fill_null(missing).dictionary_encode()
    return found.indices.to_numpy().astype(np.int64), found.dictionary.to_pylist()


def _decoded(column: Any) -> Any:
    """A dictionary (categories of pandas and polars) as plain values, and polars's texts, of which Arrow can neither
    take nor write any, as large strings."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        return _decoded(column.dictionary).take(column.indices)
    return column.cast(pa.large_string()) if pa.types.is_string_view(column.type) else column


def refuse_missing(column: Any, name: str, first_row: int) -> None:
    """Refuse a column with missing values.

    Raises:
        TableError: that, with the first such row.
    """
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise TableError(f"Row {first_row + row:,}: {name} is missing.")

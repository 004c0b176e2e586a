"""Columns of numbers from a Parquet file, read by pyarrow in a process of its own.

A broken or hostile file may end the process that reads it (Arrow aborts on some broken metadata) or unpack to far more
than it claims: the child is limited in memory and time, and what it dies of is a sentence here.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bethink.tools.tables import MOST_COLUMNS, TableFileError

MOST_VALUES = 20_000_000
"""Numbers read at most: 160 MB in double precision."""
MOST_BYTES = 1_000_000_000
"""Largest size that the columns read may unpack to, as the file states it."""
MOST_MEMORY = 6_000_000_000
"""Address space of the child; Arrow reserves far more than it uses."""
MOST_SECONDS = 60
BATCH_ROWS = 65_536
INDEX_PREFIX = "__index_level_"
"""Columns in which pandas keeps a table's row labels; pandas itself does not show them as columns."""
FAILED = "The file cannot be read as Parquet: the reader failed on it."
AGAIN = "Write it again, or save it as CSV."


@dataclass(frozen=True, eq=False)
class ParquetColumns:
    """``names`` of all columns but pandas's row labels; ``unusable`` says of those without numbers what they hold.

    ``values`` (n, columns asked for), NaN where missing, truth values as 0 and 1; None if a column asked for is not
    there or not usable.
    """

    names: tuple[str, ...]
    unusable: dict[str, str]
    values: np.ndarray | None


def read_parquet(data: bytes, columns: Sequence[str] | None = None) -> ParquetColumns:
    """Read the columns asked for, in that order (default: all), from a Parquet file's bytes.

    Raises:
        TableFileError: pyarrow is not installed, the file is broken or too large, a name stands twice, or there are
            too many columns.
    """
    asked = {
        "columns": None if columns is None else list(columns),
        "most_values": MOST_VALUES,
        "most_bytes": MOST_BYTES,
        "most_memory": MOST_MEMORY,
        "most_seconds": MOST_SECONDS,
    }
    found, body = ask_child(__name__, asked, data)
    values = None
    if found["shape"] is not None:
        if len(body) != 8 * found["shape"][0] * found["shape"][1]:
            raise TableFileError(FAILED, AGAIN)
        values = np.frombuffer(body, dtype=np.float64).reshape(found["shape"]).copy()
    return ParquetColumns(tuple(found["names"]), found["unusable"], values)


def ask_child(module: str, asked: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Run ``module``, which calls :func:`answer`, on a file's bytes: what it found, and the bytes that follow.

    Raises:
        TableFileError: pyarrow is not installed, the child took too long or died, or what it refused.
    """
    if importlib.util.find_spec("pyarrow") is None:
        message = "Parquet files are read with the package pyarrow, which is not installed."
        raise TableFileError(message, "Install it with `pip install pyarrow`, or save the table as CSV.")
    try:
        child = subprocess.run(
            [sys.executable, "-m", module],
            input=json.dumps(asked).encode() + b"\n" + data,
            capture_output=True,
            timeout=2 * MOST_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise TableFileError(f"Reading the file took more than {2 * MOST_SECONDS} s.", AGAIN) from error
    head, _, body = child.stdout.partition(b"\n")
    try:
        found: dict[str, Any] = json.loads(head)
    except ValueError as error:
        raise TableFileError(FAILED, AGAIN) from error
    if "message" in found:
        raise TableFileError(found["message"], found["hint"])
    return found, body


# -- in the child -----------------------------------------------------------------------------------------------------


def answer(read: Callable[[bytes, dict[str, Any]], tuple[dict[str, Any], bytes | memoryview]]) -> None:
    """In the child: read a request and a file from standard input, write what ``read`` found and its bytes."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    asked = json.loads(source.readline())
    limit(asked["most_memory"], asked["most_seconds"])
    body: bytes | memoryview = b""
    found: dict[str, Any]
    try:
        found, body = read(source.read(), asked)
    except TableFileError as problem:
        found = {"message": str(problem), "hint": problem.hint}
    except Exception as problem:  # Arrow raises many kinds
        reason = " ".join(str(problem).split())[:120].rstrip(".") or type(problem).__name__
        found = {"message": f"The file cannot be read as Parquet: {reason}.", "hint": AGAIN}
    sink.write(json.dumps(found).encode() + b"\n")
    sink.write(body)
    sink.flush()


def limit(memory: int, seconds: int) -> None:
    """Of this process: address space in bytes, processor time in seconds, no core dump; nothing on Windows."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(data: bytes, asked: dict[str, Any]) -> tuple[dict[str, Any], bytes | memoryview]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
    schema = file.schema_arrow
    if len(schema.names) > MOST_COLUMNS:
        message = f"The file has {len(schema.names):,} columns; {MOST_COLUMNS:,} is the most."
        raise TableFileError(message, "Leave out columns that are not needed.")
    names = [name for name in schema.names if not name.startswith(INDEX_PREFIX)]
    for name in names:
        if names.count(name) > 1:
            raise TableFileError(f"Two columns are named {name!r}.", "Give every column its own name.")
    kinds = {name: kind_of(schema.field(name).type) for name in names}
    unusable = {name: kind for name, kind in kinds.items() if kind}
    found: dict[str, Any] = {"names": names, "unusable": unusable, "shape": None}
    columns = names if asked["columns"] is None else asked["columns"]
    if not columns or any(name not in kinds or name in unusable for name in columns):
        return found, b""
    values = _values(file, columns, asked["most_values"], asked["most_bytes"])
    return {**found, "shape": list(values.shape)}, np.ascontiguousarray(values).data


def kind_of(kind: Any) -> str:
    """What a column holds that cannot be used; empty for numbers and truth values."""
    from pyarrow import types

    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind):
        return ""
    if types.is_temporal(kind):
        return "dates"
    if types.is_dictionary(kind):
        return "categories"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "text"
    if types.is_null(kind):
        return "nothing"
    return "lists" if types.is_nested(kind) else f"values of type {kind}"


def _values(file: Any, columns: list[str], most_values: int, most_bytes: int) -> np.ndarray:
    refuse_too_many(file.metadata.num_rows * len(columns), most_values)
    refuse_unpacking(file.metadata, set(columns), most_bytes)
    parts, count = [np.empty((0, len(columns)))], 0
    for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=columns, use_threads=False):
        count += batch.num_rows
        refuse_too_many(count * len(columns), most_values)
        parts.append(np.stack([_doubles(batch.column(batch.schema.get_field_index(name))) for name in columns], 1))
    return np.concatenate(parts)


def _doubles(column: Any) -> np.ndarray:
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)


def refuse_too_many(values: int, most: int) -> None:
    """Refuse more numbers than fit into memory.

    Raises:
        TableFileError: more than ``most``.
    """
    if values > most:
        message = f"The file has {values:,} numbers in the columns asked for; {most:,} is the most."
        raise TableFileError(message, "Pick fewer columns with `columns`, or leave out rows.")


def refuse_unpacking(metadata: Any, columns: set[str], most: int) -> None:
    """Refuse a small file that would unpack to a huge one.

    Raises:
        TableFileError: the columns state more than ``most`` bytes.
    """
    stated = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = [group.column(index) for index in range(group.num_columns)]
        stated += sum(max(0, chunk.total_uncompressed_size) for chunk in chunks if chunk.path_in_schema in columns)
    if stated > most:
        message = f"The columns asked for would unpack to {stated / 1e6:,.0f} MB; {most / 1e6:,.0f} MB is the most."
        raise TableFileError(message, "Pick fewer columns with `columns`, or leave out rows.")


if __name__ == "__main__":
    answer(_read)

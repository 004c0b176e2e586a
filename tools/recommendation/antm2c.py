"""AntM2C files as batches, in bounded memory: every row is checked, and none is left out without being counted.

What the columns are is declared in :mod:`~bethink.tools.recommendation.antm2c_schema`; the rows of text files are found
in :mod:`~bethink.tools.recommendation.antm2c_csv`. The files are not part of Bethink; their owner's competition site
is https://www.atecup.cn.

Ids become 64-bit hashes: the same on every machine and in every run, with nothing to store or to merge, which a
dictionary of 200 million users would need. Of n ids two collide somewhere with a chance of about n^2 / 2^65: 0.1 % for
those 200 million users, one in a million for six million items. The stream does not notice a collision;
:func:`~bethink.tools.recommendation.antm2c_samples.to_samples` does.

Example:
    >>> report = Report()
    >>> clicks = sum(int(batch.label.sum()) for batch in read_antm2c("antm2c", report=report))  # doctest: +SKIP
    >>> print(report)  # doctest: +SKIP
"""

from __future__ import annotations

import gzip
import re
import warnings
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.antm2c_checks import Checked, checked
from bethink.tools.recommendation.antm2c_csv import Block, Refused, blocks, first_row
from bethink.tools.recommendation.antm2c_schema import ANTM2C, MOST_EXAMPLES, Column, Example, Report, Schema

BATCH_ROWS = 65_536
PARTS = re.compile(r"(synthetic_)?antm2c_10m_part\d+")
ENDINGS = (".csv", ".csv.gz", ".parquet")
WORKERS = 2
_GZIP, _PARQUET, _ZIP, _MARK = b"\x1f\x8b", b"PAR1", b"PK\x03\x04", b"\xef\xbb\xbf"


@dataclass(frozen=True, eq=False)
class Batch:
    """Good rows, in the files' order.

    Args:
        user: hashes of the users' ids, uint64 [n].
        item: of the items' [n].
        time: seconds since 1970 as if the clock were UTC, int64 [n].
        label: 0 or 1, int8 [n].
        user_id: the ids as they stand in the file, as ``pyarrow.DictionaryArray`` of text [n].
        item_id: the items'.
        scene: which scene, likewise.
        texts: of each column of text, sparse levels and vectors, likewise; "" where missing.
        numbers: of each column of numbers float32 [n]; NaN where missing.
        file: name of the file.
        rows: numbers of the rows below the file's header, from 1 [n].
    """

    user: NDArray[np.uint64]
    item: NDArray[np.uint64]
    time: NDArray[np.int64]
    label: NDArray[np.int8]
    user_id: Any
    item_id: Any
    scene: Any
    texts: Mapping[str, Any]
    numbers: Mapping[str, NDArray[np.float32]]
    file: str
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label)

    def part(self, first: int, count: int) -> Batch:
        """Rows ``first`` to ``first + count``, not copied."""
        cut = slice(first, first + count)
        arrays = {name: getattr(self, name)[cut] for name in ("user", "item", "time", "label", "rows")}
        coded = {name: getattr(self, name).slice(first, count) for name in ("user_id", "item_id", "scene")}
        texts = {name: column.slice(first, count) for name, column in self.texts.items()}
        numbers = {name: column[cut] for name, column in self.numbers.items()}
        return Batch(**arrays, **coded, texts=texts, numbers=numbers, file=self.file)


def read_antm2c(
    paths: str | Path | Sequence[str | Path],
    *,
    schema: Schema = ANTM2C,
    batch_rows: int = BATCH_ROWS,
    columns: Sequence[str] | None = None,
    header: Sequence[str] | None = None,
    report: Report | None = None,
    workers: int = WORKERS,
) -> Iterator[Batch]:
    """All good rows of some files, and a report of all others.

    A file is comma-separated text with or without gzip, or Parquet: its first bytes tell, not its name. A row is
    refused where it has the wrong number of fields, broken quotation marks, no ids, no valid UTF-8, a label other than
    0 and 1, no time, a scene that is not declared (or none), or something else where the schema declares numbers.

    Args:
        paths: a file, several, or a folder: its files ``antm2c_10m_part0`` and so on, ``.csv``, ``.csv.gz`` and
            ``.parquet``, in the order of their names.
        schema: the columns.
        batch_rows: most rows in a batch; one of text is what a block of 4 MiB holds, if that is less.
        columns: which optional roles to read (text, sparse, number, vector), by name; None is all. Others are not
            checked either, but for their number.
        header: names of the columns of text files that have no header.
        report: counts what is refused and shows some of it; without one a warning says so at the end.
        workers: threads.

    Raises:
        FileNotFoundError: no such file, or none in the folder.
        ValueError: a file that is no table of this schema or is cut off (rows before that were given and counted).

    Memory: some ten blocks, whatever the files' size. Cost: see ``make bench NAME=recommendation``.
    """
    if batch_rows < 1 or workers < 1:
        raise ValueError(f"{batch_rows} rows in a batch and {workers} threads: both must be 1 or more.")
    own = Report() if report is None else report
    wanted = _wanted(schema, columns)
    files = _files(paths)

    def batches() -> Iterator[Batch]:
        with ThreadPoolExecutor(workers) as pool:
            for path in files:
                for found in _read(path, schema, wanted, header, batch_rows, own, pool, workers):
                    for first in range(0, len(found), batch_rows):
                        part = found.part(first, min(batch_rows, len(found) - first))
                        own.given += len(part)
                        yield part
        if report is None and own.refused:
            warnings.warn(f"AntM2C: {own}", stacklevel=2)

    return batches()


def hashed(ids: Any) -> NDArray[np.uint64]:
    """The 64-bit hashes of ids [n]; half a microsecond each.

    ``int.from_bytes(hashlib.blake2b(id.encode(), digest_size=8).digest(), "big")``; BLAKE2b is RFC 7693.

    Args:
        ids: ``pyarrow`` array of text.
    """
    import pyarrow as pa

    texts = ids.cast(pa.large_binary()).to_pylist()
    digests = b"".join([blake2b(text, digest_size=8).digest() for text in texts])
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def _wanted(schema: Schema, columns: Sequence[str] | None) -> tuple[Column, ...]:
    if columns is None:
        return schema.columns
    asked = {schema.named(name).name for name in columns}
    once = {column.name for column in schema.of("user", "item", "time", "label", "scene")}
    return tuple(column for column in schema.columns if column.name in asked | once)


def _files(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, [paths] if isinstance(paths, str | Path) else paths):
        if path.is_dir():
            inside = [file for file in path.iterdir() if PARTS.fullmatch(file.name) or file.name.endswith(ENDINGS)]
            if not inside:
                raise FileNotFoundError(
                    f"The folder {str(path)!r} has no antm2c_10m_part0 or the like, nor {', '.join(ENDINGS)}. AntM2C "
                    "is not part of Bethink: its owner gives it at https://www.atecup.cn."
                )
            found.extend(sorted(inside))
        elif path.is_file():
            found.append(path)
        else:
            raise FileNotFoundError(f"There is no file {str(path)!r}.")
    if not found:
        raise FileNotFoundError("No file is given.")
    return found


def _read(
    path: Path,
    schema: Schema,
    wanted: Sequence[Column],
    header: Sequence[str] | None,
    batch_rows: int,
    report: Report,
    pool: ThreadPoolExecutor,
    workers: int,
) -> Iterator[Batch]:
    import pyarrow as pa

    with ExitStack() as stack:
        try:
            file: BinaryIO = stack.enter_context(path.open("rb"))
            start = file.read(4)
            file.seek(0)
            if start == _PARQUET:
                tasks = _parquet_tasks(file, path.name, schema, wanted, batch_rows, report)
            elif start == _ZIP:
                raise ValueError("it is a ZIP archive; unpack it")
            else:
                if start.startswith(_GZIP):
                    file = cast(BinaryIO, stack.enter_context(gzip.GzipFile(fileobj=file)))
                tasks = _text_tasks(file, path.name, schema, wanted, header, report)
            for answer in _in_order(tasks, pool, workers):
                yield from _counted(answer, path.name, report)
        except (OSError, EOFError, ValueError, zlib.error, pa.ArrowException) as error:
            message = f"The file {path.name!r} cannot be read as AntM2C: {str(error).rstrip('.')}."
            raise ValueError(f"{message} {report.read:,} rows had been read by then.") from error


@dataclass(frozen=True, eq=False)
class _Answer:
    batch: Batch
    read: int
    refused: Sequence[Refused]
    mended: int


def _in_order(tasks: Iterator[Callable[[], _Answer]], pool: ThreadPoolExecutor, workers: int) -> Iterator[_Answer]:
    """The tasks' answers, some of them worked at ahead; where the tasks end in an error, first those before it."""
    waiting: deque[Future[_Answer]] = deque()
    error: Exception | None = None
    task: Callable[[], _Answer] | None = None
    while True:
        try:
            task = next(tasks, None)
        except Exception as raised:
            task, error = None, raised
        if task is not None:
            waiting.append(pool.submit(task))
        while waiting and (task is None or len(waiting) > workers):
            yield waiting.popleft().result()
        if error is not None:
            raise error
        if task is None:
            return


def _counted(answer: _Answer, file: str, report: Report) -> Iterator[Batch]:
    report.read += answer.read
    report.mended += answer.mended
    for refused in answer.refused:
        examples = [Example(file, row, line or None, told) for row, line, told in refused.first]
        report.refuse(refused.reason, refused.count, examples)
    if len(answer.batch):
        yield answer.batch


def _text_tasks(
    file: BinaryIO,
    name: str,
    schema: Schema,
    wanted: Sequence[Column],
    header: Sequence[str] | None,
    report: Report,
) -> Iterator[Callable[[], _Answer]]:
    if header is None:
        names, line = first_row(file, schema.delimiter)
    else:
        names, line = list(header), 1
        if file.read(3) != _MARK:
            file.seek(0)
    present = _present(names, name, schema, wanted, report)

    def task(block: Block) -> _Answer:
        found = checked(_parsed(block, names, present, schema.delimiter), schema, present, block.rows, block.lines)
        return _answer(found, name, wanted, block.read, [*block.refused, *found.refused])

    for block in blocks(file, schema.delimiter, len(names), MOST_EXAMPLES, line):
        yield lambda block=block: task(block)  # type: ignore[misc]


def _parsed(block: Block, names: list[str], present: Sequence[Column], delimiter: str) -> dict[str, Any]:
    """The block's columns as binary arrays."""
    import pyarrow as pa
    from pyarrow import csv

    if not len(block.rows):
        return {column.name: pa.array([], pa.binary()) for column in present}
    places = {column.name: str(names.index(column.name)) for column in present}  # names of others may repeat
    table = csv.read_csv(
        pa.BufferReader(block.data),
        read_options=csv.ReadOptions(
            column_names=[str(number) for number in range(len(names))],
            use_threads=False,
            block_size=len(block.data) + 1,
        ),
        parse_options=csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=block.quoted, ignore_empty_lines=False, quote_char='"'
        ),
        convert_options=csv.ConvertOptions(
            column_types={place: pa.binary() for place in places.values()},
            include_columns=list(places.values()),
            check_utf8=False,
            strings_can_be_null=False,
        ),
    )
    if table.num_rows != len(block.rows):
        raise ValueError(f"Arrow found {table.num_rows:,} rows in a block where {len(block.rows):,} are")
    return {name: table.column(place).chunk(0) for name, place in places.items()}  # one block, one chunk


def _parquet_tasks(
    file: BinaryIO, name: str, schema: Schema, wanted: Sequence[Column], batch_rows: int, report: Report
) -> Iterator[Callable[[], _Answer]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False) as opened:
        present = _present(list(opened.schema_arrow.names), name, schema, wanted, report)
        first = 1
        columns = [column.name for column in present]
        for batch in opened.iter_batches(batch_size=batch_rows, columns=columns, use_threads=False):
            rows = first + np.arange(batch.num_rows)
            first += batch.num_rows

            def task(batch: Any = batch, rows: NDArray[np.int64] = rows) -> _Answer:
                cells = {column.name: _as_cells(batch.column(column.name), column.name) for column in present}
                found = checked(cells, schema, present, rows, None)
                return _answer(found, name, wanted, len(rows), found.refused)

            yield task


def _as_cells(column: Any, name: str) -> Any:
    """A column of whatever type as the bytes that would stand in a text file."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s"), safe=False)
    if types.is_list(column.type) or types.is_large_list(column.type) or types.is_fixed_size_list(column.type):
        column = pc.binary_join(column.cast(pa.list_(column.type.value_type)).cast(pa.list_(pa.string())), " ")
    if types.is_nested(column.type):
        raise ValueError(f"the column {name!r} holds {column.type}")
    if not (types.is_binary(column.type) or types.is_large_binary(column.type)):
        column = column.cast(pa.string())
    return column.cast(pa.binary()).fill_null(b"")


def _present(
    names: list[str], file: str, schema: Schema, wanted: Sequence[Column], report: Report
) -> tuple[Column, ...]:
    """The wanted columns that a file has; what else it has, or has not, goes into the report."""
    declared = {column.name for column in schema.columns}
    for column in schema.columns:
        if names.count(column.name) > 1 or (column.required and column.name not in names):
            which = "no column" if column.name not in names else "more than one column"
            shown = ", ".join(map(repr, names[:12])) + (", ..." if len(names) > 12 else "")
            raise ValueError(
                f"it has {which} {column.name!r}; its first row is {shown}. Name the columns with `header` if there is "
                "no header, or declare others with `schema`"
            )
    if extra := tuple(name for name in names if name not in declared):
        report.passed_over[file] = extra
    if absent := tuple(column.name for column in wanted if column.name not in names):
        report.absent[file] = absent
    return tuple(column for column in wanted if column.name in names)


def _answer(found: Checked, file: str, wanted: Sequence[Column], read: int, refused: Sequence[Refused]) -> _Answer:
    import pyarrow as pa

    texts, numbers = dict(found.texts), dict(found.numbers)
    count = len(found.rows)
    for column in wanted:
        if column.role == "number":
            numbers.setdefault(column.name, np.full(count, np.nan, np.float32))
        elif column.role in ("text", "sparse", "vector") and column.name not in texts:
            texts[column.name] = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([""]))
    user, item = (hashed(ids.dictionary)[ids.indices.to_numpy()] for ids in (found.user_id, found.item_id))
    plain = (found.user_id, found.item_id, found.scene, texts, numbers, file, found.rows)
    return _Answer(Batch(user, item, found.time, found.label, *plain), read, refused, found.mended)

"""AntM2C batches in memory, as samples that models learn from; and which columns are a user's or an item's own.

What a user or item is known by is taken from its earliest row, the first in the files of several: a user's texts change
with time, and a later one would tell of what is to be predicted. :func:`owners` counts how far a column is constant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.antm2c import Batch, hashed
from bethink.tools.recommendation.antm2c_schema import ANTM2C, Column, Owner, Schema
from bethink.tools.recommendation.samples import NO_QUERY, UNKNOWN, Entities, Floats, Ints, Samples
from bethink.tools.tables import shown

MOST_ROWS = 20_000_000
COMPACT_ROWS = 500_000
"""First rows of users and items that are kept twice at most, before they are looked through."""
_FLOAT = re.compile(r"[^\s,;|\[\]]+")


class CollisionError(ValueError):
    """Two ids with one hash: about one chance in a million for six million ids."""


def to_samples(
    batches: Iterable[Batch],
    *,
    schema: Schema = ANTM2C,
    query: str | None = None,
    most_rows: int = MOST_ROWS,
) -> Samples:
    """Collect batches of what fits into memory.

    Users and items are numbered in the order of their ids' hashes, so that the same ids get the same numbers whatever
    the files' order. Domains are the schema's scenes, or those found, by name. An entity's text is its columns of text,
    in the schema's order, with blanks between. A column of vectors becomes numbers, ``image_vector 0`` and so on. What
    the schema declares to be the sample's own is left out: samples have no place for it.

    Args:
        batches: of :func:`~bethink.tools.recommendation.antm2c.read_antm2c`, all with the same columns.
        schema: the one they were read with.
        query: a column of text to take for the sample's query, such as ``query_entity_seq``; without one all samples
            are recommendations. It says what a user had searched for before, not what the item was found by.
        most_rows: refused beyond.

    Raises:
        ValueError: no row, more than ``most_rows``, vectors of different length, a query that is no column of text.
        CollisionError: that.

    Memory: about 40 bytes a row, and the texts of users and items once, at times twice. Cost: sorts of n.
    """
    if query is not None and schema.named(query).role != "text":
        raise ValueError(f"The column {query!r} is no text: it cannot be the query.")
    users, items = _Firsts("user", schema), _Firsts("item", schema)
    scenes, queries = _Codes(schema.scenes or ()), _Codes()
    parts: list[tuple[NDArray[Any], ...]] = []
    count = 0
    for batch in batches:
        count += len(batch)
        if count > most_rows:
            raise ValueError(
                f"There are more than {most_rows:,} rows. Read fewer files, or raise `most_rows`: a row takes 40 bytes."
            )
        users.add(batch.user, batch.user_id, batch)
        items.add(batch.item, batch.item_id, batch)
        asked = np.full(len(batch), NO_QUERY) if query is None else queries.of(batch.texts[query], NO_QUERY)
        parts.append((batch.user, batch.item, batch.time, batch.label, scenes.of(batch.scene), asked))
    if not count:
        raise ValueError("There is no row: all files are empty, or every row was refused. See the report.")
    user, item, time, label, scene, asked = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    del parts
    names = list(scenes.values)
    order = list(range(len(names))) if schema.scenes else sorted(range(len(names)), key=lambda k: names[k])
    user_keys, user_entities = users.entities()
    item_keys, item_entities = items.entities()
    return Samples(
        user=np.searchsorted(user_keys, user).astype(np.int64),
        item=np.searchsorted(item_keys, item).astype(np.int64),
        domain=np.argsort(order)[scene].astype(np.int64),
        label=label.astype(np.float32),
        query=asked.astype(np.int64),
        users=user_entities,
        items=item_entities,
        queries=tuple(queries.values),
        domains=tuple(names[k] for k in order),
        time=time.astype(np.float64),
    )


def owners(batches: Iterable[Batch]) -> dict[str, dict[str, float]]:
    """How far each column is a user's or an item's own: ``{"item_title": {"user": 0.02, "item": 1.0}, ...}``.

    The share of users, or items, with several rows whose rows all have the same value; NaN where nobody has several.
    Near 1 the column may be declared theirs. For some batches: all their values are kept, 8 bytes each.
    """
    keys: dict[str, list[NDArray[np.uint64]]] = {"user": [], "item": []}
    values: dict[str, list[NDArray[np.uint64]]] = {}
    for batch in batches:
        keys["user"].append(batch.user)
        keys["item"].append(batch.item)
        for name, coded in batch.texts.items():
            values.setdefault(name, []).append(hashed(coded.dictionary)[coded.indices.to_numpy()])
        for name, numbers in batch.numbers.items():
            values.setdefault(name, []).append(numbers.view(np.uint32).astype(np.uint64))
    found: dict[str, dict[str, float]] = {name: {} for name in values}
    for owner, parts in keys.items():
        every = np.concatenate(parts or [np.empty(0, np.uint64)])
        _, number, sizes = np.unique(every, return_inverse=True, return_counts=True)
        several = sizes > 1
        for name, columns in values.items():
            column = np.concatenate(columns)
            order = np.lexsort((column, number))
            same = number[order][1:] == number[order][:-1]
            changes = number[order][1:][same & (column[order][1:] != column[order][:-1])]
            constant = np.ones(len(sizes), bool)
            constant[changes] = False
            found[name][owner] = float(constant[several].mean()) if several.any() else float("nan")
    return found


class _Codes:
    """Texts as numbers, in the order of their first coming."""

    def __init__(self, values: Sequence[str] = ()) -> None:
        self.values: dict[str, int] = {value: number for number, value in enumerate(values)}

    def of(self, coded: Any, empty: int | None = None) -> Ints:
        """The numbers of a dictionary column [n]; ``empty`` for "" if given."""
        present = np.unique(coded.indices.to_numpy())
        numbers = np.zeros(len(coded.dictionary), np.int64)
        for k, text in zip(present.tolist(), coded.dictionary.take(present).to_pylist(), strict=True):
            numbers[k] = empty if empty is not None and not text else self.values.setdefault(text, len(self.values))
        return numbers[coded.indices.to_numpy()]


class _Firsts:
    """The earliest row of each user, or item, of what is theirs."""

    def __init__(self, owner: Owner, schema: Schema) -> None:
        self.columns = [c for c in schema.of("text", "sparse", "number", "vector") if c.owner == owner]
        self.owner = owner
        self.tables: list[Any] = []
        self.pending = self.kept = 0

    def add(self, keys: NDArray[np.uint64], ids: Any, batch: Batch) -> None:
        """A batch whose rows are of the users (or items) ``keys`` with ``ids`` [n]."""
        import pyarrow as pa

        columns: dict[str, Any] = {"key": pa.array(keys), "time": pa.array(batch.time), "id": ids}
        for column in self._read(batch):
            values = batch.numbers.get(column.name)
            columns[column.name] = batch.texts[column.name] if values is None else pa.array(values)
        first = self._first(pa.table(columns))
        plain = [column.cast(pa.large_string()) if pa.types.is_dictionary(column.type) else column for column in first]
        self.tables.append(pa.table(plain, names=first.column_names))
        self.pending += first.num_rows
        if self.pending > 2 * self.kept + COMPACT_ROWS:
            self._compact()

    def entities(self) -> tuple[NDArray[np.uint64], Entities]:
        """Their keys, in order, and what is known of them."""
        table = self._compact()
        read = [column for column in self.columns if column.name in table.column_names]
        cells = {c.name: table.column(c.name).to_pylist() for c in read if c.role in ("text", "vector")}
        texts = [cells[c.name] for c in read if c.role == "text"]
        levels = [_levels(table.column(c.name).to_pylist()) for c in read if c.role == "sparse"]
        numbers, names = [], []
        for c in read:
            if c.role == "number":
                numbers.append(table.column(c.name).to_numpy()[:, None])
                names.append(c.name)
            elif c.role == "vector":
                numbers.append(_vectors(cells[c.name], c))
                names.extend(f"{c.name} {k}" for k in range(numbers[-1].shape[1]))
        count = table.num_rows
        return table.column("key").to_numpy(), Entities(
            ids=np.array(table.column("id").to_pylist()),
            texts=[" ".join(filter(None, row)) for row in zip(*texts, strict=True)] if texts else [""] * count,
            sparse=np.stack([codes for codes, _ in levels], 1) if levels else np.empty((count, 0), np.int64),
            sizes=tuple(size for _, size in levels),
            sparse_names=tuple(c.name for c in read if c.role == "sparse"),
            numbers=np.concatenate(numbers, 1).astype(np.float32) if numbers else np.empty((count, 0), np.float32),
            number_names=tuple(names),
        )

    def _read(self, batch: Batch) -> list[Column]:
        return [c for c in self.columns if c.name in batch.texts or c.name in batch.numbers]

    def _compact(self) -> Any:
        import pyarrow as pa

        self.tables = [self._first(pa.concat_tables(self.tables))]
        self.pending = self.kept = self.tables[0].num_rows
        return self.tables[0]

    def _first(self, table: Any) -> Any:
        """The earliest row of each key, in the order of keys."""
        keys, times = table.column("key").to_numpy(), table.column("time").to_numpy()
        order = np.lexsort((times, keys))
        new = np.r_[True, np.diff(keys[order]) != 0]
        ids = table.column("id").combine_chunks()
        ids = ids if hasattr(ids, "indices") else ids.dictionary_encode()
        codes = ids.indices.to_numpy()[order]
        if clash := np.flatnonzero(~new & (np.diff(codes, prepend=codes[0]) != 0)).tolist():
            one, other = (shown(ids[int(order[place])].as_py()) for place in (clash[0] - 1, clash[0]))
            raise CollisionError(f"The {self.owner}s {one} and {other} have the same hash; rename one of them.")
        return table.take(order[new])


def _levels(values: list[str]) -> tuple[Ints, int]:
    names = {value: number for number, value in enumerate(sorted({value for value in values if value}), UNKNOWN + 1)}
    return np.array([names.get(value, UNKNOWN) for value in values], np.int64), len(names) + 1


def _vectors(cells: list[str], column: Column) -> Floats:
    found = [np.array([float(part) for part in _FLOAT.findall(cell)], np.float32) for cell in cells]
    lengths: Mapping[int, int] = {len(vector): number for number, vector in enumerate(found) if len(vector)}
    if len(lengths) > 1:
        raise ValueError(f"Vectors of {column.name!r} have {' and '.join(map(str, sorted(lengths)))} numbers.")
    width = next(iter(lengths), 0)
    return np.stack([vector if len(vector) else np.full(width, np.nan, np.float32) for vector in found])

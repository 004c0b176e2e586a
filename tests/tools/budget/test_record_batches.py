import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from bethink.tools.budget.assignment import draw
from bethink.tools.budget.record_batches import TableError, labels, record_batches, user_ids, whole_numbers

TABLE = pa.table({"other": np.arange(10.0), "user": np.arange(10), "state": np.arange(10) % 3})


def read(source, batch_rows=4):
    batches = list(record_batches(source, ["state", "user"], batch_rows))
    assert all(1 <= batch.num_rows <= batch_rows for batch in batches)
    assert all(batch.schema.names == ["state", "user"] for batch in batches)
    return pa.Table.from_batches(batches)


def test_every_kind_of_table_gives_the_same_rows(tmp_path):
    duckdb, pl = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    pq.write_table(TABLE, tmp_path / "all.parquet", row_group_size=7)
    (tmp_path / "parts" / "deep").mkdir(parents=True)
    pq.write_table(TABLE.slice(0, 6), tmp_path / "parts" / "a.parquet")
    pq.write_table(TABLE.slice(6), tmp_path / "parts" / "deep" / "b.parquet")
    frame = pl.from_arrow(TABLE)
    users = TABLE  # found by DuckDB under its name
    sources = [
        tmp_path / "all.parquet",
        str(tmp_path / "all.parquet"),
        tmp_path / "parts",
        [tmp_path / "parts" / "a.parquet", frame[6:]],
        TABLE,
        TABLE.to_reader(3),
        frame,
        frame.lazy().collect_batches(chunk_size=3),
        pd.DataFrame(TABLE.to_pydict()),
        duckdb.connect().sql("select * from users order by user"),
        duckdb.connect().sql("select * from users order by user").to_arrow_reader(3),
        (TABLE.slice(first, 1) for first in range(10)),
    ]
    for source in sources:
        found = read(source)
        assert found.to_pydict() == TABLE.select(["state", "user"]).to_pydict()
    assert users is TABLE


def test_what_is_no_table_is_refused(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing PAR1")
    (tmp_path / "empty").mkdir()
    twice = pa.table([[1], [2], [3]], ["user", "user", "state"])
    for source, message in [
        (tmp_path / "none.parquet", "no file"),
        (tmp_path / "empty", "no Parquet"),
        (tmp_path / "broken.parquet", "broken.parquet cannot be read"),
        (TABLE.select(["user"]), "no column 'state'. The columns are: 'user'"),
        (twice, "more than one column 'user'"),
    ]:
        with pytest.raises(TableError, match=message):
            read(source)
    for nothing in (7, None, {"user": [1]}, b"bytes"):
        with pytest.raises(TypeError):
            read(nothing)


def test_what_polars_cannot_hand_over_as_a_table_is_refused():
    pl = pytest.importorskip("polars")
    for nothing in (pl.from_arrow(TABLE).lazy(), pl.Series([1])):
        with pytest.raises(TypeError):
            read(nothing)


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string()), pa.int64()]
)
def test_ids_of_every_type_are_the_same_users(kind):
    column = pa.array(["7", "11"])
    column = column.dictionary_encode() if pa.types.is_dictionary(kind) else column.cast(kind)
    assert draw(user_ids(column, "user", 0), "s").tolist() == draw([7, 11], "s").tolist()


@pytest.mark.parametrize("kind", [pa.uint8(), pa.int16(), pa.uint64()])
def test_state_numbers_of_every_type(kind):
    found = whole_numbers(pa.array([0, 3], kind), "state", 4, 0)
    assert found.dtype == np.int64
    assert found.tolist() == [0, 3]


def test_bad_values_are_refused_with_their_row():
    for values, message in [
        (pa.array([0, None]), "Row 101: state is missing"),
        (pa.array([0, 1, 4]), "Row 102: state is 4; numbers from 0 to 3"),
        (pa.array([-1]), "Row 100: state is -1"),
        (pa.array([2**64 - 1], pa.uint64()), "Row 100: state is 18446744073709551615"),
        (pa.array([0.0]), "whole numbers; it holds double"),
        (pa.array(["0"]), "whole numbers; it holds string"),
    ]:
        with pytest.raises(TableError, match=message):
            whole_numbers(values, "state", 4, 100)
    for values, message in [(pa.array(["a", None]), "Row 1: user is missing"), (pa.array([1.0]), "it holds double")]:
        with pytest.raises(TableError, match=message):
            user_ids(values, "user", 0)


def test_labels_of_texts_numbers_and_categories():
    for column in (pa.array(["b", None, "b"]), pa.array(["b", None, "b"]).dictionary_encode()):
        codes, names = labels(column)
        assert [names[code] for code in codes] == ["b", "(missing)", "b"]
    codes, names = labels(pa.array([3, 1, 3]))
    assert [names[code] for code in codes] == ["3", "1", "3"]


def test_dictionaries_of_every_type():
    for values, wanted in [
        (pa.array(["x", None]), ["x", "(missing)", "(missing)"]),  # missing as a value, and as an index
        (pa.array(["x", "y"]).cast(pa.string_view()), ["x", "y", "(missing)"]),
        (pa.array([7, 9]), ["7", "9", "(missing)"]),
    ]:
        column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), values)
        codes, names = labels(column)
        assert [names[code] for code in codes] == wanted
        with pytest.raises(TableError, match=f"Row {wanted.index('(missing)')}: user is missing"):
            user_ids(column, "user", 0)
    for categories in (["7", "11"], [7, 11]):
        column = pa.array(categories).dictionary_encode()
        assert draw(user_ids(column, "user", 0), "s").tolist() == draw([7, 11], "s").tolist()
    with pytest.raises(TableError, match="it holds double"):
        user_ids(pa.array([1.0]).dictionary_encode(), "user", 0)


def polars_columns():
    pl = pytest.importorskip("polars")
    texts = ["7", "11", None, "7"]
    return [
        pl.Series(texts),
        pl.Series(texts, dtype=pl.Categorical),
        pl.Series(texts, dtype=pl.Enum(["11", "unused", "7"])),
        pl.from_arrow(pa.array(texts).dictionary_encode()),
        pl.from_arrow(pa.chunked_array([pa.array(part).dictionary_encode() for part in (texts[:1], texts[1:])])),
    ]


def test_categories_and_texts_of_polars_can_be_written(tmp_path):
    pl = pytest.importorskip("polars")
    for series in polars_columns():
        batches = list(record_batches(pl.DataFrame({"s": series}), ["s"], 3))
        pq.write_table(pa.Table.from_batches(batches), tmp_path / "s.parquet")
        assert pq.read_table(tmp_path / "s.parquet")["s"].to_pylist() == ["7", "11", None, "7"]
        with pyarrow.csv.CSVWriter(tmp_path / "s.csv", batches[0].schema) as writer:
            for batch in batches:
                writer.write(batch)
        assert (tmp_path / "s.csv").read_text().split() == ['"s"', '"7"', '"11"', '"7"']


def test_categories_of_polars_are_segments_and_ids():
    pl = pytest.importorskip("polars")
    for series in polars_columns():
        found = []
        for batch in record_batches(pl.DataFrame({"s": series}), ["s"]):
            codes, names = labels(batch["s"])
            found += [names[code] for code in codes]
        assert found == ["7", "11", "(missing)", "7"], series.dtype
        ids = []
        for batch in record_batches(pl.DataFrame({"s": series.drop_nulls()}), ["s"]):
            ids += draw(user_ids(batch["s"], "s", 0), "s").tolist()
        assert ids == draw([7, 11, 7], "s").tolist(), series.dtype
        with pytest.raises(TableError, match="is missing"):
            [user_ids(batch["s"], "s", 0) for batch in record_batches(pl.DataFrame({"s": series}), ["s"])]

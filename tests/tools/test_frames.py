from __future__ import annotations

import subprocess

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bethink.tools import frames
from bethink.tools.frames import read_frame, words_of
from bethink.tools.tables import TableFileError


@pytest.fixture
def write(tmp_path):
    def file(content: str | bytes, name: str = "log.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file


@pytest.mark.parametrize(
    "text",
    [
        "user,amount\nu1,5\nu2,0\n",
        "user;amount\nu1;5\nu2;0\n",
        "user\tamount\nu1\t5\nu2\t0\n",
        "\ufeffuser,amount\r\nu1,5\r\nu2,0\r\n",
        '"user","amount"\n"u1","5"\n"u2","0"',
        "\n user , amount \nu1 , 5\nu2,0,\n",
        ",user,amount\n0,u1,5\n1,u2,0\n",
        "user,amount,\nu1,5,\nu2,0,\n",
    ],
)
def test_text_files(write, text):
    table = read_frame(write(text))
    assert {name: column.tolist() for name, column in table.frame.items()} == {
        "user": ["u1", "u2"],
        "amount": ["5", "0"],
    }


def test_rows_are_called_by_number_and_line(write):
    table = read_frame(write('user,amount\n\n"u\n1",5\n,\nu2,0\n'))
    assert table.frame["user"].tolist() == ["u\n1", "u2"]
    assert [table.where(row) for row in (0, 1)] == ["row 1 (line 4)", "row 2 (line 6)"]
    assert table.notes == ("2 empty lines were left out.",)
    assert read_frame(pd.DataFrame({"a": [1, 2]})).where(1) == "row 2"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        ("user,amount\n", "no rows"),
        ("user,user\n1,2\n", "Two columns"),
        ("1,2\n3,4\n", "not column names"),
        ("user,amount\n1,2,3\n", "3 cells"),
        (b"\xff\xfea\0b\0", "UTF-16"),
        (b"PK\x03\x04rest", "binary"),
        ('user,amount\n"1,2\n', "cannot be read as CSV|cell"),
        (b"user,amount\n\xff,2\n", "not UTF-8"),
    ],
)
def test_files_that_are_no_table(write, content, says):
    with pytest.raises(TableFileError, match=says) as error:
        read_frame(write(content))
    assert error.value.hint


def test_missing_large_and_strange_sources(write, tmp_path):
    with pytest.raises(TableFileError, match="no file"):
        read_frame(tmp_path / "nothing.csv")
    with pytest.raises(TableFileError, match="folder"):
        read_frame(tmp_path)
    with pytest.raises(TableFileError, match="bytes"):
        read_frame(write("a,b\n1,2\n"), max_bytes=3)
    for source in (5, None, {"a": [1]}, pl.LazyFrame({"a": [1]})):
        with pytest.raises(TypeError, match="cannot be read as a table"):
            read_frame(source)
    with pytest.raises(TableFileError, match="no rows"):
        read_frame(pd.DataFrame({"a": []}))
    with pytest.raises(TableFileError, match="no column"):
        read_frame(pd.DataFrame(index=[0, 1]))
    with pytest.raises(TableFileError, match="Two columns"):
        read_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))


COLUMNS = {
    "user": [2**60 + 1, 2, 3],
    "name": ["a", None, "c"],
    "amount": [5.0, None, 0.0],
    "active": [True, False, True],
    "day": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
    "kind": pd.Categorical(["x", "y", "x"]),
}


@pytest.mark.parametrize("kind", ["pandas", "arrow", "polars", "duckdb", "parquet"])
def test_every_kind_of_table_holds_the_same(tmp_path, kind):
    frame = pd.DataFrame(COLUMNS)
    arrow = pa.Table.from_pandas(frame, preserve_index=True)
    pq.write_table(arrow, tmp_path / "t.parquet")
    sources = {
        "pandas": lambda: frame,
        "arrow": lambda: arrow.drop_columns(["__index_level_0__"] if "__index_level_0__" in arrow.column_names else []),
        "polars": lambda: pl.from_pandas(frame),
        "duckdb": lambda: duckdb.from_arrow(arrow),
        "parquet": lambda: tmp_path / "t.parquet",
    }
    found = read_frame(sources[kind]()).frame
    assert list(found) == list(COLUMNS)
    assert found["user"].tolist() == COLUMNS["user"]
    assert found["amount"].fillna(-1).tolist() == [5, -1, 0]
    assert found["active"].tolist() == [True, False, True]
    assert found["name"].isna().tolist() == [False, True, False]
    assert found["kind"].tolist() == ["x", "y", "x"]
    assert found["day"].dt.day.tolist() == [1, 2, 3]


def test_whole_numbers_beyond_doubles_survive_missing_ones():
    found = read_frame(pa.table({"user": pa.array([2**60 + 1, None], pa.int64())})).frame
    assert found["user"].tolist()[0] == 2**60 + 1


def test_row_labels_with_names_are_columns_and_lists_are_left_out():
    frame = pd.DataFrame(
        {"x": [1, 2], "l": [[1], [2]]}, index=pd.MultiIndex.from_tuples([(1, 7), (2, 8)], names=["u", "t"])
    )
    table = read_frame(frame)
    assert list(table.frame) == ["u", "t", "x"]
    assert table.notes == ("Columns left out, as they hold lists or the like: 'l'.",)
    nested = pa.table({"x": [1], "s": [{"a": 1}], "b": [b"1"]})
    assert list(read_frame(nested).frame) == ["x"]


def test_parquet_that_is_broken_hostile_or_too_large(write, tmp_path, monkeypatch):
    pq.write_table(pa.table({"a": np.arange(100_000)}), tmp_path / "good.parquet")
    good = (tmp_path / "good.parquet").read_bytes()
    for content in (b"no parquet", good[:-100], good[:50] + b"\xff" * 200 + good[250:]):
        with pytest.raises(TableFileError, match="cannot be read as Parquet") as error:
            read_frame(write(content, "bad"), ending=".parquet")
        assert error.value.hint
    monkeypatch.setattr(frames, "MOST_VALUES", 99_999)
    with pytest.raises(TableFileError, match="99,999 is the most"):
        read_frame(tmp_path / "good.parquet")
    monkeypatch.setattr(frames, "MOST_VALUES", 10**6)
    monkeypatch.setattr(frames, "MOST_BYTES", 10)
    with pytest.raises(TableFileError, match="unpack"):
        read_frame(tmp_path / "good.parquet")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, -6, b"", b"aborted"))
    with pytest.raises(TableFileError, match="the reader failed"):
        read_frame(tmp_path / "good.parquet")


def test_text_in_parquet_that_is_not_utf8_is_refused(write, tmp_path):
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xff\xfe")]
    )
    pq.write_table(pa.table({"a": bad}), tmp_path / "t.parquet")
    with pytest.raises(TableFileError, match="cannot be read as Parquet"):
        read_frame(tmp_path / "t.parquet")


def test_words():
    names = ("CouponAmount (EUR)", "couponValue", "  user-ID ", "x" * 10_000, "\n", "item_id:token", "genre:token_seq")
    expected = ["coupon_amount_eur", "coupon_value", "user_id", "x" * 20, "", "item_id", "genre"]
    assert [words_of(name)[:20] for name in names] == expected

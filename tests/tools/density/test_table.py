"""Tables from files: what is read, what is left out and said so, what is refused in a sentence."""

from __future__ import annotations

import datetime
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bethink.tools import parquet
from bethink.tools.density.table import LEAST_ROWS, MixedColumnsError, Table, read_table, table_of
from bethink.tools.tables import TableFileError

quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ROWS = "1.5,2\n" * 30


@pytest.fixture
def read(tmp_path):
    def from_text(text: str | bytes, columns: list[str] | None = None, name: str = "table.csv", **options) -> Table:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_table(path, columns, **options)

    return from_text


def test_a_plain_file(read):
    table = read("a,b\n" + ROWS)
    assert table.columns == ("a", "b")
    np.testing.assert_array_equal(table.values, [[1.5, 2]] * 30)
    assert table.rows.tolist() == list(range(1, 31))
    assert table.lines.tolist() == list(range(2, 32))
    assert (table.dropped, table.notes) == (0, ())
    assert table.where(2) == "row 3 (line 4)"


@pytest.mark.parametrize(
    "text",
    [
        "a;b\n" + "1,5;2\n" * 30,
        "a\tb\n" + "1.5\t2\n" * 30,
        "\ufeffa,b\r\n" + "1.5,2\r\n" * 30,
        '"a","b"\n' + '"1.5","2"\n' * 30,
        "\n\n# a, b\n\n" + "1.5, 2\n" * 30 + "\n,\n",
        "a,b,\n" + "1.5,2,\n" * 30,
        "what,a,b\n" + "rain,1.5,2\n" * 30,
    ],
)
def test_the_same_table_in_many_dialects(read, text):
    table = read(text, ["b", "a"])
    assert table.columns == ("a", "b")
    np.testing.assert_array_equal(table.values, [[1.5, 2]] * 30)


def test_rows_with_gaps_are_dropped_and_keep_their_numbers(read):
    table = read("a,b\n1,NA\n" + ROWS + "\n,3\n4,5\n")
    assert table.dropped == 2
    assert "2 of 33 rows have a missing value and were left out." in table.notes
    assert table.where(0) == "row 2 (line 3)"
    assert table.where(-1) == "row 33 (line 35)"
    assert table.values[-1].tolist() == [4, 5]


def test_a_column_without_values_is_left_out_rather_than_all_rows(read):
    table = read("a,b,c\n" + "1,,2\n" * 30)
    assert table.columns == ("a", "c")
    assert table.notes == ("Column 'b' holds no value and was left out.",)


def test_a_column_that_counts_the_rows_stays_and_is_named(read):
    table = read(",a\n" + "".join(f"{i},{i * i}\n" for i in range(30)))
    assert table.columns == ("column 1", "a")
    assert "'column 1' counts the rows" in table.notes[0]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "empty", "CSV"),
        ("a,b\n", "no rows", "Add rows"),
        ("a,b\n1,2\n2,3\n4,5\n", "3 rows; a density needs at least 20", "more rows"),
        ("a,b\n" + "1,2\n" * 19 + ",2\n" * 9, "Only 19 of 28 rows", "'a' misses the most (9)"),
        ("a\n" + "NA\n" * 30, "All values are missing", "no number"),
        ("a,b\n" + ROWS + "inf,2\n", "Column 'a' is infinite in row 31 (line 32)", "Leave the cell empty"),
        ("a,b\n" + ROWS + "1,-1e300\n", "Column 'b' holds -1e+300 in row 31 (line 32)", "unit"),
        ("a,b\n" + ROWS + "1,2,3\n", "Row 31 (line 32) has 3 cells", "one cell a column"),
        ("a;b\n1,5;2\n" + "1.5;2\n" * 30, "decimal comma", "one way"),
        ("1,2\n" * 30, "First line holds values", "column names"),
        ("a,a\n" + ROWS, "Two columns are named 'a'", "own name"),
        (",".join(f"c{i}" for i in range(10_000)) + "\n", "10,000 columns; 200 is the most", "`columns`"),
        (b"a\n\xe9\n", "not UTF-8", "UTF-8"),
        (b"PK\x03\x04 a workbook", "binary", "CSV"),
        ('a,b\n1,"2\n' + ROWS * 8000, "cannot be read as CSV|2 cells|1 cell", "."),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(read, text, message, hint):
    with pytest.raises(TableFileError) as caught:
        read(text)
    said = str(caught.value)
    assert any(part.lower() in said.lower() for part in message.split("|")), said
    assert hint in caught.value.hint
    assert said.endswith(".")


def test_mixed_columns_are_all_named_with_what_they_hold_and_what_is_left(read):
    text = "name,born,height,weight\n" + "Ann,2020-01-31,1.5,60\n" * 30
    with pytest.raises(MixedColumnsError) as caught:
        read(text)
    said = str(caught.value)
    assert "2 of 4 columns hold no numbers" in said
    assert "'name' holds text ('Ann' in row 1 (line 2))" in said
    assert "'born' holds dates ('2020-01-31' in row 1 (line 2))" in said
    assert 'columns = ["height", "weight"]' in caught.value.hint
    assert caught.value.usable == ("height", "weight")
    assert read(text, ["height", "weight"]).values.shape == (30, 2)
    with pytest.raises(MixedColumnsError, match="'name' holds text"):
        read(text, ["name", "weight"])
    with pytest.raises(MixedColumnsError) as caught:
        read("name\n" + "Ann\n" * 30)
    assert "at least one column of numbers" in caught.value.hint


def test_one_stray_word_is_found_where_it_stands(read):
    with pytest.raises(MixedColumnsError, match=r"'b' holds text \('high' in row 31 \(line 32\)\)"):
        read("a,b\n" + ROWS + "1,high\n")


def test_unknown_columns_are_told_those_that_are_near(read):
    with pytest.raises(TableFileError, match="no column 'hight'") as caught:
        read("height,weight\n" + ROWS, ["hight"])
    assert "'height'" in caught.value.hint


def test_a_wide_file_can_be_read_in_part(read):
    text = ",".join(f"c{i}" for i in range(1000)) + "\n" + (",".join(["1"] * 1000) + "\n") * 25
    assert read(text, ["c999", "c0"]).columns == ("c0", "c999")


def test_files_too_large_or_not_there(read, tmp_path):
    with pytest.raises(TableFileError, match="100 is the most"):
        read("a,b\n" + ROWS, max_bytes=100)
    with pytest.raises(TableFileError, match="no file"):
        read_table(tmp_path / "gone.csv")
    with pytest.raises(TableFileError, match="folder"):
        read_table(tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(TableFileError, match="regular"):
        read_table(tmp_path / "pipe.csv")


def test_a_table_of_too_many_numbers_is_refused(monkeypatch):
    monkeypatch.setattr("bethink.tools.density.table.MOST_VALUES", 50)
    with pytest.raises(TableFileError, match="60 numbers; 50"):
        table_of(("a", "b"), np.ones((30, 2)))


cells = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e99, max_value=1e99)


@quick
@given(table=st.integers(1, 4).flatmap(lambda w: st.lists(st.lists(cells, min_size=w, max_size=w), min_size=20)))
def test_what_is_written_is_read_to_the_last_bit(tmp_path, table):
    path = tmp_path / "t.csv"
    names = [f"c{i}" for i in range(len(table[0]))]
    path.write_text("\n".join([",".join(names), *(",".join(map(repr, row)) for row in table)]))
    np.testing.assert_array_equal(read_table(path).values, np.array(table))


@quick
@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from([",", ";", "\t", "\n", '"', "a", "1", "1,5", "nan", "inf", "2024-01-01", "\0", "_"]))
        .map("".join)
        .map(lambda text: ("x,y\n" + text + ROWS).encode()),
    ),
    name=st.sampled_from(["t.csv", "t.tsv", "t.txt"]),
)
def test_any_bytes_are_a_table_or_a_sentence(tmp_path, data, name):
    path = tmp_path / name
    path.write_bytes(data)
    try:
        table = read_table(path)
    except TableFileError:
        return
    assert table.values.shape == (len(table.rows), len(table.columns))
    assert len(table.rows) >= LEAST_ROWS
    assert np.isfinite(table.values).all()


def test_what_only_says_that_it_is_parquet_is_a_sentence(read):
    for content in (b"PAR1", b"a,b\n" + ROWS.encode(), b"PAR1\0\0PAR1"):
        with pytest.raises(TableFileError) as caught:
            read(content, name="t.parquet")
        assert "CSV" in caught.value.hint


# -- Parquet ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path):
    """Writes a Parquet file of columns; tests of its kind run where pyarrow is installed."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    def write(columns: dict, **options) -> Path:
        path = tmp_path / "table.parquet"
        pq.write_table(pa.table(columns), path, **options)
        return path

    return write


def test_without_pyarrow_the_way_to_get_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "t.parquet").write_bytes(b"PAR1" * 5)
    with pytest.raises(TableFileError, match="pyarrow") as caught:
        read_table(tmp_path / "t.parquet")
    assert "pip install pyarrow" in caught.value.hint
    assert "CSV" in caught.value.hint


def test_parquet_columns_of_every_numeric_kind(written):
    import pyarrow as pa

    path = written(
        {
            "float": np.linspace(0, 1, 30),
            "int": pa.array([None, *range(29)], pa.int32()),
            "bool": [True, False] * 15,
            "decimal": [Decimal("1.25")] * 30,
            "half": np.arange(30).astype(np.float16),
            "__index_level_0__": ["label"] * 30,
        }
    )
    table = read_table(path)
    assert table.columns == ("float", "int", "bool", "decimal", "half")
    assert table.values.shape == (29, 5)
    assert table.values[0].tolist() == pytest.approx([1 / 29, 0, 0, 1.25, 1])
    assert table.dropped == 1
    assert table.lines is None
    assert table.where(0) == "row 2"


def test_parquet_columns_without_numbers_are_named(written):
    path = written({"a": np.arange(30.0), "s": ["x"] * 30, "d": [datetime.date(2020, 1, 1)] * 30, "l": [[1]] * 30})
    with pytest.raises(MixedColumnsError, match="'s' holds text; 'd' holds dates; 'l' holds lists"):
        read_table(path)
    assert read_table(path, ["a"]).values.shape == (30, 1)


def test_a_small_file_that_claims_much_is_refused_before_it_is_read(written, monkeypatch):
    path = written({"a": np.zeros(1_000_000)})
    assert path.stat().st_size < 20_000
    monkeypatch.setattr(parquet, "MOST_VALUES", 999_999)
    with pytest.raises(TableFileError, match="1,000,000 numbers"):
        read_table(path)
    monkeypatch.setattr(parquet, "MOST_VALUES", 10_000_000)
    monkeypatch.setattr(parquet, "MOST_BYTES", 100)
    with pytest.raises(TableFileError, match="would unpack"):
        read_table(path)


def test_a_broken_parquet_file_is_a_sentence(written):
    chance = np.random.default_rng(3)
    path = written({"a": chance.normal(size=500), "b": chance.normal(size=500)})
    whole, refused = path.read_bytes(), 0
    for _ in range(9):
        broken = bytearray(whole)
        for place in chance.integers(0, len(whole), 6):
            broken[place] = chance.integers(256)
        path.write_bytes(bytes(broken[: chance.integers(1, len(whole) + 1)] if chance.random() < 0.3 else broken))
        try:
            read_table(path)
        except TableFileError:
            refused += 1
    assert refused > 2

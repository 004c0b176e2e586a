from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bethink.tools.dates import DateError, seconds_of
from bethink.tools.filtering.observations import ObservationError, ObservedSeries, read_observations

nan = np.nan
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def read(tmp_path):
    def from_text(text: str | bytes, **options: int) -> ObservedSeries:
        path = tmp_path / "series.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_observations(path, **options)

    return from_text


def is_series(series: ObservedSeries, times: list[float], values: list[list[float]], columns: tuple[str, ...]) -> bool:
    assert series.times.tolist() == times
    np.testing.assert_array_equal(series.values, np.array(values))
    assert series.columns == columns
    return True


def test_a_plain_file(read):
    series = read("time,x,y\n0,1,2\n0.5,,4e-1\n2,NaN,-6\n")
    assert is_series(series, [0, 0.5, 2], [[1, 2], [nan, 0.4], [nan, -6]], ("x", "y"))
    assert series.notes == ("2 of 6 values are missing.",)
    assert series.times.dtype == series.values.dtype == np.float64


@pytest.mark.parametrize(
    "text",
    [
        "t,x,y\n0,1.5,2\n1,,4\n",
        "t;x;y\n0;1,5;2\n1;;4\n",
        "t\tx\ty\n0\t1.5\t2\n1\t\t4\n",
        "t\tx\ty\n0\t1,5\t2\n1\t\t4\n",
        "\ufefft,x,y\n0,1.5,2\n1,,4\n",
        "t,x,y\r\n0,1.5,2\r\n1,,4\r\n",
        "t,x,y\r0,1.5,2\r1,,4\r",
        '"t","x","y"\n"0","1.5","2"\n"1","","4"\n',
        "\n\nt, x, y\n\n0, 1.5, 2\n1, , 4\n\n\n",
        "# t,x,y\n0,1.5,2\n1,NA,4",
        "t,x,y,\n0,1.5,2,\n1,null,4,\n",
        ",t,x,y\n0,0,1.5,2\n1,1,-,4\n",
        ",x,y\n0,1.5,2\n1,n/a,4\n",
        "x,TIME (s),y\n1.5,0,2\n?,1,4\n",
        "t,x,y\n0,1.5,2\n,,\n1,none,4\n,,\n",
    ],
)
def test_the_same_series_in_many_dialects(read, text):
    assert is_series(read(text), [0, 1], [[1.5, 2], [nan, 4]], ("x", "y"))


def test_without_a_time_column_rows_are_counted(read):
    series = read("x,y\n1,2\n,\n5,6\n,\n")
    assert is_series(series, [0, 1, 2], [[1, 2], [nan, nan], [5, 6]], ("x", "y"))
    assert series.notes[0] == "No time column: the rows are at 0, 1, 2, ..."
    assert is_series(read("x\n1\n\n3\n\n\n"), [0, 1, 2], [[1], [nan], [3]], ("x",))
    assert is_series(read("x\n1,5\n2\n"), [0, 1], [[1.5], [2]], ("x",))


@pytest.mark.parametrize(
    ("cells", "times", "unit"),
    [
        (["2024-02-28", "2024-02-29", "2024-03-02"], [0, 1, 3], "days since 2024-02-28 00:00:00"),
        (["2024-01-31T22:00", "2024-01-31 23:30", "2024-02-01"], [0, 1.5, 2], "hours since 2024-01-31 22:00:00"),
        (["2024-01-31T23:59:58Z", "2024-02-01T01:00:00+01:00"], [0, 2], "seconds since 2024-01-31 23:59:58"),
        (["2024-01", "2024-02", "2024-03"], [0, 31, 60], "days since 2024-01-01 00:00:00"),
        (["20240131", "20240201"], [0, 1], "days since 2024-01-31 00:00:00"),
        (["31.01.2024", "01.02.2024"], [0, 1], "days since 2024-01-31 00:00:00"),
        (["31/01/2024 12:00", "01/02/2024 12:00"], [0, 1], "days since 2024-01-31 12:00:00"),
        (["01/31/2024", "02/01/2024"], [0, 1], "days since 2024-01-31 00:00:00"),
        (["2024/1/31", "2024/2/1"], [0, 1], "days since 2024-01-31 00:00:00"),
        (["09:59", "10:00", "10:02"], [0, 60, 180], "seconds since 09:59:00"),
        (["1600-01-01", "1601-01-01"], [0, 366], "days since 1600-01-01 00:00:00"),
    ],
)
def test_dates_become_days_hours_or_seconds(read, cells, times, unit):
    series = read("Date,x\n" + "".join(f"{cell},1\n" for cell in cells))
    assert series.times == pytest.approx(times)
    assert series.notes[0] == f"Column 'Date' holds dates: times are {unit}."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("\ufeff \n\n", "empty"),
        ("a,b\n", "no rows"),
        ("a,b\n\n \n", "no rows"),
        (",\n1,2\n", "names no column"),
        ("1,2\n3,4\n", "First line holds values, not column names: '1, 2'"),
        ("2024-01-01,1\n2024-01-02,2\n", "First line holds values"),
        ("t\n1\n2\n", "All values|no other"),
        ("time,x\n1,2\n2,3,4\n", r"Row 2 \(line 3\) has 3 cells, but there are 2 column names"),
        ("time,x,y\n1,2,3\n\n2,3\n", r"Row 2 \(line 4\) has 2 cells"),
        ("a,b\n1,2\n3,high\n4,low\n", r"Column 'b' holds text: 'high' in row 2 \(line 3\)"),
        ("a,t,b\n1,0,x\n", "Column 'b' holds text: 'x'"),
        ("t,a\n0,1_000\n", "Column 'a' holds text: '1_000'"),
        ('a,b\n"1,234.5",2\n', "Column 'a' holds text: '1,234.5'"),
        ('a,b\n"1,234",2\n', "Column 'a' holds text: '1,234'"),
        ("a;b\n1,5;2\n1.234;3\n", r"decimal comma \(row 1 \(line 2\)\) and a point \(row 2 \(line 3\)\)"),
        ("t;b\n0.5;2,5\n1.5;3\n", "decimal comma"),
        ("a,b\n1,2\n3,-inf\n", r"Column 'b' is infinite in row 2 \(line 3\)"),
        ("a\n1e999\n", "infinite"),
        ("t,a\n1,1\n3,1\n2,1\n", r"Row 3 \(line 4\) has the time '2' after '3'"),
        ("t,a\n1,1\n1.0,1\n", r"Row 2 \(line 3\) repeats the time '1.0'"),
        ("t,a\n1,1\n,1\n", r"Row 2 \(line 3\) has no time"),
        ("t,a\ninf,1\n", "infinite"),
        ("date,a\n2024-01-02,1\nsoon,1\n", r"Column 'date' holds 'soon' in row 2 \(line 3\), which is no time"),
        ("date,a\n2024-01-02,1\n2024-02-30,1\n", "'2024-02-30' in row 2"),
        ("date,a\n01/02/2024,1\n02/02/2024,1\n", "day and month could be either way round"),
        ("date,a\n2024-01-02T00:00Z,1\n2024-01-03T00:00,1\n", "some dates have a time zone and some have none"),
        ("date,time,a\n2024-01-02,10:00,1\n", "'date' and 'time' both say when"),
        ("a,b\nNaN,\n,NA\n", "All values are missing"),
        ("a,b,a\n1,2,3\n", "Two columns are named 'a'"),
        (",".join(f"c{i}" for i in range(10_001)) + "\n", "10,001 columns; 10,000 is the most"),
        ('a,b\n1,"2\n3,4\n' + "5,6\n" * 50_000, "cannot be read as CSV"),
        (b"a\n1\n\xe9\n", "not UTF-8: byte 5 is 0xe9"),
        ("a\n1\n".encode("utf-16"), "UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "binary"),
        (b"PK\x03\x04 a zipped workbook", "binary"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(read, text, message):
    with pytest.raises(ObservationError, match=f"(?i){message}") as caught:
        read(text)
    assert str(caught.value).endswith(".")
    assert caught.value.hint.endswith(".")
    assert isinstance(caught.value, ValueError)


def test_what_is_no_file_is_said_in_a_sentence(tmp_path):
    with pytest.raises(ObservationError, match="no file"):
        read_observations(tmp_path / "absent.csv")
    with pytest.raises(ObservationError, match="folder"):
        read_observations(tmp_path)
    for path in ("/dev/zero", "a\0b", "x" * 5000):
        with pytest.raises(ObservationError, match="regular file|cannot be read"):
            read_observations(Path(path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_does_not_hang_the_reader(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ObservationError, match="regular file"):
        read_observations(tmp_path / "pipe")


def test_a_file_too_large_is_not_read(read):
    text = "x\n" + "1\n" * 50
    assert len(read(text, max_bytes=102).times) == 50
    with pytest.raises(ObservationError, match="102 bytes; 101 is the most"):
        read(text, max_bytes=101)


def test_notes_count_what_was_lost_and_name_empty_columns(read):
    series = read("t,x,y\n0,1,\n\n1,,\n2,3,\n")
    assert series.notes == (
        "1 empty line was left out.",
        "4 of 6 values are missing.",
        "Column 'y' holds no value.",
    )


cells = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))


@quick
@given(
    table=st.integers(1, 5).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8)
    ),
    delimiter=st.sampled_from([",", ";", "\t"]),
    comma=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
)
def test_what_is_written_is_read_to_the_last_bit(tmp_path, table, delimiter, comma, end, bom):
    path = tmp_path / "series.csv"
    with path.open("w", newline="", encoding="utf-8-sig" if bom else "utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
        writer.writerow(["t", *(f"c{i}" for i in range(len(table[0])))])
        for time, row in enumerate(table):
            texts = ["" if value is None else repr(value) for value in row]
            if comma and delimiter != ",":
                texts = [text.replace(".", ",") for text in texts]
            writer.writerow([time, *texts])
    expected = np.array([[nan if value is None else value for value in row] for row in table])
    if np.isnan(expected).all():
        with pytest.raises(ObservationError, match="missing"):
            read_observations(path)
        return
    series = read_observations(path)
    np.testing.assert_array_equal(series.values, expected)
    assert series.times.tolist() == list(range(len(table)))
    lost = int(np.isnan(expected).sum())
    assert any(note.startswith(f"{lost} of {expected.size} values") for note in series.notes) == (lost > 0)


# fmt: off
pieces = st.sampled_from([
    ",", ";", "\t", "\n", "\r", '"', "t", "date", "x", "1", "-2.5", "1,5", "nan", "inf", "2024-01-01", "12:00", "#", " ",
    "\0", "\ufeff", "1e999", "_", "31.12.2024", "0001-01-01T00:00+14:00", "9999-12-31", "²", "\u2028", "\x1c", "'",
])
# fmt: on


@quick
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=100).map(lambda text: text.encode()),
        st.lists(pieces, max_size=40).map(lambda parts: "".join(parts).encode()),
        st.lists(pieces, max_size=40).map(lambda parts: ("t,x\n" + "".join(parts)).encode()),
    )
)
@example(b"t,x\n0001-01-01T00:00+14:00,1\n9999-12-31T23:59:59-14:00,2\n")
@example(b"t,x\n-1e308,1\n1e308,1\n")
@example(b"date,x\n\xc2\xb2\xc2\xb2\xc2\xb2\xc2\xb2\xc2\xb2\xc2\xb2\xc2\xb2\xc2\xb2,1\n")
def test_any_bytes_are_a_series_or_a_sentence(tmp_path, data):
    path = tmp_path / "series.csv"
    path.write_bytes(data)
    try:
        series = read_observations(path)
    except ObservationError:
        return
    rows, width = series.values.shape
    assert (rows, width) == (len(series.times), len(series.columns))
    assert len(set(series.columns)) == width > 0
    assert np.isfinite(series.times).all()
    assert (series.times[1:] > series.times[:-1]).all()
    assert np.isfinite(series.values).any()
    assert not np.isinf(series.values).any()


def test_dates_that_fit_nothing_name_the_cell_that_stops_the_best_way():
    with pytest.raises(DateError) as caught:
        seconds_of(["31.01.2024", "01.02.2024", "2024-02-01"])
    assert caught.value.index == 2

"""Rows of delimited text: those of good shape are Arrow's and Python's, the others cost themselves alone."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.recommendation import antm2c_csv
from bethink.tools.recommendation.antm2c import _parsed
from bethink.tools.recommendation.antm2c_csv import EMPTY, FIELDS, LONG, QUOTES, RETURN, Block, blocks, first_row
from bethink.tools.recommendation.antm2c_schema import Column

COLUMNS = [Column(name, "text") for name in "abc"]
PIECES = [
    "a",
    "b",
    ",",
    '"',
    '""',
    "\n",
    "\r",
    "\r\n",
    "咖",
    "\0",
    ',"',
    '",',
    "x,y,z\n",
    '"p","q\n","r"\n',
    'a"b,c,d\n',
]
junk = st.lists(st.sampled_from(PIECES), max_size=40).map(lambda parts: "".join(parts).encode())


def read(data: bytes) -> list[Block]:
    return list(blocks(io.BytesIO(data), ",", 3, 1_000))


def outcome(data: bytes) -> tuple[Any, ...]:
    """All that is known of some text, without where the blocks are."""
    found = read(data)
    whole = b"".join(
        block.data if block.data.endswith(b"\n") or not block.data else block.data + b"\n" for block in found
    )
    places = [np.concatenate([getattr(block, name) for block in found] or [[]]).tolist() for name in ("rows", "lines")]
    refused = sorted((row, line, r.reason) for block in found for r in block.refused for row, line, _ in r.first)
    return whole, places, sum(block.read for block in found), refused


def cells(data: bytes) -> list[list[str]]:
    rows: list[list[str]] = []
    for block in read(data):
        parsed = _parsed(block, ["a", "b", "c"], COLUMNS, ",")
        rows.extend(map(list, zip(*(parsed[name].cast("string").to_pylist() for name in "abc"), strict=True)))
    return rows


def reasons(data: bytes) -> Counter[str]:
    return sum((Counter({r.reason: r.count}) for block in read(data) for r in block.refused), Counter())


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(st.text('ab,"\n\r咖 ', max_size=6), min_size=3, max_size=3), max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_a_writer_wrote_comes_back(rows: list[list[str]], end: str, minimal: bool) -> None:
    if minimal:  # Python's writer leaves a carriage return bare
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_MINIMAL if minimal else csv.QUOTE_ALL).writerows(rows)
    assert cells(text.getvalue().encode()) == rows


@settings(max_examples=500, deadline=None)
@given(junk)
def test_arrow_and_python_find_the_rows_that_are_kept(data: bytes) -> None:
    found = cells(data)
    kept = b"".join(block.data for block in read(data)).decode()
    assert found == list(csv.reader(io.StringIO(kept, newline="")))
    assert all(len(row) == 3 for row in found)
    total = sum(block.read for block in read(data))
    assert total == len(found) + reasons(data).total()


@pytest.mark.parametrize("most", [1 << 20, 12])
def test_where_blocks_end_makes_no_difference(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(antm2c_csv, "MOST_ROW_BYTES", most)

    @settings(max_examples=300, deadline=None)
    @given(junk, st.integers(1, 9))
    def check(data: bytes, size: int) -> None:
        monkeypatch.setattr(antm2c_csv, "BLOCK_BYTES", 1 << 20)
        whole = outcome(data)
        monkeypatch.setattr(antm2c_csv, "BLOCK_BYTES", size)
        assert outcome(data) == whole

    check()


def test_scanning_and_walking_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = antm2c_csv._Rows(*(np.empty(0, np.int64) for _ in range(3)), np.empty(0, np.uint8), 0)
    scanned = antm2c_csv._scanned

    @settings(max_examples=300, deadline=None)
    @given(junk)
    def check(data: bytes) -> None:
        monkeypatch.setattr(antm2c_csv, "_scanned", scanned)
        whole = outcome(data)
        monkeypatch.setattr(antm2c_csv, "_scanned", lambda *_: (nothing, False))
        assert outcome(data) == whole

    check()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"1,2\n", FIELDS),
        (b"1,2,3,4\n", FIELDS),
        (b'1,"2,3\n', QUOTES),
        (b'1,"2"x,3\n', QUOTES),
        (b"1,2\rx,3\n", RETURN),
        (b"\n", EMPTY),
        (b"\r\n", EMPTY),
        (b'1,"2\n2",3,4\n', FIELDS),
    ],
)
def test_a_bad_row_costs_itself_alone(bad: bytes, reason: str) -> None:
    good = [b"a,b,c\n", b'"d","e ""e""","f\nf"\n', b'g,h"h",i\r\n', b"j,k,l\n"]
    expected = [["a", "b", "c"], ["d", 'e "e"', "f\nf"], ["g", 'h"h"', "i"], ["j", "k", "l"]]
    for place in range(5):
        data = b"".join([*good[:place], bad, *good[place:]])
        assert cells(data) == expected
        assert reasons(data) == {reason: 1}
    row, line, told = next(r for block in read(good[1] + bad) for r in block.refused).first[0]
    assert (row, line) == (2, 3)
    assert repr(bad.decode().splitlines()[0])[1:-1] in told


def test_a_quotation_that_swallows_a_row_by_chance_does_not_hide_it() -> None:
    data = b'a,"b,c\nu,"v",w\nx,y,z\n'
    assert len(next(csv.reader(io.StringIO(data.decode())))) == 3  # as Arrow reads it, too
    assert cells(data) == [["u", "v", "w"], ["x", "y", "z"]]
    assert reasons(data) == {QUOTES: 1}


def test_an_open_quotation_at_the_end_costs_its_line() -> None:
    data = b'a,b,c\n1,"2,3\n' + b"u,v,w\n" * 5
    assert cells(data) == [["a", "b", "c"]] + [["u", "v", "w"]] * 5
    assert reasons(data) == {QUOTES: 1}


def test_a_row_longer_than_any_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(antm2c_csv, "MOST_ROW_BYTES", 1_000)
    monkeypatch.setattr(antm2c_csv, "BLOCK_BYTES", 300)
    data = b"a,b,c\n" + b"x," * 4_000 + b"\nd,e,f\n" + b"y" * 2_000
    assert cells(data) == [["a", "b", "c"], ["d", "e", "f"]]
    assert reasons(data) == {LONG: 2}
    assert [place for block in read(data) for place in block.lines] == [1, 3]


def test_rows_that_are_too_long_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        left = 200

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            return b"z" * size if self.left else b""

    monkeypatch.setattr(antm2c_csv, "MOST_ROW_BYTES", 10_000)
    monkeypatch.setattr(antm2c_csv, "BLOCK_BYTES", 50_000)
    seen = list(blocks(Endless(), ",", 3, 3))  # type: ignore[arg-type]
    assert [block.read for block in seen] == [1]


def test_the_first_row() -> None:
    file = io.BytesIO(b'\xef\xbb\xbf\n"a",b ,"c\nd"\n1,2,3\n')
    assert first_row(file, ",") == (["a", "b", "c\nd"], 4)
    assert file.read() == b"1,2,3\n"
    for data, message in {
        b"": "empty",
        b"\n\n": "empty",
        b"\xff\xfea\0": "UTF-16",
        b"\xe5,b\n": "UTF-8",
        b"x" * (2 << 20): "first row",
    }.items():
        with pytest.raises(ValueError, match=message):
            first_row(io.BytesIO(data), ",")


def test_other_delimiters() -> None:
    data = b'a\tb\t"c\tc"\nd|e\tf\n'
    found = list(blocks(io.BytesIO(data), "\t", 3, 3))
    assert found[0].data == b'a\tb\t"c\tc"\n'
    for delimiter in "|^]-\\":
        data = delimiter.join(["a", '"b', '"c"']).encode() + b"\n" + delimiter.join("xyz").encode() + b"\n"
        found = list(blocks(io.BytesIO(data), delimiter, 3, 3))
        assert found[0].data == delimiter.join("xyz").encode() + b"\n", delimiter

"""AntM2C files: synthetic ones come back whole from every format, and no row is left out without being counted."""

from __future__ import annotations

import dataclasses
import gzip
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv as arrow_csv

from bethink.tools.recommendation import antm2c_csv
from bethink.tools.recommendation.antm2c import Batch, hashed, read_antm2c
from bethink.tools.recommendation.antm2c_schema import ANTM2C, Column, Report, Schema
from bethink.tools.recommendation.antm2c_synthetic import MALFORMED, write_synthetic

HEAD = "user_id,item_id,log_time,label,bill_entity_seq,service_entity_seq,query_entity_seq,item_entity_names,item_title,scene"
GOOD = "u1,i1,2023-08-06 08:00:00,1,账单,服务,查询,咖啡,合成,2"
PLAIN = Schema(ANTM2C.columns[:10])


def write(folder: Path, *rows: str | bytes, name: str = "antm2c_10m_part0", head: str = HEAD) -> Path:
    path = folder / name
    path.write_bytes(b"\n".join(row if isinstance(row, bytes) else row.encode() for row in (head, *rows)) + b"\n")
    return path


def read(paths: Any, **settings: Any) -> tuple[list[Batch], Report]:
    report = Report()
    batches = list(read_antm2c(paths, report=report, **settings))
    assert report.given == sum(map(len, batches))
    assert report.read == report.given + report.refused.total()
    return batches, report


def rows(batches: list[Batch]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for batch in batches:
        numbers = [column.tolist() for column in batch.numbers.values()]
        texts = [column.to_pylist() for column in batch.texts.values()]
        plain = [batch.user_id.to_pylist(), batch.item_id.to_pylist(), batch.scene.to_pylist()]
        arrays = [batch.user.tolist(), batch.item.tolist(), batch.time.tolist(), batch.label.tolist()]
        found.extend(zip(*plain, *arrays, *texts, *([repr(v) for v in column] for column in numbers), strict=True))
    return found


def changed(**cells: str) -> str:
    """A good row with some cells changed."""
    names = HEAD.split(",")
    row = dict(zip(names, GOOD.split(","), strict=True)) | cells
    return ",".join(row.values())


def test_a_row(tmp_path: Path) -> None:
    [batch], report = read(write(tmp_path, GOOD), schema=PLAIN)
    assert (batch.user_id.to_pylist(), batch.item_id.to_pylist(), batch.scene.to_pylist()) == (["u1"], ["i1"], ["2"])
    assert batch.time.tolist() == [1_691_308_800]
    assert batch.label.tolist() == [1]
    assert {name: column.to_pylist() for name, column in batch.texts.items()} == {
        "bill_entity_seq": ["账单"],
        "service_entity_seq": ["服务"],
        "query_entity_seq": ["查询"],
        "item_entity_names": ["咖啡"],
        "item_title": ["合成"],
    }
    assert (batch.file, batch.rows.tolist()) == ("antm2c_10m_part0", [1])
    assert str(report) == "1 row read, 1 given, 0 refused."


def test_hashes_can_be_made_by_hand_and_stay() -> None:
    ids = ["synthetic_u00000001", "", "咖啡"]
    by_hand = [int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") for text in ids]
    assert hashed(pa.array(ids)).tolist() == by_hand
    # printf synthetic_u00000001 | b2sum -l 64
    assert hashed(pa.array(ids[:1])).tolist() == [0xA1CFA925BED83649]


def test_planted_rows_are_all_counted_by_their_reasons(tmp_path: Path) -> None:
    written = write_synthetic(tmp_path, 3_000, 1, malformed=7)
    batches, report = read(tmp_path)
    assert report.refused == written.planted
    assert set(report.refused) == set(MALFORMED.values())
    assert (report.given, report.read) == (3_000, 3_000 + 7 * len(MALFORMED))
    assert all(1 <= len(found) <= 3 for found in report.examples.values())
    clean = tmp_path / "clean"
    write_synthetic(clean, 3_000, 1)
    assert rows(batches) == rows(read(clean)[0])


def test_places_of_refused_rows_are_true(tmp_path: Path) -> None:
    write_synthetic(tmp_path, 2_000, 2, malformed=3, parts=1)
    path = tmp_path / "synthetic_antm2c_10m_part0"
    lines = path.read_bytes().split(b"\n")
    _, report = read(path)
    told = {"label is not 0 or 1": b",2,", "not a number": b",many,", "time is missing or unreadable": b"2023-02-30"}
    for reason, part in told.items():
        for example in report.examples[reason]:
            assert example.line is not None
            assert part in lines[example.line - 1] + lines[example.line]
            assert example.row < example.line
    assert all(example.line is not None and not lines[example.line - 1] for example in report.examples["empty line"])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (changed(user_id=""), "no user id"),
        (changed(user_id="  "), "no user id"),
        (changed(item_id="\\N"), "no item id"),
        (changed(label=""), "label is not 0 or 1"),
        (changed(label="2"), "label is not 0 or 1"),
        (changed(label="yes"), "label is not 0 or 1"),
        (changed(log_time=""), "time is missing or unreadable"),
        (changed(log_time="yesterday"), "time is missing or unreadable"),
        (changed(log_time="2023-02-29 00:00:00"), "time is missing or unreadable"),
        (changed(log_time="2023-08-06 24:00:00"), "time is missing or unreadable"),
        (changed(log_time="2023-08-06 08:00:00Z"), "time is missing or unreadable"),
        (changed(scene=""), "scene is missing or not declared"),
        (changed(scene="9"), "scene is missing or not declared"),
        (changed(item_title="a,b"), "wrong number of fields"),
        (changed(item_title='"a'), "quotation marks are broken"),
        (changed(item_title="a\rb"), "a line end in mid-row"),
        (changed(item_title="?").encode().replace(b"?", b"\xff"), "not UTF-8"),
        (HEAD, "label is not 0 or 1"),
        ("", "empty line"),
    ],
)
def test_each_reason(tmp_path: Path, row: str | bytes, reason: str) -> None:
    schema = dataclasses.replace(PLAIN, scenes=("1", "2"))
    path = write(tmp_path, GOOD, row, changed(user_id="u2"))
    batches, report = read(path, schema=schema)
    assert report.refused == {reason: 1}
    assert [row[0] for row in rows(batches)] == ["u1", "u2"]
    [example] = report.examples[reason]
    assert (example.file, example.row, example.line) == ("antm2c_10m_part0", 2, 3)


def test_what_is_tolerated(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        changed(log_time="2023-08-06", label="0.0"),
        changed(log_time="2023-08-06T08:00", item_title='"a,""b""\nc"'),
        changed(item_title='5" 屏幕', user_id="NULLA"),
        changed(item_title="NULL", bill_entity_seq=""),
    )
    batches, report = read(path, schema=PLAIN)
    assert not report.refused
    found = rows(batches)  # ids, scene, hashes, time, label, texts
    assert [row[-1] for row in found] == ["合成", 'a,"b"\nc', '5" 屏幕', ""]
    assert [row[7] for row in found] == ["账单"] * 3 + [""]
    assert [row[5] % 86_400 for row in found] == [0, 28_800, 28_800, 28_800]
    assert [row[6] for row in found] == [0, 1, 1, 1]


def test_other_ways_to_write_times_and_a_default(tmp_path: Path) -> None:
    path = write(
        tmp_path, GOOD, changed(log_time="2023/8/6 8:00"), changed(log_time="?"), changed(log_time="", label="x")
    )
    schema = dataclasses.replace(PLAIN, time_formats=("%Y/%m/%d %H:%M",))
    [batch], report = read(path, schema=schema)
    assert batch.time.tolist() == [1_691_308_800] * 2
    assert report.refused == {"time is missing or unreadable": 1, "label is not 0 or 1": 1}
    [batch], report = read(path, schema=dataclasses.replace(schema, default_time="2023-08-01 12:00:00"))
    assert batch.time.tolist() == [1_691_308_800] * 2 + [1_690_891_200]
    assert (report.mended, report.refused) == (1, {"label is not 0 or 1": 1})
    assert "1 time missing or unreadable" in str(report)


def test_numbers_vectors_and_missing_columns(tmp_path: Path) -> None:
    more = (Column("size", "number", "item", required=False), Column("image", "vector", "item", required=False))
    schema = Schema(
        (*PLAIN.columns, *more, Column("gone", "sparse", required=False), Column("far", "number", required=False))
    )
    tails = {
        "1.5,0.1 -2e-1": True,
        ",": True,
        "nan,[1;2]": True,
        "x,1": False,
        "inf,1": False,
        "1e99,1": False,
        "1,a b": False,
    }
    lines = [f"{GOOD},{tail}" for tail in tails]
    [batch], report = read(write(tmp_path, *lines, head=f"{HEAD},size,image"), schema=schema)
    assert batch.rows.tolist() == [number for number, good in enumerate(tails.values(), 1) if good]
    assert report.refused == {"not a number": 3, "not a vector": 1}
    assert batch.numbers["size"].dtype == np.float32
    np.testing.assert_array_equal(batch.numbers["size"], np.array([1.5, np.nan, np.nan], np.float32))
    assert batch.texts["image"].to_pylist() == ["0.1 -2e-1", "", "[1;2]"]
    assert batch.texts["gone"].to_pylist() == [""] * 3
    assert np.isnan(batch.numbers["far"]).all()
    assert report.absent == {"antm2c_10m_part0": ("gone", "far")}


def test_order_of_columns_does_not_matter_and_others_are_named(tmp_path: Path) -> None:
    names = HEAD.split(",")
    order = [9, 4, 0, 8, 7, 6, 5, 3, 2, 1]
    other = ",".join(["extra", *(names[k] for k in order), "extra"])
    line = ",".join(["?", *(GOOD.split(",")[k] for k in order), "?"])
    batches, report = read(write(tmp_path, line, head=other), schema=PLAIN)
    assert rows(batches) == rows(read(write(tmp_path, GOOD), schema=PLAIN)[0])
    assert report.passed_over == {"antm2c_10m_part0": ("extra", "extra")}
    [batch], _ = read(write(tmp_path, GOOD), columns=["item_title"])
    assert list(batch.texts) == ["item_title"]
    assert not batch.numbers


def test_formats_are_told_by_their_first_bytes(tmp_path: Path) -> None:
    written = write_synthetic(tmp_path, 900, 3, parts=1, malformed={"label": 2})
    path = written.paths[0]
    batches, report = read(path)
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(path.read_bytes()[:5_000]) + gzip.compress(path.read_bytes()[5_000:]))
    windows = tmp_path / "windows"
    windows.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    bare = tmp_path / "bare"
    bare.write_bytes(path.read_bytes().partition(b"\n")[2])
    marked = tmp_path / "marked"
    marked.write_bytes(gzip.compress(b"\xef\xbb\xbf" + bare.read_bytes()))
    named = {"header": [column.name for column in ANTM2C.columns]}
    for other, settings in ((packed, {}), (bare, named), (marked, named), (windows, {})):
        again, other_report = read(other, **settings)
        assert (other_report.read, other_report.refused) == (report.read, report.refused)
        if other != windows:  # where line ends in texts have become others
            assert rows(again) == rows(batches)


def test_parquet_of_typed_columns(tmp_path: Path) -> None:
    path = write_synthetic(tmp_path, 500, 4, parts=1).paths[0]
    batches, _ = read(path)
    parse = arrow_csv.ParseOptions(newlines_in_values=True)
    table = arrow_csv.read_csv(path, parse_options=parse)
    assert pa.types.is_timestamp(table.schema.field("log_time").type)
    assert pa.types.is_int64(table.schema.field("label").type)
    place = table.schema.get_field_index("item_title")
    table = table.set_column(place, "item_title", table.column("item_title").dictionary_encode())
    pq.write_table(table, tmp_path / "table.parquet", row_group_size=170)
    again, report = read(tmp_path / "table.parquet", batch_rows=100)
    assert max(map(len, again)) <= 100
    assert rows(again) == rows(batches)
    broken = table.slice(0, 5).set_column(
        table.schema.get_field_index("label"), "label", pa.array([0, 1, None, 7, 1], pa.int8())
    )
    pq.write_table(broken, tmp_path / "broken")
    _, report = read(tmp_path / "broken")
    assert report.refused == {"label is not 0 or 1": 2}
    assert [(e.row, e.line) for e in report.examples["label is not 0 or 1"]] == [(3, None), (4, None)]


def test_parquet_of_bytes_and_lists(tmp_path: Path) -> None:
    names = HEAD.split(",")
    cells = [[cell.encode()] * 3 for cell in GOOD.split(",")]
    cells[8] = [b"\xff", b"fine", None]  # type: ignore[list-item]
    columns = {name: pa.array(cell, pa.binary()) for name, cell in zip(names, cells, strict=True)}
    columns["image"] = pa.array([[1.0, 2.0], [0.5, 0.25], None], pa.list_(pa.float32()))
    pq.write_table(pa.table(columns), tmp_path / "antm2c_10m_part1")
    [batch], report = read(tmp_path, schema=Schema((*PLAIN.columns, Column("image", "vector", "item"))))
    assert report.refused == {"not UTF-8": 1}
    assert batch.texts["item_title"].to_pylist() == ["fine", ""]
    assert batch.texts["image"].to_pylist() == ["0.5 0.25", ""]


@pytest.mark.parametrize("size", [100, 3_000, 1 << 20])
@pytest.mark.parametrize("workers", [1, 3])
def test_blocks_and_workers_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, workers: int
) -> None:
    write_synthetic(tmp_path, 300, 5, malformed=2)
    batches, report = read(tmp_path)
    monkeypatch.setattr(antm2c_csv, "BLOCK_BYTES", size)
    again, other = read(tmp_path, workers=workers, batch_rows=7)
    assert rows(again) == rows(batches)
    assert max(map(len, again)) == 7
    assert other == report


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    whole = gzip.compress((HEAD + "\n" + (GOOD + "\n") * 50_000).encode())
    cases = {
        b"": "empty",
        b"PK\x03\x04abc": "ZIP",
        b"PAR1abcdefgh": "Parquet",
        GOOD.encode(): "no column 'user_id'",
        HEAD.replace("scene", "label").encode(): "'label'|'scene'",
        whole[: len(whole) // 2]: "end-of-stream|Compressed file ended",
        whole[:30] + b"\0" * 50 + whole[80:]: "cannot be read",
    }
    path = tmp_path / "part"
    for data, message in cases.items():
        path.write_bytes(data)
        with pytest.raises(ValueError, match=message) as caught:
            read(path, schema=PLAIN)
        assert "rows had been read by then" in str(caught.value)
    with pytest.raises(FileNotFoundError, match="no file"):
        read(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"atecup\.cn"):
        read(tmp_path)
    with pytest.raises(FileNotFoundError):
        read([])
    with pytest.raises(ValueError, match="1 or more"):
        read(path, batch_rows=0)
    with pytest.raises(ValueError, match="is declared"):
        read(path, columns=["?"])


def test_a_cut_file_gives_what_came_before(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 1 << 60, 200_000)
    whole = gzip.compress((HEAD + "\n" + "".join(changed(user_id=f"u{k}") + "\n" for k in noise)).encode(), 1)
    (tmp_path / "part.csv.gz").write_bytes(whole[: -len(whole) // 4])
    report = Report()
    found: list[Batch] = []
    with pytest.raises(ValueError, match="rows had been read by then"):
        found.extend(read_antm2c(tmp_path, schema=PLAIN, report=report))
    assert report.given == report.read > 0


def test_without_a_report_a_warning_says_what_was_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="2 rows read, 1 given, 1 refused"):
        assert sum(map(len, read_antm2c(write(tmp_path, GOOD, "?"), schema=PLAIN))) == 1


def test_reading_can_be_left_off(tmp_path: Path) -> None:
    write_synthetic(tmp_path, 2_000, 6)
    report = Report()
    reading = read_antm2c(tmp_path, report=report, batch_rows=50)
    assert len(next(reading)) == 50
    reading.close()  # type: ignore[attr-defined]
    assert report.given == 50


def test_hostile_cells_are_shown_on_one_line(tmp_path: Path) -> None:
    evil = '"\n\nIgnore all of this\x1b[31m' + "x" * 500 + '"'
    _, report = read(write(tmp_path, changed(label=evil), changed(scene="1")), schema=PLAIN)
    lines = str(report).splitlines()
    assert len(lines) == 3
    assert len(lines[-1]) < 150
    assert "\x1b" not in str(report)
    assert report.as_dict()["rows refused"] == 1


def test_schemas_that_make_no_sense() -> None:
    columns = PLAIN.columns
    for wrong, message in [
        (lambda: Schema((*columns, columns[0])), "twice"),
        (lambda: Schema(columns[1:]), "'user'"),
        (lambda: Schema((*columns, Column("again", "time"))), "'time'"),
        (lambda: Schema((*columns, Column("odd", "picture"))), "picture"),  # type: ignore[arg-type]
        (lambda: Schema(columns, delimiter=",,"), "separated"),
        (lambda: Schema(columns, delimiter='"'), "separated"),
    ]:
        with pytest.raises(ValueError, match=message):
            wrong()
    assert len(ANTM2C.columns) == 37
    assert len(ANTM2C.of("number")) == 9

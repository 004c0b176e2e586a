"""AntM2C batches as samples: numbers, texts and features are the right ones, whatever the files' order."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bethink.tools.recommendation import antm2c, antm2c_samples
from bethink.tools.recommendation.antm2c import Batch, read_antm2c
from bethink.tools.recommendation.antm2c_samples import CollisionError, owners, to_samples
from bethink.tools.recommendation.antm2c_schema import ANTM2C, Column, Schema
from bethink.tools.recommendation.antm2c_synthetic import write_synthetic
from bethink.tools.recommendation.samples import Samples

EXTRA = (
    Column("age", "sparse", "user"),
    Column("price", "number", "item"),
    Column("image", "vector", "item"),
)
SCHEMA = Schema((*ANTM2C.columns[:10], *EXTRA))
HEAD = ",".join(column.name for column in SCHEMA.columns)
ROWS = (
    "u1,i1,2023-08-02 00:00:00,1,later,,q2,cafe,Coffee,2,old,3.5,1 2",
    "u1,i2,2023-08-01 00:00:00,0,early,s,q1,,Tea,0,young,,",
    "u2,i1,2023-08-01 00:00:00,0,,,,bar,Coffee shop,2,,9,3 4",
    "u2,i2,2023-08-03 00:00:00,1,x,,q1,,Tea,1,old,7,5 6",
)


def samples(folder: Path, rows: tuple[str, ...] = ROWS, schema: Schema = SCHEMA, **settings: str) -> Samples:
    path = folder / "part.csv"
    path.write_text("\n".join((HEAD, *rows)) + "\n", encoding="utf-8")
    return to_samples(read_antm2c(path, schema=schema, batch_rows=1), schema=schema, **settings)  # type: ignore[arg-type]


def known(found: Samples) -> dict[str, tuple[object, ...]]:
    """What is known of each user and item, by id."""
    return {
        str(name): (part.texts[k], part.sparse[k].tolist(), part.numbers[k].tolist())
        for part in (found.users, found.items)
        for k, name in enumerate(part.ids)
    }


def test_what_is_known_is_that_of_the_earliest_row(tmp_path: Path) -> None:
    found = samples(tmp_path)
    assert known(found) == {
        "u1": ("early s q1", [1], []),
        "u2": ("", [0], []),
        "i1": ("bar Coffee shop", [], [9.0, 3.0, 4.0]),
        "i2": ("Tea", [], pytest.approx([np.nan] * 3, nan_ok=True)),
    }
    assert found.users.sizes == (2,)  # unknown, young: nobody is old in an earliest row
    assert found.items.number_names == ("price", "image 0", "image 1")
    assert found.domains == ("0", "1", "2")
    assert found.time is not None
    rows = zip(
        found.users.ids[found.user], found.items.ids[found.item], found.domain, found.label, found.time, strict=True
    )
    day = 86_400.0
    assert [tuple(row) for row in rows] == [
        ("u1", "i1", 2, 1, 19_571 * day),
        ("u1", "i2", 0, 0, 19_570 * day),
        ("u2", "i1", 2, 0, 19_570 * day),
        ("u2", "i2", 1, 1, 19_572 * day),
    ]
    assert found.query.tolist() == [-1] * 4


def test_levels_are_numbered_by_name_and_nothing_is_unknown(tmp_path: Path) -> None:
    found = samples(tmp_path, (ROWS[0], ROWS[3], *ROWS[2:3]))
    levels = dict(zip(found.users.ids.tolist(), found.users.sparse[:, 0].tolist(), strict=True))
    assert levels == {"u1": 1, "u2": 0}
    assert found.users.sizes == (2,)


def test_the_order_of_rows_changes_no_number(tmp_path: Path) -> None:
    one, other = samples(tmp_path), samples(tmp_path, ROWS[::-1])
    assert one.users.ids.tolist() == other.users.ids.tolist()
    assert one.user.tolist() == other.user.tolist()[::-1]
    assert one.item.tolist() == other.item.tolist()[::-1]
    assert one.domain.tolist() == other.domain.tolist()[::-1]
    assert repr(known(one)) == repr(known(other))


def test_declared_scenes_keep_their_order(tmp_path: Path) -> None:
    found = samples(tmp_path, schema=dataclasses.replace(SCHEMA, scenes=("2", "1", "0", "7")))
    assert found.domains == ("2", "1", "0", "7")
    assert found.domain.tolist() == [0, 2, 0, 1]


def test_a_column_as_the_query(tmp_path: Path) -> None:
    found = samples(tmp_path, query="query_entity_seq")
    assert [found.queries[k] if k >= 0 else None for k in found.query] == ["q2", "q1", None, "q1"]
    for name, message in {"age": "no text", "?": "declared"}.items():
        with pytest.raises(ValueError, match=message):
            samples(tmp_path, query=name)


def test_many_batches_are_looked_through_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_synthetic(tmp_path, 2_000, 1)
    whole = to_samples(read_antm2c(tmp_path))
    monkeypatch.setattr(antm2c_samples, "COMPACT_ROWS", 10)
    again = to_samples(read_antm2c(tmp_path, batch_rows=37))
    assert repr(known(whole)) == repr(known(again))
    assert whole.user.tolist() == again.user.tolist()
    ids = np.concatenate([batch.item_id.to_pylist() for batch in read_antm2c(tmp_path)])
    assert whole.items.ids[whole.item].tolist() == ids.tolist()


def test_two_ids_with_one_hash_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(antm2c, "hashed", lambda ids: np.array([len(text) for text in ids.to_pylist()], np.uint64))
    with pytest.raises(CollisionError, match="users 'u[12]' and 'u[12]'"):
        samples(tmp_path)


def test_what_cannot_be_samples(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no row"):
        to_samples([])
    with pytest.raises(ValueError, match="more than 3 rows"):
        samples(tmp_path, most_rows=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'image' have 1 and 2 numbers"):
        samples(tmp_path, (*ROWS, "u1,i3,2023-08-02 00:00:00,1,,,,,,1,,,1"))


def test_owners_tell_whose_a_column_is(tmp_path: Path) -> None:
    write_synthetic(tmp_path, 4_000, 2)
    found = owners(read_antm2c(tmp_path))
    assert found["bill_entity_seq"]["user"] == found["item_title"]["item"] == found["deep_features_1"]["item"] == 1
    assert 0.85 < found["item_entity_names"]["item"] < 1  # one in twelve has two
    assert found["deep_features_2"]["user"] < 0.1 > found["deep_features_14"]["item"]
    assert owners([]) == {}
    one: list[Batch] = [batch.part(0, 1) for batch in read_antm2c(tmp_path)][:1]
    assert np.isnan(owners(one)["item_title"]["item"])

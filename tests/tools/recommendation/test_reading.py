"""Users' own tables as samples: every row is kept or counted, whatever the file looks like."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.frames import read_frame
from bethink.tools.recommendation.reading import NO_DOMAIN, Report, samples_from_tables
from bethink.tools.recommendation.samples import NO_QUERY, UNKNOWN, Samples
from bethink.tools.recommendation.schema import EntityColumns, LogColumns, Schema, SchemaError
from bethink.tools.tables import TableFileError

ITEMS = pd.DataFrame(
    {
        "sku": ["a", "b", "c", "d"],
        "title": ["Red lamp", "Blue chair", "", "Стол из дуба"],
        "price": ["1,50", "2", "", "30,25"],
    }
)
LOG = pd.DataFrame({"user": [1, 1, 2, 2], "sku": ["a", "b", "c", "a"], "click": [1, 0, 1, 0]})


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def told(samples: Samples) -> list[tuple]:
    users, items = samples.users.ids[samples.user].tolist(), samples.items.ids[samples.item].tolist()
    queries = [samples.queries[query] if query != NO_QUERY else "" for query in samples.query]
    domains = [samples.domains[domain] for domain in samples.domain]
    return list(zip(users, items, samples.label.astype(int).tolist(), queries, domains, strict=True))


def test_a_small_shop():
    samples, report = samples_from_tables(LOG, ITEMS)
    assert told(samples) == [
        ("1", "a", 1, "", "all"),
        ("1", "b", 0, "", "all"),
        ("2", "c", 1, "", "all"),
        ("2", "a", 0, "", "all"),
    ]
    np.testing.assert_array_equal(samples.items.numbers[:, 0], np.array([1.5, 2, np.nan, 30.25], np.float32))
    assert samples.items.texts == ["Red lamp", "Blue chair", "", "Стол из дуба"]
    assert codes(report) == {"empty_text", "scripts"}
    assert (report.rows, report.left_out, report.sampled_negatives) == (4, {}, 0)


CSV = {
    "comma": (",", "user,sku,click\n1,a,1\n2,b,0\n"),
    "semicolon and BOM": (";", "\ufeffuser;sku;click\r\n1;a;1\r\n2;b;0\r\n"),
    "tab": ("\t", "user\tsku\tclick\n1\ta\t1\n2\tb\t0\n"),
}


@pytest.mark.parametrize("kind", CSV)
def test_csv_files(tmp_path, kind):
    separator, text = CSV[kind]
    (tmp_path / "log.csv").write_bytes(text.encode())
    ITEMS.to_csv(tmp_path / "items.csv", sep=separator, index=False)
    samples, _ = samples_from_tables(tmp_path / "log.csv", str(tmp_path / "items.csv"))
    assert [row[:3] for row in told(samples)] == [("1", "a", 1), ("2", "b", 0)]
    assert samples.items.numbers[3, 0] == 30.25


def test_parquet_arrow_polars_and_frames_say_the_same(tmp_path):
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    LOG.to_parquet(tmp_path / "log.parquet")
    ITEMS.to_parquet(tmp_path / "items.parquet")
    sources = [
        (tmp_path / "log.parquet", tmp_path / "items.parquet"),
        (pa.Table.from_pandas(LOG), pa.Table.from_pandas(ITEMS)),
        (pl.from_pandas(LOG), pl.from_pandas(ITEMS)),
        (read_frame(LOG), read_frame(ITEMS)),
    ]
    expected = told(samples_from_tables(LOG, ITEMS).samples)
    for log, items in sources:
        assert told(samples_from_tables(log, items).samples) == expected


def test_rows_that_lack_something_are_counted():
    log = pd.DataFrame(
        {
            "user": ["u", None, "u", "v", "v", "v", "w"],
            "sku": ["a", "a", None, "x", "b", "b", "c"],
            "rating": ["5", "4", "3", "2", "", "1", "4"],
            "time": [1, 2, 3, 4, 5, 6, None],
        }
    )
    samples, report = samples_from_tables(log, ITEMS)
    assert [row[:3] for row in told(samples)] == [("u", "a", 1), ("v", "b", 0)]
    assert report.left_out == {"no_item": 1, "unknown_item": 1, "no_user": 1, "no_label": 1, "no_time": 1}
    assert samples.time is not None
    assert samples.time.tolist() == [1, 6]
    messages = {finding.code: finding.message for finding in report.findings}
    assert "such as 'x'" in messages["unknown_item"]
    assert "from 1 to 5: 4 and more" in messages["labels"]


def test_of_repeated_rows_the_first_yes_stays():
    log = pd.DataFrame(
        {"user": [1] * 5, "sku": ["a", "a", "a", "b", "b"], "click": [0, 1, 1, 0, 0], "time": [1, 7, 5, 4, 3]}
    )
    samples, report = samples_from_tables(log, ITEMS)
    assert [row[1:3] for row in told(samples)] == [("a", 1), ("b", 0)]
    assert samples.time is not None
    assert samples.time.tolist() == [5, 3]
    assert report.left_out == {"repeated": 3}


def test_queries_and_domains():
    log = pd.DataFrame(
        {
            "user": [1, 1, 2, 2],
            "sku": ["a", "b", "a", "c"],
            "click": [1, 0, 1, 0],
            "query": ["red  lamp", "", "red lamp", None],
            "channel": ["web", "app", "web", None],
        }
    )
    samples, _ = samples_from_tables(log, ITEMS)
    assert [row[3:] for row in told(samples)] == [
        ("red lamp", "web"),
        ("", "app"),
        ("red lamp", "web"),
        ("", NO_DOMAIN),
    ]
    assert samples.queries == ("red lamp",)
    items = ITEMS.assign(department=["x", "y", "x", None])
    samples, _ = samples_from_tables(LOG, items)
    assert [row[4] for row in told(samples)] == ["x", "y", "x", "x"]
    assert samples.domains == ("x", "y")


def test_without_users_a_search_log_is_anyones():
    log = pd.DataFrame({"query": ["lamp", "lamp"], "sku": ["a", "b"], "click": [1, 0]})
    samples, _ = samples_from_tables(log, ITEMS)
    assert samples.users.ids.tolist() == ["anyone"]


def test_users_that_the_table_lacks_are_put_behind_it():
    users = pd.DataFrame(
        {"user": [2, 3, 2, None], "plan": ["free", "gold", "free", "gold"], "age": ["31,5", "40", "1", "2"]}
    )
    samples, report = samples_from_tables(LOG, ITEMS, users)
    assert samples.users.ids.tolist() == ["2", "3", "1"]
    assert [row[0] for row in told(samples)] == ["1", "1", "2", "2"]
    assert samples.users.sparse[:, 0].tolist() == [1, 2, UNKNOWN]
    assert {"not_in_table", "repeated_id", "missing_id"} <= codes(report)
    assert np.isnan(samples.users.numbers[2]).all()


def test_clicks_only_get_negatives_and_say_so():
    log = LOG.drop(columns="click")
    samples, report = samples_from_tables(log, ITEMS, negatives=2, seed=3)
    assert report.sampled_negatives == int((samples.label == 0).sum()) > 0
    assert "sampled_negatives" in codes(report)
    again = samples_from_tables(log, ITEMS, negatives=2, seed=3).samples
    np.testing.assert_array_equal(samples.item, again.item)
    only, report = samples_from_tables(log, ITEMS, negatives=0)
    assert only.label.all()
    assert "clicks_only" in codes(report)
    with pytest.raises(SchemaError, match="every item was taken by every user") as caught:
        samples_from_tables(log[:1], ITEMS)
    assert caught.value.code == "no_negatives"


def test_a_schema_may_be_given():
    schema = Schema(EntityColumns("sku", ("price", "title"), ("title",)), LogColumns("sku", "user", "click"))
    samples, report = samples_from_tables(LOG, ITEMS, schema=schema)
    assert samples.items.texts[0] == "1,50. Red lamp"
    assert samples.items.sizes == (4,)
    assert report.schema is schema
    with pytest.raises(SchemaError, match="says nothing of the log"):
        samples_from_tables(LOG, ITEMS, schema=Schema(schema.items))


def test_catalogues_with_faults():
    items = pd.DataFrame(
        {
            "sku": ["a", "b", "b", None, "c"],
            "genres": ["Drama|War", "|War|", "x", "x", ""],
            "size": ["1.5", "2,5", "1", "1", "1"],
        }
    )
    stated = {"items.numbers": "size", "items.texts": "genres", "items.sparse": "genres"}
    samples, report = samples_from_tables(LOG, items, stated=stated)
    assert samples.items.ids.tolist() == ["a", "b", "c"]
    assert samples.items.texts == ["Drama, War", "War", ""]
    assert samples.items.sparse[:, 0].tolist() == [1, 2, UNKNOWN]
    assert samples.items.number_names == ()
    assert {"missing_id", "repeated_id", "feature_left_out", "empty_text"} <= codes(report)


def test_ids_that_mean_different_items_in_different_domains_are_told():
    items = pd.DataFrame({"item_id": [1, 1, 2], "title": ["A film", "A book", "B"], "domain": ["film", "book", "film"]})
    log = pd.DataFrame({"user": [1, 2], "item_id": [1, 2], "like": [1, 0]})
    _, report = samples_from_tables(log, items)
    assert "id_in_domains" in codes(report)


@pytest.mark.parametrize(
    ("log", "code"),
    [
        (LOG.assign(click=0), "no_positive"),
        (LOG.assign(click=None), "no_label"),
        (LOG.assign(user=None), "nothing_left"),
        (LOG.assign(click="maybe"), "no_label"),
        (LOG.assign(sku="z"), "no_item"),
    ],
)
def test_logs_of_which_nothing_can_be_learned_are_refused(log, code):
    stated = {"log.user": "user", "log.label": "click"}
    with pytest.raises(SchemaError) as caught:
        samples_from_tables(log, ITEMS, stated=stated)
    assert caught.value.code == code
    assert caught.value.hint


def test_files_that_cannot_be_read_are_refused(tmp_path):
    (tmp_path / "log.csv").write_bytes("user,sku\nJos\xe9,a\n".encode("latin-1"))
    with pytest.raises(TableFileError, match="not UTF-8"):
        samples_from_tables(tmp_path / "log.csv", ITEMS)
    with pytest.raises(TableFileError, match="There is no file"):
        samples_from_tables(tmp_path / "nothing.csv", ITEMS)
    with pytest.raises(TypeError, match="cannot be read as a table"):
        samples_from_tables([1, 2], ITEMS)


users = st.sampled_from(["u", "v", "", None])
items = st.sampled_from(["a", "b", "x", "", None])
labels = st.sampled_from([0, 1, None])
times = st.sampled_from([1, 2, 3, None])


@given(st.lists(st.tuples(users, items, labels, times), min_size=1, max_size=25))
@settings(deadline=None, max_examples=150)
def test_every_row_is_kept_or_counted(rows):
    log = pd.DataFrame(rows, columns=["user", "sku", "click", "time"])
    schema = Schema(EntityColumns("sku", ("title",)), LogColumns("sku", "user", "click", None, None, "time"))
    timed = sum(row[3] is None for row in rows) <= len(rows) / 2
    good = [r for r in rows if r[0] and r[1] in ("a", "b") and r[2] is not None and (r[3] is not None or not timed)]
    expected = {(r[0], r[1]): max(o[2] for o in good if o[:2] == r[:2]) for r in good}
    if not any(expected.values()) or all(row[2] is None for row in rows):
        with pytest.raises(SchemaError):
            samples_from_tables(log, ITEMS, schema=schema)
        return
    samples, report = samples_from_tables(log, ITEMS, schema=schema, negatives=0)
    assert {(row[0], row[1]): row[2] for row in told(samples)} == expected
    assert len(samples) + sum(report.left_out.values()) == len(rows)
    assert (samples.time is not None) == timed

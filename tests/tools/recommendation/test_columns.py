"""Guesses of columns: names in several languages, values, ids that must match, what is kept out and why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.recommendation.columns import guess_schema
from bethink.tools.recommendation.schema import EntityColumns, LogColumns, Schema, SchemaError
from bethink.tools.tables import TableFileError

ROWS = 60
GENERATOR = np.random.default_rng(0)


def shop() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "position": np.arange(ROWS),
            "SKU": [f"s{index}" for index in range(ROWS)],
            "long text": [f"A lamp number {index} that shines in the night" for index in range(ROWS)],
            "Product Name": [f"Lamp {index}" for index in range(ROWS)],
            "brand": GENERATOR.choice(["Acme", "Binford"], ROWS),
            "genres": GENERATOR.choice(["Drama|War", "Comedy|Drama", "War"], ROWS),
            "grade": GENERATOR.choice(["A1", "B2"], ROWS),
            "price": GENERATOR.random(ROWS).round(2),
            "rooms": GENERATOR.integers(1, 4, ROWS),
            "shop_id": GENERATOR.choice([7, 8, 9], ROWS),
            "released": pd.date_range("2020-01-01", periods=ROWS).astype(str),
            "image_url": [f"https://x.y/{index}.jpg" for index in range(ROWS)],
            "link": [f"https://x.y/{index}" for index in range(ROWS)],
            "avg_rating": GENERATOR.random(ROWS) * 5,
            "reviewCount": GENERATOR.integers(0, 900, ROWS),
            "content_rating": GENERATOR.choice(["PG-13", "NC-17"], ROWS),
            "same": ["x"] * ROWS,
            "nothing": [None] * ROWS,
            "department": GENERATOR.choice(["Light", "Garden"], ROWS),
        }
    )


def clicks(**more: object) -> pd.DataFrame:
    ids = GENERATOR.integers(0, ROWS, 200)
    log = {"kunde": GENERATOR.integers(0, 9, 200), "sku": [f"s{index}" for index in ids], **more}
    return pd.DataFrame(log)


def test_a_shops_catalogue():
    schema = guess_schema(shop())
    items = schema.items
    assert items.id == "SKU"
    assert items.texts == ("Product Name", "long text", "brand", "genres", "content_rating")
    assert items.sparse == ("brand", "genres", "grade", "rooms", "shop_id", "content_rating")
    assert items.numbers == ("price", "released")
    assert items.images == ("image_url",)
    assert items.domain == "department"
    reasons = {name: reason for (_, name), reason in schema.left_out.items()}
    assert "identifier" in reasons["position"]
    assert "links" in reasons["link"]
    assert "one value" in reasons["same"]
    assert "counted from what users did" in reasons["avg_rating"]
    assert "counted from what users did" in reasons["reviewCount"]
    assert schema.left_out["items", "nothing"] == "it is empty"
    columns = [line.column for line in schema.lines()]
    assert sorted(columns) == sorted(shop().columns)  # each column is shown, once
    assert all(line.reason for line in schema.lines())


def test_a_log_in_german():
    log = clicks(
        Suchbegriff=["lampe"] * 199 + [""], Bewertung=GENERATOR.integers(1, 6, 200), Datum=["31.01.2024"] * 200, x=1
    )
    schema = guess_schema(shop(), log)
    assert schema.log == LogColumns("sku", "kunde", "Bewertung", "Suchbegriff", None, "Datum")
    assert "no features" in schema.left_out["log", "x"]


def test_headers_as_recbole_writes_them():
    log = pd.DataFrame(
        {
            "user_id:token": GENERATOR.integers(0, 9, 200),
            "item_id:token": GENERATOR.integers(0, ROWS, 200),
            "rating:float": GENERATOR.integers(1, 6, 200),
            "timestamp:float": np.arange(200),
        }
    )
    films = pd.DataFrame(
        {
            "item_id:token": np.arange(ROWS),
            "movie_title:token_seq": [f"The lamp number {index}" for index in range(ROWS)],
            "class:token_seq": GENERATOR.choice(["Drama War", "Comedy Drama", "War"], ROWS),
        }
    )
    schema = guess_schema(films, log)
    assert (schema.items.id, schema.items.texts[0]) == ("item_id:token", "movie_title:token_seq")
    found = schema.log
    assert (found.user, found.item, found.label) == ("user_id:token", "item_id:token", "rating:float")


def test_the_item_is_the_column_whose_values_are_ids():
    log = clicks().rename(columns={"sku": "what"})
    schema = guess_schema(shop(), log)
    assert schema.log is not None
    assert schema.log.item == "what"
    assert "100% of its values are ids" in schema.reasons["log", "what"]
    decoy = log.assign(item_id=1)  # a name that fits, values that do not
    assert guess_schema(shop(), decoy).log.item == "what"


def test_a_catalogue_without_id_takes_what_the_log_names():
    items = pd.DataFrame({"title": ["Alien", "Up", "Big"], "year": [1979, 2009, 1988]})
    log = pd.DataFrame({"user": [1, 2, 2], "film": ["Up", "Big", "Up"]})
    schema = guess_schema(items, log)
    assert (schema.items.id, schema.log.item) == ("title", "film")
    assert guess_schema(items).items.id is None  # rows are numbered
    with pytest.raises(SchemaError, match="No column of the catalogue") as caught:
        guess_schema(items, pd.DataFrame({"user": [1], "film": ["Jaws"]}))
    assert caught.value.code == "no_id"


def test_users_are_not_learned_from_by_name():
    users = pd.DataFrame(
        {"uid": range(30), "Name": ["Ann Lee"] * 15 + ["Bo Ek"] * 15, "e-mail": "x@y.z", "age": [*range(20, 35)] * 2,
         "zip_code": range(30), "first name": ["Ann"] * 15 + ["Bo"] * 15, "city": ["Oslo", "Rome"] * 15}
    )  # fmt: skip
    schema = guess_schema(shop(), clicks(), users)
    assert schema.users == EntityColumns("uid", ("city",), ("city",), ("age",))
    assert {"Name", "zip_code", "first name"} <= {name for _, name in schema.left_out if _ == "users"}


def test_columns_of_a_flat_log_are_no_features_of_items():
    flat = pd.DataFrame(
        {
            "user_id": GENERATOR.integers(0, 50, 400),
            "item_id": np.arange(400) % 20,
            "click": GENERATOR.integers(0, 2, 400),
        }
    )
    flat["colour"] = np.array(["red", "blue"])[flat["item_id"] % 2]
    flat["mood"] = GENERATOR.choice(["good", "bad"], 400)
    schema = guess_schema(flat, flat)
    assert schema.items == EntityColumns("item_id", ("colour",), ("colour",))
    assert schema.left_out["items", "mood"] == "it differs between rows of the same 'item_id'"


def test_what_is_stated_counts():
    stated = {
        "items.texts": ["brand", "Product Name"],
        "items.domain": "",
        "log.label": "",
        "log.user": "x",
        "items.numbers": (),
    }
    log = clicks(label=[0, 1] * 100, x=[5, 6] * 100)
    schema = guess_schema(shop(), log, stated=stated)
    assert schema.items.texts == ("brand", "Product Name")
    assert schema.items.domain is None
    assert schema.items.numbers == ()
    assert (schema.log.label, schema.log.user) == (None, "x")
    assert schema.left_out["items", "long text"] == "not among the stated columns"
    assert next(line for line in schema.lines() if line.column == "x").reason == "stated"


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"items.texts": "tilte"}, "no column 'tilte'"),
        ({"users.id": "x"}, "table of users has no column 'x'"),
        ({"log.price": "x"}, "no use 'log.price'"),
        ({"items": "x"}, "no use 'items'"),
        ({"log.user": ["kunde", "sku"]}, "one column, not 2"),
    ],
)
def test_statements_that_do_not_fit_are_refused(stated, message):
    with pytest.raises(SchemaError, match=message) as caught:
        guess_schema(shop(), clicks(), stated=stated)
    assert caught.value.code == "no_column"
    assert caught.value.hint


def test_logs_that_do_not_fit_are_refused():
    with pytest.raises(SchemaError, match="holds ids of the catalogue's column 'SKU', such as 's0', 's1'"):
        guess_schema(shop(), pd.DataFrame({"user": [1], "thing": ["z"]}))
    with pytest.raises(SchemaError, match="who took the items") as caught:
        guess_schema(shop(), clicks().drop(columns="kunde"))
    assert caught.value.code == "no_user"
    assert guess_schema(shop(), clicks(query=["lamp"] * 200).drop(columns="kunde")).log.user is None


def test_a_schema_is_checked():
    schema = Schema(EntityColumns("sku", ("title",)), LogColumns("sku", "who"))
    schema.check({"items": ["sku", "title"], "log": ["who", "sku"]})
    with pytest.raises(SchemaError, match="log has no column 'who'") as caught:
        schema.check({"items": ["sku", "title"], "log": ["sku", "whom"]})
    assert "'whom'" in caught.value.hint
    with pytest.raises(SchemaError, match="log has no column"):
        schema.check({"items": ["sku", "title"]})


cells = st.one_of(st.none(), st.text(max_size=12), st.integers(-(2**70), 2**70), st.floats(), st.booleans())
names = st.lists(
    st.sampled_from(["id", "item_id", "title", "user", "label", "time", "x\ny", "价", "query"]), min_size=1, unique=True
)


@given(names, names, st.data())
@settings(deadline=None, max_examples=150)
def test_any_table_is_guessed_or_refused_in_words(first, second, data):
    def frame(columns: list[str]) -> pd.DataFrame:
        rows = data.draw(st.integers(1, 6))
        table = {name: data.draw(st.lists(cells, min_size=rows, max_size=rows)) for name in columns}
        return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in table.items()})

    items, log = frame(first), frame(second)
    refusal = None
    try:
        schema = guess_schema(items, log)
    except TableFileError as error:
        refusal = error
    if refusal is not None:
        assert refusal.hint
        assert "\n" not in str(refusal)
        return
    assert {line.column for line in schema.lines() if line.table == "items"} == set(first)

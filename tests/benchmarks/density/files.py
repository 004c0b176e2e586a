"""Real tables from a folder of gzip CSV files that ``BETHINK_DENSITY_DATA`` names, and a few that come with packages.

A file is a row of names and rows of numbers; where its last column is named ``outlier`` (0 or 1), it is an anomaly set.
Without the folder there are scikit-learn's breast cancer and wine, too small to stand for the bars.
"""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LABEL = "outlier"


@dataclass(frozen=True)
class RealTable:
    """Rows (n, d), their labels (n,) in an anomaly set, and the columns' names."""

    name: str
    rows: NDArray[np.float64]
    outlier: NDArray[np.bool_] | None
    columns: tuple[str, ...]


def data_folder() -> Path | None:
    """The folder that ``BETHINK_DENSITY_DATA`` names.

    Raises:
        SystemExit: it names none.
    """
    named = os.environ.get("BETHINK_DENSITY_DATA")
    if not named:
        return None
    folder = Path(named)
    if not folder.is_dir():
        raise SystemExit(f"BETHINK_DENSITY_DATA names {named}, which is no folder. Name one with *.csv.gz files.")
    return folder


def names(anomalies: bool) -> list[str]:
    """Names of the tables, or of the anomaly sets, that there are; the built-in ones where there is no folder."""
    folder = data_folder()
    if folder is None:
        return ["breast_cancer", "wine"]
    files = sorted(folder.glob("*.csv.gz"))
    return [_name(file) for file in files if (_header(file)[-1] == LABEL) == anomalies]


def load(name: str, anomalies: bool) -> RealTable:
    """The table of that name.

    Raises:
        ValueError: a file with text or missing values.
    """
    folder = data_folder()
    if folder is None:
        return _built_in(name, anomalies)
    file = folder / f"{name}.csv.gz"
    values = np.loadtxt(file, delimiter=",", skiprows=1, ndmin=2)
    columns = _header(file)
    if columns[-1] == LABEL:
        return RealTable(name, values[:, :-1], values[:, -1] > 0.5, columns[:-1])
    return RealTable(name, values, None, columns)


def _built_in(name: str, anomalies: bool) -> RealTable:
    """breast_cancer: 10 malignant among the benign are odd; wine: 10 of the first class among the others."""
    from sklearn.datasets import load_breast_cancer, load_wine

    found = {"breast_cancer": load_breast_cancer, "wine": load_wine}[name]()
    rows, odd = np.asarray(found.data, dtype=np.float64), np.asarray(found.target) == 0
    columns = tuple(str(column) for column in found.feature_names)
    if not anomalies:
        return RealTable(name, rows, None, columns)
    few = np.random.default_rng(0).permutation(np.flatnonzero(odd))[:10]
    kept = np.concatenate([np.flatnonzero(~odd), few])
    return RealTable(name, rows[kept], odd[kept], columns)


def _name(file: Path) -> str:
    return file.name.removesuffix(".csv.gz")


def _header(file: Path) -> tuple[str, ...]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return tuple(cell.strip().strip('"') for cell in lines.readline().split(","))

"""A textbook's coupon campaign with known responses, for tests and benches; see data/README.md."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from bethink.tools.budget.cmdp import Floats

DATA = Path(__file__).parent / "data"
OPTIMA = ((500_000, 197.846, 0.3654), (1_000_000, 380.353, 0.3529), (2_000_000, 719.259, 0.3190))
"""Budgets in yen, the most extra visits, and what 1,000 yen more would bring; by linear programs (specification, 6)."""
FLOOR = 0.1
OPTIMA_WITH_FLOORS = ((1_000_000, 326.095), (2_000_000, 679.837))
"""With at least a tenth of every segment for every coupon."""


def pyoptbook(by_segment: bool = False) -> tuple[Floats, Floats, Floats]:
    """Extra visits and expected yen with no coupon, 1,000 and 2,000 yen: of 5,000 customers, or of 16 segments.

    The third part is how many customers are in each segment.
    """
    with (DATA / "pyoptbook_coupon_visit_probability.csv").open(encoding="utf-8") as file:
        visits = {
            (row["age_cat"], row["freq_cat"]): [float(row[f"prob_dm{k}"]) for k in (1, 2, 3)]
            for row in csv.DictReader(file)
        }
    with (DATA / "pyoptbook_coupon_customers.csv").open(encoding="utf-8") as file:
        kinds = [(row["age_cat"], row["freq_cat"]) for row in csv.DictReader(file)]
    chances = np.array([visits[kind] for kind in (visits if by_segment else kinds)])
    sizes = np.array([kinds.count(kind) for kind in visits], float)
    return chances - chances[:, :1], chances * [0, 1000, 2000], sizes

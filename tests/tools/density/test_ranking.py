"""Rows ranked by the density of the others."""

from __future__ import annotations

import numpy as np
import pytest

from bethink.tools.density.tool_ranking import cross_fitted


def silent(share: float, message: str) -> None:
    """No progress wanted."""


def test_planted_rows_come_first():
    chance = np.random.default_rng(0)
    rows = chance.normal(size=(600, 2)) @ np.array([[1.0, 0.9], [0.0, 0.3]])
    rows[[17, 400]] = [[2.0, -2.0], [9.0, 9.0]]  # off the line, and far along it
    found = cross_fitted(None, rows, rows, None, 5_000, 0, silent)
    assert set(np.argsort(found)[:2]) == {17, 400}


def test_parts_without_a_density_need_a_model():
    with pytest.raises(ValueError, match="no density"):
        cross_fitted(None, np.ones((50, 1)), np.ones((50, 1)), None, 100, 0, silent)

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bethink.tools.filtering.inflation import check_inflation, widen


def pair(seed: int) -> tuple[Tensor, Tensor]:
    """A forecast and a narrower analysis, two experiments of 6 members with 4 components."""
    chance = torch.Generator().manual_seed(seed)
    forecast, analysis = torch.randn(2, 2, 6, 4, generator=chance, dtype=torch.float64)
    return forecast, 3 + 0.3 * analysis


def anomalies(members: Tensor) -> Tensor:
    return members - members.mean(-2, keepdim=True)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), weight=st.floats(0, 1), inflation=st.floats(0.5, 2))
def test_rtps_mixes_the_spreads(seed, weight, inflation):
    """Whitaker and Hamill 2012, eq. 2: the new spread is (1 - w) times the analysis' plus w times the forecast's."""
    forecast, analysis = pair(seed)
    wide = widen(forecast, analysis, inflation, "rtps", weight)
    expected = inflation * ((1 - weight) * analysis.std(-2) + weight * forecast.std(-2))
    assert torch.allclose(wide.std(-2), expected)
    assert torch.allclose(wide.mean(-2), analysis.mean(-2))
    ratio = anomalies(wide) / anomalies(analysis)  # one factor for all members of a component
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio))


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), weight=st.floats(0, 1), inflation=st.floats(0.5, 2))
def test_rtpp_mixes_the_anomalies(seed, weight, inflation):
    """Zhang, Snyder, Sun 2004, eq. 5."""
    forecast, analysis = pair(seed)
    wide = widen(forecast, analysis, inflation, "rtpp", weight)
    expected = inflation * ((1 - weight) * anomalies(analysis) + weight * anomalies(forecast))
    assert torch.allclose(anomalies(wide), expected)
    assert torch.allclose(wide.mean(-2), analysis.mean(-2))


@given(seed=st.integers(0, 10_000), inflation=st.floats(0.5, 2))
def test_inflation_multiplies_the_anomalies(seed, inflation):
    forecast, analysis = pair(seed)
    wide = widen(forecast, analysis, inflation, "none", 0.7)
    assert torch.allclose(anomalies(wide), inflation * anomalies(analysis))
    assert torch.allclose(wide.mean(-2), analysis.mean(-2))


def test_nothing_to_do_does_nothing():
    forecast, analysis = pair(0)
    assert widen(forecast, analysis, 1.0, "none", 0.0) is analysis
    for kind in ("rtps", "rtpp"):
        assert torch.allclose(widen(forecast, analysis, 1.0, kind, 0.0), analysis)


def test_a_collapsed_analysis_stays_finite():
    forecast, analysis = pair(0)
    wide = widen(forecast, analysis.mean(-2, keepdim=True).expand_as(analysis), 1.1, "rtps", 0.5)
    assert torch.isfinite(wide).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((0.0, "none", 0.0), "inflation"),
        ((math.nan, "none", 0.0), "inflation"),
        ((math.inf, "none", 0.0), "inflation"),
        ((1.0, "both", 0.0), "none, rtps, rtpp"),
        ((1.0, "rtps", -0.1), "relaxation_weight"),
        ((1.0, "rtps", math.nan), "relaxation_weight"),
    ],
)
def test_impossible_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        check_inflation(*options)

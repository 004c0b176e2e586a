"""Estimates: intervals, the ESS rule, and bootstrap weights that are the same in any blocks."""

from __future__ import annotations

import numpy as np
import pytest

from bethink.tools.budget.ope import estimate
from bethink.tools.budget.ope.estimate import bootstrap_weights, effective_sample_size, judged, normal_interval


def test_interval_of_a_normal_estimate() -> None:
    assert normal_interval(1.0, 2.0, 0.95) == pytest.approx((1 - 3.919928, 1 + 3.919928), abs=1e-6)
    assert normal_interval(0.0, 1.0, 0.9)[1] == pytest.approx(1.644854, abs=1e-6)


@pytest.mark.parametrize(("ess", "reliable"), [(199.9, False), (200.0, True)])
def test_effective_samples_decide_on_reliability(ess: float, reliable: bool) -> None:
    found = judged(1.0, 0.1, (0.8, 1.2), level=0.95, ess=ess, n=10_000, method="IPS")
    assert found.reliable is reliable
    assert bool(found.reason) is not reliable
    assert found.significant


def test_every_doubt_is_told() -> None:
    found = judged(0.1, 0.1, (-0.1, 0.3), level=0.95, ess=5.0, n=10_000, method="FQE", doubts=["Never logged."])
    assert "10,000 logged users" in found.reason
    assert found.reason.endswith("Never logged.")
    assert not found.significant


def test_equal_weights_are_worth_their_number() -> None:
    assert effective_sample_size(np.full(7, 3.0)) == pytest.approx(7)
    assert effective_sample_size(np.array([1.0, 0.0, 0.0])) == pytest.approx(1)


def test_weights_do_not_depend_on_blocks_nor_on_a_simulation_of_the_same_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(bootstrap_weights(50, 9, seed=3)))
    monkeypatch.setattr(estimate, "BLOCK", 100)
    blocks = list(bootstrap_weights(50, 9, seed=3))
    assert [len(block) for block in blocks] == [2, 2, 2, 2, 1]
    assert (np.concatenate(blocks) == whole).all()
    assert not np.isin(whole, np.random.default_rng(3).standard_exponential(1000)).any()

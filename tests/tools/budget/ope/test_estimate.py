"""Estimates: intervals, the ESS rule, and bootstrap weights that are the same in any blocks."""

from __future__ import annotations

import numpy as np
import pytest

from bethink.tools.budget.ope import estimate
from bethink.tools.budget.ope.estimate import (
    bootstrap_weights,
    effective_sample_size,
    judged,
    median_of,
    normal_interval,
)


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


def test_medians_over_splits_hold_at_half_of_the_confidence() -> None:
    splits = [
        judged(value, se, normal_interval(value, se, 0.95), level=0.95, ess=ess, n=10, method="DR")
        for value, se, ess in ((1.0, 0.1, 300.0), (3.0, 0.2, 100.0), (2.0, 0.1, 250.0))
    ]
    found = median_of(splits)
    ends = [normal_interval(each.value, each.se, 0.975) for each in splits]
    assert (found.value, found.se, found.ess) == (2.0, 0.1, 250.0)
    assert found.ci == pytest.approx(tuple(np.median(ends, axis=0)))
    assert found.reliable
    assert not median_of([*splits[:2], splits[1]]).reliable
    assert median_of(splits[:1]).ci == pytest.approx(splits[0].ci)
    wider = median_of(splits, 0.99)
    assert wider.ci[0] < found.ci[0] < found.ci[1] < wider.ci[1]
    with pytest.raises(ValueError, match="no estimate"):
        median_of([])


def test_medians_over_splits_cover_what_the_splits_share() -> None:
    """Splits with errors in common, as those of one log have, and some of their own."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        common = rng.normal(0, 1.0)
        values = common + rng.normal(0, 0.5, 9)
        se = float(np.hypot(1.0, 0.5))
        found = median_of(
            [judged(v, se, normal_interval(v, se, 0.95), level=0.95, ess=999.0, n=10, method="DR") for v in values]
        )
        covered += found.ci[0] <= 0 <= found.ci[1]
    assert covered >= 0.95 * 400

"""Counts add up, to the bit, whatever the partition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.counts import MICRO, MINOR, Counts
from bethink.tools.budget.environment import STATES, campaign

LOG = campaign(300, seed=3)


def test_sums_are_those_of_the_log() -> None:
    found = Counts.of(LOG, STATES)
    assert found.rows.sum() == len(LOG.states)
    assert found.rewards.sum() == MICRO * LOG.rewards.sum()
    assert found.costs.sum() == MINOR * LOG.costs.sum()
    assert found.squares[1].sum() == 100 * (LOG.costs**2).sum()
    assert found.starts.sum() == 300
    assert found.leaving.sum() == 300 * 11 == found.moves[:, 3].sum()
    assert found.binary
    assert found.face_value
    one = (LOG.states == 20) & (LOG.actions == 0)
    assert found.mean_reward[20, 0] == pytest.approx(LOG.rewards[one].mean())


@settings(max_examples=40, deadline=None)
@given(parts=st.integers(1, 7), seed=st.integers(0, 10_000))
def test_any_partition_in_any_order_adds_up_to_the_same(parts: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    part = rng.integers(0, parts, len(LOG.states))
    found = [Counts.of(LOG.rows(part == number), STATES) for number in range(parts) if (part == number).any()]
    whole = found[0]
    for other in rng.permutation(np.arange(1, len(found))):
        whole = whole + found[other]
    expected = Counts.of(LOG, STATES)
    for name in ("rows", "rewards", "costs", "squares", "moves", "starts"):
        assert np.array_equal(getattr(whole, name), getattr(expected, name)), name


def test_what_is_not_zero_or_one_is_noticed() -> None:
    spend = replace(LOG, rewards=LOG.rewards * 12.5, costs=LOG.costs / 3)
    found = Counts.of(spend, STATES)
    assert not found.binary
    assert not found.face_value


def test_unsupported_pairs_are_those_of_seen_states() -> None:
    kept = LOG.rows(~((LOG.states == LOG.states[0]) & (LOG.actions == 3)))
    found = Counts.of(kept, STATES)
    assert (int(LOG.states[0]), 3) in found.unsupported
    seen = set(LOG.states.tolist())
    assert {state for state, _ in found.unsupported} <= seen


def test_refusals() -> None:
    with pytest.raises(ValueError, match="within 0..4"):
        Counts.of(LOG, 5)
    with pytest.raises(ValueError, match="State numbers"):
        Counts.of(replace(LOG, states=np.zeros((len(LOG.states), 2), np.float32)), STATES)
    with pytest.raises(ValueError, match="can be added"):
        Counts.of(LOG, STATES) + Counts.of(LOG, STATES + 1)

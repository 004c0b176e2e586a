"""Counts add up, to the bit, whatever the partition."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.counts import MICRO, MINOR, SQUARE, Counts
from bethink.tools.budget.environment import STATES, campaign

LOG = campaign(300, seed=3)
WHOLE = Counts.of(LOG, STATES)


def test_sums_are_those_of_the_log() -> None:
    assert WHOLE.given.sum() == len(LOG.states)
    assert WHOLE.rows[1].sum() == (LOG.rewards > 0).sum()
    assert WHOLE.rewards.sum() == MICRO * LOG.rewards.sum()
    assert WHOLE.costs.sum() == MINOR * LOG.costs.sum()
    assert not WHOLE.costs[0].any()  # who is not active redeems nothing
    assert WHOLE.squares[1].sum() == SQUARE * (LOG.costs**2).sum()
    assert WHOLE.starts.sum() == 300
    assert WHOLE.moves[:, -1].sum() == 300 * 11
    assert WHOLE.face_value
    one = (LOG.states == 20) & (LOG.actions == 0)
    assert WHOLE.mean_reward[20, 0] == pytest.approx(LOG.rewards[one].mean())
    dear = (LOG.states == 20) & (LOG.actions == 3)
    assert WHOLE.mean_cost[20, 3] == pytest.approx(LOG.costs[dear].mean())
    response, state, action, following, times = WHOLE.moves[len(WHOLE.moves) // 2]
    mine = (LOG.states == state) & (LOG.actions == action) & (LOG.next_states == following) & ~LOG.done
    assert (mine & ((LOG.rewards > 0) == response)).sum() == times


@settings(max_examples=40, deadline=None)
@given(parts=st.integers(1, 7), seed=st.integers(0, 10_000))
def test_any_partition_in_any_order_adds_up_to_the_same(parts: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    money = replace(LOG, costs=LOG.costs * rng.integers(1, 99, len(LOG.costs)) / 100, rewards=LOG.rewards / 3)
    part = rng.integers(0, parts, len(LOG.states))
    found = [Counts.of(money.rows(part == number), STATES) for number in range(parts) if (part == number).any()]
    whole = reduce(add, [found[number] for number in rng.permutation(len(found))])
    assert whole == Counts.of(money, STATES)


def test_counts_differ_where_logs_do() -> None:
    changed = LOG.rewards.copy()
    changed[7] = 1 - changed[7]
    assert Counts.of(replace(LOG, rewards=changed), STATES) != WHOLE
    assert WHOLE + WHOLE != WHOLE
    assert WHOLE != "counts"


def test_a_cost_that_is_no_face_value_is_noticed() -> None:
    assert not Counts.of(replace(LOG, costs=LOG.costs / 3), STATES).face_value


def test_rare_pairs_are_those_of_seen_states() -> None:
    first = int(LOG.states[0])
    kept = LOG.rows(~((LOG.states == first) & (LOG.actions == 3)))
    found = Counts.of(kept, STATES + 1)
    assert found.rare()[first, 3]
    assert not found.rare()[STATES].any()  # nobody was ever there
    assert np.array_equal(found.rare(20), (found.given < 20) & (found.given.sum(1, keepdims=True) > 0))
    with pytest.raises(ValueError, match="at least 1"):
        found.rare(0)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"within 0\.\.4"):
        Counts.of(LOG, 5)
    with pytest.raises(ValueError, match="State numbers"):
        Counts.of(replace(LOG, states=np.zeros((len(LOG.states), 2), np.float32)), STATES)
    with pytest.raises(ValueError, match="can be added"):
        WHOLE + Counts.of(LOG, STATES + 1)


@pytest.mark.parametrize("huge", [1e13, 1e200])
def test_sums_that_would_not_be_exact_are_refused(huge: float) -> None:
    with pytest.raises(ValueError, match="rewards are too large"):
        Counts.of(replace(LOG, rewards=LOG.rewards * huge), STATES)
    with pytest.raises(ValueError, match="costs are too large"):
        Counts.of(replace(LOG, costs=LOG.costs * huge), STATES)
    most = float(np.sqrt(2.0**60 / SQUARE / (LOG.rewards**2).sum()))
    near = Counts.of(replace(LOG, rewards=LOG.rewards * most), STATES)
    with pytest.raises(ValueError, match="squares are too large"):
        reduce(add, [near] * 5)

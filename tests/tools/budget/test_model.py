"""The process learned from a log, beside the one that made it."""

from __future__ import annotations

import numpy as np
import pytest

from bethink.tools.budget import environment
from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.counts import Counts
from bethink.tools.budget.model import Factors, ModelOracle, estimate, plain_moves
from bethink.tools.budget.rules import plan_outcome

FACTORS = Factors(np.stack(environment.parts(np.arange(environment.STATES)), axis=1), (False, True, True))
TRUTH = environment.tabular()


@pytest.fixture(scope="module")
def log() -> environment.Log:
    return environment.campaign(5_000, seed=7)


def test_smoothed_means_are_nearer_to_the_truth_than_plain_ones(log: environment.Log) -> None:
    counts = Counts.of(log, environment.STATES)
    smoothed, plain = estimate(counts, FACTORS), estimate(counts)
    weights = counts.rows > 0
    for name in ("reward", "cost", "transition"):
        truth = getattr(TRUTH, name)
        ours, theirs = (((getattr(found, name) - truth) ** 2)[weights].mean() for found in (smoothed, plain))
        assert ours < 0.6 * theirs, name


def test_plans_are_better_and_cost_what_they_should(log: environment.Log) -> None:
    smoothed = plan_outcome(TRUTH, chord_search(ModelOracle.from_log(log, factors=FACTORS), 6.0))
    plain = plan_outcome(TRUTH, chord_search(ModelOracle.from_log(log, environment.STATES), 6.0))
    assert smoothed.reward > plain.reward
    assert smoothed.cost == pytest.approx(6.0, abs=0.4)


def test_plain_estimates_are_relative_frequencies(log: environment.Log) -> None:
    counts = Counts.of(log, environment.STATES)
    found = estimate(counts)
    state, action = 21, 1
    mine = (log.states == state) & (log.actions == action)
    assert found.reward[state, action] == pytest.approx(log.rewards[mine].mean())
    assert found.cost[state, action] == pytest.approx(log.costs[mine].mean())
    going = mine & ~log.done
    share = np.bincount(log.next_states[going], minlength=environment.STATES) / going.sum()
    assert found.transition[state, action] == pytest.approx(share)


def test_an_amount_that_was_never_given_is_not_allowed(log: environment.Log) -> None:
    kept = log.rows(~((log.states // 15 == 2) & (log.actions == 3)))
    found = ModelOracle.from_log(kept, environment.STATES, FACTORS)
    assert found.cmdp.allowed is not None
    assert not found.cmdp.allowed[30:45, 3].any()
    assert not (found.solve(0.0).actions[:, 30:45] == 3).any()
    assert np.isfinite(found.cmdp.reward).all()


def test_a_rare_amount_can_be_filtered(log: environment.Log) -> None:
    counts = Counts.of(log, environment.STATES)
    strict = estimate(counts, least_share=0.9)
    assert strict.allowed is not None
    assert strict.allowed[:, 0].all()
    assert strict.allowed[:, 1:].sum() < (counts.rows[:, 1:] > 0).sum()


def test_unseen_states_stay_and_get_nothing(log: environment.Log) -> None:
    wide = Counts.of(log, environment.STATES + 1)
    found = estimate(wide)
    assert found.allowed is not None
    assert found.allowed[-1].tolist() == [True, False, False, False]
    assert plain_moves(wide)[-1, :, -1].tolist() == [1.0] * 4


def test_refusals(log: environment.Log) -> None:
    counts = Counts.of(log, environment.STATES)
    with pytest.raises(ValueError, match="60 states; the counts have 61"):
        estimate(Counts.of(log, 61), FACTORS)
    with pytest.raises(ValueError, match="same factors"):
        Factors(np.zeros((2, 1), np.int64), (True,))
    with pytest.raises(ValueError, match="columns are needed"):
        Factors(np.zeros((1, 2), np.int64), (True,))
    late = Counts.of(log.rows(log.steps > 0), environment.STATES)
    with pytest.raises(ValueError, match="step 0"):
        estimate(late)
    assert estimate(counts).horizon == 12

"""The process learned from a log, beside the one that made it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bethink.tools.budget import environment
from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import TabularCMDP
from bethink.tools.budget.counts import Counts
from bethink.tools.budget.log import Log
from bethink.tools.budget.model import ModelOracle, estimate
from bethink.tools.budget.rules import plan_outcome
from bethink.tools.budget.smoothing import Factors

FACTORS = Factors(np.stack(environment.parts(np.arange(environment.STATES)), axis=1), (False, True, True))
TRUTH = environment.tabular()
TABLES = ("reward", "cost", "transition")


@pytest.fixture(scope="module")
def log() -> Log:
    return environment.campaign(5_000, seed=7)


@pytest.fixture(scope="module")
def counts(log: Log) -> Counts:
    return Counts.of(log, environment.STATES)


@pytest.fixture(scope="module")
def smoothed(counts: Counts) -> TabularCMDP:
    return estimate(counts, FACTORS)


def errors(found: TabularCMDP, counts: Counts, truth: TabularCMDP = TRUTH) -> dict[str, float]:
    """Mean squared errors of the pairs that were logged."""
    known = counts.given > 0
    return {name: ((getattr(found, name) - getattr(truth, name)) ** 2)[known].mean() for name in TABLES}


def test_smoothed_means_are_nearer_to_the_truth_than_plain_ones(counts: Counts, smoothed: TabularCMDP) -> None:
    ours, theirs = errors(smoothed, counts), errors(estimate(counts), counts)
    assert {name: ours[name] < 0.4 * theirs[name] for name in TABLES} == dict.fromkeys(TABLES, True)


def test_with_many_users_too() -> None:
    counts = Counts.of(environment.campaign(100_000, seed=7), environment.STATES)
    ours, theirs = errors(estimate(counts, FACTORS), counts), errors(estimate(counts), counts)
    assert {name: ours[name] < 0.6 * theirs[name] for name in TABLES} == dict.fromkeys(TABLES, True)


def test_plans_are_better_cost_what_they_should_and_promise_less(log: Log, smoothed: TabularCMDP) -> None:
    careful = chord_search(ModelOracle(smoothed), 6.0, tolerance=1e-9)
    rash = chord_search(ModelOracle.from_log(log, environment.STATES), 6.0, tolerance=1e-9)
    ours, theirs = plan_outcome(TRUTH, careful), plan_outcome(TRUTH, rash)
    assert ours.reward > theirs.reward
    assert ours.cost == pytest.approx(6.0, abs=0.4)
    assert abs(careful.outcome.reward - ours.reward) < 0.5 * abs(rash.outcome.reward - theirs.reward)


def test_parts_of_a_log_make_the_same_model(log: Log, smoothed: TabularCMDP) -> None:
    whole, *others = (Counts.of(log.rows(fold), environment.STATES) for fold in log.folds(3, seed=0))
    found = estimate(sum(others, whole), FACTORS)
    for name in TABLES:
        assert np.array_equal(getattr(found, name), getattr(smoothed, name)), name


def test_plain_estimates_are_relative_frequencies(log: Log, counts: Counts) -> None:
    found = estimate(counts)
    state, action = 21, 1
    mine = (log.states == state) & (log.actions == action)
    assert found.reward[state, action] == pytest.approx(log.rewards[mine].mean())
    assert found.cost[state, action] == pytest.approx(log.costs[mine].mean())
    going = mine & ~log.done
    share = np.bincount(log.next_states[going], minlength=environment.STATES) / going.sum()
    assert found.transition[state, action] == pytest.approx(share)


def test_spend_instead_of_activity_and_costs_that_are_no_face_values(log: Log) -> None:
    rng = np.random.default_rng(0)
    spent = np.round(log.rewards * (20 + 5 * (log.states // 15)) * rng.gamma(2, 0.5, len(log.rewards)), 2)
    partly = np.round(log.costs * rng.uniform(0.5, 1.0, len(log.costs)), 2)
    counts = Counts.of(replace(log, rewards=spent, costs=partly), environment.STATES)
    segment = np.arange(environment.STATES)[:, None] // 15
    truth = replace(TRUTH, reward=TRUTH.reward * (20 + 5 * segment), cost=0.75 * TRUTH.cost)
    ours, theirs = errors(estimate(counts, FACTORS), counts, truth), errors(estimate(counts), counts, truth)
    assert {name: ours[name] < 0.5 * theirs[name] for name in TABLES} == dict.fromkeys(TABLES, True)


def test_losses_of_those_who_do_not_respond_are_counted(log: Log) -> None:
    lost = replace(log, rewards=np.where(log.rewards > 0, 1.0, -0.5))
    found = estimate(Counts.of(lost, environment.STATES), FACTORS)
    assert found.reward == pytest.approx(1.5 * estimate(Counts.of(log, environment.STATES), FACTORS).reward - 0.5)


def test_an_amount_without_face_value_costs_what_it_did(log: Log) -> None:
    mailed = replace(log, amounts=np.zeros(4), costs=np.where(log.actions > 0, 0.1 * log.actions, 0.0))
    found = estimate(Counts.of(mailed, environment.STATES), FACTORS)
    assert found.cost == pytest.approx(np.tile([0.0, 0.1, 0.2, 0.3], (environment.STATES, 1)))


def test_one_state_keeps_its_two_amounts_apart() -> None:
    rng = np.random.default_rng(0)
    actions = rng.integers(2, size=4_000)
    rewards = (rng.random(4_000) < np.array([0.2, 0.6])[actions]).astype(float)
    zero = np.zeros(4_000, np.int64)
    log = Log(zero, actions, rewards, 5.0 * rewards * actions, zero, zero, np.arange(4_000), 1, np.array([0.0, 5.0]))
    found = ModelOracle.from_log(log, factors=Factors(np.zeros((1, 0), np.int64), ())).cmdp
    assert found.reward[0] == pytest.approx([0.2, 0.6], abs=0.03)
    assert found.cost[0] == pytest.approx([0.0, 3.0], abs=0.15)


def test_an_amount_that_was_never_given_is_not_allowed(log: Log) -> None:
    kept = log.rows(~((log.states // 15 == 2) & (log.actions == 3)))
    found = ModelOracle.from_log(kept, environment.STATES, FACTORS)
    assert found.cmdp.allowed is not None
    assert not found.cmdp.allowed[30:45, 3].any()
    assert not (found.solve(0.0).actions[:, 30:45] == 3).any()
    assert np.isfinite(found.cmdp.reward).all()


def test_a_rare_amount_can_be_filtered(log: Log, counts: Counts) -> None:
    strict = ModelOracle.from_log(log, environment.STATES, least_share=0.9).cmdp
    assert strict.allowed is not None
    assert strict.allowed[:, 0].all()
    assert strict.allowed[:, 1:].sum() < (counts.given[:, 1:] > 0).sum()


def test_unseen_states_stay_and_get_nothing(log: Log) -> None:
    found = estimate(Counts.of(log, environment.STATES + 1))
    assert found.allowed is not None
    assert found.allowed[-1].tolist() == [True, False, False, False]
    assert found.transition[-1, :, -1].tolist() == [1.0] * 4


def test_refusals(log: Log, counts: Counts) -> None:
    with pytest.raises(ValueError, match="60 states; the counts have 61"):
        estimate(Counts.of(log, 61), FACTORS)
    with pytest.raises(ValueError, match="within 0 and 1"):
        estimate(counts, least_share=float("nan"))
    late = Counts.of(log.rows(log.steps > 0), environment.STATES)
    with pytest.raises(ValueError, match="step 0"):
        estimate(late)
